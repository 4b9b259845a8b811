package qonnx

import "math"

// sampled says what a conversion makes of all elements that a stream may have.
// It is what decides between a Cast that passes integers on and one that
// quantises.
type sampled struct {
	// all says that they could all be looked at: the others say nothing without.
	all bool
	// same says that each stays as it is; falls that a larger integer of the
	// stream becomes a smaller number.
	same, falls bool
	// lo and hi bound what they become, and 0.
	lo, hi float64
	// open is the error for one of which ONNX leaves open what it becomes.
	open error
}

// maxSampled bounds the elements that sample looks at. All of 16 bits for 16
// channels of different scales.
const maxSampled = 1 << 20

// sample looks at every integer of every channel, or at both ends where
// elements are whole numbers and the target holds all between them. A stream
// whose chain is not of integers (q nil) says nothing: all is false.
func (im *importer) sample(c conversion, s *stream) sampled {
	q := s.q
	if q == nil {
		return sampled{}
	}
	lo, hi := q.typ.Min(), q.typ.Max()
	out := sampled{all: true, same: true}
	stride := int64(1)
	if c.holdsAll(s) {
		stride = max(1, hi-lo)
	}
	width := 1
	// Channels of one scale and one chain are the same channel.
	if s.uneven() {
		width = s.width
	}
	if (hi-lo)/stride > maxSampled/int64(width) {
		return sampled{}
	}
	// The budget pays for time here: a file could have many Casts.
	if _, err := im.left.take([]int{width, int((hi-lo)/stride) + 1}); err != nil {
		return sampled{}
	}
	for channel := range width {
		last := math.Inf(-1)
		for i := lo; i <= hi; i += stride {
			v := run(s.steps[q.mark:], channel, q.value(channel, i))
			y, ok := c.of(v)
			if !ok {
				out.same, out.open = false, c.open(v)
				continue
			}
			out.same = out.same && y == v
			out.falls = out.falls || y < last
			last, out.lo, out.hi = y, min(out.lo, y), max(out.hi, y)
		}
	}
	return out
}

// holdsAll says that the elements of s are whole numbers of which the target
// holds each one: then those between two that it holds are held too. A floating
// format of d digits holds all integers up to 2^d.
func (c conversion) holdsAll(s *stream) bool {
	whole := func(v float64) bool { return v == math.Trunc(v) }
	if !s.q.scale.every(whole) || !s.q.offset.every(whole) {
		return false
	}
	least, most := 0.0, 0.0
	if f, ok := integerFormats[c.to]; ok {
		least, most = f.bounds()
	} else if f, ok := floatFormats[c.to]; ok {
		most = math.Ldexp(1, f.digits)
		least = -most
	}
	for channel := range s.width {
		for _, i := range []int64{s.q.typ.Min(), s.q.typ.Max()} {
			v := run(s.steps[s.q.mark:], channel, s.q.value(channel, i))
			if !(v >= least && v <= most) {
				return false
			}
		}
	}
	return true
}
