package hardwired

import (
	"math/rand/v2"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/addergraph"
	"github.com/a2qgen/a2qgen/hwgen/block"
	"github.com/a2qgen/a2qgen/quant"
)

// Kind is this kind of block.
var Kind = block.Kind{Name: "hardwired", Build: build, Witness: witness, Sweep: sweep, Batch: 2}

// build makes the unit of a layer of mw inputs of n bits and mh rows, as block.Sample.Layer draws
// it; with taps, rows of so many weights of +-1 at most, as budgets leave them.
func build(s block.Sample) (hwgen.Block, []int) {
	p := s.Params
	l := s.Layer()
	if taps := p["taps"]; taps > 0 {
		l = sparse(s, taps)
	}
	return New(l, addergraph.New(l.Weights, l.In), hwgen.Tensor{}, l.Input, p["p"], s.Style), []int{l.In * l.Input.Bits}
}

// sparse draws a layer of taps, with start values and evenly spaced thresholds in a part of each
// row's range, as quantisers behind ReLU have them.
func sparse(s block.Sample, taps int) *quant.Layer {
	p, rng := s.Params, rand.New(rand.NewPCG(s.Seed, 31))
	l := &quant.Layer{Name: "fc", In: p["mw"], Out: p["mh"], Input: quant.DataType{Bits: p["n"],
		Signed: p["signed"] == 1}, WeightBits: p["m"], Weights: make([]int32, p["mw"]*p["mh"]),
		Start: make([]int64, p["mh"])}
	out := quant.DataType{Bits: p["a"]}
	t := &quant.Thresholds{Output: out, Inverted: make([]bool, l.Out)}
	for c := range l.Out {
		for range taps {
			l.Weights[c*l.In+rng.IntN(l.In)] += 1 - 2*rng.Int32N(2)
		}
		l.Start[c], _ = l.ShiftedStart(c, p["p"])
		r := l.AccRange(c)
		width := float64(r.Max - r.Min)
		step, from := width/float64(t.Levels())*(0.2+0.5*rng.Float64()), float64(r.Min)+width*(0.3+0.3*rng.Float64())
		for k := range t.Levels() {
			t.Values = append(t.Values, max(r.Min-1, min(r.Max, int64(from+step*float64(k)))))
		}
		t.Inverted[c] = rng.IntN(4) == 0
	}
	l.Thresholds = t
	return l
}

// sweep returns the samples: mw and mh (inputs and rows), m, n, p (bits of weights, inputs,
// accumulators), a (bits of activations, 0 for none), taps (0 for dense rows), flags signed,
// asigned, invert, shifted.
func sweep() []block.Sample {
	return append(tapSweep(), denseSweep()...)
}

// tapSweep draws layers of budgets, of P about 4 to 11, as training leaves them.
func tapSweep() []block.Sample {
	return block.Draw("hardwired", 17, 20, 0, func(rng *rand.Rand) map[string]int {
		p := map[string]int{"mw": block.Pick(rng, 16, 24, 32, 48, 64, 96, 128), "mh": block.Pick(rng, 8, 16, 16, 24, 32, 48),
			"m": 4, "n": block.Pick(rng, 1, 2, 3, 4, 4, 4, 4), "a": block.Pick(rng, 1, 2, 3, 4, 4, 4),
			"taps": block.Pick(rng, 2, 3, 4, 4, 6, 8, 8, 12, 16, 17)}
		// (2^N - 1) * taps is at most 2^P - 1.
		for most := (1<<p["n"] - 1) * p["taps"]; most>>p["p"] > 0; {
			p["p"]++
		}
		return p
	})
}

// denseSweep draws small dense layers: wide sums, comparisons, accumulators that leave.
func denseSweep() []block.Sample {
	return block.Draw("hardwired", 18, 12, 1000, func(rng *rand.Rand) map[string]int {
		p := map[string]int{"mw": block.Pick(rng, 4, 8, 16, 24), "mh": block.Pick(rng, 4, 8, 12, 16),
			"m": block.Pick(rng, 2, 3, 4, 8), "n": block.Pick(rng, 1, 2, 4, 8), "signed": block.Pick(rng, 0, 0, 1),
			"a": block.Pick(rng, 0, 2, 4, 4), "asigned": block.Pick(rng, 0, 1), "invert": block.Pick(rng, 0, 1),
			"shifted": block.Pick(rng, 0, 1)}
		p["p"] = p["n"] + 3 + rng.IntN(5)
		return p
	})
}
