package cost

import "github.com/a2qgen/a2qgen/hwgen"

// fifoShape counts the read pointer twice: Yosys copies it into the memory's read port.
//
// With the write pointer that is 3*pointer flip-flops, and level_q counts 0 to Depth. The data
// has no register: fifo.v reads without a clock, straight from the RAM's output. A queue always
// is in LUTs, since block RAM cannot be read so.
func fifoShape(f *hwgen.FIFO) shape {
	pointer, level := addressWidth(f.Depth), addressWidth(f.Depth+1)
	return shape{Kind: KindFIFO, FF: 3*pointer + level,
		Terms: append(controlTerms(2*pointer, level), ramTerms(f.Width, f.Depth)...)}
}
