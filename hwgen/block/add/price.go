package add

import (
	"slices"

	"github.com/a2qgen/a2qgen/hwgen/fabric"
)

// Price implements hwgen.Block. It builds the netlist of add.v stage by stage, with the factors
// as constants, and counts what is beside it.
//
// Beside it are the held operands, which have an enable each and so are no part of the netlist's
// pipeline, the valid bits, the counter of folds that the thresholds read, and the spill
// register: 2*width+2 flip-flops and a LUT per bit. The handshake is a LUT or so for each
// operand ("operands").
func (a *Block) Price(f *fabric.Family) fabric.Shape {
	n := fabric.NewNetlist(f)
	in, held := a.Input(), 0
	var sums [][]fabric.Signal
	for range a.PE {
		var factors, x [][]fabric.Signal
		for k, o := range a.Operands {
			held += o.Type.Bits
			element := n.Word(o.Type.Bits)
			if !o.Type.Signed {
				element = append(element, fabric.No)
			}
			x = append(x, fabric.Extend(element, in.Bits))
			factors = append(factors, fabric.Number(a.factor(k), a.FactorBits()))
		}
		sums = append(sums, fabric.Extend(n.DotProduct(factors, x, in.Signed, a.AccBits), a.AccBits))
	}
	folds, fold := 0, []fabric.Signal{fabric.No}
	if a.Layer.Thresholds != nil {
		if a.NF() > 1 {
			folds = fabric.AddressWidth(a.NF())
			fold = n.Word(folds)
		}
		sums = a.search().Price(n, sums, fold)
	}
	for _, word := range sums {
		n.Use(word...)
	}
	ff, shift := n.RegistersLeft()
	width := a.Outputs()[0].Bits
	return fabric.Shape{FF: ff + held + len(a.Operands) + a.Stages() + folds + 2*width + 2,
		Terms: slices.Concat(n.MemoryTerms(), []fabric.Term{fabric.Fitted("handshake", 1, 3),
			fabric.Fitted("operands", float64(len(a.Operands)), 1)}, f.CounterTerms(folds),
			[]fabric.Term{fabric.Exactly("shift_registers", float64(shift)),
				fabric.Exactly("spill_bits", float64(width))})}
}
