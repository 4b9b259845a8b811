package mvau

import (
	"math/bits"
	"math/rand/v2"
	"slices"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
	"github.com/a2qgen/a2qgen/quant"
)

// Kind is this kind of block.
var Kind = block.Kind{Name: "mvau", Build: build, Witness: witness, Sweep: sweep, Batch: 4}

func build(s block.Sample) (hwgen.Block, []int) {
	p, l := s.Params, s.Layer()
	if p["depthwise"] == 1 { // mw taps of each of mh channels
		l.Kind, l.Groups, l.Window = quant.Conv, l.Out, quant.Window{H: 1, W: l.In}
	}
	b := &Block{Layer: l, Fold: hwgen.Fold{PE: p["pe"], SIMD: p["simd"]}, AccBits: p["p"],
		ThresholdBits: l.ThresholdBits(p["p"]), BlockROM: p["block"] == 1, Style: s.Style}
	return b, []int{b.Elements() * p["n"]}
}

// sweep returns the samples: pe, simd, mw, mh (inputs and rows of the matrix), m, n, p (bits of
// weights, inputs, accumulators), a (bits of activations, 0 for none), flags signed, asigned,
// invert, shifted, unsafe, block, signs. Each part has a stream of random numbers of its own, so that
// one can grow or go without a change of the others. Parts that were added later look for what
// the first lacked.
func sweep() []block.Sample {
	return slices.Concat(usualSweep(), shiftedSweep(), outputSweep(), searchSweep(), shiftedRowSweep(), widthSweep(),
		deepSweep(), depthwiseSweep(), signSweep())
}

// usualSweep draws units as users have them, small enough for a few seconds each.
//
// Limits keep a run of Yosys short: 600 bits of partial products, 512 words of weights, 6,000
// bits of them, and 600 thresholds weighed by PE. They go down by halves, so that ratios stay.
func usualSweep() []block.Sample {
	return block.Draw("mvau", 2, 20, 0, func(rng *rand.Rand) map[string]int {
		p := map[string]int{
			"pe": block.Pick(rng, 1, 1, 2, 2, 4, 4, 8), "simd": block.Pick(rng, 1, 2, 3, 4, 4, 5, 8, 8, 16, 32),
			"m": block.Pick(rng, 1, 2, 3, 4, 4, 4, 5, 6, 8), "n": block.Pick(rng, 1, 2, 3, 4, 4, 4, 4, 6, 8),
			"signed":  block.Pick(rng, 0, 0, 1),
			"a":       block.Pick(rng, 0, 1, 2, 2, 3, 4, 4, 4),
			"asigned": block.Pick(rng, 0, 0, 1), "invert": block.Pick(rng, 0, 0, 0, 1),
		}
		// Seldom, and with one PE: 6 and 8 bits are 63 and 255 thresholds per channel.
		if rng.IntN(16) == 0 {
			p["a"], p["pe"] = block.Pick(rng, 6, 8), 1
		}
		for p["pe"]*p["simd"]*p["m"]*p["n"] > 600 {
			p["pe"], p["simd"] = max(1, p["pe"]/2), (p["simd"]+1)/2
		}
		sf, nf := block.Pick(rng, 1, 2, 3, 4, 8, 16, 16, 28, 32, 64), block.Pick(rng, 1, 2, 3, 4, 8, 16, 16, 32)
		for sf*nf > 96 && rng.IntN(3) > 0 || sf*nf > 512 {
			sf, nf = max(1, sf/2), max(1, nf/2)
		}
		for nf > 1 && (nf<<p["a"])*p["pe"]*p["pe"] > 600 || sf*nf*p["pe"]*p["simd"]*p["m"] > 6000 {
			if sf > nf {
				sf = (sf + 1) / 2
			} else {
				nf = (nf + 1) / 2
			}
		}
		p["mw"], p["mh"] = sf*p["simd"], nf*p["pe"]
		// The plan goes by the price that is fitted here; a sample asks for block RAM by itself.
		if sf*nf >= 64 {
			p["block"] = block.Pick(rng, 0, 0, 1)
		}
		// P from wide enough for all sums down to where products and tree are trimmed; one in
		// eight is of weights that may overflow at it, as `estimate` prices such P, too.
		full := p["m"] + p["n"] + 2 + rng.IntN(6)
		p["p"] = max(p["n"]+2+rng.IntN(3), 6, full-rng.IntN(8))
		p["unsafe"] = block.Pick(rng, 0, 0, 0, 0, 0, 0, 0, 1)
		return p
	})
}

