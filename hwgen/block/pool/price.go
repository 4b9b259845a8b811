package pool

import "github.com/a2qgen/a2qgen/hwgen/fabric"

// Price implements hwgen.Block: two counters, the results so far in a RAM in LUTs, whose address Yosys
// keeps twice, a sum or a comparison and a choice per element, and the spill register: two beats, their
// valid bits, and a LUT per bit. Of one fold the result so far is what the spill register holds.
func (b *Block) Price(f *fabric.Family) fabric.Shape {
	width, folds := b.Outputs()[0].Bits, b.Folds()
	fold, tap := fabric.AddressWidth(folds), fabric.AddressWidth(b.Taps())
	s := fabric.Shape{FF: fold + tap + 2*width + 2, Terms: append(f.ControlTerms([]int{fold, tap}, nil),
		fabric.Exactly("spill_bits", float64(width)))}
	sums, maxima := width, 0
	if b.Maximum() {
		sums, maxima = 0, width
	}
	s.Terms = append(s.Terms, fabric.Fitted("sum_bits", float64(sums), 1),
		fabric.Fitted("maximum_bits", float64(maxima), 1.5))
	if folds == 1 {
		return s
	}
	s.FF += fold
	s.Terms = append(s.Terms, f.RAMTerms(width, folds)...)
	return s
}
