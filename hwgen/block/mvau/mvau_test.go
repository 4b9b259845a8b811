package mvau_test

import (
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block/mvau"
	"github.com/a2qgen/a2qgen/quant"
)

// maxStages is what the cycle model has a word for.
const maxStages = 64

// TestStages counts pipelines by hand: operands, one stage per two weight bits, the tree, the
// accumulator, two stages per threshold level but the first, which reads beside it. The last
// is deeper than anything that is accepted: 16-bit weights and activations.
func TestStages(t *testing.T) {
	for _, c := range []struct{ weightBits, simd, activation, want int }{
		{1, 1, 0, 1 + 1 + 0 + 1}, {2, 2, 1, 1 + 1 + 1 + 1 + 1}, {3, 3, 2, 1 + 2 + 2 + 1 + 3},
		{4, 8, 4, 1 + 2 + 3 + 1 + 7}, {8, 5, 0, 1 + 4 + 3 + 1}, {16, 1 << 20, 16, 1 + 8 + 20 + 1 + 31},
	} {
		l := &quant.Layer{WeightBits: c.weightBits}
		if c.activation > 0 {
			l.Thresholds = &quant.Thresholds{Output: quant.DataType{Bits: c.activation}}
		}
		m := &mvau.Block{Layer: l, Fold: hwgen.Fold{PE: 1, SIMD: c.simd}}
		if got := m.Stages(); got != c.want || got > maxStages {
			t.Errorf("mvau %+v: %d stages", c, got)
		}
	}
}
