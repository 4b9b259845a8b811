package cost

import "math/bits"

// maxProductBits is the largest width of weight and input that products were
// synthesised for.
const maxProductBits = 8

// ProductTable holds the measured LUTs of one product with its register, without the
// memory of its weights: [weight bits-1][used bits-1][input bits-1][signed input].
// Used bits are those that the lane's weights differ in; a weight of 4 bits that is
// only ever -1, 0 or 1 uses 2.
type ProductTable [maxProductBits][maxProductBits][maxProductBits][2]int

// productTable collects the samples of whole products.
func productTable(samples []Sample) ProductTable {
	var t ProductTable
	for _, s := range samples {
		if s.Kind == KindProduct && !s.HeldOut {
			p := s.Product()
			t[p.WeightBits-1][p.UsedBits-1][p.InputBits-1][oneIf(p.InputSigned)] = s.Counts.LUT - p.ROMLUTs()
		}
	}
	return t
}

// product returns the LUTs of m-bit weights that use used bits, times n-bit inputs,
// kept to width bits. Beyond 8 bits it grows with the area of the partial products;
// a product trimmed to w bits is one of a weight with w-n bits.
func (t *ProductTable) product(m, used, n, width int, signed bool) float64 {
	m = max(1, min(m, width-n))
	used = min(used, m)
	scale := 1.0
	clip := func(v int) int {
		if v > maxProductBits {
			scale *= float64(v) / maxProductBits
			return maxProductBits
		}
		return v
	}
	if used > maxProductBits {
		m = used // scale once, for the used part
	}
	used, n = clip(used), clip(n)
	m = max(used, min(m, maxProductBits))
	if t[m-1][used-1][n-1][oneIf(signed)] == 0 { // a width that was not measured
		m = maxProductBits
	}
	return scale * float64(t[m-1][used-1][n-1][oneIf(signed)])
}

// constantProduct describes a product by a constant (derived from what Yosys builds:
// one adder for every further one bit of |w|, in plain binary; nothing for powers of
// two, whose negation is a carry chain of inverters).
type constantProduct struct {
	Adders int // additions
	FF     int
}

func constantProductOf(w int64, n, width int, signed bool) constantProduct {
	if w == 0 {
		return constantProduct{}
	}
	magnitude := uint64(max(w, -w))
	shift := bits.TrailingZeros64(magnitude)
	ones := bits.OnesCount64(magnitude)
	wbits := bits.Len64(magnitude) + 1 // signed bits of w
	switch {
	case ones == 1 && w > 0:
		return constantProduct{FF: min(n, width-shift)}
	case ones == 1:
		return constantProduct{FF: max(1, width-shift)}
	case n == 1 && !signed && w > 0:
		return constantProduct{FF: 1}
	}
	grow := 0
	switch {
	case signed:
	case w < 0:
		grow = 1
	default:
		grow = -1
	}
	return constantProduct{Adders: ones - 1, FF: max(1, min(width, wbits+n+grow)-shift)}
}
