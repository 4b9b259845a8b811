package train

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
)

// nodeBatch is odd, so that the halves of a batch differ.
const nodeBatch = 5

// layerCase is a step by itself and the shapes that it reads.
type layerCase struct {
	name string
	st   step
	in   []quant.Shape
}

// layer returns the step of a layer that training adds nothing to.
func layer(l nn.Layer) step { return step{Layer: l} }

func layerCases() []layerCase {
	win := func(kernel, stride, pad, dilation int) quant.Window {
		return window(&LayerSpec{Kernel: Both(kernel), Stride: Both(stride), Pad: Both(pad), Dilation: Both(dilation)})
	}
	one := func(h, w, c int) []quant.Shape { return []quant.Shape{{H: h, W: w, C: c}} }
	conv := func(name string, w quant.Window, in quant.Shape, out, groups int, bias bool) layerCase {
		st := layer(nn.Layer{Kind: quant.Conv, In: w.Taps() * in.C / groups, Out: out, Window: w, Groups: groups})
		st.bias = bias
		return layerCase{name, st, []quant.Shape{in}}
	}
	deconv := func(name string, w quant.Window, in quant.Shape, out int, bias bool) layerCase {
		l := nn.Layer{Kind: quant.ConvTranspose, Out: out, Window: w}
		l.In = w.Taps() / w.Phases() * in.C
		st := layer(l)
		st.bias = bias
		return layerCase{name, st, []quant.Shape{in}}
	}
	biased := layer(nn.Layer{Kind: quant.Linear, In: 12, Out: 4})
	biased.bias = true
	normed := layer(nn.Layer{Kind: quant.Requantize})
	normed.norm = true
	odd := quant.Window{H: 2, W: 3, StrideH: 2, StrideW: 1, Top: 1, Right: 2}
	return []layerCase{
		{"linear", layer(nn.Layer{Kind: quant.Linear, In: 7, Out: 4}), one(1, 1, 7)},
		{"linear with bias on positions", biased, one(2, 3, 2)},
		conv("conv", win(3, 1, 1, 1), quant.Shape{H: 5, W: 4, C: 2}, 3, 1, false),
		conv("conv with bias and stride", win(3, 2, 1, 1), quant.Shape{H: 6, W: 5, C: 3}, 2, 1, true),
		conv("conv with dilation", win(3, 1, 2, 2), quant.Shape{H: 5, W: 6, C: 2}, 2, 1, false),
		conv("conv with groups", win(3, 2, 1, 1), quant.Shape{H: 5, W: 5, C: 4}, 6, 2, true),
		conv("conv 1x1", win(1, 1, 0, 1), quant.Shape{H: 3, W: 2, C: 4}, 3, 1, true),
		conv("conv 1x1 with stride", win(1, 2, 0, 1), quant.Shape{H: 5, W: 4, C: 3}, 2, 1, false),
		conv("conv of odd window", odd, quant.Shape{H: 4, W: 5, C: 2}, 3, 1, false),
		conv("depthwise", win(3, 1, 1, 1), quant.Shape{H: 4, W: 5, C: 3}, 3, 3, false),
		conv("depthwise with stride and bias", win(3, 2, 1, 1), quant.Shape{H: 5, W: 4, C: 3}, 3, 3, true),
		conv("depthwise with dilation", win(2, 1, 1, 2), quant.Shape{H: 4, W: 4, C: 2}, 2, 2, false),
		conv("conv of one row", quant.Window{H: 1, W: 5, StrideH: 1, StrideW: 2, Left: 2, Right: 2},
			quant.Shape{H: 2, W: 8, C: 2}, 3, 1, true),
		deconv("conv_transpose 2x2 with stride", win(2, 2, 0, 1), quant.Shape{H: 3, W: 2, C: 3}, 2, true),
		deconv("conv_transpose 4x4 with stride and pad", win(4, 2, 1, 1), quant.Shape{H: 3, W: 4, C: 2}, 3, false),
		deconv("conv_transpose 3x3 with pad", win(3, 1, 2, 1), quant.Shape{H: 5, W: 5, C: 2}, 2, true),
		deconv("conv_transpose of odd window", quant.Window{H: 3, W: 4, StrideH: 3, StrideW: 2, Top: 2, Right: 1},
			quant.Shape{H: 2, W: 3, C: 2}, 2, true),
		{"avgpool", layer(nn.Layer{Kind: quant.AvgPool, Window: win(2, 2, 0, 1)}), one(4, 6, 2)},
		{"avgpool with pad", layer(nn.Layer{Kind: quant.AvgPool, Window: win(3, 2, 1, 1)}), one(4, 3, 2)},
		{"maxpool", layer(nn.Layer{Kind: quant.MaxPool, Window: win(2, 2, 0, 1)}), one(4, 6, 2)},
		{"maxpool with overlap", layer(nn.Layer{Kind: quant.MaxPool, Window: win(3, 2, 1, 1)}), one(4, 3, 2)},
		{"add", layer(nn.Layer{Kind: quant.Add}), append(one(2, 2, 3), one(2, 2, 3)...)},
		{"concat", layer(nn.Layer{Kind: quant.Concat}),
			append(append(one(2, 2, 3), one(2, 2, 1)...), one(2, 2, 2)...)},
		{"upsample", layer(nn.Layer{Kind: quant.Upsample, Factor: 2}), one(2, 3, 2)},
		{"pixel shuffle", layer(nn.Layer{Kind: quant.PixelShuffle, Factor: 2}), one(2, 1, 12)},
		{"requantize", normed, one(2, 2, 3)},
	}
}

