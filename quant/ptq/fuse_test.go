package ptq

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
)

// repModel has a block of three branches, one of two with a stride, and a sum that is none: one of its convolutions is
// read elsewhere.
func repModel(rng *rand.Rand) *nn.Model {
	conv := func(name string, from, in, out, k, stride int) nn.Layer {
		pad := k / 2
		l := nn.Layer{Name: name, Kind: quant.Conv, From: []int{from}, In: k * k * in, Out: out, Groups: 1,
			BatchNorm: norm(rng, out), Window: quant.Window{H: k, W: k, StrideH: stride, StrideW: stride, Top: pad, Left: pad,
				Bottom: pad, Right: pad}}
		l.Weights = randoms(rng, l.In*out, 0.4)
		return l
	}
	first := conv("first", quant.Source, 2, 4, 3, 1)
	first.Relu = true
	return &nn.Model{Name: "rep", InputShape: []int{2, 7, 6}, Layers: []nn.Layer{first,
		conv("small", 0, 4, 4, 1, 1), conv("wide", 0, 4, 4, 3, 1),
		{Name: "three", Kind: quant.Add, From: []int{1, 0, 2}, Relu: true}, // 3
		conv("half", 3, 4, 6, 3, 2), conv("point", 3, 4, 6, 1, 2),
		{Name: "two", Kind: quant.Add, From: []int{4, 5}, Relu: true}, // 6
		conv("again", 6, 6, 6, 3, 1), conv("more", 6, 6, 6, 1, 1),
		{Name: "none", Kind: quant.Add, From: []int{7, 8}, Relu: true}, // 9: more is read by both too
		{Name: "both", Kind: quant.Add, From: []int{8, 9}, Relu: true},
		{Name: "out", Kind: quant.Linear, In: 6 * 4 * 3, Out: 3, Weights: randoms(rng, 216, 0.2)}}}
}

// TestFuse: a fused kernel equals its branches, and what is no such sum stays.
func TestFuse(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 4))
	m := repModel(rng)
	x := uniforms(rng, 20*84)
	want := outputs(t, m, x)
	g, err := newGraph(m)
	if err != nil {
		t.Fatal(err)
	}
	g.foldNorms()
	g, fused, err := g.fuse()
	if err != nil || fused != 2 || len(g.Layers) != len(m.Layers)-4 {
		t.Fatalf("%d sums fused, %d layers, %v: want 2 and %d", fused, len(g.Layers), err, len(m.Layers)-4)
	}
	for i, got := range outputs(t, g.Model, x) {
		if math.Abs(got-want[i]) > 1e-5*(1+math.Abs(want[i])) {
			t.Fatalf("output %d: %v, want %v", i, got, want[i])
		}
	}
	c, err := Calibrate(t.Context(), m, Samples{Values: x, High: 1}, 8, true)
	if err != nil || c.Fused != 2 {
		t.Fatalf("calibration fused %d sums, %v", c.Fused, err)
	}
}
