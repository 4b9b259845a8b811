package crop

import (
	"math/rand/v2"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
	"github.com/a2qgen/a2qgen/quant"
)

// Kind is this kind of block.
var Kind = block.Kind{Name: "crop", Build: build, Witness: witness, Sweep: sweep, Batch: 12}

// build passes on kept of side rows and columns, step apart, from first on, of beats of lanes elements of n
// bits; or, where from is given, of channels so many beats.
func build(s block.Sample) (hwgen.Block, []int) {
	p := s.Params
	in := quant.Shape{H: p["side"], W: p["side"], C: p["beats"] * p["lanes"]}
	l := &quant.Layer{Name: "crop", Kind: quant.Crop, Shape: quant.Shape{H: p["kept"], W: p["kept"], C: in.C},
		Region: quant.Region{Top: p["first"], Left: p["first"], Rows: p["kept"], Cols: p["kept"], StepDown: p["step"],
			StepAcross: p["step"]}}
	if p["from"] > 0 {
		l.Kind = quant.Select
		for c := p["from"] * p["lanes"]; c < in.C; c++ {
			l.Channels = append(l.Channels, c)
		}
	}
	b := &Block{Layer: l, In: in}
	b.Input = hwgen.InOrder(hwgen.Tensor{Holds: hwgen.HoldsInputs}, in.Size(), p["n"], false, p["lanes"])
	return b, []int{p["lanes"] * p["n"]}
}

// sweep draws crops of both kinds. Nothing but the shape matters, so the seed does not.
func sweep() []block.Sample {
	return block.Draw("crop", 23, 20, 0, func(rng *rand.Rand) map[string]int {
		p := map[string]int{"side": block.Pick(rng, 7, 8, 14, 16, 28, 32, 56), "beats": block.Pick(rng, 2, 3, 8, 16, 32, 64),
			"lanes": block.Pick(rng, 1, 1, 2, 4), "n": block.Pick(rng, 1, 2, 4, 4, 8)}
		if rng.IntN(3) == 0 {
			p["from"] = 1 + rng.IntN(p["beats"]-1)
			return p
		}
		p["step"], p["first"] = block.Pick(rng, 1, 1, 2), rng.IntN(3)
		p["kept"] = 1 + rng.IntN((p["side"]-p["first"])/p["step"])
		return p
	})
}
