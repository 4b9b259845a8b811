package cost

import "github.com/a2qgen/a2qgen/hwgen"

// fifoShape counts the read pointer twice: Yosys copies it into the memory's read port.
func fifoShape(f *hwgen.FIFO) shape {
	pointer, level := addressWidth(f.Depth), addressWidth(f.Depth+1)
	ram, mux := ramLUTs(f.Width, f.Depth)
	return shape{Kind: KindFIFO, FF: 3*pointer + level,
		Terms: append(controlTerms(2*pointer, level), term{"ram", float64(ram), 1, false}, term{"ram_mux", float64(mux), 1, false})}
}
