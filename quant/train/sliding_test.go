package train

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
	"github.com/a2qgen/a2qgen/quant/tile"
)

// slidingCase is a convolution with both ways to compute it.
type slidingCase struct {
	op      *nn.Op
	slide   *sliding
	columns *product
	x, g    []float32 // input and output's gradient of a few samples
}

// slidingSamples is more than one, so that gradients add up.
const slidingSamples = 3

// newSlidingCase draws a convolution: kernels longer and shorter than the stride, padding on
// every side, also more than the kernel, channels on both sides of a kernel's 16, inputs that no window reaches.
func newSlidingCase(rng *rand.Rand) *slidingCase {
	upTo := func(n int) int { return 1 + rng.IntN(n) }
	w := quant.Window{H: upTo(5), W: upTo(5), StrideH: upTo(3), StrideW: upTo(3)}
	w.Top, w.Bottom, w.Left, w.Right = rng.IntN(w.H+2), rng.IntN(w.H), rng.IntN(w.W+2), rng.IntN(w.W)
	in := quant.Shape{H: w.H + rng.IntN(9), W: w.W + rng.IntN(20), C: upTo(20)}
	l := quant.Layer{Kind: quant.Conv, Out: upTo(40), Window: w}
	l.In = l.Terms(in)
	out, err := l.OutputShape(in)
	if err != nil {
		panic(err)
	}
	c := &slidingCase{op: nn.NewOp(&l, []quant.Shape{in}, out)}
	bias := rng.IntN(2) == 1
	weights := newWeights(l.Out, l.In, l.Out, bias, rng)
	again := *weights
	for half := range again.part {
		again.part[half], again.biasPart[half] = slices.Clone(again.part[half]), slices.Clone(again.biasPart[half])
	}
	memory := [2]*nn.Work[float32]{nn.NewWork[float32](c.op, 1), nn.NewWork[float32](c.op, 1)}
	c.slide, c.columns = newSliding(weights, c.op), newProduct(&again, newAdjoint(c.op, 1, 1, &memory))
	c.slide.derive()
	for _, v := range []*[]float32{&c.x, &c.g} {
		n := in.Size()
		if v == &c.g {
			n = out.Size()
		}
		for range slidingSamples * n {
			*v = append(*v, float32(rng.NormFloat64()))
		}
	}
	return c
}

// TestSliding: windows read where they lie give what copies of them give, forwards and
// backwards, whether gradients of the input are set or added to.
func TestSliding(t *testing.T) {
	if !tile.Fast {
		t.Skip("no kernel for this processor: convolutions copy their windows")
	}
	rounds := 300
	if testing.Short() {
		rounds = 60
	}
	rng := rand.New(rand.NewPCG(3, 1))
	for range rounds {
		c := newSlidingCase(rng)
		if c.op.Form != nn.Columns || !slides(c.op) {
			continue // a 1x1 convolution is a plain product
		}
		c.forward(t)
		c.backward(t, rng.IntN(2) == 1)
	}
}

// forward compares the outputs.
func (c *slidingCase) forward(t *testing.T) {
	t.Helper()
	n, size := slidingSamples*c.op.Out.Size(), c.op.Out.Size()
	got, want := make([]float32, n), make([]float32, n)
	c.slide.forward(c.x, got, 0)
	for i := range slidingSamples {
		x := c.x[i*c.op.In.Size() : (i+1)*c.op.In.Size()]
		nn.Forward(c.op, [][]float32{x}, c.columns.multiplier(), want[i*size:(i+1)*size], c.columns.memory[0])
	}
	c.near(t, "outputs", got, want)
}

// backward compares the gradients after two spans.
func (c *slidingCase) backward(t *testing.T, add bool) {
	t.Helper()
	var dx [2][]float32
	for i, b := range []backward{c.slide, c.columns} {
		dx[i] = make([]float32, len(c.x))
		for k := range dx[i] {
			dx[i][k] = float32(k % 7) // to be overwritten, or added to
		}
		in := []operand{{&tensor{shape: c.op.In, v: c.x, g: dx[i]}, add}}
		for s := range slidingSamples {
			g := c.g[s*c.op.Out.Size() : (s+1)*c.op.Out.Size()]
			b.backward(in, g, span{s, s + 1, 0})
		}
	}
	c.slide.gather(0)
	c.near(t, "gradients of the input", dx[0], dx[1])
	c.near(t, "gradients of the weights", c.slide.part[0], c.columns.part[0])
	c.near(t, "gradients of the bias", c.slide.biasPart[0], c.columns.biasPart[0])
}

// near compares sums of at most a thousand terms of about 1, which float32 rounds to 1e-4.
func (c *slidingCase) near(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i, v := range got {
		if !(math.Abs(float64(v-want[i])) <= 1e-4*(1+math.Abs(float64(want[i])))) {
			t.Fatalf("%v to %v, window %+v: %s: [%d] is %v, want %v",
				c.op.In, c.op.Out, c.op.Window, what, i, v, want[i])
		}
	}
}
