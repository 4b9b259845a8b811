package plan

import (
	"math/bits"
	"slices"

	"github.com/a2qgen/a2qgen/quant"
)

// shiftable says whether the accumulators of l may begin anywhere (MATH 2, shifted
// range): the network gives them start values, and there are thresholds or scores to move
// along. Accumulators that leave as they are, to other layers or as an output, keep theirs.
func shiftable(l *quant.Layer) bool {
	return l.Start != nil && (l.Thresholds != nil || l.Score != nil)
}

// neededBits returns the smallest accumulator width that is safe for l, and the first
// channel that needs it. Where start values may be chosen, it is the width of the
// range: p bits hold max-min+1 values.
func neededBits(l *quant.Layer) (width, worstChannel int) {
	if !shiftable(l) {
		return l.NeededBits()
	}
	width = 1
	for c := range l.Out {
		r := l.SumRange(c)
		if b := bits.Len64(uint64(r.Max - r.Min)); b > width {
			width, worstChannel = b, c
		}
	}
	return width, worstChannel
}

// declaredBits returns the width that the network asks for: the declared one, or else
// the smallest that holds its start values and sums.
func declaredBits(l *quant.Layer) int {
	if l.AccBits > 0 {
		return l.AccBits
	}
	width, _ := l.NeededBits()
	return width
}

// startAt returns l with start values for accumulators of p bits, its thresholds or
// scores moved along: the results are the same for every input. Start values that
// need exactly p bits stay as they are. Otherwise a channel begins at its
// quant.Layer.ShiftedStart, 0 where its sums fit in p bits as they are; one that does
// not fit at all (estimates of unsafe widths only) is centred. Start is nil where every
// channel begins at 0.
func startAt(l *quant.Layer, p int) *quant.Layer {
	if !shiftable(l) {
		return l
	}
	start := l.Start
	if width, _ := l.NeededBits(); width != p {
		start = make([]int64, l.Out)
		for c := range start {
			start[c] = channelStart(l, c, p)
		}
	}
	return moveStart(l, start)
}

func channelStart(l *quant.Layer, c, p int) int64 {
	if agreements(l) {
		return countStart(l, c, p)
	}
	if start, ok := l.ShiftedStart(c, p); ok {
		return start
	}
	// Centred, the part that overflows is as small as it can be on either side.
	r := l.SumRange(c)
	return -(r.Min + r.Max) / 2
}

// countStart returns a start value with which the popcount of a row of -1 and +1 begins at one number for
// all rows, so that no memory has to hold it: at 0 where P bits hold the popcount, else at the lowest code,
// or one above where that leaves a code free.
func countStart(l *quant.Layer, c, p int) int64 {
	r := l.SumRange(c)
	width, limit := r.Max-r.Min, int64(1)<<(p-1)
	switch {
	case width < limit:
		return -r.Min
	case width < 2*limit-1:
		return -limit + 1 - r.Min
	}
	return -limit - r.Min
}

// moveStart returns a copy of l that begins at start: acc' = acc + d with
// d = start - l.Start, so acc > t is acc' > t + d, and acc*gain + bias is
// acc'*gain + (bias - d*gain).
func moveStart(l *quant.Layer, start []int64) *quant.Layer {
	// Copies of what changes: the caller's network keeps its own thresholds and biases.
	moved := *l
	// Start stays nil unless some channel needs it: the memory of zeros would cost LUTs.
	moved.Start = nil
	if t := l.Thresholds; t != nil {
		moved.Thresholds = &quant.Thresholds{Output: t.Output, Inverted: t.Inverted,
			Values: append([]int64(nil), t.Values...)}
	}
	if s := l.Score; s != nil {
		moved.Score = &quant.Score{Gain: s.Gain, Exact: s.Exact, Bias: append([]int64(nil), s.Bias...)}
	}
	for c, v := range start {
		d := v - l.Start[c]
		if v != 0 {
			moved.Start = start
		}
		if t := moved.Thresholds; t != nil {
			row := t.Channel(c)
			for k := range row {
				row[k] += d
			}
		}
		if s := moved.Score; s != nil {
			s.Bias[c] -= d * s.Gain[c]
		}
	}
	return &moved
}

// withinRange returns l with thresholds that its accumulators can tell: one that none exceeds is their
// maximum, one that all do lies one below their minimum. Others would only need more bits.
func withinRange(l *quant.Layer) *quant.Layer {
	if l.Thresholds == nil {
		return l
	}
	t := *l.Thresholds
	t.Values = slices.Clone(t.Values)
	for c := range l.Out {
		r, row := l.AccRange(c), t.Channel(c)
		for k, v := range row {
			row[k] = max(r.Min-1, min(r.Max, v))
		}
	}
	if slices.Equal(t.Values, l.Thresholds.Values) {
		return l
	}
	moved := *l
	moved.Thresholds = &t
	return &moved
}

// withLayers returns n with layers that compute the same from other start values.
func withLayers(n *quant.Network, layers []quant.Layer) *quant.Network {
	moved := *n
	// The slice is the planner's own, so that the network it came from stays as it was read.
	moved.Layers, moved.Outputs = layers, slices.Clone(n.Outputs)
	for k := range moved.Outputs {
		o := &moved.Outputs[k]
		from, to := n.Layers[o.Layer].Start, layers[o.Layer].Start
		if real := o.Dequantize; real != nil && n.Layers[o.Layer].Score != nil && from != nil {
			// v is an accumulator of the moved layer: less the new start it is the bare sum, and
			// with the old start what the network's own dequantiser expects.
			o.Dequantize = func(c int, v int64) float64 {
				if to != nil {
					v -= to[c]
				}
				return real(c, v+from[c])
			}
		}
	}
	return &moved
}