// newCase allocates a case with random operands, in spans of 2 samples.
func newCase(c *layerCase, rng *rand.Rand) *node {
	var err error
	if c.st.out, err = c.st.OutputShape(c.in...); err != nil {
		panic(err)
	}
	var in []operand
	for _, shape := range c.in {
		n := nodeBatch * shape.Size()
		in = append(in, operand{tensor: &tensor{shape: shape, v: apart(rng, n), g: make([]float32, n)}})
	}
	n := newNode(&c.st, in, nodeBatch, rng)
	n.chunk = min(n.chunk, 2)
	return n
}

// apart returns n numbers in random order, 4 steps of the differences apart: no
// difference changes which of them is the largest.
func apart(rng *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i, p := range rng.Perm(n) {
		v[i] = (float32(p) - float32(n)/2) * 4 * fdStep
	}
	return v
}

// solo returns a network of one node.
func solo(n *node) *net {
	all := &net{batch: nodeBatch, nodes: []*node{n}}
	all.plan()
	return all
}

// TestLayerGradients checks each operation's gradients to its operands and
// parameters, written and added to what is there.
func TestLayerGradients(t *testing.T) {
	for _, c := range layerCases() {
		t.Run(c.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(7, 1))
			n := newCase(&c, rng)
			all := solo(n)
			r := randoms(rng, len(n.out.v))
			value := func() float64 {
				all.prepare()
				all.forward(nodeBatch, 0)
				return dot(n.out.v, r)
			}
			value()
			for _, x := range n.in {
				for i := range x.g {
					x.g[i] = float32(math.NaN()) // to be overwritten
				}
			}
			copy(n.out.g, r)
			all.backward()
			for i, x := range n.in {
				checkGradient(t, "operand "+string(rune('0'+i)), x.v, x.g, value)
			}
			for _, p := range n.params() {
				checkGradient(t, "parameter", p.v, slices.Clone(p.g), value)
			}
			checkAdds(t, all, r)
		})
	}
}

// checkAdds runs the backward pass again with operands that have a gradient.
func checkAdds(t *testing.T, all *net, r []float32) {
	t.Helper()
	n := all.nodes[0]
	var want [][]float32
	for k, x := range n.in {
		want = append(want, slices.Clone(x.g))
		for i := range x.g {
			x.g[i] = 3
		}
		n.in[k].add = true
	}
	all.prepare()
	all.forward(nodeBatch, 0)
	copy(n.out.g, r)
	all.backward()
	for k, x := range n.in {
		for i, g := range x.g {
			if d := math.Abs(float64(g - 3 - want[k][i])); !(d < 1e-4) {
				t.Fatalf("operand %d, element %d: added %g to 3, want %g", k, i, g-3, want[k][i])
			}
		}
	}
}

