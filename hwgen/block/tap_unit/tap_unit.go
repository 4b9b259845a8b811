// Package tapunit is the unit that does the taps of its rows and not their zeros: geometry,
// memories, control and price of templates/tap_unit.v.
package tapunit

import (
	"fmt"

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block/thresholds"
	"github.com/a2qgen/a2qgen/hwgen/fabric"
	"github.com/a2qgen/a2qgen/hwgen/taps"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/sim/cycle"
)

// Block is the tap unit of one layer (templates/tap_unit.v).
type Block struct {
	Layer *quant.Layer
	// Input is the tensor that the taps are of.
	Input hwgen.Tensor
	// Fold has PE rows at once, Lanes taps of each, SIMD elements per input beat, and where
	// schedule (Weights), vector (Replay) and thresholds are kept.
	Fold hwgen.Fold
	// AccBits is P.
	AccBits int
	// ThresholdBits is the width of a threshold: P, or P+1 where one lies below the smallest P-bit
	// number.
	ThresholdBits int
	// ReadStages are the registers behind the schedule, 1 or more: a second takes the delay of a
	// slow block RAM off the memories that it addresses.
	ReadStages int
	// Style has the family's words for memories; those of xc7 where empty.
	Style boards.MemoryStyle

	schedule *taps.Schedule
	window   *window // of a convolution: its vectors are windows of an image
}

// New returns b with the schedule of its layer's weights.
//
// Vectors change between the halves of a buffer. A half is free ReadStages cycles after its last
// step, so the two take turns in max(S, L, (S+L+R)/2) cycles per vector for S steps, L beats and
// R stages (derived: filled for L cycles, read for S, and R more until it is free, each half is
// used again after S+L+R). A step without taps is added where that is no whole number.
//
// The windows of a convolution, which has one group, are read from copies of the image's last lines.
func New(b Block) *Block {
	if b.Layer.Kind == quant.Conv {
		b.window = newWindow(b.Layer, b.Fold.SIMD)
		b.schedule = taps.New(b.Layer.Weights, b.Layer.In, b.Fold.PE,
			taps.Copied{Banks: b.Fold.Lanes, Slot: b.window.slot})
		b.schedule.Pad(b.ReadStages)
		b.window.keep(b.Steps(), b.ReadStages)
		return &b
	}
	b.schedule = taps.New(b.Layer.Weights, b.Layer.In, b.Fold.PE, taps.Interleaved(b.Fold.Lanes))
	b.schedule.Pad(b.ReadStages)
	if s, l := b.Steps(), b.Beats(); max(s-l, l-s) < b.ReadStages && (s+l+b.ReadStages)%2 == 1 {
		b.schedule.Pad(s + 1)
	}
	return &b
}

// Steps are the cycles in which taps of a vector are done; Folds the beats of results.
func (b *Block) Steps() int { return len(b.schedule.Steps) }

// Folds implements what Steps says.
func (b *Block) Folds() int { return b.Layer.Out / b.Fold.PE }

// Beats returns the input beats of a frame, a vector or an image with its border. Slots are the places
// that a lane may read, of its bank or of the window.
func (b *Block) Beats() int {
	if b.window != nil {
		return b.window.beats()
	}
	return b.Layer.In / b.Fold.SIMD
}

// Slots implements what Beats says.
func (b *Block) Slots() int {
	if b.window != nil {
		return b.window.span * b.window.channels
	}
	return (b.Layer.In + b.Fold.Lanes - 1) / b.Fold.Lanes
}

// vectors returns how many there are in a frame.
func (b *Block) vectors() int {
	if b.window != nil {
		return b.window.rows * b.window.columns
	}
	return 1
}

// Stages returns the pipeline registers from a step to the spill register: the schedule's, lanes,
// tree, accumulator, search for the activation.
func (b *Block) Stages() int {
	return b.ReadStages + 1 + fabric.AddressWidth(b.Fold.Lanes) + 1 + b.search().Stages()
}

// Name implements hwgen.Block.
func (b *Block) Name() string { return b.Layer.Name + "_taps" }

// Serves implements hwgen.Block.
func (b *Block) Serves() string { return b.Layer.Name }

// Module implements hwgen.Block.
func (b *Block) Module() string { return "tap_unit" }

// Cycles implements hwgen.Block: what New says.
func (b *Block) Cycles() int {
	s, l := b.Steps(), b.Beats()
	if b.window != nil {
		return max(b.vectors()*s, l)
	}
	return max(s, l, (s+l+b.ReadStages)/2)
}

// Shifted says whether accumulators begin at values of their own instead of 0.
func (b *Block) Shifted() bool { return b.Layer.Start != nil }

// Comment implements hwgen.Block.
func (b *Block) Comment() []string {
	lanes := b.Steps() * b.Fold.PE * b.Fold.Lanes
	return []string{
		fmt.Sprintf("Layer %s: %s (%v) x %s, %d-bit accumulators, %s;", b.Layer.Name,
			hwgen.Count(b.Layer.In, "input"), b.Layer.Input, hwgen.Count(b.Layer.Out, "output"), b.AccBits,
			hwgen.Count(b.schedule.Used(), "tap")),
		fmt.Sprintf("%s of %s per vector, %s: %.0f %% of the lanes' work are taps.", hwgen.Count(b.Steps(), "step"),
			hwgen.Count(b.Fold.PE*b.Fold.Lanes, "lane"), hwgen.Count(b.vectors(), "vector"),
			100*float64(b.schedule.Used())/float64(lanes)),
	}
}

