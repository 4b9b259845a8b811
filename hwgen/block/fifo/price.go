package fifo

import "github.com/a2qgen/a2qgen/hwgen/fabric"

// Price implements hwgen.Block. It counts the read pointer twice: Yosys copies it into the memory's read port.
//
// With the write pointer that is 3*pointer flip-flops, and level_q counts 0 to Depth. In LUTs the data
// has no register: fifo.v reads without a clock, straight from the RAM's output. Behind block RAM there are
// the beat that came last, fresh_at_front_q, and a choice of two per bit.
func (f *Block) Price(of *fabric.Family) fabric.Shape {
	pointer, level := fabric.AddressWidth(f.Depth), fabric.AddressWidth(f.Depth+1)
	control := of.ControlTerms([]int{pointer, pointer}, []int{level})
	if !f.BlockRAM {
		return fabric.Shape{FF: 3*pointer + level, Terms: append(control, of.RAMTerms(f.Width, f.Depth)...)}
	}
	shared, terms := of.SharedBlockRAM(fabric.Banks{Width: f.Width, Depth: f.Depth, Words: 1, Enables: 1, Ports: 1})
	terms = append(terms, fabric.Fitted("fresh", 1, 4), fabric.Fitted("fresh_bits", float64(f.Width), 1))
	return fabric.Shape{FF: 2*pointer + level + f.Width + 1 + shared, BlockRAM: of.BlockRAMs(f.Width, f.Depth),
		Terms: append(control, terms...)}
}
