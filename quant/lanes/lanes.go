// Package lanes has the loops of training over rows of channels, in vector instructions where
// the processor has them: batch norm, ReLU and quantiser, forwards and backwards. Each works on rows
// of as many elements as its channel vectors have. The bits are those of the loops in Go, which
// are what other processors run.
package lanes

import "math"

// roundMagic rounds a float32 below 2^22 in size to an integer, half to even, when
// it is added and subtracted: 1.5*2^23 leaves no fraction bits. Floats of 2^23 to
// 2^24 are 1 apart, and the 1.5 leaves as much room below as above, so that
// negative numbers round alike.
const roundMagic = 12582912

// magicBits returns the bits of x+roundMagic. They are in the order of x, also for
// values far beyond those that roundMagic rounds. Sums below -1.5*2^23 are negative
// floats, whose bits are negative integers, so they clip to lo as they should.
func magicBits(x float32) int32 { return int32(math.Float32bits(x + roundMagic)) }

// Moments adds, for each row of x, x-pivot to s1 and its square to s2.
func Moments(x, pivot, s1, s2 []float32) {
	if !vectors(pivot) {
		moments(x, pivot, s1, s2)
		return
	}
	each(x, nil, [3][]float32{pivot}, [3][]float32{s1, s2}, block{}, momentsLoop)
}

// Limit sets y to gain*x + shift, with relu at least 0. A NaN or an infinity becomes NaN.
func Limit(x, y, gain, shift []float32, relu bool) {
	// b>>31 is all ones for a negative number: & keep, it clears every bit of what
	// ReLU makes 0.
	keep := int32(0)
	if relu {
		keep = -1
	}
	if !vectors(gain) {
		limit(x, y, gain, shift, keep)
		return
	}
	each(x, y, [3][]float32{gain, shift}, [3][]float32{}, block{first: keep}, limitLoop)
}

// Quantise sets y to s*clip(round(u)), u = gain*x + shift, half to even and clipped to the
// integers lo to hi. It clips after rounding, among integers, where that takes less: the
// order does not matter, since the ends are integers. A NaN or an infinity becomes NaN.
func Quantise(x, y, gain, shift []float32, lo, hi, s float32) {
	b := block{first: magicBits(lo), last: magicBits(hi), scale: s}
	if !vectors(gain) {
		quantise(x, y, gain, shift, b)
		return
	}
	each(x, y, [3][]float32{gain, shift}, [3][]float32{}, b, quantiseLoop)
}

// LimitBack sets g, gradients of what Limit gives, to 0 where u = gain*x + shift is not above
// lo, and adds it and g*(x-mu) to s1 and s2.
func LimitBack(x, g, gain, shift, mu, s1, s2 []float32, lo float32) {
	b := block{lo: lo}
	if !vectors(gain) {
		limitBack(x, g, gain, shift, mu, s1, s2, b)
		return
	}
	each(x, g, [3][]float32{gain, shift, mu}, [3][]float32{s1, s2}, b, limitBackLoop)
}

// QuantiseBack sets g, gradients of what Quantise gives, to 0 unless lo < u < hi, and adds it
// and g*(x-mu) to s1 and s2; to ds it adds, of each gradient as it was, the product with q - u there
// and with q elsewhere, q being the integer: that is the gradient of s, which does not lose the
// pull of clipped values.
func QuantiseBack(x, g, gain, shift, mu, s1, s2, ds []float32, lo, hi float32) {
	b := block{lo: lo, hi: hi, first: magicBits(lo), last: magicBits(hi)}
	if !vectors(gain) {
		quantiseBack(x, g, gain, shift, mu, s1, s2, ds, b)
		return
	}
	each(x, g, [3][]float32{gain, shift, mu}, [3][]float32{s1, s2, ds}, b, quantiseBackLoop)
}

// Combine sets g to byG*g + byX*x + offset.
func Combine(x, g, byG, byX, offset []float32) {
	if !vectors(byG) {
		combine(x, g, byG, byX, offset)
		return
	}
	each(x, g, [3][]float32{byG, byX, offset}, [3][]float32{}, block{}, combineLoop)
}

// block is up to rows rows of eight channels for a vector loop: where they are, the constants
// of the channels, and their sums.
type block struct {
	x, y         *float32
	rows, stride int // stride in bytes
	of           [3]*float32
	sums         [3]*float32
	lo, hi       float32
	first, last  int32
	scale        float32
}

// loop says which one. Calls of function values would take their blocks to the heap.
type loop int

const (
	momentsLoop loop = iota
	limitLoop
	quantiseLoop
	limitBackLoop
	quantiseBackLoop
	combineLoop
)

const (
	// width is how many channels a vector has.
	width = 8
	// few is how many elements are gone over for one vector of channels before the next one's
	// turn: in the first-level cache, since the next one's are beside them.
	few = 4096
)

// each runs l for all vectors of channels, of few rows at a time. y may be nil, as may
// constants and sums that l does not use.
func each(x, y []float32, of, sums [3][]float32, b block, l loop) {
	n := len(of[0])
	b.stride = 4 * n
	for len(x) >= n {
		b.rows = min(max(few/n, 1), len(x)/n)
		for c := 0; c < n; c += width {
			b.x, b.y = &x[c], at(y, c)
			for i := range of {
				b.of[i], b.sums[i] = at(of[i], c), at(sums[i], c)
			}
			l.run(&b)
		}
		x = x[b.rows*n:]
		if y != nil {
			y = y[b.rows*n:]
		}
	}
}

// at returns where v[c] is, of v that has a vector of elements from there on, or nil where v is nil.
func at(v []float32, c int) *float32 {
	if v == nil {
		return nil
	}
	return &v[c : c+width][0]
}
