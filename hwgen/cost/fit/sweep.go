package main

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/a2qgen/a2qgen/hwgen/cost"
)

// sweep returns what is to be synthesised: the same list every time.
//
// Parameters are those that cost.Sample.Unit and Design read: pe, simd, mw, mh (inputs and rows
// of the matrix), m, n, p (bits of weights, inputs, accumulators), a (bits of activations, 0
// for none), flags signed, asigned, invert, shifted, unsafe, block. Each part has a stream of
// random numbers of its own, so that one can grow or go without a change of the others, which
// would have to be synthesised again. Parts that were added later look for what the first
// lacked.
//
// The order is that of the table, and by kind within it, as batches wants it.
func sweep() []cost.Sample {
	return slices.Concat(streamSweep(), labelSweep(), mvauSweep(), shiftedSweep(), outputSweep(), searchSweep(),
		shiftedRowSweep(), widthSweep(), deepSweep(), designSweep(), narrowSweep(), heldOutSweep())
}

// pick draws one of the values, each as likely as it is often listed.
func pick(rng *rand.Rand, from ...int) int { return from[rng.IntN(len(from))] }

// draw returns n samples with contents of seed first, first+1, ..., of blocks a quarter held
// out. Each stream of random numbers is of one sweep.
//
// stream is the random numbers', first the first seed: seeds of two sweeps of a kind must not
// meet where parameters may be alike, or their samples have one key. Of designs none is held
// out here, for all that judge the model come from heldOutSweep.
func draw(kind string, stream uint64, n int, first uint64, params func(*rand.Rand) map[string]int) []cost.Sample {
	rng := rand.New(rand.NewPCG(stream, 1))
	all := make([]cost.Sample, n)
	for i := range all {
		all[i] = cost.Sample{Kind: kind, HeldOut: i%4 == 3 && kind != cost.KindDesign, Seed: first + uint64(i),
			Params: params(rng)}
	}
	return all
}

// mvauSweep draws units as users have them, small enough for a few seconds each.
//
// Limits keep a run of Yosys short: 600 bits of partial products, 512 words of weights, 6,000
// bits of them, and 600 thresholds weighed by PE. They go down by halves, so that ratios stay.
func mvauSweep() []cost.Sample {
	return draw(cost.KindMVAU, 2, 20, 0, func(rng *rand.Rand) map[string]int {
		p := map[string]int{
			"pe": pick(rng, 1, 1, 2, 2, 4, 4, 8), "simd": pick(rng, 1, 2, 3, 4, 4, 5, 8, 8, 16, 32),
			"m": pick(rng, 1, 2, 3, 4, 4, 4, 5, 6, 8), "n": pick(rng, 1, 2, 3, 4, 4, 4, 4, 6, 8),
			"signed": pick(rng, 0, 0, 1),
			"a":      pick(rng, 0, 1, 2, 2, 3, 4, 4, 4), "asigned": pick(rng, 0, 0, 1), "invert": pick(rng, 0, 0, 0, 1),
		}
		// Seldom, and with one PE: 6 and 8 bits are 63 and 255 thresholds per channel.
		if rng.IntN(16) == 0 {
			p["a"], p["pe"] = pick(rng, 6, 8), 1
		}
		for p["pe"]*p["simd"]*p["m"]*p["n"] > 600 {
			p["pe"], p["simd"] = max(1, p["pe"]/2), (p["simd"]+1)/2
		}
		sf, nf := pick(rng, 1, 2, 3, 4, 8, 16, 16, 28, 32, 64), pick(rng, 1, 2, 3, 4, 8, 16, 16, 32)
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
		// The plan takes block RAM from 128 words on; a sample asks for it by itself, so that a
		// model of it is there for memories of some size, whatever the plan's rule.
		if sf*nf >= 64 {
			p["block"] = pick(rng, 0, 0, 1)
		}
		// P from wide enough for all sums down to where products and tree are trimmed; one in
		// eight is of weights that may overflow at it, as `estimate` prices such P, too.
		full := p["m"] + p["n"] + 2 + rng.IntN(6)
		p["p"] = max(p["n"]+2+rng.IntN(3), 6, full-rng.IntN(8))
		p["unsafe"] = pick(rng, 0, 0, 0, 0, 0, 0, 0, 1)
		return p
	})
}

