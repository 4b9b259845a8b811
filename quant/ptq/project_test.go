package ptq

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
	"github.com/a2qgen/a2qgen/quant/qonnx"
)

// randoms returns n normal numbers times scale.
func randoms(rng *rand.Rand, n int, scale float64) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(scale * rng.NormFloat64())
	}
	return v
}

// norm returns a batch norm of random numbers, gains of both signs.
func norm(rng *rand.Rand, n int) *nn.BatchNorm {
	b := &nn.BatchNorm{Gamma: randoms(rng, n, 1), Beta: randoms(rng, n, 0.3), Mean: randoms(rng, n, 0.3),
		Var: randoms(rng, n, 1), Epsilon: 1e-5}
	for i, v := range b.Var {
		b.Var[i] = 0.3 + v*v
	}
	return b
}

// graphModel is a float network with every kind of layer: convolutions (plain,
// grouped, depthwise, strided, dilated), pools, a sum, a concatenation, moves.
func graphModel(rng *rand.Rand) *nn.Model {
	conv := func(name string, from, in, out, groups, k int, w quant.Window) nn.Layer {
		w.H, w.W = k, k
		size := k * k * in / groups
		return nn.Layer{Name: name, Kind: quant.Conv, From: []int{from}, In: size, Out: out,
			Groups: groups, Window: w,
			Weights: randoms(rng, size*out, 1/math.Sqrt(float64(size))), BatchNorm: norm(rng, out), Relu: true}
	}
	pad := quant.Window{Top: 1, Left: 1, Bottom: 1, Right: 1}
	stride := pad
	stride.StrideH, stride.StrideW = 2, 2
	m := &nn.Model{Name: "graph", InputShape: []int{2, 8, 6}}
	m.Layers = []nn.Layer{
		conv("a", quant.Source, 2, 4, 1, 3, pad),
		conv("b", 0, 4, 4, 4, 3, pad),
		conv("c", 1, 4, 4, 2, 1, quant.Window{}),
		{Name: "sum", Kind: quant.Add, From: []int{0, 2}},
		{Name: "pool", Kind: quant.MaxPool, Window: quant.Window{H: 2, W: 2, StrideH: 2, StrideW: 2}},
		conv("d", 4, 4, 8, 1, 3, pad),
		{Name: "shuffle", Kind: quant.PixelShuffle, From: []int{5}, Factor: 2},
		{Name: "up", Kind: quant.Upsample, From: []int{4}, Factor: 2},
		{Name: "join", Kind: quant.Concat, From: []int{6, 7}},
		conv("e", 8, 6, 6, 1, 3, stride),
		{Name: "mean", Kind: quant.AvgPool, From: []int{9}, Window: quant.Window{H: 2, W: 3, StrideH: 2, StrideW: 3}},
		{Name: "out", Kind: quant.Linear, From: []int{10}, In: 12, Out: 5, Weights: randoms(rng, 60, 0.3),
			Bias: randoms(rng, 5, 0.2)},
	}
	m.Layers[5].Relu = false
	m.Layers[0].BatchNorm.Epsilon = 0.01
	return m
}

func uniforms(rng *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = rng.Float32()
	}
	return v
}

func settings(m Method, acc Accumulator) Settings {
	return Settings{Method: m, Acc: acc, WeightBits: 4, FirstWeightBits: 8, LastWeightBits: 8, ActBits: 4}
}

