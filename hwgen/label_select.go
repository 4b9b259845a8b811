package hwgen

import (
	"fmt"
	"math/bits"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/sim/cycle"
)

// LabelSelect picks the class with the largest score (templates/label_select.v).
type LabelSelect struct {
	Layer   *quant.Layer
	PE      int
	AccBits int
}

// Name implements Block.
func (s *LabelSelect) Name() string { return "label" }

// Module implements Block.
func (s *LabelSelect) Module() string { return "label_select" }

// Folds returns the beats of a frame.
func (s *LabelSelect) Folds() int { return s.Layer.Out / s.PE }

// Stages returns the pipeline registers before the spill register: operands, product where
// gains differ, score, levels of the tournament, its comparison with the best row so far,
// that row.
func (s *LabelSelect) Stages() int {
	if s.GainShift() < 0 {
		return 4 + productStages(s.GainBits()) + log2Ceil(s.PE)
	}
	return 4 + log2Ceil(s.PE)
}

// Cycles implements Block.
func (s *LabelSelect) Cycles() int { return s.Folds() }

// Comment implements Block.
func (s *LabelSelect) Comment() []string {
	if s.Layer.Out == 1 {
		return []string{fmt.Sprintf("Class 1 where acc * gain + bias, in %s, is above 0, else class 0.", count(s.ScoreBits(), "bit"))}
	}
	return []string{fmt.Sprintf("The largest of %s, acc * gain + bias in %s; the lowest index on ties.",
		count(s.Layer.Out, "score"), count(s.ScoreBits(), "bit"))}
}

// LabelBits returns the bits of a class index; a single score tells two classes apart.
func (s *LabelSelect) LabelBits() int { return max(1, log2Ceil(s.Layer.Out)) }

// GainShift returns log2 of the gain that all rows share, or -1 where gains differ.
func (s *LabelSelect) GainShift() int {
	g := s.Layer.Score.Gain
	for _, v := range g {
		if v != g[0] || v < 1 || v&(v-1) != 0 {
			return -1
		}
	}
	return bits.TrailingZeros64(uint64(g[0]))
}

// GainBits returns the bits of a gain, signed.
func (s *LabelSelect) GainBits() int {
	b := 1
	for _, g := range s.Layer.Score.Gain {
		b = max(b, signedBits(g))
	}
	return b
}

// ScoreBits returns the bits that hold every score, bias and scaled accumulator.
func (s *LabelSelect) ScoreBits() int {
	b := max(s.AccBits, s.GainBits()) + 1
	sc := s.Layer.Score
	for c := range sc.Gain {
		r := s.Layer.AccRange(c)
		b = max(b, signedBits(sc.Bias[c]))
		for _, acc := range []int64{r.Min, r.Max} {
			b = max(b, signedBits(acc*sc.Gain[c]), signedBits(acc*sc.Gain[c]+sc.Bias[c]))
		}
	}
	return b
}

// Parameters implements Block.
func (s *LabelSelect) Parameters() []Parameter {
	return []Parameter{number("MH", s.Layer.Out), number("PE", s.PE), number("ACC_BITS", s.AccBits),
		number("GAIN_SHIFT", s.GainShift()), number("GAIN_BITS", s.GainBits()), number("SCORE_BITS", s.ScoreBits()),
		number("LABEL_BITS", s.LabelBits()), fileName("MEM", "label")}
}

// Memories implements Block: biases, and gains where they differ from row to row.
func (s *LabelSelect) Memories() []Memory {
	mem := []Memory{s.memory("label_bias.mem", HoldsBiases, s.ScoreBits(), s.Layer.Score.Bias)}
	if s.GainShift() < 0 {
		mem = append(mem, s.memory("label_gain.mem", HoldsGains, s.GainBits(), s.Layer.Score.Gain))
	}
	return mem
}

func (s *LabelSelect) memory(file, holds string, width int, values []int64) Memory {
	m := newMemory(file, byChannel(s.Layer, holds, width, true), s.Folds())
	for c, v := range values {
		PutBits(m.Words[c/s.PE], c%s.PE*width, width, v)
	}
	return m
}

// Output implements Block: {score, label}.
func (s *LabelSelect) Output() Stream {
	return Stream{Name: s.Name(), Bits: s.ScoreBits() + s.LabelBits(), Beats: 1}
}

// Reads implements Block: PE accumulators a beat, in their order.
func (s *LabelSelect) Reads(Content) Content {
	return Content{inOrder(Tensor{s.Layer.Name, HoldsAccumulators}, s.Layer.Out, s.AccBits, true, s.PE)}
}

// Carries implements Block: one beat of label and score.
func (s *LabelSelect) Carries(Content) Content {
	return Content{inOrder(Tensor{s.Layer.Name, HoldsLabel}, 1, s.LabelBits(), false, 1),
		inOrder(Tensor{s.Layer.Name, HoldsScore}, 1, s.ScoreBits(), true, 1)}
}

// Machine implements Block.
func (s *LabelSelect) Machine() cycle.Machine { return cycle.NewPipeline(s.Stages(), s.Folds()) }

// signedBits returns the bits of v in two's complement.
func signedBits(v int64) int {
	if v < 0 {
		v = ^v
	}
	return bits.Len64(uint64(v)) + 1
}
