package plan_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/emit"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/quant"
)

// large is a network of five convolutions of 3x3 over 32x32 positions of 3 channels of 8 bits, as of CIFAR-10,
// and a linear layer: 2.87 million bits of drawn weights, all of which take time to price and to write.
func large(tb testing.TB) *quant.Network {
	tb.Helper()
	rng := rand.New(rand.NewPCG(1, 1))
	x, in := quant.DataType{Bits: 8}, quant.Shape{C: 3, H: 32, W: 32}
	net := quant.Network{Name: "large", InputShape: []int{3, 32, 32}, Input: quant.InputQuantizer{Type: x, Shape: in,
		Quantize: func(_ int, v float64) int32 { return int32(v) }}}
	drawn := func(n int) []int32 {
		w := make([]int32, n)
		for k := range w {
			w[k] = int32(rng.IntN(15)) - 7
		}
		return w
	}
	for i, c := range []struct{ out, stride int }{{64, 1}, {64, 1}, {128, 2}, {128, 1}, {256, 2}} {
		out, stride := c.out, c.stride
		l := quant.Layer{Name: fmt.Sprintf("conv%d", i+1), Kind: quant.Conv, Groups: 1, In: 9 * in.C, Out: out, Input: x,
			WeightBits: 4, Weights: drawn(9 * in.C * out),
			Window: quant.Window{H: 3, W: 3, StrideH: stride, StrideW: stride, Top: 1, Left: 1, Bottom: 1, Right: 1}}
		x = quant.DataType{Bits: 4}
		l.Thresholds = &quant.Thresholds{Output: x}
		for range out {
			for k := range int64(15) {
				l.Thresholds.Values = append(l.Thresholds.Values, 40*k-200)
			}
		}
		net.Layers = append(net.Layers, l)
		in = quant.Shape{C: out, H: in.H / stride, W: in.W / stride}
	}
	l := quant.Layer{Name: "fc", In: in.Size(), Out: 10, Input: x, WeightBits: 4, Weights: drawn(10 * in.Size()),
		Score: &quant.Score{Gain: make([]int64, 10), Bias: make([]int64, 10)}}
	for c := range l.Score.Gain {
		l.Score.Gain[c] = 1
	}
	net.Layers = append(net.Layers, l)
	n, err := quant.NewNetwork(net)
	if err != nil {
		tb.Fatal(err)
	}
	return n
}

// TestTapsOfLargeLayers: where a layer has more taps than weights, and many, no tap unit is priced, which takes
// seconds; unless one is asked for, as for a layer of vectors.
func TestTapsOfLargeLayers(t *testing.T) {
	n := large(t)
	folds := hwgen.Folding{}
	for _, l := range n.Layers {
		folds[l.Name] = hwgen.Fold{FIFO: hwgen.Depths{1}} // no search for depths, which takes longer
	}
	d, err := plan.Plan(n, hwgen.Options{FPS: 1000, Folding: folds})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range d.Layers[1:] {
		if len(l.Offers) > 1 || l.Fold.Lanes > 0 {
			t.Errorf("%s: %+v, want one offer, of the dense unit", l.Layer.Name, l.Offers)
		}
	}
}

// BenchmarkLarge plans and emits large.
func BenchmarkLarge(b *testing.B) {
	n := large(b)
	for _, fps := range []float64{100, 1000} {
		b.Run(fmt.Sprintf("plan/%.0f", fps), func(b *testing.B) {
			for b.Loop() {
				if _, err := plan.Plan(n, hwgen.Options{FPS: fps}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	d, err := plan.Plan(n, hwgen.Options{FPS: 1000})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("emit", func(b *testing.B) {
		for b.Loop() {
			if _, err := emit.Files(d, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
}
