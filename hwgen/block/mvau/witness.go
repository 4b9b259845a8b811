package mvau

import (
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
)

// witness returns the recurrences of mvau.v. Latency from the last beat of a fold, without the
// spill register: operands, dot product, accumulator, and what the search of
// thresholds.v takes.
func witness(p map[string]int, _ []hwgen.Memory, e block.Ends) block.Unit {
	stages := 2 + dot(p) + max(0, 2*p["OUTPUT_BITS"]-1)
	return &block.Line{Ends: e, Stages: stages, Period: p["MW"] / p["SIMD"]}
}

// dot returns the registers between operands and sums.
func dot(p map[string]int) int {
	lanes := p["SIMD"]
	switch {
	case p["SIGNS"] != 1:
		return block.Dot(p["WEIGHT_BITS"], lanes, p["PAIRS"] == 1)
	case p["INPUT_BITS"] > 1 || p["INPUT_SIGNED"] == 1:
		return block.Clog2(lanes) // adders
	case lanes > 3:
		return 2 + block.Clog2((lanes+8)/9) // threes, nines, adders
	}
	return 1
}
