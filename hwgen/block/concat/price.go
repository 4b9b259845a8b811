package concat

import "github.com/a2qgen/a2qgen/hwgen/fabric"

// Price implements hwgen.Block: a turn per operand, a counter of beats, a choice of one of the operands per
// bit, which the LUT of the spill register may hold, and that register: two beats and their valid bits.
func (b *Block) Price(f *fabric.Family) fabric.Shape {
	width, most := b.Outputs()[0].Bits, 1
	for _, n := range b.Beats {
		most = max(most, n)
	}
	beat := fabric.AddressWidth(most)
	return fabric.Shape{FF: len(b.Inputs) + beat + 2*width + 2, Terms: append(f.ControlTerms([]int{beat}, nil),
		fabric.Fitted("choice_bits", float64(width*f.LUT.Tree(len(b.Inputs)+1)), 1), fabric.Fitted("operands",
			float64(len(b.Inputs)), 2), fabric.Fitted("spill_bits", float64(width), 1))}
}