// shiftedSweep draws units whose accumulators begin at start values.
//
// The memory of start values is one more column per bit of P and PE, and its reads share the
// fold with the thresholds.
func shiftedSweep() []block.Sample {
	return block.Draw("mvau", 6, 4, 1000, func(rng *rand.Rand) map[string]int {
		p := map[string]int{"pe": block.Pick(rng, 1, 1, 2, 2, 4, 4, 8), "simd": block.Pick(rng, 2, 4, 4, 8, 8),
			"m": block.Pick(rng, 2, 3, 4, 4), "n": block.Pick(rng, 2, 4, 4),
			"a": block.Pick(rng, 2, 4, 4), "signed": 0, "shifted": 1}
		sf, nf := block.Pick(rng, 1, 2, 3, 4, 8, 16), block.Pick(rng, 1, 4, 8, 16, 16, 32)
		for nf > 1 && (nf<<p["a"])*p["pe"]*p["pe"] > 600 {
			nf /= 2
		}
		if sf*nf < 4 {
			sf *= 8 // weights of so few words are logic of their own: usualSweep has some
		}
		p["mw"], p["mh"], p["p"] = sf*p["simd"], nf*p["pe"], p["n"]+3+rng.IntN(5)
		return p
	})
}

// outputSweep draws last units of networks: raw accumulators of few PEs, so that what
// every unit has counts for much.
//
// a is 0: no thresholds. Handshake and counters are fitted, and here they are a large share.
func outputSweep() []block.Sample {
	return block.Draw("mvau", 7, 4, 2000, func(rng *rand.Rand) map[string]int {
		p := map[string]int{"pe": block.Pick(rng, 1, 1, 2, 2, 3, 5), "simd": block.Pick(rng, 1, 1, 2, 3, 4, 8),
			"m": block.Pick(rng, 2, 3, 4, 4, 8),
			"n": block.Pick(rng, 1, 2, 4, 4, 4, 8), "signed": block.Pick(rng, 0, 0, 0, 1),
			"a": 0, "block": block.Pick(rng, 0, 0, 1)}
		sf, nf := block.Pick(rng, 2, 4, 5, 8, 16, 17, 32, 64), block.Pick(rng, 1, 2, 3, 5, 10, 10)
		p["mw"], p["mh"] = sf*p["simd"], nf*p["pe"]
		p["p"] = p["n"] + 3 + rng.IntN(10)
		return p
	})
}

// widthSweep is one unit, the same weights in it, at accumulators from 8 to 32 bits: what P
// costs. All of them are held out.
//
// unsafe keeps the weights from being shrunk to P = 8, so that nothing but P differs. Held out,
// since the table of docs/cost.md says what the model makes of P without having seen it.
func widthSweep() []block.Sample {
	var all []block.Sample
	for _, p := range []int{8, 12, 16, 24, 32} {
		all = append(all, block.Sample{Kind: "mvau", HeldOut: true, Seed: 5000,
			Params: map[string]int{"pe": 2, "simd": 4,
				"m": 4, "n": 4, "signed": 0, "a": 4, "mw": 32, "mh": 16, "p": p, "unsafe": 1}})
	}
	return all
}

// searchSweep draws units of many thresholds per channel: 31 to 255, five to eight levels.
//
// Their threshold memories of NF << level words are the deep and far slices of the fit.
func searchSweep() []block.Sample {
	return block.Draw("mvau", 8, 4, 3000, func(rng *rand.Rand) map[string]int {
		p := map[string]int{"pe": block.Pick(rng, 1, 1, 2), "simd": block.Pick(rng, 2, 4, 8),
			"m": block.Pick(rng, 3, 4, 8), "n": block.Pick(rng, 4, 8),
			"signed": 0, "a": block.Pick(rng, 5, 6, 7, 8), "asigned": block.Pick(rng, 0, 0, 1)}
		sf, nf := block.Pick(rng, 2, 4, 8, 16), block.Pick(rng, 1, 2, 4, 8)
		p["mw"], p["mh"] = sf*p["simd"], nf*p["pe"]
		p["p"] = p["n"] + 5 + rng.IntN(8)
		return p
	})
}

