package crop

import "github.com/a2qgen/a2qgen/hwgen/fabric"

// Price implements hwgen.Block: for each loop a counter down to its next kept turn, which takes one of two
// values there, and a counter of those, and the spill register: two beats and their valid bits.
func (b *Block) Price(f *fabric.Family) fabric.Shape {
	var counters []int
	left, ff := 0, 0
	for _, l := range b.loops() {
		way := fabric.AddressWidth(max(l.size-l.last()+l.first, l.step))
		counters = append(counters, way, fabric.AddressWidth(l.kept))
		left, ff = left+way, ff+way+fabric.AddressWidth(l.kept)
	}
	return fabric.Shape{FF: ff + 2*b.width() + 2, Terms: append(f.ControlTerms(counters, nil),
		fabric.Fitted("way_bits", float64(left), 0.7), fabric.Exactly("spill_bits", float64(b.width())))}
}
