package fifo

import "github.com/a2qgen/a2qgen/hwgen/fabric"

// Price implements hwgen.Block. It counts the read pointer twice: Yosys copies it into the memory's read port.
//
// With the write pointer that is 3*pointer flip-flops, and level_q counts 0 to Depth. The data
// has no register: fifo.v reads without a clock, straight from the RAM's output. A queue always
// is in LUTs, since block RAM cannot be read so.
func (f *Block) Price(of *fabric.Family) fabric.Shape {
	pointer, level := fabric.AddressWidth(f.Depth), fabric.AddressWidth(f.Depth+1)
	return fabric.Shape{FF: 3*pointer + level,
		Terms: append(of.ControlTerms([]int{pointer, pointer}, []int{level}), of.RAMTerms(f.Width, f.Depth)...)}
}