// TestSumReadsTwice: an operand that stands there twice gets both parts.
func TestSumReadsTwice(t *testing.T) {
	x := &tensor{shape: quant.Vector(1), v: []float32{1}, g: []float32{0}}
	n := newNode(&step{Layer: nn.Layer{Kind: quant.Add}, out: x.shape}, []operand{{tensor: x}, {tensor: x}}, 1, nil)
	all := solo(n)
	all.forward(1, 0)
	n.out.g[0] = 5
	all.backward()
	if n.out.v[0] != 2 || x.g[0] != 10 {
		t.Errorf("sum %g, gradient %g, want 2 and 10", n.out.v[0], x.g[0])
	}
}

// normCase is a node of batch norm on a few channels, with relu or without.
func normCase(rng *rand.Rand, relu bool, act *actPlan) *node {
	shape := quant.Shape{H: 2, W: 3, C: 3}
	x := &tensor{shape: shape, v: randoms(rng, nodeBatch*shape.Size()), g: make([]float32, nodeBatch*shape.Size())}
	n := newNode(&step{Layer: nn.Layer{Kind: quant.Requantize, Relu: relu}, out: shape, norm: true, act: act},
		[]operand{{tensor: x}}, nodeBatch, rng)
	copy(n.norm.gamma.v, randoms(rng, 3))
	copy(n.norm.beta.v, randoms(rng, 3))
	return n
}

// TestBatchNormGradient folds 6 positions into the batch.
func TestBatchNormGradient(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 1))
	n := normCase(rng, false, nil)
	r := randoms(rng, len(n.out.v))
	all := solo(n)
	value := func() float64 { all.forward(nodeBatch, 0); return dot(n.out.v, r) }
	value()
	copy(n.out.g, r)
	all.backward()
	checkGradient(t, "x", n.in[0].v, n.in[0].g, value)
	checkGradient(t, "gamma", n.norm.gamma.v, slices.Clone(n.norm.gamma.g), value)
	checkGradient(t, "beta", n.norm.beta.v, slices.Clone(n.norm.beta.g), value)
}

// TestBatchNormStatistics against two passes in float64, far from zero and
// with more rows than are summed in float32.
func TestBatchNormStatistics(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	const f, rows = 2, 3*flushRows + 7
	b := newBatchNorm(f)
	x := randoms(rng, f*rows)
	for i := range x {
		x[i] = 1000 + 0.5*x[i]
	}
	b.collect(x[:f*100], 0)
	b.collect(x[f*100:f*150], 0)
	b.collect(x[f*150:], 1)
	b.settle(1)
	for c := range f {
		mean, v := 0.0, 0.0
		for i := c; i < len(x); i += f {
			mean += float64(x[i]) / rows
		}
		for i := c; i < len(x); i += f {
			v += (float64(x[i]) - mean) * (float64(x[i]) - mean)
		}
		if math.Abs(float64(b.mean[c])-mean) > 1e-4 || math.Abs(float64(b.variance[c])-v/(rows-1)) > 1e-4*v/rows {
			t.Errorf("channel %d: mean %v, variance %v, want %v and %v", c, b.mean[c], b.variance[c], mean, v/(rows-1))
		}
	}
}

func TestReLUGradient(t *testing.T) {
	z := []float32{-2, -0.5, 0.5, 3}
	r := []float32{1, 2, 3, 4}
	y, g := make([]float32, 4), slices.Clone(r)
	a := newActivation(1, true, nil)
	a.set(nil)
	a.backward(z, g, 0)
	checkGradient(t, "z", z, g, func() float64 { a.forward(z, y); return dot(y, r) })
}

