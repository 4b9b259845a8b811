package tapunit

import (
	"math/rand/v2"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
	"github.com/a2qgen/a2qgen/quant"
)

// Kind is this kind of block.
var Kind = block.Kind{Name: "tap_unit", Build: build, Witness: witness, Sweep: sweep, Batch: 4}

func build(s block.Sample) (hwgen.Block, []int) {
	p, l := s.Params, s.Layer()
	if p["side"] > 0 {
		l = convolution(l, p)
	}
	place := func(name string) hwgen.Place {
		if p[name] == 1 {
			return hwgen.InBlockRAM
		}
		return hwgen.InLUTs
	}
	f := hwgen.Fold{PE: p["pe"], SIMD: p["simd"], Lanes: p["lanes"], Weights: place("schedule"), Replay: place("vector"),
		Thresholds: place("thresholds")}
	return New(Block{Layer: l, Fold: f, AccBits: p["p"], ThresholdBits: l.ThresholdBits(p["p"]),
		ReadStages: max(1, p["reads"]), Style: s.Style}), []int{p["simd"] * p["n"]}
}

// convolution returns l, of k x k x c columns, as a convolution with a border over an image of side x side
// positions.
func convolution(l *quant.Layer, p map[string]int) *quant.Layer {
	l.Kind, l.Window = quant.Conv, quant.Window{H: p["k"], W: p["k"], StrideH: p["s"], StrideW: p["s"], Top: p["k"] / 2,
		Left: p["k"] / 2, Bottom: p["k"] / 2, Right: p["k"] / 2}
	n, err := quant.NewNetwork(quant.Network{Name: "sample", Layers: []quant.Layer{*l}, Input: quant.InputQuantizer{
		Type: l.Input, Shape: quant.Shape{H: p["side"], W: p["side"], C: p["mw"] / p["k"] / p["k"]},
		Quantize: func(int, float64) int32 { return 0 }}})
	if err != nil {
		panic("tapunit: a sample is no network: " + err.Error()) // what sweep draws is
	}
	return &n.Layers[0]
}

// sweep returns the samples of vectors and of windows.
func sweep() []block.Sample { return append(vectorSweep(), windowSweep()...) }

// windowSweep returns samples of convolutions: vectorSweep's parameters, and side (of the image), k (of the
// window) and s (its stride).
func windowSweep() []block.Sample {
	return block.Draw("tap_unit", 32, 16, 1000, func(rng *rand.Rand) map[string]int {
		k := block.Pick(rng, 1, 3, 3, 3, 5)
		p := map[string]int{"side": block.Pick(rng, 7, 8, 14, 16, 28), "k": k, "s": block.Pick(rng, 1, 1, 2), "simd": 1,
			"lanes": block.Pick(rng, 1, 2, 3, 4, 6), "pe": block.Pick(rng, 1, 1, 2), "m": 4, "n": block.Pick(rng, 2, 4, 4, 4, 8),
			"mw": k * k * block.Pick(rng, 4, 8, 16), "mh": 4 * block.Pick(rng, 2, 4, 8), "a": block.Pick(rng, 0, 2, 4, 4),
			"shifted": block.Pick(rng, 0, 1), "schedule": block.Pick(rng, 0, 1, 1), "vector": block.Pick(rng, 1, 1, 1, 1, 0),
			"thresholds": rng.IntN(2), "reads": block.Pick(rng, 1, 1, 1, 2)}
		// Rows of 7 taps or more, so that every lane has some.
		p["p"] = p["n"] + 3 + rng.IntN(3)
		return p
	})
}

// vectorSweep returns the samples: pe, lanes, simd, mw, mh (inputs and rows of the matrix), m, n, p (bits
// of weights, inputs, accumulators), a (bits of activations, 0 for none), flags signed, asigned,
// invert, shifted; schedule, vector and thresholds are 1 in block RAM; reads are read stages.
//
// Sizes and widths are those of layers with few taps: P bits leave (2^P-1)/(2^N-1) of them to a
// row, or half as many of either sign. Rows are few enough for a few seconds each.
func vectorSweep() []block.Sample {
	return block.Draw("tap_unit", 31, 32, 0, func(rng *rand.Rand) map[string]int {
		simd := block.Pick(rng, 1, 1, 1, 2, 4)
		p := map[string]int{
			"simd": simd, "lanes": simd * block.Pick(rng, 1, 2, 3, 4, 4, 6, 8, 8, 16),
			"pe": block.Pick(rng, 1, 1, 1, 2, 4), "m": block.Pick(rng, 2, 3, 4, 4), "n": block.Pick(rng, 1, 2, 4, 4, 4, 8),
			"mw": 4 * block.Pick(rng, 4, 8, 12, 16, 32, 49, 64), "mh": 4 * block.Pick(rng, 1, 3, 4, 8, 16, 32),
			"a": block.Pick(rng, 0, 1, 2, 4, 4, 4), "signed": block.Pick(rng, 0, 0, 0, 1), "asigned": block.Pick(rng, 0, 0, 1),
			"invert": block.Pick(rng, 0, 0, 0, 1), "shifted": block.Pick(rng, 0, 1), "schedule": block.Pick(rng, 0, 1, 1),
			"vector": rng.IntN(2), "thresholds": rng.IntN(2), "reads": block.Pick(rng, 1, 1, 1, 2),
		}
		p["lanes"] = min(p["lanes"], 32/p["pe"]/simd*simd)
		p["p"] = p["n"] + 1 + rng.IntN(4)
		return p
	})
}
