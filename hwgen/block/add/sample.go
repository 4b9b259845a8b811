package add

import (
	"math/rand/v2"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
	"github.com/a2qgen/a2qgen/quant"
)

// Kind is this kind of block.
var Kind = block.Kind{Name: "add", Build: build, Witness: witness, Sweep: sweep, Batch: 8}

// build makes the sum of k operands of n bits, the second signed where signed is 1, times
// factors of f bits, with staircases of a bits (0 for none) around the middle of the sums.
func build(s block.Sample) (hwgen.Block, []int) {
	p, rng := s.Params, rand.New(rand.NewPCG(s.Seed, 17))
	b := &Block{Layer: &quant.Layer{Name: "fc", Kind: quant.Add, In: p["k"], Out: p["mh"]}, PE: p["pe"]}
	var r quant.AccRange
	var bits []int
	for k := range p["k"] {
		t := quant.DataType{Bits: p["n"], Signed: p["signed"] == 1 && k == 1}
		f := int64(1)
		if p["f"] > 1 {
			f = 1 + rng.Int64N(1<<p["f"]-1)
		}
		b.Layer.Factors = append(b.Layer.Factors, f)
		b.Operands = append(b.Operands, Operand{Type: t})
		r.Min, r.Max = r.Min+f*t.Min(), r.Max+f*t.Max()
		bits = append(bits, p["pe"]*p["n"])
	}
	b.AccBits = r.Bits()
	if p["a"] > 0 {
		t := &quant.Thresholds{Output: quant.DataType{Bits: p["a"]}}
		for range p["mh"] {
			t.Values = append(t.Values, block.DrawStaircase(rng, r, t.Levels(), b.AccBits)...)
		}
		b.Layer.Thresholds = t
	}
	b.ThresholdBits = b.AccBits
	return b, bits
}

// sweep draws sums as residual networks have them: mostly two operands of equal factors, three
// or four now and then, factors of up to six bits where scales differ.
func sweep() []block.Sample {
	return block.Draw("add", 16, 24, 0, func(rng *rand.Rand) map[string]int {
		pe := block.Pick(rng, 1, 1, 2, 2, 4, 8)
		return map[string]int{"pe": pe, "mh": pe * block.Pick(rng, 1, 2, 4, 8, 10, 16, 32),
			"k": block.Pick(rng, 2, 2, 2, 2, 3, 4), "n": block.Pick(rng, 1, 2, 3, 4, 4, 4, 6, 8),
			"signed": block.Pick(rng, 0, 0, 1), "f": block.Pick(rng, 1, 1, 1, 2, 3, 6),
			"a": block.Pick(rng, 0, 2, 3, 4, 4)}
	})
}
