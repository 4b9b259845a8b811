package tapunit

import (
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
)

// Kind is this kind of block.
var Kind = block.Kind{Name: "tap_unit", Build: build, Witness: witness, Sweep: sweep, Batch: 4}

func build(s block.Sample) (hwgen.Block, []int) {
	p, l := s.Params, s.Layer()
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

func sweep() []block.Sample { return nil }
