package linebuffer

import "github.com/a2qgen/a2qgen/hwgen/fabric"

// Price implements hwgen.Block, from the shape alone.
//
// Flip-flops: the write position and that of each read, behind_q and used_q, valid_q, the turns of each
// loop, first_q where there is a border; data_q behind a memory of LUTs. Every read has a memory, and all
// but the first take their constants from it ("moved_bits"), compare behind_q with their distance
// ("compared_bits") and may have a border of their own ("borders", all fitted). A bit of a sum whose
// second operand is one of the loops' constants is a LUT, which its choice may double ("stepped_bits",
// fitted); a read position that does not wrap by itself is compared as well.
func (b *Block) Price(of *fabric.Family) fabric.Shape {
	w, depth := b.walk(), b.Depth()
	pointer, count := fabric.AddressWidth(depth), w.countBits(depth)
	turns := []int{pointer}
	reads := b.reads()
	s := fabric.Shape{FF: (1+reads)*pointer + 2*count + 1}
	for _, l := range w.loops {
		turns = append(turns, fabric.AddressWidth(l.count))
		s.FF += fabric.AddressWidth(l.count)
	}
	stepped := pointer + 2*count
	s.FF += fabric.OneIf(w.border)
	modulo := 0
	if depth&(depth-1) != 0 {
		modulo = pointer
	}
	control := append(of.ControlTerms(turns, nil), fabric.Fitted("stepped_bits", float64(stepped), 1),
		fabric.Fitted("modulo_bits", float64(modulo), 2), fabric.Fitted("loops", float64(len(w.loops)), 2),
		fabric.Fitted("border", float64(fabric.OneIf(w.border)), 8),
		fabric.Fitted("moved_bits", float64((reads-1)*(pointer+modulo)), 1),
		fabric.Fitted("compared_bits", float64((reads-1)*count), 0.5),
		fabric.Fitted("borders", float64((reads-1)*fabric.OneIf(w.border)), 2))
	if b.BlockRAM {
		s.BlockRAM = reads * of.BlockRAMs(b.width(), depth)
		shared, terms := of.SharedBlockRAM(fabric.Banks{Width: b.width(), Depth: depth, Words: 1, Enables: 1, Ports: 1})
		s.FF += shared
		s.Terms = append(control, copies(reads, terms)...)
		return s
	}
	s.FF += reads * b.width()
	s.Terms = append(control, copies(reads, of.RAMTerms(b.width(), depth))...)
	return s
}

// copies returns the terms of n times as much.
func copies(n int, terms []fabric.Term) []fabric.Term {
	for i := range terms {
		terms[i].Value *= float64(n)
	}
	return terms
}
