package labelselect

import (
	"math/rand/v2"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
)

// Kind is this kind of block.
var Kind = block.Kind{Name: "label_select", Build: build, Witness: witness, Sweep: sweep, Batch: 8}

func build(s block.Sample) (hwgen.Block, []int) {
	p := s.Params
	return &Block{Layer: s.Layer(), PE: p["pe"], AccBits: p["p"]}, []int{p["pe"] * p["p"]}
}

// sweep draws classifiers: gains of one (a shift, no product) and of up to 3, 5 and 8
// bits, beats that bring all rows (one fold: no counter) or part of them.
func sweep() []block.Sample {
	return block.Draw("label_select", 4, 16, 0, func(rng *rand.Rand) map[string]int {
		pe := block.Pick(rng, 1, 1, 2, 2, 5, 10)
		p := map[string]int{"pe": pe, "mh": pe * block.Pick(rng, 1, 2, 3, 5, 10), "mw": 16, "m": block.Pick(rng, 2, 4, 8),
			"n":      block.Pick(rng, 2, 4, 8),
			"signed": 0, "p": 8 + rng.IntN(14), "gain": block.Pick(rng, 0, 0, 3, 5, 8)}
		return p
	})
}
