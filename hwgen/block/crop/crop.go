// Package crop is the unit that passes on some of the beats of an image and drops the others: geometry,
// control and price of templates/crop.v.
package crop

import (
	"fmt"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/sim/cycle"
)

// Block drops what a layer of kind quant.Crop, or a quant.Select of channels that are evenly apart, leaves
// out (templates/crop.v).
type Block struct {
	Layer *quant.Layer
	// Input is the image that comes, in order, of the shape In.
	Input hwgen.Part
	In    quant.Shape
}

// loop is one of the three loops of an image, of size turns: kept of them pass, step apart, from first on.
type loop struct{ size, first, step, kept int }

// last returns the last turn that passes.
func (l loop) last() int { return l.first + (l.kept-1)*l.step }

// loops returns those of beats of a position, of columns and of rows.
func (b *Block) loops() [3]loop {
	l, lanes := b.Layer, b.Input.Lanes
	all := [3]loop{{b.In.C / lanes, 0, 1, b.In.C / lanes}, {b.In.W, 0, 1, b.In.W}, {b.In.H, 0, 1, b.In.H}}
	if l.Kind == quant.Select {
		all[0].first, all[0].kept = l.Channels[0]/lanes, len(l.Channels)/lanes
		if len(l.Channels) > 1 && lanes == 1 {
			all[0].step = l.Channels[1] - l.Channels[0]
		}
		return all
	}
	r := l.Region.Normal()
	all[1] = loop{b.In.W, r.Left, r.StepAcross, r.Cols}
	all[2] = loop{b.In.H, r.Top, r.StepDown, r.Rows}
	return all
}

// Apart returns how far the channels that a quant.Select passes on are from each other, 1 for one channel;
// ok says that this is the same for all of them, and above 0.
func Apart(channels []int) (step int, ok bool) {
	if len(channels) == 1 {
		return 1, true
	}
	step = channels[1] - channels[0]
	for i, c := range channels {
		if c != channels[0]+i*step {
			return step, false
		}
	}
	return step, step > 0
}

// Name implements hwgen.Block.
func (b *Block) Name() string { return b.Layer.Name + "_crop" }

// Serves implements hwgen.Block.
func (b *Block) Serves() string { return b.Layer.Name }

// Module implements hwgen.Block.
func (b *Block) Module() string { return "crop" }

// Cycles implements hwgen.Block: a beat per cycle comes.
func (b *Block) Cycles() int { return b.In.Size() / b.Input.Lanes }

// Latency returns the cycles from the first beat that comes to the last that leaves, both counted, without
// pauses.
func (b *Block) Latency() int {
	l := b.loops()
	return (l[2].last()*l[1].size+l[1].last())*l[0].size + l[0].last() + 2
}

// Comment implements hwgen.Block.
func (b *Block) Comment() []string {
	l := b.loops()
	return []string{fmt.Sprintf("Layer %s: of %v", b.Layer.Name, b.In), fmt.Sprintf(
		"rows %d to %d, columns %d to %d and channels from %d on, %dx%dx%d.", l[2].first, l[2].last(), l[1].first,
		l[1].last(), l[0].first*b.Input.Lanes, b.Layer.Shape.H, b.Layer.Shape.W, b.Layer.Shape.C)}
}

// Parameters implements hwgen.Block.
func (b *Block) Parameters() []hwgen.Parameter {
	var size, first, step, kept []int
	for _, l := range b.loops() {
		size, first, step, kept = append(size, l.size), append(first, l.first), append(step, l.step), append(kept, l.kept)
	}
	return []hwgen.Parameter{hwgen.Number("WIDTH", b.width()), hwgen.Numbers("SIZE", size), hwgen.Numbers("FIRST", first),
		hwgen.Numbers("STEP", step), hwgen.Numbers("KEPT", kept)}
}

// width returns the bits of a beat.
func (b *Block) width() int { return b.Input.Lanes * b.Input.Bits }

// Memories implements hwgen.Block.
func (b *Block) Memories() []hwgen.Memory { return nil }

// kept returns the beats of a frame that leave.
func (b *Block) kept() int {
	n := 1
	for _, l := range b.loops() {
		n *= l.kept
	}
	return n
}

// Outputs implements hwgen.Block.
func (b *Block) Outputs() []hwgen.Stream {
	return []hwgen.Stream{{Name: b.Name(), Bits: b.width(), Beats: b.kept()}}
}

// Reads implements hwgen.Block: the image in order.
func (b *Block) Reads([]hwgen.Content) []hwgen.Content { return []hwgen.Content{{b.Input}} }

// Carries implements hwgen.Block: what is left of it, in order.
func (b *Block) Carries([]hwgen.Content) []hwgen.Content {
	x := b.Input
	return []hwgen.Content{{hwgen.InOrder(hwgen.Tensor{Layer: b.Layer.Name, Holds: hwgen.HoldsAccumulators},
		b.kept()*x.Lanes, x.Bits, x.Signed, x.Lanes)}}
}

// Machine implements hwgen.Block.
func (b *Block) Machine() cycle.Machine { return &machine{loops: b.loops()} }
