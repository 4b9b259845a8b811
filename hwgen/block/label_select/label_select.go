// Package labelselect picks the class of the largest score: geometry, memories, control and
// price of templates/label_select.v.
package labelselect

import (
	"fmt"
	"math/bits"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/fabric"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/sim/cycle"
)

// Block picks the class with the largest score, at every position (templates/label_select.v).
type Block struct {
	Layer   *quant.Layer
	PE      int
	AccBits int
	// Several says that the design has more such blocks: this one goes by its layer's name.
	Several bool
}

// Name implements hwgen.Block.
func (s *Block) Name() string {
	if s.Several {
		return s.Layer.Name + "_label"
	}
	return "label"
}

// Serves implements hwgen.Block.
func (s *Block) Serves() string { return s.Layer.Name }

// Module implements hwgen.Block.
func (s *Block) Module() string { return "label_select" }

// Folds returns the beats of a position.
func (s *Block) Folds() int { return s.Layer.Out / s.PE }

// Stages returns the pipeline registers before the spill register: operands, product where
// gains differ, score, levels of the tournament, its comparison with the best row so far,
// that row.
func (s *Block) Stages() int {
	if s.GainShift() < 0 {
		return 4 + fabric.ProductStages(s.GainBits()) + fabric.AddressWidth(s.PE)
	}
	return 4 + fabric.AddressWidth(s.PE)
}

// positions returns those of a frame. A layer of no network has one.
func (s *Block) positions() int { return max(1, s.Layer.Shape.Positions()) }

// Cycles implements hwgen.Block.
func (s *Block) Cycles() int { return s.positions() * s.Folds() }

// Comment implements hwgen.Block.
func (s *Block) Comment() []string {
	lines := []string{fmt.Sprintf("The largest of %s, acc * gain + bias in %s; the lowest index on ties.",
		hwgen.Count(s.Layer.Out, "score"), hwgen.Count(s.ScoreBits(), "bit"))}
	if s.Layer.Out == 1 {
		lines = []string{fmt.Sprintf("Class 1 where acc * gain + bias, in %s, is above 0, else class 0.",
			hwgen.Count(s.ScoreBits(), "bit"))}
	}
	if n := s.positions(); n > 1 {
		lines = append(lines, fmt.Sprintf("One label for each of %s.", hwgen.Count(n, "position")))
	}
	return lines
}

// LabelBits returns the bits of a class index; a single score tells two classes apart.
func (s *Block) LabelBits() int { return max(1, fabric.AddressWidth(s.Layer.Out)) }

// GainShift returns log2 of the gain that all rows share, or -1 where gains differ.
func (s *Block) GainShift() int {
	g := s.Layer.Score.Gain
	// v&(v-1) is 0 for powers of two alone; those are shifts, which cost no LUT.
	for _, v := range g {
		if v != g[0] || v < 1 || v&(v-1) != 0 {
			return -1
		}
	}
	return bits.TrailingZeros64(uint64(g[0]))
}

// GainBits returns the bits of a gain, signed.
func (s *Block) GainBits() int {
	b := 1
	for _, g := range s.Layer.Score.Gain {
		b = max(b, signedBits(g))
	}
	return b
}

// ScoreBits returns the bits that hold every score, bias and scaled accumulator.
func (s *Block) ScoreBits() int {
	// One more than each operand, as label_select.v wants it: the sign is extended once, and
	// the boundary 0 of a single score is comparable with all of them.
	b := max(s.AccBits, s.GainBits()) + 1
	sc := s.Layer.Score
	for c := range sc.Gain {
		r := s.Layer.AccRange(c)
		b = max(b, signedBits(sc.Bias[c]))
		// A score is linear in the accumulator: its ends are at the ends of the certified range.
		for _, acc := range []int64{r.Min, r.Max} {
			b = max(b, signedBits(acc*sc.Gain[c]), signedBits(acc*sc.Gain[c]+sc.Bias[c]))
		}
	}
	return b
}

// Parameters implements hwgen.Block.
func (s *Block) Parameters() []hwgen.Parameter {
	return []hwgen.Parameter{hwgen.Number("MH", s.Layer.Out), hwgen.Number("PE", s.PE),
		hwgen.Number("ACC_BITS", s.AccBits), hwgen.Number("GAIN_SHIFT", s.GainShift()),
		hwgen.Number("GAIN_BITS", s.GainBits()), hwgen.Number("SCORE_BITS", s.ScoreBits()),
		hwgen.Number("LABEL_BITS", s.LabelBits()), hwgen.FileName("MEM", s.Name())}
}

// Memories implements hwgen.Block: biases, and gains where they differ from row to row.
func (s *Block) Memories() []hwgen.Memory {
	mem := []hwgen.Memory{s.memory(s.Name()+"_bias.mem", hwgen.HoldsBiases, s.ScoreBits(), s.Layer.Score.Bias)}
	if s.GainShift() < 0 {
		mem = append(mem, s.memory(s.Name()+"_gain.mem", hwgen.HoldsGains, s.GainBits(), s.Layer.Score.Gain))
	}
	return mem
}

func (s *Block) memory(file, holds string, width int, values []int64) hwgen.Memory {
	m := hwgen.NewMemory(file, hwgen.ByChannel(s.Layer, holds, width, true), s.Folds())
	for c, v := range values {
		hwgen.PutBits(m.Words[c/s.PE], c%s.PE*width, width, v)
	}
	return m
}

// Outputs implements hwgen.Block: {score, label}.
func (s *Block) Outputs() []hwgen.Stream {
	return []hwgen.Stream{{Name: s.Name(), Bits: s.ScoreBits() + s.LabelBits(), Beats: s.positions()}}
}

// Reads implements hwgen.Block: PE accumulators per beat, in their order.
func (s *Block) Reads([]hwgen.Content) []hwgen.Content {
	return []hwgen.Content{{hwgen.InOrder(s.tensor(hwgen.HoldsAccumulators), s.positions()*s.Layer.Out, s.AccBits,
		true, s.PE)}}
}

// Carries implements hwgen.Block: of each position a beat of label and score.
func (s *Block) Carries([]hwgen.Content) []hwgen.Content {
	return []hwgen.Content{{hwgen.InOrder(s.tensor(hwgen.HoldsLabel), s.positions(), s.LabelBits(), false, 1),
		hwgen.InOrder(s.tensor(hwgen.HoldsScore), s.positions(), s.ScoreBits(), true, 1)}}
}

// Machine implements hwgen.Block.
func (s *Block) Machine() cycle.Machine { return cycle.NewPipeline(s.Stages(), s.Folds()) }

// signedBits returns the bits of v in two's complement.
func signedBits(v int64) int {
	if v < 0 {
		v = ^v
	}
	return bits.Len64(uint64(v)) + 1
}

// tensor is what the layer holds.
func (s *Block) tensor(holds string) hwgen.Tensor {
	return hwgen.Tensor{Layer: s.Layer.Name, Holds: holds}
}
