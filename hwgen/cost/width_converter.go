package cost

import "github.com/a2qgen/a2qgen/hwgen"

func widthConverterShape(w *hwgen.WidthConverter) shape {
	if w.Out > w.In {
		ratio := w.Out / w.In
		count := addressWidth(ratio)
		return shape{Kind: KindWidthConverter, FF: count + 1 + (2*ratio-1)*w.In*w.Word,
			Terms: []term{{"widen", 1, 4, false}, {"counter_bits", float64(count), 1.5, false}}}
	}
	ratio := w.In / w.Out
	count := addressWidth(ratio)
	// A stored bit chooses among a new beat, a waiting one and the part above it. Alone, a
	// converter by three or four takes twice the LUTs per bit, for ABC then makes it fast: in
	// a design something else is slower.
	return shape{Kind: KindWidthConverter, FF: count + 2 + 2*w.In*w.Word,
		Terms: []term{{"narrow", 1, 4, false}, {"counter_bits", float64(count), 1.5, false},
			{"stored_bits", float64(w.In * w.Word), 2, false}}}
}