// shiftedRowSweep draws units with start values and one beat per fold (SF = 1).
//
// There the accumulator is no loop but a register behind the adder of sum and start value.
func shiftedRowSweep() []block.Sample {
	return block.Draw("mvau", 9, 4, 4000, func(rng *rand.Rand) map[string]int {
		p := map[string]int{"pe": block.Pick(rng, 1, 2, 4), "simd": block.Pick(rng, 4, 8, 16),
			"m": block.Pick(rng, 2, 3, 4), "n": block.Pick(rng, 2, 4),
			"a": block.Pick(rng, 0, 2, 4), "signed": 0, "shifted": 1}
		p["mw"], p["mh"], p["p"] = p["simd"], block.Pick(rng, 4, 8, 16)*p["pe"], p["n"]+3+rng.IntN(5)
		return p
	})
}

// depthwiseSweep draws units of which each PE has inputs of its own.
func depthwiseSweep() []block.Sample {
	return block.Draw("mvau", 27, 8, 7000, func(rng *rand.Rand) map[string]int {
		p := map[string]int{"pe": block.Pick(rng, 2, 4, 4, 8), "simd": block.Pick(rng, 1, 1, 1, 3),
			"m": block.Pick(rng, 2, 3, 4, 4, 8), "n": block.Pick(rng, 2, 4, 4), "signed": 0,
			"a": block.Pick(rng, 0, 2, 4), "mw": 9, "depthwise": 1}
		p["mh"], p["p"] = p["pe"]*block.Pick(rng, 1, 2, 4, 8), p["n"]+4+rng.IntN(5)
		return p
	})
}

// deepSweep draws units whose weights fill more than a thousand words of LUTs.
//
// Such columns are sixteen slices and more, where ABC departs most from a LUT per slice; wider
// units would be block RAM by the plan, or minutes of synthesis.
func deepSweep() []block.Sample {
	return block.Draw("mvau", 14, 4, 6000, func(rng *rand.Rand) map[string]int {
		p := map[string]int{"pe": 1, "simd": block.Pick(rng, 1, 2),
			"m": block.Pick(rng, 2, 3, 4), "n": block.Pick(rng, 1, 2, 4),
			"signed": 0, "a": 0, "block": 0, "mh": block.Pick(rng, 10, 16)}
		p["mw"], p["p"] = p["simd"]*block.Pick(rng, 100, 128, 160), p["n"]+10
		return p
	})
}

// signSweep draws units of weights of -1 and +1, most of them of inputs of one bit: as the layers of binary
// networks are, and as those that read pixels.
func signSweep() []block.Sample {
	return block.Draw("mvau", 15, 12, 7000, func(rng *rand.Rand) map[string]int {
		p := map[string]int{"pe": block.Pick(rng, 1, 2, 4, 8, 16), "simd": block.Pick(rng, 3, 4, 8, 16, 16, 32, 49, 64),
			"m": 2, "n": block.Pick(rng, 1, 1, 1, 2, 4, 8), "signed": 0, "signs": 1, "unsafe": 1,
			"a": block.Pick(rng, 0, 1, 1, 2)}
		for p["pe"]*p["simd"]*p["n"] > 400 {
			p["pe"], p["simd"] = max(1, p["pe"]/2), (p["simd"]+1)/2
		}
		// Of fewer words so many columns are alike that units are half as large as real ones.
		sf, nf := block.Pick(rng, 8, 16, 16, 28), block.Pick(rng, 2, 2, 4)
		p["mw"], p["mh"] = sf*p["simd"], nf*p["pe"]
		p["p"] = p["n"] + bits.Len(uint(p["mw"])) + rng.IntN(2)
		return p
	})
}
