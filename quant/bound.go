package quant

import (
	"fmt"
	"math"
	"math/bits"
)

// DataTypeBits returns P*, the accumulator width that suffices for every dot
// product of k weights of m bits with inputs of type x, whatever the weights
// (arXiv 2301.13376, data-type bound). It is what a network trained without an
// accumulator target must provision. Panics unless k >= 1 and m >= 1.
//
// The paper writes P* = ceil(a + log2(1+2^-a) + 1) with a = log2(k)+N+m-1-[x
// signed]. Since a + log2(1+2^-a) = log2(2^a + 1), and 2^a = k*2^e is an
// integer, P*-1 is the number of bits of k*2^e: no float is involved.
func DataTypeBits(k, m int, x DataType) int {
	if k < 1 || m < 1 {
		panic(fmt.Sprintf("quant: DataTypeBits of %d weights of %d bits", k, m))
	}
	return bits.Len(uint(k)) + magnitudeBits(x) + m - 1 + 1
}

// BudgetA2Q returns the largest ||q||_1 that A2Q permits in p bits, for
// weights of any signs: (2^(p-1)-1) / 2^(N-[x signed]) (arXiv 2308.13504).
// The result is exact for p <= 53.
func BudgetA2Q(p int, x DataType) float64 {
	return math.Ldexp(float64(accMax(p)), -magnitudeBits(x))
}

// BudgetA2QPlus returns the largest l1 norm that A2Q+ permits in p bits to
// real weights of zero mean that are truncated afterwards:
// (2^p-2) / (2^N-1), for signed and unsigned x alike (arXiv 2401.10432). It is
// no test for integer weights: an all-positive row at this norm overflows.
func BudgetA2QPlus(p int, x DataType) float64 {
	return 2 * float64(accMax(p)) / float64(span(x))
}

// BudgetSplit returns U such that p bits hold every dot product of weights
// whose positive ones sum to at most U and whose negative ones to at least -U:
// U = floor((2^(p-1)-1) / (2^N-1)). Derived: with both sums at U the range is
// +-U*(xmax-xmin), for signed x too. It needs no zero mean.
func BudgetSplit(p int, x DataType) int64 {
	return accMax(p) / span(x)
}

// BudgetShifted returns the largest ||q||_1 that p bits can hold when each
// channel's accumulator starts at -2^(p-1)-min instead of 0 and its thresholds
// move along: floor((2^p-1) / (2^N-1)). Derived: the width of the range is
// exactly ||q||_1*(xmax-xmin), whatever the signs. Panics unless p is 1..63.
func BudgetShifted(p int, x DataType) int64 {
	if p > 63 {
		panic(fmt.Sprintf("quant: accumulator of %d bits, want 1..63", p))
	}
	return (2*accMax(p) + 1) / span(x)
}

// accMax returns 2^(p-1)-1, the largest value that p bits hold.
func accMax(p int) int64 {
	if p < 1 || p > 64 {
		panic(fmt.Sprintf("quant: accumulator of %d bits, want 1..64", p))
	}
	return math.MaxInt64 >> (64 - p)
}

// span returns 2^N-1, the distance between the ends of x; 2 for -1 and +1.
func span(x DataType) int64 { return x.Max() - x.Min() }

// magnitudeBits returns N-[x signed]: |x| <= 2^magnitudeBits.
func magnitudeBits(x DataType) int {
	if x.Signed {
		return x.Bits - 1
	}
	return x.Bits
}
