package widthconverter

import "github.com/a2qgen/a2qgen/hwgen/fabric"

// Price implements hwgen.Block. It returns the registers and LUTs of width_converter.v; In and Out are words
// of Word bits per beat.
//
// Widening by r: r-1 parts are held and r are in the output register, so 2r-1 parts of In*Word
// flip-flops. Each has one source and an enable, so no bit takes a LUT: only the handshake
// ("widen") and the counter of parts do. Narrowing: two whole beats, the one that is being sent
// and the next, and a shift by a part: one LUT per bit of the former, which is fitted.
func (w *Block) Price(of *fabric.Family) fabric.Shape {
	if w.Out > w.In {
		ratio := w.Out / w.In
		count := fabric.AddressWidth(ratio)
		return fabric.Shape{FF: count + 1 + (2*ratio-1)*w.In*w.Word,
			Terms: append([]fabric.Term{fabric.Fitted("widen", 1, 4)}, of.CounterTerms(count)...)}
	}
	ratio := w.In / w.Out
	count := fabric.AddressWidth(ratio)
	// A stored bit chooses among a new beat, a waiting one and the part above it. Alone, a
	// converter by three or four takes twice the LUTs per bit, for ABC then makes it fast: in
	// a design something else is slower.
	return fabric.Shape{FF: count + 2 + 2*w.In*w.Word,
		Terms: append([]fabric.Term{fabric.Fitted("narrow", 1, 4),
			fabric.Fitted("stored_bits", float64(w.In*w.Word), 2)},
			of.CounterTerms(count)...)}
}
