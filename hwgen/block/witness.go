package block

import "math/bits"

// Unit is a block as a witness of the cycle model sees it: recurrences over the beats at its ports,
// derived from the registers of its Verilog. They share nothing with its machine, and read the
// parameters of the module instead of the block. Ports are counted from 0, inputs and outputs apart.
type Unit interface {
	// Offers returns the first cycle in which beat n of an output is valid.
	Offers(port, n int) int64
	// Takes returns the first cycle, from t on, in which beat n of an input may be taken.
	Takes(port, n int, t int64) int64
}

// Ends are the cycles in which beats pass at the ports of a unit; NotYet for a beat below 0.
type Ends struct{ In, Out func(port, n int) int64 }

// NotYet is the cycle in which a beat below 0 passes.
const NotYet = -1

// Line is a pipeline that halts as a whole: a result that stands at its end stops all
// behind it until the spill register has room.
type Line struct {
	Ends
	Stages, Period int
	stands, leaves []int64 // cycles in which each result comes to the end, and leaves it
}

// result computes when result n stands at the end and when it leaves it.
func (l *Line) result(n int) (stands, leaves int64) {
	for k := len(l.stands); k <= n; k++ {
		came := l.In(0, (k+1)*l.Period-1)
		stands := came + int64(l.Stages)
		for j := k - 1; j >= 0 && l.stands[j] > came; j-- {
			stands += l.leaves[j] - l.stands[j] // it stood in the way meanwhile
		}
		leaves := max(stands, l.Out(0, k-2)+1)
		if k == len(l.stands) {
			l.stands, l.leaves = append(l.stands, stands), append(l.leaves, leaves)
		}
	}
	return l.stands[n], l.leaves[n]
}

// Offers implements Unit.
func (l *Line) Offers(_, n int) int64 {
	_, leaves := l.result(n)
	return leaves + 1
}

// Takes implements Unit.
func (l *Line) Takes(_, n int, t int64) int64 {
	before := n / l.Period // results whose beats have all come
	for k := max(0, before-l.Stages-2); k < before; k++ {
		if stands, leaves := l.result(k); stands <= t && t < leaves {
			t = leaves
		}
	}
	return t
}

// Half is n/2, rounded up; Clog2 the exponent of the lowest power of two that is at least n.
func Half(n int) int { return (n + 1) / 2 }

// Clog2 implements what Half says.
func Clog2(n int) int { return bits.Len(uint(n - 1)) }

// Dot is the registers of dot_product.v: products and their tree; or the inputs and their sum by
// pairs, a stage per bit of the weights, and the tree of pairs.
func Dot(weightBits, lanes int, pairs bool) int {
	if pairs && lanes > 1 {
		return 1 + weightBits + Clog2((lanes+1)/2)
	}
	return Half(weightBits) + Clog2(lanes)
}
