package labelselect_test

import (
	"testing"

	labelselect "github.com/a2qgen/a2qgen/hwgen/block/label_select"
	"github.com/a2qgen/a2qgen/quant"
)

// maxStages is what the cycle model has a word for.
const maxStages = 64

// TestStages counts pipelines by hand: operands, one stage per two bits of a gain that is no
// shift, score, the tournament, its comparison with the best row, that row. The last is deeper
// than anything that is accepted: gains of a whole int64.
func TestStages(t *testing.T) {
	for _, c := range []struct {
		gain     []int64
		pe, want int
	}{
		{[]int64{4, 4}, 1, 4}, {[]int64{4, 4}, 2, 4 + 1},
		{[]int64{3, 3}, 1, 4 + 2}, {[]int64{1, 100}, 2, 4 + 4 + 1}, // 3 and 8 bits, signed
		{[]int64{1, 1<<63 - 1}, 1 << 20, 4 + 32 + 20},
	} {
		s := &labelselect.Block{Layer: &quant.Layer{Score: &quant.Score{Gain: c.gain}}, PE: c.pe}
		if got := s.Stages(); got != c.want || got > maxStages {
			t.Errorf("label select %+v: %d stages", c, got)
		}
	}
}