// mustProject projects m and returns the model and what its file imports as.
func mustProject(t *testing.T, c *Calibration, s Settings) (*nn.Model, *quant.Network) {
	t.Helper()
	m, _, err := c.Project(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	file, err := qonnx.Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	net, err := qonnx.Decode("net", file)
	if err != nil {
		t.Fatal(err)
	}
	return m, net
}

// Every method at every width gives a network that its own file certifies, and
// that the evaluator and the integer executor agree about, integer for integer.
func TestProjectGraph(t *testing.T) {
	rng := rand.New(rand.NewPCG(31, 1))
	model := graphModel(rng)
	x := Samples{Values: uniforms(rng, 40*96), High: 1}
	for _, equal := range []bool{false, true} {
		c, err := Calibrate(context.Background(), model, x, 8, equal)
		if err != nil {
			t.Fatal(err)
		}
		if want := map[bool]int{true: 2}[equal]; c.Pairs != want { // b-c and e-out; the others branch, join or shuffle
			t.Errorf("%d pairs of layers equalised, want %d", c.Pairs, want)
		}
		for _, d := range Methods() {
			for _, acc := range []Accumulator{{}, {Bits: 14}, {Bits: 9},
				{Bits: 7, Rule: quant.Shifted}, {Bits: 8, Tile: 4}} {
				m, net := mustProject(t, c, settings(d.Method, acc))
				checkCertified(t, net, acc)
				checkExecutor(t, m, net, x.Values[:6*96])
			}
		}
	}
}

// checkCertified checks the hidden layers of net against acc.
func checkCertified(t *testing.T, net *quant.Network, acc Accumulator) {
	t.Helper()
	if err := net.Certify(); err != nil {
		t.Error(err)
	}
	for i := range net.Layers {
		l := &net.Layers[i]
		if !l.Kind.Weighted() || l.Name == "a" || l.Name == "out" || acc.Bits == 0 {
			continue
		}
		if want := acc.OuterBits(l.In); l.AccBits != want {
			t.Errorf("layer %s declares %d bits, want %d", l.Name, l.AccBits, want)
		}
		p := Problem{Name: l.Name, Rows: l.Out, K: l.In, Input: l.Input, Acc: acc}
		if err := p.Certify(l.Weights); err != nil {
			t.Error(err)
		}
	}
}

// outputs evaluates m.
func outputs(t *testing.T, m *nn.Model, samples []float32) []float64 {
	t.Helper()
	g, err := m.Graph()
	if err != nil {
		t.Fatal(err)
	}
	out, err := g.Outputs(context.Background(), samples)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// checkExecutor compares the evaluator with the integer executor on m's last
// layer, whose real outputs follow from the accumulators, and on all labels.
func checkExecutor(t *testing.T, m *nn.Model, net *quant.Network, samples []float32) {
	t.Helper()
	got := outputs(t, m, samples)
	for i, want := range integerOutputs(net, samples) {
		// The evaluator keeps real outputs in float32.
		if float32(want) != float32(got[i]) && math.Abs(want-got[i]) > 1e-6*math.Abs(want) {
			n := net.OutputLayer(0).Shape.Size()
			t.Fatalf("sample %d, output %d: executor %v, evaluator %v", i/n, i%n, want, got[i])
		}
	}
}

// Folding and equalising change nothing but rounding.
func TestSameFunction(t *testing.T) {
	rng := rand.New(rand.NewPCG(31, 2))
	model := graphModel(rng)
	x := uniforms(rng, 10*96)
	before := outputs(t, model, x)
	g, err := newGraph(model)
	if err != nil {
		t.Fatal(err)
	}
	g.foldNorms()
	pairs, err := g.equalize()
	if err != nil || pairs == 0 {
		t.Fatalf("%d pairs, %v", pairs, err)
	}
	after := outputs(t, g.Model, x)
	for i := range before {
		if math.Abs(before[i]-after[i]) > 1e-4*(1+math.Abs(before[i])) {
			t.Fatalf("output %d: %v became %v", i, before[i], after[i])
		}
	}
	if model.Layers[0].BatchNorm == nil || slices.Equal(model.Layers[1].Weights, g.Layers[1].Weights) {
		t.Error("the model given has changed")
	}
}

// TestTransposedRefused: what has no projection is named, not projected as something else.
func TestTransposedRefused(t *testing.T) {
	m := &nn.Model{Name: "up", InputShape: []int{1, 2, 2}, Layers: []nn.Layer{{Name: "convt1", Kind: quant.ConvTranspose,
		In: 1, Out: 1, Weights: []float32{1, 2, 3, 4}, Window: quant.Window{H: 2, W: 2, StrideH: 2, StrideW: 2}}}}
	_, err := Calibrate(t.Context(), m, Samples{Values: make([]float32, 4), High: 1}, 8, true)
	if err == nil || !strings.Contains(err.Error(), `layer "convt1" is a transposed convolution, which is not projected`) {
		t.Errorf("error %v", err)
	}
}
