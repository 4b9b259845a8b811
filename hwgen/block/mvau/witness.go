package mvau

import (
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
)

// witness returns the recurrences of mvau.v. Latency from the last beat of a fold, without the
// spill register: operands, dot product, accumulator, and what the search of
// thresholds.v takes.
func witness(p map[string]int, _ []hwgen.Memory, e block.Ends) block.Unit {
	stages := 2 + block.Dot(p["WEIGHT_BITS"], p["SIMD"], p["PAIRS"] == 1) + max(0, 2*p["OUTPUT_BITS"]-1)
	return &block.Line{Ends: e, Stages: stages, Period: p["MW"] / p["SIMD"]}
}
