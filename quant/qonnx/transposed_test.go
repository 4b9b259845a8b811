package qonnx

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// Transposed convolutions of every kernel, stride, dilation, padding and grouping give what
// their definition gives, an input at a time.
func TestConvTransposeRandom(t *testing.T) {
	count := 120
	if testing.Short() {
		count = 30
	}
	read := 0
	for seed := range uint64(count) {
		r := rand.New(rand.NewPCG(seed, 9))
		g := &net{newTestGraph(1, 4, 6, 6), r}
		groups := []int{1, 2, 4}[r.IntN(3)]
		kh, kw := 1+r.IntN(5), 1+r.IntN(5)
		few := func(most int) int64 { return int64(r.IntN(most)) }
		y := g.op("ConvTranspose", in(g.act("x", 0.25), g.weights(4, 1+r.IntN(3), kh, kw)), intAttr("group", int64(groups)),
			intsAttr("strides", 1+few(4), 1+few(4)), intsAttr("dilations", 1+few(2), 1+few(2)),
			intsAttr("pads", few(3), few(3), few(3), few(3)), intsAttr("output_padding", few(2), few(2)))
		if r.IntN(2) == 0 {
			y = g.signed(y, 0.5)
		}
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			data := g.encode(y)
			if _, err := Decode("test", data); err != nil {
				wantError(t, err, "and an output of") // pads take all away
				return
			}
			read++
			compareWithOracle(t, data, 2, []int{4, 6, 6}, func() float64 { return float64(r.IntN(17)) / 4 })
		})
	}
	if read < count/2 {
		t.Errorf("%d of %d were read", read, count)
	}
}

func TestConvTransposeRefused(t *testing.T) {
	g := &net{newTestGraph(1, 4, 6, 6), rand.New(rand.NewPCG(1, 9))}
	_, err := g.decode(g.op("ConvTranspose", in(g.act("x", 0.25), g.weights(3, 2, 3, 3))))
	wantError(t, err, "has weights of shape [3 2 3 3] in 1 groups for 4 channels")
	_, err = g.decode(g.op("ConvTranspose", in(g.act("x", 0.25), g.weights(4, 2, 3, 3)), intsAttr("output_shape", 99, 99)))
	wantError(t, err, "wants an output of 99, which is more than the 8 that it makes")
	_, err = g.decode(g.op("ConvTranspose", in(g.act("x", 0.25), g.weights(4, 2, 3, 3)), intsAttr("pads", 4, 4, 4, 4)))
	wantError(t, err, "has stride 1 and an output of 0")
}

// Scales that have a common measure cost weights, exactly; others are refused with what a
// common one would lose.
func TestUnrelatedScales(t *testing.T) {
	concat := func(a, b float32) (*net, string) {
		g := &net{newTestGraph(1, 4, 6, 6), rand.New(rand.NewPCG(3, 9))}
		x := g.act("x", 0.25)
		y := g.op("Concat", in(g.act(g.conv(x, 4, 2, 3, 1), a), g.act(g.conv(x, 4, 2, 3, 1), b)), intAttr("axis", 1))
		return g, g.act(g.conv(y, 4, 2, 3, 1), 0.5)
	}
	g, out := concat(0.5, 0.125)
	n := compareWithOracle(t, g.encode(out), 4, []int{4, 6, 6}, func() float64 { return float64(g.r.IntN(17)) / 4 })
	// Weights of 3 bits times 4 take 5; no layer more than two convolutions, Concat and the last.
	if last := &n.Layers[len(n.Layers)-1]; last.WeightBits != 5 || len(n.Layers) != 4 {
		t.Errorf("%d layers, weights of %d bits; want 4 and 5", len(n.Layers), last.WeightBits)
	}
	g, out = concat(0.5, 0.3)
	_, err := g.decode(out)
	wantError(t, err, "nor in a ratio of small whole numbers: requantised to the largest scale, 0.5, the other inputs "+
		"would move by up to 0.25, and so it is not done unasked")
	g = &net{newTestGraph(1, 4, 6, 6), rand.New(rand.NewPCG(3, 9))}
	x := g.act("x", 0.25)
	_, err = g.decode(g.act(g.op("Sum", in(x, g.act(x, 0.3), g.act(x, 0.7))), 0.5))
	wantError(t, err, "requantised to the largest scale, 0.699999988079071, each of the others would move")
}