// Parameters implements hwgen.Block.
func (b *Block) Parameters() []hwgen.Parameter {
	l := b.Layer
	p := []hwgen.Parameter{
		hwgen.Number("MW", l.In), hwgen.Number("MH", l.Out), hwgen.Number("PE", b.Fold.PE),
		hwgen.Number("LANES", b.Fold.Lanes), hwgen.Number("SIMD", b.Fold.SIMD), hwgen.Number("STEPS", b.Steps()),
		hwgen.Number("INPUT_BITS", l.Input.Bits), hwgen.Flag("INPUT_SIGNED", l.Input.Signed),
		hwgen.Number("ACC_BITS", b.AccBits),
	}
	p = append(p, b.search().Parameters()...)
	p = append(p, hwgen.FileName("SCHEDULE", b.scheduleFile()),
		hwgen.Flag("SCHEDULE_BLOCK", b.Fold.Weights == hwgen.InBlockRAM),
		hwgen.Text("BLOCK_STYLE", hwgen.BlockRAM(b.Style)), hwgen.Number("READ_STAGES", b.ReadStages),
		hwgen.Text("RAM_STYLE", b.bankStyle()))
	if b.window != nil {
		p = append(p, b.window.parameters()...)
	}
	if b.Shifted() {
		p = append(p, hwgen.Flag("SHIFTED", true), hwgen.FileName("STARTS", b.startFile()))
	}
	return p
}

func (b *Block) scheduleFile() string { return b.Layer.Name + "_schedule.mem" }
func (b *Block) startFile() string    { return b.Layer.Name + "_start.mem" }

// bankStyle returns the word for the memories of the vector.
func (b *Block) bankStyle() string {
	if b.Fold.Replay == hwgen.InBlockRAM {
		return hwgen.BlockRAM(b.Style)
	}
	return hwgen.LUTRAM(b.Style)
}

// Outputs implements hwgen.Block.
func (b *Block) Outputs() []hwgen.Stream {
	return []hwgen.Stream{{Name: b.Name(), Bits: b.Fold.PE * b.search().Output().Bits, Beats: b.vectors() * b.Folds()}}
}

// Reads implements hwgen.Block: the vector once, SIMD elements per beat, or the image with its border.
func (b *Block) Reads([]hwgen.Content) []hwgen.Content {
	l := b.Layer
	if b.window != nil {
		in := l.OperandShape(0)
		x := hwgen.InOrder(b.Input, in.Size(), l.Input.Bits, l.Input.Signed, b.Fold.SIMD)
		if border := hwgen.BorderOf(l.Window, in, 0); border != nil {
			x = x.Bordered(*border)
		}
		return []hwgen.Content{{x}}
	}
	return []hwgen.Content{{hwgen.InOrder(b.Input, l.In, l.Input.Bits, l.Input.Signed, b.Fold.SIMD)}}
}

// Carries implements hwgen.Block: PE rows per beat, in their order.
func (b *Block) Carries([]hwgen.Content) []hwgen.Content {
	return []hwgen.Content{b.search().Content()}
}

// search is what turns accumulators into activations.
func (b *Block) search() thresholds.Search {
	return thresholds.Search{Layer: b.Layer, PE: b.Fold.PE, AccBits: b.AccBits, Bits: b.ThresholdBits,
		BlockROM: b.Fold.Thresholds == hwgen.InBlockRAM}
}

// Machine implements hwgen.Block.
func (b *Block) Machine() cycle.Machine {
	m := &machine{end: 1 << (b.Stages() - 1), ends: b.schedule.Ends()}
	if w := b.window; w != nil {
		m.feed = &lines{window: w, reads: b.ReadStages, moves: make([]int, b.ReadStages)}
	} else {
		m.feed = &halves{beats: b.Beats(), reads: b.ReadStages}
	}
	return m
}

// Memories implements hwgen.Block: the schedule, then one file per threshold level, then the
// inversion flags and the start values where there are any.
func (b *Block) Memories() []hwgen.Memory {
	mem := append([]hwgen.Memory{b.scheduleMemory()}, b.search().Memories()...)
	if b.Shifted() {
		mem = append(mem, hwgen.StartMemory(b.startFile(), b.Layer, b.Fold.PE, b.AccBits))
	}
	return mem
}

// scheduleMemory lays out a step per word, as templates/tap_unit.v says: slot and used of every
// lane, signs of every PE, last.
func (b *Block) scheduleMemory() hwgen.Memory {
	slotBits, lanes := max(1, fabric.AddressWidth(b.Slots())), b.Fold.PE*b.Fold.Lanes
	width := lanes*(slotBits+2) + 1
	mem := hwgen.NewMemory(b.scheduleFile(), hwgen.Layout{Layer: b.Layer.Name, Holds: hwgen.HoldsSteps,
		Shape: []int{b.Steps()}, FieldBits: width, Order: hwgen.Nest(b.Steps(), 1)}, b.Steps())
	for i, step := range b.schedule.Steps {
		word := mem.Words[i]
		for lane, t := range step.Taps {
			if t.Used {
				hwgen.PutBits(word, lane*(slotBits+1), slotBits+1, int64(t.Slot|1<<slotBits))
			}
		}
		for pe := range b.Fold.PE {
			at := lanes*(slotBits+1) + pe*b.Fold.Lanes
			for k, sign := range taps.Signs(step.Taps[pe*b.Fold.Lanes : (pe+1)*b.Fold.Lanes]) {
				hwgen.PutBits(word, at+k, 1, int64(fabric.OneIf(sign)))
			}
		}
		hwgen.PutBits(word, width-1, 1, int64(fabric.OneIf(step.Last)))
	}
	return mem
}
