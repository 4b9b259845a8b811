package cost

import "github.com/a2qgen/a2qgen/hwgen"

// fifoShape counts the read pointer twice: Yosys copies it into the memory's read port.
func fifoShape(f *hwgen.FIFO) shape {
	pointer, level := addressWidth(f.Depth), addressWidth(f.Depth+1)
	return shape{Kind: KindFIFO, FF: 3*pointer + level,
		Terms: append(controlTerms(2*pointer, level), ramTerms(f.Width, f.Depth)...)}
}
