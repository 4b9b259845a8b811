package quant

import "math"

// Span is what an element of a sample can hold: real numbers from Low to High
// are rounded, those beyond saturate at the first or last integer. Step is the
// width of an integer at the ends, half of which lies outside the values that
// the two stand for.
type Span struct{ Low, High, Step float64 }

// Span returns the span of element i of a sample. It is found by bisection on
// Quantize alone, whatever scale, zero point and rounding that has. ok is false
// where the integers are fewer than three: a sign has no ends.
func (q *InputQuantizer) Span(i int) (s Span, ok bool) {
	lo, hi := q.Quantize(i, -math.MaxFloat32), q.Quantize(i, math.MaxFloat32)
	sign := int32(1)
	if lo > hi { // a chain that falls, such as a Neg before the Quant
		sign, lo, hi = -1, -lo, -hi
	}
	value := func(v float64) int32 { return sign * q.Quantize(i, v) }
	if hi-lo < 2 || q.Type.Bipolar {
		return s, false
	}
	// Where the integer leaves the first, and the one after it; the same from above.
	first := leastWith(func(v float64) bool { return value(v) > lo })
	second := leastWith(func(v float64) bool { return value(v) > value(first) })
	last := leastWith(func(v float64) bool { return value(v) >= hi })
	below := value(float64(math.Nextafter32(float32(last), -math.MaxFloat32)))
	before := leastWith(func(v float64) bool { return value(v) >= below })
	return Span{Low: first - (second - first), High: last + (last - before), Step: second - first}, true
}

// same says that element i has span s, found for another element: its integers
// change at the same places next to the ends.
func (q *InputQuantizer) same(i, other int, s Span) bool {
	for _, v := range []float64{s.Low + s.Step, s.Low + 2*s.Step, s.High - s.Step} {
		for _, at := range []float64{v - s.Step/4, v + s.Step/4} {
			if q.Quantize(i, at) != q.Quantize(other, at) {
				return false
			}
		}
	}
	return true
}

// leastWith returns the least finite float32 with p, which holds from some number
// on: samples hold no others.
func leastWith(p func(v float64) bool) float64 {
	// A float's bits, read as an integer, are in the order of the floats from 0 on.
	number := func(k int64) float64 {
		if k < 0 {
			return -float64(math.Float32frombits(uint32(-k)))
		}
		return float64(math.Float32frombits(uint32(k)))
	}
	most := int64(math.Float32bits(math.MaxFloat32))
	lo, hi := -most, most
	for lo < hi {
		if mid := (lo + hi) >> 1; p(number(mid)) {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return number(lo)
}

// Saturation says how many values of samples the input of a network cannot hold.
type Saturation struct {
	// Values counts those that were looked at, Outside those beyond their
	// element's span.
	Values, Outside int64
	// Samples counts the samples that have values outside. First is the first of these
	// values: of which sample, which element of it, and what it is.
	Samples int64
	First   struct {
		Sample, Element int
		Value           float64
	}
	// Low and High are the smallest and the largest value.
	Low, High float64
	// Span is that of the elements, the widest where they differ, without the
	// half steps beyond the values of the first and the last integer; Ends says
	// that there is one.
	Span Span
	Ends bool
}

// Share returns the part of the values that saturate, 0..1.
func (s *Saturation) Share() float64 { return float64(s.Outside) / float64(max(s.Values, 1)) }

// Saturation looks at n samples; sample writes the values of one.
func (q *InputQuantizer) Saturation(n int, sample func(i int, dst []float32)) Saturation {
	out := Saturation{Low: math.Inf(1), High: math.Inf(-1)}
	spans := q.spans(&out)
	x := make([]float32, len(spans))
	for i := range n {
		sample(i, x)
		before := out.Outside
		for k, v := range x {
			f := float64(v)
			out.Low, out.High = min(out.Low, f), max(out.High, f)
			// NaN is in no span, and is compared as not within it.
			if f >= spans[k].Low && f <= spans[k].High {
				continue
			}
			if out.Outside++; out.Outside == 1 {
				out.First.Sample, out.First.Element, out.First.Value = i, k, f
			}
		}
		if out.Outside > before {
			out.Samples++
		}
	}
	out.Values = int64(n) * int64(len(spans))
	return out
}

// spans returns the span of every element and fills in that of all.
func (q *InputQuantizer) spans(all *Saturation) []Span {
	spans := make([]Span, q.Shape.Size())
	for i := range spans {
		s, ok := Span{}, true
		if i > 0 && !math.IsInf(spans[0].Low, 0) && q.same(i, 0, spans[0]) {
			s = spans[0]
		} else if s, ok = q.Span(i); !ok {
			spans[i] = Span{Low: math.Inf(-1), High: math.Inf(1)}
			continue
		}
		spans[i] = s
		low, high := s.Low+s.Step/2, s.High-s.Step/2
		if !all.Ends || low < all.Span.Low {
			all.Span.Low = low
		}
		if !all.Ends || high > all.Span.High {
			all.Span.High = high
		}
		all.Span.Step, all.Ends = s.Step, true
	}
	return spans
}
