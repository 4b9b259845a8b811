package pad

import "github.com/a2qgen/a2qgen/hwgen/fabric"

// Price implements hwgen.Block: three counters, of which two are compared with both ends of the image, the
// beat that is held, the choice of the border, which a LUT of the spill register may hold, and that
// register: two beats and their valid bits.
func (b *Block) Price(f *fabric.Family) fabric.Shape {
	p, width := b.Border, b.Input.Lanes*b.Input.Bits
	beat := fabric.AddressWidth(b.beats())
	row, column := fabric.AddressWidth(p.Top+p.H+p.Bottom+1), fabric.AddressWidth(p.Width()+1)
	return fabric.Shape{FF: beat + row + column + 3*width + 4, Terms: append(f.ControlTerms([]int{beat, row, column}, nil),
		fabric.Fitted("compared_bits", float64(row+column), 0.7), fabric.Exactly("spill_bits", float64(width)))}
}
