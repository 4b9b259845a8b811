package qonnx

import (
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
)

// largeGraphs are small files that ask for very much, by what the error says.
var largeGraphs = map[string]func(g *net, x string) string{
	"more than the 1342": func(g *net, x string) string { // a chain of upsamplings by 32
		for range 6 {
			x = g.op("Resize", in(x, "", g.f32([]int{4}, 1, 1, 32, 32)), stringAttr("mode", "nearest"))
		}
		return g.act(g.conv(x, 4, 3, 3, 1), 1)
	},
	"pads are [1000000 ": func(g *net, x string) string {
		return g.act(g.conv(x, 4, 3, 3, 1, set("pads", 1000000, 1000000, 1000000, 1000000)), 1)
	},
	"pads are [1099511627776 ": func(g *net, x string) string {
		return g.act(g.conv(x, 4, 3, 3, 1, set("pads", 1<<40, 0, 0, 0)), 1)
	},
	"more than the 134217728 that are left": func(g *net, x string) string {
		return g.act(g.conv(x, 4, 3, 3, 1, set("pads", 60000, 60000, 60000, 60000)), 1)
	},
	"has shape [1048576 4 6 6]": func(g *net, x string) string {
		return g.op("Expand", in(x, g.i64(1<<20, 4, 6, 6)))
	},
	"has a window of 65536x65536": func(g *net, x string) string {
		return g.op("MaxPool", in(x), intsAttr("kernel_shape", 1<<16, 1<<16))
	},
	"thresholds: a tensor": func(g *net, x string) string {
		for range 30 {
			x = g.q(g.conv(x, 4, 4, 3, 1), quantOf{scale: g.scalar(1), bits: 16})
			x = g.op("Concat", in(x, x, x, x), intAttr("axis", 1))
			x = g.conv(x, 16, 4, 1, 1, set("pads", 0, 0, 0, 0))
			x = g.q(x, quantOf{scale: g.scalar(1), bits: 16})
		}
		return x
	},
}

// A refusal is cheap. Cost is counted and not timed, so that a busy machine
// changes nothing: what is allocated, and how often a Quant rounds, which is the
// only work here that grows without allocating.
func TestLimits(t *testing.T) {
	rounded := countRounding(t)
	for want, build := range largeGraphs {
		g := &net{newTestGraph(1, 4, 6, 6), rand.New(rand.NewPCG(1, 1))}
		data := g.encode(build(g, g.act("x", 0.25)))
		mib, steps := uint64(1), 1000
		if want == "thresholds: a tensor" {
			// It spends its whole budget on thresholds, each bisected and checked.
			mib, steps = 512, 16*int(budgetFor(len(data)))
		}
		var before, after runtime.MemStats
		*rounded = 0
		runtime.ReadMemStats(&before)
		_, err := Decode("test", data)
		runtime.ReadMemStats(&after)
		wantError(t, err, want)
		if had := after.TotalAlloc - before.TotalAlloc; had > mib<<20 {
			t.Errorf("%q: allocates %d bytes, want at most %d MiB", want, had, mib)
		}
		if *rounded > steps {
			t.Errorf("%q: rounds %d times, want at most %d", want, *rounded, steps)
		}
	}
}

// countRounding counts the integers that Quant nodes make until the test ends.
func countRounding(t *testing.T) *int {
	count, round := 0, roundings["ROUND"]
	roundings["ROUND"] = func(v float64) float64 {
		count++
		return round(v)
	}
	t.Cleanup(func() { roundings["ROUND"] = round })
	return &count
}

// Weights of one sign need a bit less where accumulators start at the low end:
// the certificate at P holds with the start values only.
func TestShiftedStart(t *testing.T) {
	m := &nn.Model{Name: "shifted", InputShape: []int{3}, Input: &nn.ActQuant{Scale: 1, Bits: 4}, Layers: []nn.Layer{
		{Name: "a", Kind: quant.Linear, In: 3, Out: 2, Weights: []float32{3, 3, 2, -3, 1, -2},
			WeightScale: []float32{1}, WeightBits: 3, Bias: []float32{-20, 30},
			Act: &nn.ActQuant{Scale: 8, Bits: 3}, AccBits: 7, Shifted: true},
		{Name: "b", Kind: quant.Linear, In: 2, Out: 2, Weights: []float32{3, 3, 2, 1}, WeightScale: []float32{1},
			WeightBits: 3, Bias: []float32{0.5, 4}, AccBits: 6, Shifted: true},
	}}
	data, err := Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	n, err := Decode("shifted", data)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Certify(); err != nil {
		t.Error(err)
	}
	compareForward(t, m, n, rand.New(rand.NewPCG(1, 1)))
	l := n.Layers[0]
	l.Start = nil
	if l.Certify(7) == nil {
		t.Error("7 bits are enough without start values, so the test shows nothing")
	}
	if n.Layers[1].Score == nil || n.Layers[1].Start[0] != -31 {
		t.Errorf("score %+v, start %v", n.Layers[1].Score, n.Layers[1].Start)
	}
	m.Layers[0].AccBits = 6
	if data, err = Encode(m); err != nil {
		t.Fatal(err)
	}
	_, err = Decode("shifted", data)
	wantError(t, err, `channel 0 does not fit in 6 bits from any start`)
}
