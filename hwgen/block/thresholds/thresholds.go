// Package thresholds is the search that turns accumulators into activations, a part of the
// blocks that compute: geometry, memories and price of templates/thresholds.v.
package thresholds

import (
	"fmt"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/quant"
)

// Search is the search for the activations of a layer, PE channels at once. A layer without
// thresholds has none: its accumulators leave as they are.
type Search struct {
	Layer *quant.Layer
	PE    int
	// AccBits is P.
	AccBits int
	// Bits is the width of a threshold: P, or P+1 where one lies below the smallest P-bit
	// number.
	Bits int
	// BlockROM keeps the thresholds in block RAM.
	BlockROM bool
}

// Folds returns the beats of a vector.
func (s Search) Folds() int { return s.Layer.Out / s.PE }

// Output returns the type of what leaves: activations, or accumulators.
func (s Search) Output() quant.DataType {
	if t := s.Layer.Thresholds; t != nil {
		return t.Output
	}
	return quant.DataType{Bits: s.AccBits, Signed: true}
}

// Content returns what leaves: PE channels per beat, in their order.
func (s Search) Content() hwgen.Content {
	t, out := hwgen.Tensor{Layer: s.Layer.Name, Holds: hwgen.HoldsAccumulators}, s.Output()
	if s.Layer.Thresholds != nil {
		t.Holds = hwgen.HoldsOutputs
	}
	// A layer of no network has one position.
	elements := max(s.Layer.Out, s.Layer.Shape.Size())
	return hwgen.Content{hwgen.InOrder(t, elements, out.Bits, out.Signed, s.PE)}
}

// Stages returns the registers: each level reads a threshold and compares it, and the first
// reads beside the accumulator.
func (s Search) Stages() int {
	if t := s.Layer.Thresholds; t != nil {
		return 2*t.Output.Bits - 1
	}
	return 0
}

// Parameters returns those of a block that has a search, which call them alike.
func (s Search) Parameters() []hwgen.Parameter {
	t := s.Layer.Thresholds
	if t == nil {
		return []hwgen.Parameter{hwgen.Number("OUTPUT_BITS", 0)}
	}
	p := []hwgen.Parameter{hwgen.Number("OUTPUT_BITS", t.Output.Bits), hwgen.Flag("OUTPUT_SIGNED", t.Output.Signed),
		hwgen.Number("THRESHOLD_BITS", s.Bits), hwgen.Flag("INVERT", t.Inverted != nil),
		hwgen.FileName("THRESHOLDS", s.prefix())}
	if s.BlockROM {
		p = append(p, hwgen.Flag("THRESHOLD_BLOCK", true))
	}
	return p
}

func (s Search) prefix() string { return s.Layer.Name + "_thresholds" }

// Memories returns one file per level, then the inversion flags where there are any.
func (s Search) Memories() []hwgen.Memory {
	t := s.Layer.Thresholds
	if t == nil {
		return nil
	}
	var mem []hwgen.Memory
	for stage := range t.Output.Bits {
		mem = append(mem, s.level(stage))
	}
	if t.Inverted != nil {
		mem = append(mem, s.inverted())
	}
	return mem
}

// level lays out level stage of the binary search: word fold*2^stage+found
// holds, for each PE, the threshold that splits what found has left.
func (s Search) level(stage int) hwgen.Memory {
	t, pe := s.Layer.Thresholds, s.PE
	// A level has 2^b-1 thresholds in rising order. Stage s halves what is left: after the bits
	// found it compares with index (2*found+1)*half-1, the middle of 2*half candidates.
	half := 1 << (t.Output.Bits - 1 - stage)
	layout := hwgen.Layout{Layer: s.Layer.Name, Holds: hwgen.HoldsThresholds, Shape: []int{s.Layer.Out, t.Levels()},
		FieldBits: s.Bits, Signed: true, First: half - 1,
		Order: hwgen.Nest(s.Folds(), pe*t.Levels(), 1<<stage, 2*half, pe, t.Levels())}
	mem := hwgen.NewMemory(fmt.Sprintf("%s_%x.mem", s.prefix(), stage), layout, s.Folds()<<stage)
	for nf := 0; nf < s.Folds(); nf++ {
		for found := 0; found < 1<<stage; found++ {
			for p := 0; p < pe; p++ {
				v := t.Channel(nf*pe + p)[(2*found+1)*half-1]
				hwgen.PutBits(mem.Words[nf<<stage+found], p*s.Bits, s.Bits, v)
			}
		}
	}
	return mem
}

// inverted lays out the marks of falling staircases: word nf holds that of channel nf*PE+pe at
// bit pe.
func (s Search) inverted() hwgen.Memory {
	mem := hwgen.NewMemory(s.prefix()+"_invert.mem", hwgen.ByChannel(s.Layer, hwgen.HoldsInverted, 1, false),
		s.Folds())
	for c, falls := range s.Layer.Thresholds.Inverted {
		if falls {
			hwgen.PutBits(mem.Words[c/s.PE], c%s.PE, 1, 1)
		}
	}
	return mem
}