// TestActivationGradient differentiates what straight-through means: with the
// rounding error c = round(u) - u frozen, y = s*(z/s + c) inside the range, and
// s times the integer at its end beyond.
func TestActivationGradient(t *testing.T) {
	for _, p := range []actPlan{{bits: 3}, {bits: 3, signed: true}} {
		rng := rand.New(rand.NewPCG(3, 1))
		const n = 64
		q := newActScale(&p, n)
		q.start(2.1)
		a := newActivation(1, !p.signed, nil)
		a.q = q
		a.set(nil)
		z, r := randoms(rng, n), randoms(rng, n)
		s := float64(q.scale())
		value := func() float64 {
			now, sum := math.Exp2(float64(q.e.v[0])), 0.0
			for i, v := range z {
				u := float64(v) / now
				frozen := math.RoundToEven(float64(v)/s) - float64(v)/s
				switch {
				case u >= float64(q.hi):
					u = float64(q.hi)
				case u <= float64(q.lo):
					u = float64(q.lo)
				default:
					u += frozen
				}
				sum += float64(r[i]) * now * u
			}
			return sum
		}
		g := slices.Clone(r)
		a.backward(z, g, 0)
		a.learn()
		for i, v := range z {
			want := r[i]
			if u := float64(v) / s; u <= float64(q.lo) || u >= float64(q.hi) {
				want = 0
			}
			if g[i] != want {
				t.Errorf("z[%d] = %g: gradient %g, want %g", i, v, g[i], want)
			}
		}
		// Values within a step of the ends change branch; keep the step small.
		const h = 1.0 / 1024
		got, e := q.e.g[0]/q.r, q.e.v[0]
		q.e.v[0] = e + h
		up := value()
		q.e.v[0] = e - h
		want := (up - value()) / (2 * h)
		if !(math.Abs(want-float64(got)) <= 0.02*math.Abs(want)) {
			t.Errorf("signed %v: scale: gradient %g, differences give %g", p.signed, got, want)
		}
	}
}

func TestActivationRounds(t *testing.T) {
	for _, c := range []struct {
		plan actPlan
		z, y []float32
	}{ // s = 0.5; ties 0.5, 1.5, 2.5 to even
		{actPlan{bits: 2, scale: 0.5}, []float32{-1, 0.1, 0.25, 0.3, 0.75, 1.2, 1.25, 9},
			[]float32{0, 0, 0, 0.5, 1, 1, 1, 1.5}},
		{actPlan{bits: 2, signed: true, scale: 0.5}, []float32{-9, -0.75, -0.7, -0.25, 0.3, 0.75},
			[]float32{-1, -1, -0.5, 0, 0.5, 0.5}},
	} {
		a := newActivation(1, !c.plan.signed, nil)
		a.q = newActScale(&c.plan, 1)
		a.set(nil)
		y := make([]float32, len(c.z))
		a.forward(c.z, y)
		if !slices.Equal(y, c.y) {
			t.Errorf("%v gives %v, want %v", c.z, y, c.y)
		}
	}
}

// graphSpec has every kind of layer.
const graphSpec = `
layers:
  - conv: {out: 4, kernel: 3, pad: 1}
  - residual:
      body: [{conv: {out: 4, kernel: 3, pad: 1}}, {depthwise: {kernel: 3, pad: 1}}]
  - maxpool: {kernel: 2}
  - concat:
      branches:
        - [{conv: {out: 3, kernel: 1}}]
        - [{depthwise: {kernel: 3, pad: 1, relu: false}}]
        - []
  - residual:
      relu: false
      body: [{conv: {out: 8, kernel: 3, stride: 2, pad: 1, groups: 1}}]
      shortcut: [{avgpool: {kernel: 2}}, {conv: {out: 8, kernel: 1, relu: true}}]
  - pixel_shuffle: 2
  - conv: {out: 4, kernel: 2, groups: 2}
  - upsample: 2
  - global_avgpool: {act_bits: 8}
  - 6
`

func graphOf(t *testing.T, batch int) *net {
	t.Helper()
	s, err := ParseSpec([]byte(graphSpec))
	if err != nil {
		t.Fatal(err)
	}
	s.Batch = batch
	return mustNet(t, s, quant.Shape{H: 8, W: 8, C: 1}, 3)
}

// TestGraphGradient checks that gradients find their way through a graph. Its
// ReLUs, whose kinks blur the differences of so deep a network, are taken out.
func TestGraphGradient(t *testing.T) {
	n := graphOf(t, 17)
	for _, node := range n.nodes {
		if node.act != nil {
			node.act.relu = false
		}
	}
	checkNet(t, n, 3, 0.03)
}
