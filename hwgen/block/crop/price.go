package crop

import "github.com/a2qgen/a2qgen/hwgen/fabric"

// Price implements hwgen.Block: for each loop a counter down to its next kept turn, which takes one of two
// values there, and a counter of those, and the spill register: two beats and their valid bits.
//
// A loop whose turns all pass needs no way, and kept turns are counted only where the last is another: for
// a loop around it that drops some, or because the way behind it is longer or shorter.
func (b *Block) Price(f *fabric.Family) fabric.Shape {
	var counters []int
	left, ff := 0, 0
	loops := b.loops()
	for k, l := range loops {
		end, outer := l.size-1-l.last()+l.first, false
		for _, o := range loops[k+1:] {
			outer = outer || o.kept < o.size
		}
		way, turns := 0, 0
		if l.kept < l.size {
			way = fabric.AddressWidth(max(end, l.step-1) + 1)
		}
		if outer || end != l.step-1 {
			turns = fabric.AddressWidth(l.kept)
		}
		counters = append(counters, way, turns)
		left, ff = left+way, ff+way+turns
	}
	return fabric.Shape{FF: ff + 2*b.width() + 2, Terms: append(f.ControlTerms(counters, nil),
		fabric.Fitted("way_bits", float64(left), 0.7), fabric.Exactly("spill_bits", float64(b.width())))}
}
