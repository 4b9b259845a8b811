package nn

import (
	"math"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
)

func TestInteger(t *testing.T) {
	for _, c := range []struct {
		a    ActQuant
		v    float64
		want float64
	}{
		{ActQuant{Scale: 0.5, Bits: 2}, 0.75, 2}, // 1.5, to even
		{ActQuant{Scale: 0.5, Bits: 2}, 1.25, 2}, // 2.5, to even
		{ActQuant{Scale: 0.5, Bits: 2}, 9, 3},
		{ActQuant{Scale: 0.5, Bits: 2}, -9, 0},
		{ActQuant{Scale: 0.5, Bits: 2, Narrow: true}, 9, 2},
		{ActQuant{Scale: 0.5, Bits: 3, Signed: true}, -9, -4},
		{ActQuant{Scale: 0.5, Bits: 3, Signed: true, Narrow: true}, -9, -3},
		{ActQuant{Scale: 0.5, Bits: 3, Signed: true, Narrow: true}, 9, 3},
	} {
		if got := c.a.Integer(c.v); got != c.want {
			t.Errorf("%+v of %v is %v, want %v", c.a, c.v, got, c.want)
		}
	}
}

func TestGains(t *testing.T) {
	b := &BatchNorm{Gamma: []float32{3, -1}, Var: []float32{0.25, 0}, Epsilon: 2}
	for c, want := range []float64{2, -math.Sqrt(0.5)} {
		if got := b.Gains()[c]; math.Abs(got-want) > 1e-12 {
			t.Errorf("gain %d is %g, want %g", c, got, want)
		}
	}
}

// TestFoldNorm: 2 (3x + 1 - 5) + 4 is 6x - 4.
func TestFoldNorm(t *testing.T) {
	l := Layer{In: 1, Out: 1, Weights: []float32{3}, Bias: []float32{1},
		BatchNorm: &BatchNorm{Gamma: []float32{4}, Beta: []float32{4}, Mean: []float32{5}, Var: []float32{3}, Epsilon: 1}}
	if l.FoldNorm(); l.Weights[0] != 6 || l.Bias[0] != -4 || l.BatchNorm != nil {
		t.Errorf("folded to %+v", l)
	}
	bare := Layer{In: 1, Out: 1, Weights: []float32{3},
		BatchNorm: &BatchNorm{Gamma: []float32{1}, Beta: []float32{4}, Mean: []float32{5}, Var: []float32{1}}}
	if bare.FoldNorm(); bare.Weights[0] != 3 || bare.Bias[0] != -1 {
		t.Errorf("without bias folded to %+v", bare)
	}
}

// TestGraph: shapes, readers and kinds of a model that leaves what it may to defaults.
func TestGraph(t *testing.T) {
	m := &Model{Name: "m", InputShape: []int{3, 2, 2}, Layers: []Layer{
		{Name: "a", In: 12, Out: 2, Weights: make([]float32, 24)},
		{Name: "b", Kind: quant.Add, From: []int{0, 0}},
	}}
	g := mustGraph(t, m)
	if g.Sample != (quant.Shape{H: 2, W: 2, C: 3}) || g.Shapes[1] != quant.Vector(2) || g.Layers[0].Kind != quant.Linear ||
		m.Layers[0].Kind != "" || m.Layers[0].From != nil || g.Layers[0].From[0] != quant.Source || len(g.Readers[0]) != 2 {
		t.Errorf("graph %+v", g)
	}
	if r := g.Roles(); !r[0].First || !r[0].Last || r[1].Weighted {
		t.Errorf("roles %+v", r)
	}
}

func TestGraphRefuses(t *testing.T) {
	for want, change := range map[string]func(m *Model){
		"has no layers":             func(m *Model) { m.Layers = nil },
		"input shape [] is not":     func(m *Model) { m.InputShape = nil },
		"input shape [0] is not":    func(m *Model) { m.InputShape = []int{0} },
		"input shape [32768 32768]": func(m *Model) { m.InputShape = []int{1 << 15, 1 << 15} },
		"input: activation scale is 0": func(m *Model) {
			m.Input = &ActQuant{Bits: 4}
		},
		`layer 1: name "a" is a duplicate`:  func(m *Model) { m.Layers[1].Name = "a" },
		`layer 0: name "1" is a duplicate`:  func(m *Model) { m.Layers[0].Name = "1" },
		`layer "b": reads layer 1, want an`: func(m *Model) { m.Layers[1].From = []int{1} },
		`layer "b": has 4 inputs, the layer before gives 3`: func(m *Model) {
			m.Layers[1].In, m.Layers[1].Weights = 4, make([]float32, 4)
		},
		`layer "a": has 5 weights, want 3 x 2`:      func(m *Model) { m.Layers[0].Weights = make([]float32, 5) },
		`layer "a": channel 1: weight 0 is NaN`:     func(m *Model) { m.Layers[0].Weights[2] = float32(math.NaN()) },
		`layer "a": has 1 biases, want 3`:           func(m *Model) { m.Layers[0].Bias = make([]float32, 1) },
		`layer "b": has 0 batch-norm gains, want 1`: func(m *Model) { m.Layers[1].BatchNorm = &BatchNorm{} },
		`layer "b": reads layer "a", which has no ac`: func(m *Model) {
			m.Input = &ActQuant{Scale: 1, Bits: 4}
			m.Layers[0].WeightBits, m.Layers[0].WeightScale = 4, []float32{1}
		},
		`layer "a": weights have 0 bits, want 2..16 in a quantised model`: func(m *Model) {
			m.Input = &ActQuant{Scale: 1, Bits: 4}
		},
	} {
		m := &Model{Name: "m", InputShape: []int{2}, Layers: []Layer{
			{Name: "a", Kind: quant.Linear, In: 2, Out: 3, Weights: make([]float32, 6)},
			{Name: "b", Kind: quant.Linear, In: 3, Out: 1, Weights: make([]float32, 3)},
		}}
		change(m)
		if _, err := m.Graph(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	g := mustGraph(t, &Model{Name: "m", InputShape: []int{2}, Layers: []Layer{{Name: "a", Kind: quant.Requantize}}})
	for want, x := range map[string][]float32{
		"3 values, want samples of 2": make([]float32, 3), "0 values, want": nil,
		"sample 1: element 0 is +Inf": {0, 0, float32(math.Inf(1)), 0},
	} {
		if _, err := g.Source(x); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// TestNegative: sums of products and batch norms may fall below 0, ReLU ends it, and all
// else has the sign of what it reads.
func TestNegative(t *testing.T) {
	only := func(k int) func(int) bool { return func(from int) bool { return from == k } }
	for _, c := range []struct {
		l    Layer
		want bool
	}{
		{Layer{Kind: quant.Linear}, true},
		{Layer{Kind: quant.Conv, Relu: true}, false},
		{Layer{Kind: quant.Requantize, From: []int{0}, BatchNorm: &BatchNorm{}}, true},
		{Layer{Kind: quant.MaxPool, From: []int{0}}, false},
		{Layer{Kind: quant.Add, From: []int{0, 2}}, true},
		{Layer{Kind: quant.Add, From: []int{0, 2}, Relu: true}, false},
	} {
		if got := c.l.Negative(only(2)); got != c.want {
			t.Errorf("%+v: %v, want %v", c.l, got, c.want)
		}
	}
}
