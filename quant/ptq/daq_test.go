package ptq

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
)

// residualModel is a network of which all channels between layers can be scaled: convolutions, a depthwise one, a sum
// with two readers behind it, pools of both kinds, and linear layers.
func residualModel(rng *rand.Rand) *nn.Model {
	m := graphModel(rng)
	pad := quant.Window{H: 3, W: 3, Top: 1, Left: 1, Bottom: 1, Right: 1}
	conv := func(name string, from, groups int) nn.Layer {
		size := 9 * 4 / groups
		return nn.Layer{Name: name, Kind: quant.Conv, From: []int{from}, In: size, Out: 4, Groups: groups, Window: pad,
			Weights: randoms(rng, size*4, 1), BatchNorm: norm(rng, 4), Relu: true}
	}
	half := quant.Window{H: 2, W: 2, StrideH: 2, StrideW: 2}
	sum := nn.Layer{Name: "sum", Kind: quant.Add, From: []int{0, 2}, Relu: true}
	m.Layers = []nn.Layer{m.Layers[0], conv("b", 0, 4), conv("c", 1, 1), sum, conv("d", 3, 1), conv("e", 3, 4),
		{Name: "sum2", Kind: quant.Add, From: []int{4, 5}},
		{Name: "pool", Kind: quant.MaxPool, From: []int{6}, Window: half},
		conv("f", 7, 2),
		{Name: "mean", Kind: quant.AvgPool, From: []int{8}, Window: half},
		{Name: "out", Kind: quant.Linear, From: []int{9}, In: 8, Out: 5, Weights: randoms(rng, 40, 0.3),
			Bias: randoms(rng, 5, 0.2)}}
	m.Layers[2].Relu = false // an operand that may be negative
	return m
}

// prepared returns what DAQ makes of a calibration of m.
func prepared(t *testing.T, m *nn.Model, x Samples) (before, after *Calibration) {
	t.Helper()
	before, err := Calibrate(t.Context(), m, x, 8, false)
	if err != nil {
		t.Fatal(err)
	}
	d, err := Define(string(DAQ))
	if err != nil {
		t.Fatal(err)
	}
	after, err = before.prepare(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := before.prepare(t.Context(), d); err != nil || again != after {
		t.Errorf("prepared again: %v", err)
	}
	return before, after
}

// TestEvenDeviations: the network stays the same function, and all channels of what ties have together get the same
// deviation.
func TestEvenDeviations(t *testing.T) {
	for name, model := range map[string]func(*rand.Rand) *nn.Model{"graph": graphModel, "residual": residualModel} {
		rng := rand.New(rand.NewPCG(43, 1))
		x := Samples{Values: uniforms(rng, 40*96), High: 1}
		before, after := prepared(t, model(rng), x)
		// In real numbers, the input too.
		var gave [2][]float64
		for i, c := range []*Calibration{before, after} {
			m := c.g.Model.Clone()
			m.Input = nil
			gave[i] = outputs(t, m, x.Values[:960])
		}
		want, got := gave[0], gave[1]
		for i := range want {
			if math.Abs(got[i]-want[i]) > 1e-4*(1+math.Abs(want[i])) {
				t.Fatalf("%s: output %d is %v, was %v", name, i, got[i], want[i])
			}
		}
		tied, changed := after.g.tied(), false
		for r, factors := range after.evening(tied) {
			for k, f := range factors {
				if math.Abs(f-1) > 1e-5 {
					t.Errorf("%s: tie of %d, channel %d: %v from the mean", name, r, k, f)
				}
			}
		}
		for _, factors := range before.evening(tied) {
			for _, f := range factors {
				changed = changed || math.Abs(f-1) > 0.1
			}
		}
		if !changed {
			t.Errorf("%s: no channel had to be scaled", name)
		}
	}
}

// TestPerLayer: the layers whose channels keep one scale are named with the reason, and no others.
func TestPerLayer(t *testing.T) {
	for _, c := range []struct {
		model func(*rand.Rand) *nn.Model
		want  map[string]string
	}{
		// a, c and d lead to the concatenation, d and its operands by a shuffle and a repetition.
		{graphModel, map[string]string{"a": `concat "join"`, "c": `concat "join"`, "d": `pixelshuffle "shuffle"`}},
		{residualModel, nil},
	} {
		rng := rand.New(rand.NewPCG(43, 2))
		cal, err := Calibrate(t.Context(), c.model(rng), Samples{Values: uniforms(rng, 20*96), High: 1}, 8, true)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range []Method{DAQ, Budget} {
			_, reports, err := cal.Project(t.Context(), settings(m, Accumulator{Bits: 12}))
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range reports {
				want := c.want[r.Name]
				if m != DAQ {
					want = ""
				}
				if (r.PerLayer == "") != (want == "") || !strings.Contains(r.PerLayer, want) {
					t.Errorf("%s, layer %s: %q, want %q", m, r.Name, r.PerLayer, want)
				}
			}
		}
	}
}

// TestDAQResidual: as TestProjectGraph, where channels are scaled through sums.
func TestDAQResidual(t *testing.T) {
	rng := rand.New(rand.NewPCG(43, 3))
	x := Samples{Values: uniforms(rng, 30*96), High: 1}
	c, err := Calibrate(t.Context(), residualModel(rng), x, 8, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, acc := range []Accumulator{{}, {Bits: 10}} {
		m, net := mustProject(t, c, settings(DAQ, acc))
		checkCertified(t, net, acc)
		checkExecutor(t, m, net, x.Values[:6*96])
	}
}

// TestEvened: geometric mean 2 of 1 and 4; what has no deviation stays.
func TestEvened(t *testing.T) {
	of := make([]spread, 4)
	for k, v := range [][]float64{{1, 3}, {10, 18, 0}, {5}, {0, 0}} {
		for _, x := range v {
			of[k].add(x)
		}
	}
	for k, want := range []float64{2, 0.5, 1, 1} {
		if got := evened(of, false)[k]; math.Abs(got-want) > 1e-12 {
			t.Errorf("channel %d: %v, want %v", k, got, want)
		}
	}
}
