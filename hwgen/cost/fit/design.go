package main

import (
	"fmt"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/quant"
)

// design rebuilds the design that a sample of kind design is of: layers of sizes s0,
// s1, ... with m-bit weights and n-bit activations; p bits for the hidden layers.
//
// pe0, simd0, ... are the folds. It fails where the plan does. Samples with a number of layers are trained ones.
func (t *table) design(s block.Sample) (*hwgen.Design, error) {
	p := s.Params
	if p["layers"] > 0 {
		return t.trainedDesign(s)
	}
	var sizes []int
	for p[fmt.Sprintf("s%d", len(sizes))] > 0 {
		sizes = append(sizes, p[fmt.Sprintf("s%d", len(sizes))])
	}
	n := quant.Network{Name: "sample", InputShape: sizes[:1],
		Input: quant.InputQuantizer{Type: quant.DataType{Bits: p["n"]},
			Quantize: func(_ int, v float64) int32 { return int32(v) }}}
	last, folds := len(sizes)-2, hwgen.Folding{}
	// A chain: nil reads the layer before, and no kind is linear.
	for i, role := range quant.Roles(make([][]int, last+1), make([]quant.Kind, last+1)) {
		layer := map[string]int{"mw": sizes[i], "mh": sizes[i+1], "m": p["m"], "n": p["n"], "p": p["p"],
			"a": p["n"], "gain": p["gain"]}
		if !role.Hidden() {
			layer["p"] = 2*max(p["m"], p["n"]) + 12 // as wide as it likes
		}
		if i == last {
			layer["a"] = 0
		}
		l := block.Sample{Seed: s.Seed<<8 + uint64(i), Params: layer}.Layer()
		l.Name = fmt.Sprintf("fc%d", i)
		// A layer without is as slow as it can be: the plan would choose by what is to be fitted.
		pe, simd := max(1, p[fmt.Sprintf("pe%d", i)]), max(1, p[fmt.Sprintf("simd%d", i)])
		folds[l.Name] = placed(l, hwgen.Fold{PE: pe, SIMD: simd})
		n.Layers = append(n.Layers, *l)
	}
	net, err := quant.NewNetwork(n)
	if err != nil {
		return nil, err
	}
	return plan.Plan(net, hwgen.Options{Family: t.family, Folding: folds})
}

// placed returns a fold with its memories placed by their size, where the plan would go by prices that are
// to be fitted.
func placed(l *quant.Layer, f hwgen.Fold) hwgen.Fold {
	place := func(words, bits int) hwgen.Place {
		if words >= 128 && words*bits >= 8192 {
			return hwgen.InBlockRAM
		}
		return hwgen.InLUTs
	}
	sf, nf := l.In/f.SIMD, l.Out/f.PE
	f.Weights = place(sf*nf, f.PE*f.SIMD*l.WeightBits)
	if nf > 1 {
		f.Replay = place(sf, f.SIMD*l.Input.Bits)
	}
	return f
}
