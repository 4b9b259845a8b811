package labelselect

import (
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
)

// witness returns the recurrences of label_select.v: operands, score, comparison, best row;
// tournament, product.
func witness(p map[string]int, _ []hwgen.Memory, e block.Ends) block.Unit {
	stages := 4 + block.Clog2(p["PE"])
	if p["GAIN_SHIFT"] < 0 {
		stages += block.Half(p["GAIN_BITS"])
	}
	return &block.Line{Ends: e, Stages: stages, Period: p["MH"] / p["PE"]}
}
