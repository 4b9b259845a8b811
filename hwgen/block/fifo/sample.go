package fifo

import (
	"math/rand/v2"
	"slices"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
)

// Kind is this kind of block.
var Kind = block.Kind{Name: "fifo", Build: build, Witness: witness, Sweep: sweep, Batch: 12}

func build(s block.Sample) (hwgen.Block, []int) {
	p := s.Params
	return &Block{Layer: "fc", Width: p["width"], Depth: p["depth"], Beats: p["depth"], BlockRAM: p["block"] == 1,
		Style: s.Style}, []int{p["width"]}
}

// sweep draws depths below, at and above 32 and 64 beats, where Yosys changes the RAM
// primitive. Nothing but the shape matters, so the seed does not.
func sweep() []block.Sample { return slices.Concat(usualSweep(), blockSweep()) }

// blockSweep draws queues that deserve block RAM, as shortcuts have them.
func blockSweep() []block.Sample {
	return block.Draw("fifo", 29, 10, 1000, func(rng *rand.Rand) map[string]int {
		return map[string]int{"width": block.Pick(rng, 1, 4, 4, 5, 8, 16, 32),
			"depth": block.Pick(rng, 128, 200, 512, 650, 945, 1024, 2048), "block": 1}
	})
}

func usualSweep() []block.Sample {
	return block.Draw("fifo", 12, 24, 0, func(rng *rand.Rand) map[string]int {
		return map[string]int{"width": block.Pick(rng, 1, 2, 4, 8, 12, 16, 20, 32, 48, 64, 96),
			"depth": block.Pick(rng, 2, 3, 4, 5, 7, 8, 16, 28, 32, 49, 64, 98, 128, 196)}
	})
}
