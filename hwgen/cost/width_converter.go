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
	// A stored bit chooses among a new beat, a waiting one and the part above it. How
	// much of the choice Yosys copies into each bit depends on the width of the counter.
	stored := "stored_bits"
	if count == 2 {
		stored = "stored_bits_2"
	}
	return shape{Kind: KindWidthConverter, FF: count + 2 + 2*w.In*w.Word,
		Terms: []term{{"narrow", 1, 4, false}, {"counter_bits", float64(count), 1.5, false},
			{stored, float64(w.In * w.Word), 2, false}}}
}
