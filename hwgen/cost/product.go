package cost

import "math/bits"

// maxProductBits is the largest width of weight and input that products were
// synthesised for.
const maxProductBits = 8

// ProductTable holds the measured LUTs of one product with its register, without the
// memory of its weights: [weight bits-1][input bits-1][signed input][product bits-1].
// The product is as wide as both together, or trimmed to fewer bits. That a lane's
// weights use fewer bits than they have saves nothing: the columns of its sign are
// found to be equal only after the adders have been built.
type ProductTable [maxProductBits][maxProductBits][2][2 * maxProductBits]int

// productTable collects the samples of whole products.
func productTable(samples []Sample) ProductTable {
	var t ProductTable
	for _, s := range samples {
		if s.Kind == KindProduct && !s.HeldOut {
			p := s.Product()
			t[p.WeightBits-1][p.InputBits-1][oneIf(p.InputSigned)][p.Bits-1] = s.Counts.LUT - p.ROMLUTs()
		}
	}
	return t
}

// product returns the LUTs of m-bit weights times n-bit inputs, kept to width bits.
// Beyond 8 bits it grows as it does up to there: an input bit lengthens every digit's
// adder, and two weight bits are another digit.
func (t *ProductTable) product(m, n, width int, signed bool) float64 {
	const most = maxProductBits
	trimmed := max(0, m+n-width)
	at := func(m, n int) float64 {
		return float64(t[m-1][n-1][oneIf(signed)][max(1, m+n-trimmed)-1])
	}
	ofInput := func(m int) float64 {
		if n <= most {
			return at(m, n)
		}
		return at(m, most) + float64(n-most)*(at(m, most)-at(m, most-1))
	}
	if m <= most {
		return ofInput(m)
	}
	return ofInput(most) + float64(m-most)/2*(ofInput(most)-ofInput(most-2))
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
