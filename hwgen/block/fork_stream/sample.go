package forkstream

import (
	"math/rand/v2"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
)

// Kind is this kind of block.
var Kind = block.Kind{Name: "fork_stream", Build: build, Witness: witness, Sweep: sweep, Batch: 12}

func build(s block.Sample) (hwgen.Block, []int) {
	p := s.Params
	return &Block{Layer: "fc", From: "fc", Width: p["width"], Readers: p["readers"], Beats: 4}, []int{p["width"]}
}

// sweep draws widths as streams have them, and two to five readers. Nothing but the shape
// matters, so the seed does not.
func sweep() []block.Sample {
	return block.Draw("fork_stream", 15, 16, 0, func(rng *rand.Rand) map[string]int {
		return map[string]int{"width": block.Pick(rng, 1, 2, 4, 8, 12, 16, 20, 32, 48, 64, 96),
			"readers": block.Pick(rng, 2, 2, 2, 3, 4, 5)}
	})
}
