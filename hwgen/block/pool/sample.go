package pool

import (
	"math/rand/v2"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
	"github.com/a2qgen/a2qgen/quant"
)

// Kind is this kind of block.
var Kind = block.Kind{Name: "pool", Build: build, Witness: witness, Sweep: sweep, Batch: 12}

// build makes the pool of k x k positions of folds beats of pe elements of n bits.
func build(s block.Sample) (hwgen.Block, []int) {
	p := s.Params
	l := &quant.Layer{Name: "pool", Kind: quant.AvgPool, In: p["k"] * p["k"], Out: p["pe"] * p["folds"],
		Window: quant.Window{H: p["k"], W: p["k"]}}
	t := quant.DataType{Bits: p["n"], Signed: p["signed"] == 1}
	if p["max"] == 1 {
		l.Kind = quant.MaxPool
	}
	acc := quant.AccRange{Min: t.Min() * int64(l.In), Max: t.Max() * int64(l.In)}.Bits()
	return &Block{Layer: l, AccBits: acc, Style: s.Style, Input: hwgen.InOrder(hwgen.Tensor{Holds: hwgen.HoldsInputs},
		l.In*l.Out, t.Bits, t.Signed, p["pe"])}, []int{p["pe"] * p["n"]}
}

// sweep draws pools as networks have them, global ones among them. Nothing but the shape matters, so
// the seed does not.
func sweep() []block.Sample {
	return block.Draw("pool", 20, 24, 0, func(rng *rand.Rand) map[string]int {
		return map[string]int{"pe": block.Pick(rng, 1, 1, 2, 4, 8), "folds": block.Pick(rng, 1, 2, 4, 8, 16, 32, 64),
			"k": block.Pick(rng, 2, 2, 3, 4, 7, 8), "n": block.Pick(rng, 1, 2, 4, 4, 4, 8), "max": block.Pick(rng, 0, 1),
			"signed": block.Pick(rng, 0, 0, 1)}
	})
}
