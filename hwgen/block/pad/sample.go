package pad

import (
	"math/rand/v2"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
)

// Kind is this kind of block.
var Kind = block.Kind{Name: "pad", Build: build, Witness: witness, Sweep: sweep, Batch: 12}

// build puts pad positions around an image of side x side positions of beats of lanes elements of n bits.
func build(s block.Sample) (hwgen.Block, []int) {
	p := s.Params
	b := &Block{Layer: "conv", Border: hwgen.Border{H: p["side"], W: p["side"], C: p["beats"] * p["lanes"], Top: p["pad"],
		Left: p["pad"], Bottom: p["pad"], Right: p["pad"]}}
	b.Input = hwgen.InOrder(hwgen.Tensor{Holds: hwgen.HoldsInputs}, p["side"]*p["side"]*b.Border.C, p["n"], false,
		p["lanes"])
	return b, []int{p["lanes"] * p["n"]}
}

// sweep draws borders as convolutions have them. Nothing but the shape matters, so the seed does not.
func sweep() []block.Sample {
	return block.Draw("pad", 22, 16, 0, func(rng *rand.Rand) map[string]int {
		return map[string]int{"side": block.Pick(rng, 7, 8, 14, 16, 28, 32, 56),
			"beats": block.Pick(rng, 1, 3, 8, 16, 32, 64),
			"lanes": block.Pick(rng, 1, 1, 1, 2, 4), "n": block.Pick(rng, 1, 2, 4, 4, 8), "pad": block.Pick(rng, 1, 1, 2, 3)}
	})
}
