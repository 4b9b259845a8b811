package plan_test

import (
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/quant"
)

// reachable is a convolution of 3x3 over 8x8 positions of 2 channels, and a linear layer of its 4 outputs at
// 36 positions.
func reachable(t *testing.T) *quant.Network {
	t.Helper()
	x := quant.DataType{Bits: 2}
	n, err := quant.NewNetwork(quant.Network{Name: "reach", InputShape: []int{2, 8, 8},
		Input: quant.InputQuantizer{Type: x, Shape: quant.Shape{H: 8, W: 8, C: 2},
			Quantize: func(_ int, v float64) int32 { return int32(v) }},
		Layers: []quant.Layer{
			{Name: "conv", Kind: quant.Conv, Groups: 1, In: 18, Out: 4, Input: x, WeightBits: 2, Weights: make([]int32, 72),
				Window:     quant.Window{H: 3, W: 3},
				Thresholds: &quant.Thresholds{Output: x, Values: make([]int64, 12)}},
			{Name: "fc", In: 144, Out: 3, Input: x, WeightBits: 2, Weights: make([]int32, 432),
				Score: &quant.Score{Gain: []int64{1, 1, 1}, Bias: []int64{0, 0, 0}}}}})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestReach: what limits a design is the layer that is folded, or else the beats in which its image comes; and
// the rate with everything unfolded is that of those, one position per cycle: 64 cycles.
func TestReach(t *testing.T) {
	n := reachable(t)
	for name, c := range map[string]struct {
		o        hwgen.Options
		layer    string // that limits, none where the rate is reached
		cycles   int
		why      string
		unfolded float64
	}{
		// 36 positions of 18 columns of 4 rows, one at a time.
		"folded": {hwgen.Options{FPS: 1e6, Folding: hwgen.Folding{"conv": {PE: 1, SIMD: 1}}}, "conv", 36 * 18 * 4,
			"folded to PE 1 of 4 rows, SIMD 1 of 18 columns", 1e8 / 64},
		"image":  {hwgen.Options{FPS: 1e7}, "conv", 64, "its image comes in 64 beats of 2 of its 2 channels", 1e8 / 64},
		"enough": {hwgen.Options{FPS: 1e6}, "", 0, "", 0},
		// Nobody asked for a rate.
		"folds alone": {hwgen.Options{Folding: hwgen.Folding{"conv": {PE: 1, SIMD: 1}, "fc": {PE: 1, SIMD: 1}}},
			"", 0, "", 0},
		// The usual rate, 10,000 frames/s, is within reach.
		"no rate": {hwgen.Options{}, "", 0, "", 0},
		"queues": {hwgen.Options{FPS: 1e6, Folding: hwgen.Folding{"fc": {PE: 1, SIMD: 4, FIFO: hwgen.Depths{1}}}}, "fc", 0,
			"", 1e8 / 64},
	} {
		d, err := plan.Plan(n, c.o)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		r, err := plan.ReachOf(d, c.o)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if (r != nil) != (c.layer != "") {
			t.Errorf("%s: %+v, want layer %q", name, r, c.layer)
		}
		if r == nil || c.layer == "" {
			continue
		}
		l := r.Limits[0]
		if l.Layer != c.layer || c.cycles > 0 && l.Cycles != c.cycles || !strings.Contains(l.Why, c.why) ||
			r.Unfolded != c.unfolded || r.Reached != d.FramesPerSecond() || r.FPS != c.o.FPS {
			t.Errorf("%s: %+v, want %q, %d cycles, %q, %g unfolded", name, r, c.layer, c.cycles, c.why, c.unfolded)
		}
		text := strings.Join(r.Lines(), "\n")
		if !strings.Contains(text, l.Why) || !strings.Contains(text, "1562500 frames/s") {
			t.Errorf("%s: %s", name, text)
		}
	}
}
