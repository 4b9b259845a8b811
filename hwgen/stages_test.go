package hwgen_test

import (
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/quant"
)

// maxStages is what the cycle model has a word for.
const maxStages = 64

// TestStages counts pipelines by hand: operands, one stage per two weight bits, the tree, the
// accumulator, two stages per threshold level but the first, which reads beside it. The last
// of each is deeper than anything that is accepted: 16-bit weights and activations, gains of
// a whole int64.
func TestStages(t *testing.T) {
	for _, c := range []struct{ weightBits, simd, activation, want int }{
		{1, 1, 0, 1 + 1 + 0 + 1}, {2, 2, 1, 1 + 1 + 1 + 1 + 1}, {3, 3, 2, 1 + 2 + 2 + 1 + 3},
		{4, 8, 4, 1 + 2 + 3 + 1 + 7}, {8, 5, 0, 1 + 4 + 3 + 1}, {16, 1 << 20, 16, 1 + 8 + 20 + 1 + 31},
	} {
		l := &quant.Layer{WeightBits: c.weightBits}
		if c.activation > 0 {
			l.Thresholds = &quant.Thresholds{Output: quant.DataType{Bits: c.activation}}
		}
		m := &hwgen.MVAU{Layer: l, Fold: hwgen.Fold{PE: 1, SIMD: c.simd}}
		if got := m.Stages(); got != c.want || got > maxStages {
			t.Errorf("mvau %+v: %d stages", c, got)
		}
	}
	for _, c := range []struct {
		gain     []int64
		pe, want int
	}{
		{[]int64{4, 4}, 1, 4}, {[]int64{4, 4}, 2, 4 + 1},
		{[]int64{3, 3}, 1, 4 + 2}, {[]int64{1, 100}, 2, 4 + 4 + 1}, // 3 and 8 bits, signed
		{[]int64{1, 1<<63 - 1}, 1 << 20, 4 + 32 + 20},
	} {
		s := &hwgen.LabelSelect{Layer: &quant.Layer{Score: &quant.Score{Gain: c.gain}}, PE: c.pe}
		if got := s.Stages(); got != c.want || got > maxStages {
			t.Errorf("label select %+v: %d stages", c, got)
		}
	}
}
