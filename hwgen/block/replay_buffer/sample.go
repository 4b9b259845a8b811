package replaybuffer

import (
	"math/rand/v2"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
)

// Kind is this kind of block.
var Kind = block.Kind{Name: "replay_buffer", Build: build, Witness: witness, Sweep: sweep, Batch: 12}

func build(s block.Sample) (hwgen.Block, []int) {
	p := s.Params
	return &Block{Layer: "fc", Width: p["width"], Length: p["length"], Repeats: p["repeats"],
		BlockRAM: p["block"] == 1, Style: s.Style}, []int{p["width"]}
}

// sweep draws depths below, at and above 32 and 64 words, where Yosys changes the RAM
// primitive, and 28, 49, 98 and 196, as parts of images have them.
//
// Nothing but the shape matters to a block that only moves data, so the seed does not.
func sweep() []block.Sample {
	return block.Draw("replay_buffer", 3, 36, 0, func(rng *rand.Rand) map[string]int {
		return map[string]int{"width": block.Pick(rng, 1, 2, 4, 8, 12, 16, 20, 32, 48, 64, 96),
			"length":  block.Pick(rng, 1, 2, 3, 4, 5, 8, 12, 16, 28, 32, 49, 64, 98, 128, 196),
			"repeats": block.Pick(rng, 2, 3, 4, 5, 8, 10, 16, 32, 64), "block": block.Pick(rng, 0, 0, 0, 1)}
	})
}
