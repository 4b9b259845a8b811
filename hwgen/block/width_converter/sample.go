package widthconverter

import (
	"math/rand/v2"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
)

// Kind is this kind of block.
var Kind = block.Kind{Name: "width_converter", Build: build, Witness: witness, Sweep: sweep, Batch: 12}

func build(s block.Sample) (hwgen.Block, []int) {
	p := s.Params
	return &Block{Layer: "fc", Word: p["word"], In: p["in"], Out: p["out"], InBeats: p["out"]},
		[]int{p["word"] * p["in"]}
}

// sweep draws ratios as folds have them, 3 and 5 among them. Nothing but the shape matters, so
// the seed does not.
func sweep() []block.Sample {
	return block.Draw("width_converter", 13, 24, 0, func(rng *rand.Rand) map[string]int {
		in, ratio := block.Pick(rng, 1, 1, 2, 3, 4), block.Pick(rng, 2, 3, 4, 5, 8, 16)
		out := in * ratio
		if rng.IntN(2) == 0 {
			in, out = out, in
		}
		return map[string]int{"word": block.Pick(rng, 1, 2, 3, 4, 4, 6, 8), "in": in, "out": out}
	})
}
