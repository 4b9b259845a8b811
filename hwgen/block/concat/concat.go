// Package concat is the unit that puts the channels of several streams one after the other: geometry,
// control and price of templates/concat.v.
package concat

import (
	"fmt"
	"slices"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/sim/cycle"
)

// Block joins the streams of a layer (templates/concat.v).
type Block struct {
	Layer *quant.Layer
	// Inputs are what comes, images in order, with the same lanes, which divide the channels of each.
	Inputs []hwgen.Part
	// Beats are those that each has of a position.
	Beats []int
}

// Output returns the smallest type that holds all elements.
func (b *Block) Output() quant.DataType {
	var t quant.DataType
	for i, p := range b.Inputs {
		u := quant.DataType{Bits: p.Bits, Signed: p.Signed}
		if i == 0 {
			t = u
		}
		t = t.Union(u)
	}
	return t
}

func (b *Block) pe() int { return b.Inputs[0].Lanes }

// perPosition returns the beats of a position that leave.
func (b *Block) perPosition() int {
	n := 0
	for _, beats := range b.Beats {
		n += beats
	}
	return n
}

// positions returns those of a frame.
func (b *Block) positions() int { return b.Inputs[0].Elements() / b.pe() / b.Beats[0] }

// Name implements hwgen.Block.
func (b *Block) Name() string { return b.Layer.Name + "_concat" }

// Serves implements hwgen.Block.
func (b *Block) Serves() string { return b.Layer.Name }

// Module implements hwgen.Block.
func (b *Block) Module() string { return "concat" }

// Cycles implements hwgen.Block.
func (b *Block) Cycles() int { return b.positions() * b.perPosition() }

// Comment implements hwgen.Block.
func (b *Block) Comment() []string {
	lines := []string{fmt.Sprintf("Layer %s: of each of %s", b.Layer.Name, hwgen.Count(b.positions(), "position"))}
	for i, p := range b.Inputs {
		from := p.Layer
		if from == "" {
			from = "input"
		}
		lines = append(lines, fmt.Sprintf("%s of %s (%v)", hwgen.Count(b.Beats[i], "beat"), from,
			quant.DataType{Bits: p.Bits, Signed: p.Signed}))
	}
	return lines
}

// Parameters implements hwgen.Block.
func (b *Block) Parameters() []hwgen.Parameter {
	var bits []int
	var signs []bool
	width := 0
	for _, p := range b.Inputs {
		bits, signs = append(bits, p.Bits), append(signs, p.Signed)
		width += p.Lanes * p.Bits
	}
	return []hwgen.Parameter{hwgen.Number("OPERANDS", len(b.Inputs)), hwgen.Number("PE", b.pe()),
		hwgen.Numbers("BEATS", b.Beats), hwgen.Numbers("BITS", bits),
		hwgen.Flags("SIGNS", signs), hwgen.Number("Y_BITS", b.Output().Bits),
		hwgen.Number("S_BITS", width)}
}

// Memories implements hwgen.Block.
func (b *Block) Memories() []hwgen.Memory { return nil }

// Outputs implements hwgen.Block.
func (b *Block) Outputs() []hwgen.Stream {
	return []hwgen.Stream{{Name: b.Name(), Bits: b.pe() * b.Output().Bits, Beats: b.Cycles()}}
}

// Reads implements hwgen.Block: each image in order.
func (b *Block) Reads([]hwgen.Content) []hwgen.Content {
	var in []hwgen.Content
	for _, p := range b.Inputs {
		in = append(in, hwgen.Content{p})
	}
	return in
}

// Carries implements hwgen.Block.
func (b *Block) Carries([]hwgen.Content) []hwgen.Content {
	t := b.Output()
	return []hwgen.Content{{hwgen.InOrder(hwgen.Tensor{Layer: b.Layer.Name, Holds: hwgen.HoldsAccumulators},
		b.Cycles()*b.pe(), t.Bits, t.Signed, b.pe())}}
}

// Machine implements hwgen.Block.
func (b *Block) Machine() cycle.Machine { return &machine{beats: slices.Clone(b.Beats)} }
