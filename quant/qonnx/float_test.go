package qonnx

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
)

// floated returns m without its quantisers.
func floated(m *nn.Model) *nn.Model {
	out := *m
	out.Input, out.Metadata = nil, nil
	out.Layers = append([]nn.Layer(nil), m.Layers...)
	for i := range out.Layers {
		l := &out.Layers[i]
		l.Act, l.WeightBits, l.WeightScale, l.AccBits, l.Shifted = nil, 0, nil, 0, false
		if l.Kind == quant.Requantize {
			l.Relu = true // without its quantiser it has no node
		}
	}
	return &out
}

// A float model written and read back is the same.
func TestFloatRoundTrip(t *testing.T) {
	for seed := range uint64(6) {
		m := floated(graphModel(seed))
		data, err := Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeModel("graph", data)
		if err != nil {
			t.Fatal(err)
		}
		sameForward(t, m, got)
		for i := range m.Layers {
			if d := cmp.Diff(m.Layers[i].Weights,
				got.Layers[i].Weights); d != "" || got.Layers[i].Name != m.Layers[i].Name {
				t.Errorf("layer %q, read as %q: %s", m.Layers[i].Name, got.Layers[i].Name, d)
			}
		}
		if _, err := Decode("graph", data); err == nil {
			t.Error("a float model is read as integers")
		}
	}
}

func sameForward(t *testing.T, a, b *nn.Model) {
	t.Helper()
	if len(a.Layers) != len(b.Layers) || !cmp.Equal(a.InputShape, b.InputShape) {
		t.Fatalf("%d layers over %v, want %d over %v", len(b.Layers), b.InputShape, len(a.Layers), a.InputShape)
	}
	r := rand.New(rand.NewPCG(1, 2))
	sample := make([]float64, product(a.InputShape))
	for range 3 {
		for i := range sample {
			sample[i] = float64(r.IntN(64)-32) / 8
		}
		if d := cmp.Diff(forward(a, sample), forward(b, sample)); d != "" {
			t.Error(d)
		}
	}
}

// The float model of a graph is what the graph computes in float64.
func TestFloatGraph(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	g := &net{newTestGraph(1, 4, 6, 6), r}
	conv := func(x string, in_, out int) string {
		return g.op("Conv", in(x, g.f32([]int{out, in_, 3, 3}, g.dyadics(out*in_*9, 8)...)),
			intsAttr("pads", 1, 1, 1, 1))
	}
	x := g.op("Pad", in("x", g.i64(0, 0, 1, 0, 0, 0, 0, 1)))
	a := g.op("Relu", in(g.norm(conv(x, 4, 3), 3)))
	y := g.op("Add", in(a, g.op("Relu", in(g.norm(a, 3)))))
	y = g.op("MaxPool", in(g.op("Concat", in(y, a), intAttr("axis", 1))), intsAttr("kernel_shape", 2, 2),
		intsAttr("strides", 2, 2))
	y = g.op("Flatten", in(y))
	y = g.op("Add", in(g.op("MatMul", in(y, g.f32([]int{54, 5}, g.dyadics(270, 8)...))),
		g.f32([]int{5}, 1, 2, 3, 4, 5)))
	y = g.op("Relu", in(y))
	out := g.op("Gemm", in(y, g.f32([]int{2, 5}, g.dyadics(10, 8)...), g.f32([]int{2}, 1, -1)), intAttr("transB", 1))
	data := g.encode(out)
	m, err := DecodeModel("float", data)
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		in := newArray(1, 4, 6, 6).fill(func([]int) float64 { return float64(dyadic(r, 16)) })
		if d := cmp.Diff(evaluateFile(data, in)[out].data, forward(m, in.data)); d != "" {
			t.Error(d)
		}
	}
}

// Of a QONNX file the float weights are read.
func TestFloatOfQuantised(t *testing.T) {
	for _, path := range []string{fmnistMLP, fmnistCNN} {
		m, err := ReadModel(path)
		if err != nil {
			t.Fatal(err)
		}
		if k := len(m.Layers); m.Layers[0].BatchNorm == nil || !m.Layers[0].Relu ||
			m.Layers[k-1].Kind != quant.Linear || m.Layers[k-1].Out != 10 {
			t.Errorf("%s: %d layers, first %+v", path, k, m.Layers[0].Kind)
		}
	}
}

func TestFloatRefuses(t *testing.T) {
	for want, build := range map[string]func(g *net) string{
		`(Sigmoid): is not supported`: func(g *net) string { return g.op("Sigmoid", in("x")) },
		`(Reshape): is not supported with a constant as its first input`: func(g *net) string {
			return g.op("Reshape", in(g.f32([]int{2}, 1, 2), "x"))
		},
		`depends on no layer`: func(g *net) string { return g.op("Identity", in("x")) },
		`(Conv): has weights of shape [2 3 1 1] in 1 groups for 4 channels`: func(g *net) string {
			return g.op("Conv", in("x", g.f32([]int{2, 3, 1, 1}, 1, 2, 3, 4, 5, 6)))
		},
		`(Reshape): makes shape [1 2 72]`: func(g *net) string { return g.op("Reshape", in("x", g.i64(1, 2, 72))) },
		`(Add): adds a constant to what is no layer`: func(g *net) string {
			return g.op("Add", in("x", g.scalar(1)))
		},
		`(Cast): casts to FLOAT16, which rounds: a float model has no layer for it`: func(g *net) string {
			return g.cast(g.op("Relu", in("x")), typeFloat16)
		},
		`(Cast): casts to INT32, which rounds`: func(g *net) string { return g.cast("x", typeInt32) },
		`wants to join features along axis 1`: func(g *net) string {
			return g.op("Concat", in("x", "x"), intAttr("axis", 2))
		},
	} {
		g := &net{newTestGraph(1, 4, 6, 6), rand.New(rand.NewPCG(5, 5))}
		_, err := DecodeModel("test", g.encode(build(g)))
		wantError(t, err, want)
	}
}

// A Cast that changes nothing is left out: between FLOAT and DOUBLE, and of a label.
// Constants go through theirs.
func TestFloatCasts(t *testing.T) {
	g := newTestGraph(1, 4)
	w := g.cast(g.cast(g.f32([]int{4, 2}, 2049, 1, 1, 1, 1, 1, 1, -2049), typeFloat16), typeFloat)
	x := g.cast(g.cast(g.op("MatMul", in(g.cast("x", typeDouble), w)), typeFloat), typeFloat)
	m, err := DecodeModel("test", g.encode(g.cast(g.op("ArgMax", in(x), intAttr("axis", 1)), typeInt32)))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := m.Layers[0].Weights, []float32{2048, 1, 1, 1, 1, 1, 1, -2048}; !cmp.Equal(got, want) {
		t.Errorf("weights %v, want %v: FLOAT16 has no 2049", got, want)
	}
}
