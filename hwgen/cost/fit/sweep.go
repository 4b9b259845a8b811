package main

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/a2qgen/a2qgen/hwgen/block"
	"github.com/a2qgen/a2qgen/hwgen/block/kinds"
	"github.com/a2qgen/a2qgen/hwgen/cost"
)

// sweep returns what is to be synthesised for the family: all but designs that its file finds too
// large, by rough count.
func (t *table) sweep() []block.Sample {
	return slices.DeleteFunc(sweep(), func(s block.Sample) bool {
		most := t.fabric.Synthesis.SamplesBelow
		return most > 0 && s.Kind == cost.KindDesign && t.roughDesign(s) >= most
	})
}

// sweep returns what is synthesised for any family: the same list every time. The order is that of the
// table, and by kind within it, as batches wants it.
func sweep() []block.Sample {
	var all []block.Sample
	for _, k := range kinds.All {
		all = append(all, k.Sweep()...)
	}
	return slices.Concat(all, designSweep(), narrowSweep(), heldOutSweep())
}

// designSweep draws whole networks, most of them small, that take a few seconds each: one
// to three layers of the same M and N, sizes that are mostly powers of two, one PE per layer
// and the fewest lanes that give the frames per second drawn.
//
// Designs make the fit see what flattening does to the sum of blocks. Folds are fixed here: the
// plan chooses them by prices, which are what is fitted.
func designSweep() []block.Sample {
	all := block.Draw(cost.KindDesign, 5, 12, 0, func(rng *rand.Rand) map[string]int {
		p := map[string]int{"m": block.Pick(rng, 2, 3, 4, 4, 4, 5, 8), "n": block.Pick(rng, 2, 3, 4, 4, 4, 4, 8),
			"gain": block.Pick(rng, 0, 4, 8, 15),
			"s0":   block.Pick(rng, 16, 32, 48, 64, 96, 128)}
		cycles := 100_000 / block.Pick(rng, 20, 60, 100, 300, 600) // of 100 MHz, thousands of frames/s
		p["p"] = p["n"] + block.Pick(rng, 4, 6, 8)
		hidden := block.Pick(rng, 0, 1, 1, 2, 2)
		for k := range hidden {
			p[fmt.Sprintf("s%d", 1+k)] = block.Pick(rng, 8, 16, 32, 64)
		}
		p[fmt.Sprintf("s%d", 1+hidden)] = 10
		for k := range hidden + 1 {
			in, out := p[fmt.Sprint("s", k)], p[fmt.Sprint("s", k+1)]
			p[fmt.Sprint("pe", k)], p[fmt.Sprint("simd", k)] = 1, fewestLanes(in, out, cycles)
		}
		return p
	})
	for i := range all {
		all[i].HeldOut = false // all designs that judge the model come from heldOutSweep
	}
	return all
}

// fewestLanes returns the fewest lanes of one PE that compute out rows of in columns in so many
// cycles.
func fewestLanes(in, out, cycles int) int {
	for simd := 1; simd < in; simd++ {
		if in%simd == 0 && in/simd*out <= cycles {
			return simd
		}
	}
	return in
}

// narrowSweep is networks whose beats are cut into smaller ones between the layers, by two,
// three, four and eight: alone, a converter has other LUTs than in company.
//
// pe<i> and simd<i> fix the folds; PE of a layer over SIMD of the next is the ratio.
func narrowSweep() []block.Sample {
	var all []block.Sample
	for i, p := range []map[string]int{
		{"m": 3, "n": 3, "pe0": 4, "simd0": 2, "pe1": 2, "simd1": 2},
		{"m": 4, "n": 4, "pe0": 6, "simd0": 1, "pe1": 1, "simd1": 4},
		{"m": 3, "n": 5, "pe0": 8, "simd0": 1, "pe1": 1, "simd1": 6},
		{"m": 4, "n": 3, "pe0": 8, "simd0": 1, "pe1": 2, "simd1": 3},
	} {
		p["s0"], p["s1"], p["s2"], p["p"] = 16, 24, 10, p["n"]+6
		all = append(all, block.Sample{Kind: cost.KindDesign, Seed: 100 + uint64(i), Params: p})
	}
	return all
}
