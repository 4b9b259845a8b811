package concat

import (
	"fmt"
	"math/rand/v2"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
	"github.com/a2qgen/a2qgen/quant"
)

// Kind is this kind of block.
var Kind = block.Kind{Name: "concat", Build: build, Witness: witness, Sweep: sweep, Batch: 12}

// build makes the concatenation of k operands of pe elements of n bits per beat, operand i of them with
// bi beats.
func build(s block.Sample) (hwgen.Block, []int) {
	p := s.Params
	b := &Block{Layer: &quant.Layer{Name: "concat", Kind: quant.Concat}}
	var bits []int
	for i := range p["k"] {
		beats := p[fmt.Sprint("b", i)]
		b.Beats = append(b.Beats, beats)
		b.Inputs = append(b.Inputs, hwgen.InOrder(hwgen.Tensor{Holds: hwgen.HoldsInputs}, beats*p["pe"], p["n"],
			false, p["pe"]))
		bits = append(bits, p["pe"]*p["n"])
	}
	return b, bits
}

// sweep draws two to four operands of equal or different channels. Nothing but the shape matters, so the
// seed does not.
func sweep() []block.Sample {
	return block.Draw("concat", 21, 16, 0, func(rng *rand.Rand) map[string]int {
		p := map[string]int{"k": block.Pick(rng, 2, 2, 2, 3, 4), "pe": block.Pick(rng, 1, 1, 2, 4, 8, 16),
			"n": block.Pick(rng, 1, 2, 4, 4, 4, 8)}
		for i := range p["k"] {
			p[fmt.Sprint("b", i)] = block.Pick(rng, 1, 2, 4, 8, 8, 16, 32)
		}
		return p
	})
}
