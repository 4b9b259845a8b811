package mvau

import (
	"github.com/a2qgen/a2qgen/hwgen/fabric"
	"github.com/a2qgen/a2qgen/quant"
)

// Signs says that the weights of a layer are -1 and +1 alone: a unit then keeps a bit of each.
func Signs(l *quant.Layer) bool {
	for _, w := range l.Weights {
		if w != 1 && w != -1 {
			return false
		}
	}
	return len(l.Weights) > 0
}

// Counts says that a unit computes the products of a layer by XNOR and popcount: its weights are -1 and +1,
// its inputs 0 and 1.
func Counts(l *quant.Layer) bool { return l.Input == (quant.DataType{Bits: 1}) && Signs(l) }

// signs says that weights are a bit each. One lane of wider inputs has no tree to add or subtract in.
func (m *Block) signs() bool {
	return (m.Fold.SIMD > 1 || m.Layer.Input == (quant.DataType{Bits: 1})) && Signs(m.Layer)
}

// counts says that products are counted.
func (m *Block) counts() bool { return m.signs() && Counts(m.Layer) }

// weightBits returns the bits of a weight in memory.
func (m *Block) weightBits() int {
	if m.signs() {
		return 1
	}
	return m.Layer.WeightBits
}

// dotStages returns the registers from operands to their sum.
func (m *Block) dotStages() int {
	switch {
	case m.counts():
		return fabric.CountStages(m.Fold.SIMD)
	case m.signs():
		return fabric.AddressWidth(m.Fold.SIMD)
	}
	return fabric.DotStages(m.Layer.WeightBits, m.Fold.SIMD, m.pairs())
}

// begins returns what accumulators begin with, nil where all begin at 0: the layer's start values. A
// popcount is the sum of w*u and, for each weight of -1, 1 too much.
func (m *Block) begins() []int64 {
	if !m.counts() {
		return m.Layer.Start
	}
	all, any := make([]int64, m.Layer.Out), false
	for c := range all {
		all[c] = m.Layer.AccRange(c).Min
		any = any || all[c] != 0
	}
	if !any {
		return nil
	}
	return all
}