// shiftedSweep draws units whose accumulators begin at start values.
//
// The memory of start values is one more column per bit of P and PE, and its reads share the
// fold with the thresholds.
func shiftedSweep() []cost.Sample {
	return draw(cost.KindMVAU, 6, 4, 1000, func(rng *rand.Rand) map[string]int {
		p := map[string]int{"pe": pick(rng, 1, 1, 2, 2, 4, 4, 8), "simd": pick(rng, 2, 4, 4, 8, 8),
			"m": pick(rng, 2, 3, 4, 4), "n": pick(rng, 2, 4, 4),
			"a": pick(rng, 2, 4, 4), "signed": 0, "shifted": 1}
		sf, nf := pick(rng, 1, 2, 3, 4, 8, 16), pick(rng, 1, 4, 8, 16, 16, 32)
		for nf > 1 && (nf<<p["a"])*p["pe"]*p["pe"] > 600 {
			nf /= 2
		}
		if sf*nf < 4 {
			sf *= 8 // weights of so few words are logic of their own: mvauSweep has some
		}
		p["mw"], p["mh"], p["p"] = sf*p["simd"], nf*p["pe"], p["n"]+3+rng.IntN(5)
		return p
	})
}

// outputSweep draws last units of networks: raw accumulators of few PEs, so that what
// every unit has counts for much.
//
// a is 0: no thresholds. Handshake and counters are fitted, and here they are a large share.
func outputSweep() []cost.Sample {
	return draw(cost.KindMVAU, 7, 4, 2000, func(rng *rand.Rand) map[string]int {
		p := map[string]int{"pe": pick(rng, 1, 1, 2, 2, 3, 5), "simd": pick(rng, 1, 1, 2, 3, 4, 8),
			"m": pick(rng, 2, 3, 4, 4, 8),
			"n": pick(rng, 1, 2, 4, 4, 4, 8), "signed": pick(rng, 0, 0, 0, 1), "a": 0, "block": pick(rng, 0, 0, 1)}
		sf, nf := pick(rng, 2, 4, 5, 8, 16, 17, 32, 64), pick(rng, 1, 2, 3, 5, 10, 10)
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
func widthSweep() []cost.Sample {
	var all []cost.Sample
	for _, p := range []int{8, 12, 16, 24, 32} {
		all = append(all, cost.Sample{Kind: cost.KindMVAU, HeldOut: true, Seed: 5000,
			Params: map[string]int{"pe": 2, "simd": 4,
				"m": 4, "n": 4, "signed": 0, "a": 4, "mw": 32, "mh": 16, "p": p, "unsafe": 1}})
	}
	return all
}

// searchSweep draws units of many thresholds per channel: 31 to 255, five to eight levels.
//
// Their threshold memories of NF << level words are the deep and far slices of the fit.
func searchSweep() []cost.Sample {
	return draw(cost.KindMVAU, 8, 4, 3000, func(rng *rand.Rand) map[string]int {
		p := map[string]int{"pe": pick(rng, 1, 1, 2), "simd": pick(rng, 2, 4, 8), "m": pick(rng, 3, 4, 8),
			"n":      pick(rng, 4, 8),
			"signed": 0, "a": pick(rng, 5, 6, 7, 8), "asigned": pick(rng, 0, 0, 1)}
		sf, nf := pick(rng, 2, 4, 8, 16), pick(rng, 1, 2, 4, 8)
		p["mw"], p["mh"] = sf*p["simd"], nf*p["pe"]
		p["p"] = p["n"] + 5 + rng.IntN(8)
		return p
	})
}

// shiftedRowSweep draws units with start values and one beat per fold (SF = 1).
//
// There the accumulator is no loop but a register behind the adder of sum and start value.
func shiftedRowSweep() []cost.Sample {
	return draw(cost.KindMVAU, 9, 4, 4000, func(rng *rand.Rand) map[string]int {
		p := map[string]int{"pe": pick(rng, 1, 2, 4), "simd": pick(rng, 4, 8, 16), "m": pick(rng, 2, 3, 4),
			"n": pick(rng, 2, 4),
			"a": pick(rng, 0, 2, 4), "signed": 0, "shifted": 1}
		p["mw"], p["mh"], p["p"] = p["simd"], pick(rng, 4, 8, 16)*p["pe"], p["n"]+3+rng.IntN(5)
		return p
	})
}

// streamSweep draws the blocks that only move data, kind by kind.
//
// Nothing but the shape matters to them, so the seed does not. Depths lie below, at and above
// 32 and 64 words, where Yosys changes the RAM primitive, and at 28, 49, 98 and 196, as parts
// of images have them. Ratios of converters are those of folds, 3 and 5 among them.
func streamSweep() []cost.Sample {
	width := func(rng *rand.Rand) int { return pick(rng, 1, 2, 4, 8, 12, 16, 20, 32, 48, 64, 96) }
	return slices.Concat(
		draw(cost.KindReplayBuffer, 3, 36, 0, func(rng *rand.Rand) map[string]int {
			return map[string]int{"width": width(rng), "length": pick(rng, 1, 2, 3, 4, 5, 8, 12, 16, 28, 32, 49,
				64, 98, 128, 196),
				"repeats": pick(rng, 2, 3, 4, 5, 8, 10, 16, 32, 64), "block": pick(rng, 0, 0, 0, 1)}
		}),
		draw(cost.KindFIFO, 12, 24, 0, func(rng *rand.Rand) map[string]int {
			return map[string]int{"width": width(rng), "depth": pick(rng, 2, 3, 4, 5, 7, 8, 16, 28, 32, 49, 64,
				98, 128, 196)}
		}),
		draw(cost.KindWidthConverter, 13, 24, 0, func(rng *rand.Rand) map[string]int {
			in, ratio := pick(rng, 1, 1, 2, 3, 4), pick(rng, 2, 3, 4, 5, 8, 16)
			out := in * ratio
			if rng.IntN(2) == 0 {
				in, out = out, in
			}
			return map[string]int{"word": pick(rng, 1, 2, 3, 4, 4, 6, 8), "in": in, "out": out}
		}))
}

// labelSweep draws classifiers: gains of one (a shift, no product) and of up to 3, 5 and 8
// bits, beats that bring all rows (one fold: no counter) or part of them.
func labelSweep() []cost.Sample {
	return draw(cost.KindLabelSelect, 4, 16, 0, func(rng *rand.Rand) map[string]int {
		pe := pick(rng, 1, 1, 2, 2, 5, 10)
		p := map[string]int{"pe": pe, "mh": pe * pick(rng, 1, 2, 3, 5, 10), "mw": 16, "m": pick(rng, 2, 4, 8),
			"n":      pick(rng, 2, 4, 8),
			"signed": 0, "p": 8 + rng.IntN(14), "gain": pick(rng, 0, 0, 3, 5, 8)}
		return p
	})
}

// designSweep draws whole networks, most of them small, that take a few seconds each: one
// to three layers of the same M and N, sizes that are mostly powers of two, folds that the
// plan chooses.
//
// Designs make the fit see what flattening does to the sum of blocks. kfps is the target, in
// thousands of frames per second, from which the plan takes the folds.
func designSweep() []cost.Sample {
	return draw(cost.KindDesign, 5, 12, 0, func(rng *rand.Rand) map[string]int {
		p := map[string]int{"m": pick(rng, 2, 3, 4, 4, 4, 5, 8), "n": pick(rng, 2, 3, 4, 4, 4, 4, 8),
			"gain": pick(rng, 0, 4, 8, 15),
			"s0":   pick(rng, 16, 32, 48, 64, 96, 128), "kfps": pick(rng, 20, 60, 100, 300, 600)}
		p["p"] = p["n"] + pick(rng, 4, 6, 8)
		hidden := pick(rng, 0, 1, 1, 2, 2)
		for k := range hidden {
			p[fmt.Sprintf("s%d", 1+k)] = pick(rng, 8, 16, 32, 64)
		}
		p[fmt.Sprintf("s%d", 1+hidden)] = 10
		return p
	})
}

// narrowSweep is networks whose beats are cut into smaller ones between the layers, by two,
// three, four and eight: alone, a converter has other LUTs than in company.
//
// pe<i> and simd<i> fix the folds; PE of a layer over SIMD of the next is the ratio.
func narrowSweep() []cost.Sample {
	var all []cost.Sample
	for i, p := range []map[string]int{
		{"m": 3, "n": 3, "pe0": 4, "simd0": 2, "pe1": 2, "simd1": 2},
		{"m": 4, "n": 4, "pe0": 6, "simd0": 1, "pe1": 1, "simd1": 4},
		{"m": 3, "n": 5, "pe0": 8, "simd0": 1, "pe1": 1, "simd1": 6},
		{"m": 4, "n": 3, "pe0": 8, "simd0": 1, "pe1": 2, "simd1": 3},
	} {
		p["s0"], p["s1"], p["s2"], p["p"], p["kfps"] = 16, 24, 10, p["n"]+6, 20
		all = append(all, cost.Sample{Kind: cost.KindDesign, Seed: 100 + uint64(i), Params: p})
	}
	return all
}

// deepSweep draws units whose weights fill more than a thousand words of LUTs.
//
// Such columns are sixteen slices and more, where ABC departs most from a LUT per slice; wider
// units would be block RAM by the plan, or minutes of synthesis.
func deepSweep() []cost.Sample {
	return draw(cost.KindMVAU, 14, 4, 6000, func(rng *rand.Rand) map[string]int {
		p := map[string]int{"pe": 1, "simd": pick(rng, 1, 2), "m": pick(rng, 2, 3, 4), "n": pick(rng, 1, 2, 4),
			"signed": 0, "a": 0, "block": 0, "mh": pick(rng, 10, 16)}
		p["mw"], p["p"] = p["simd"]*pick(rng, 100, 128, 160), p["n"]+10
		return p
	})
}
