package qonnx

import (
	"math/big"
	"slices"
)

// order says how integers fa*i + fb*j stand for the sums of two parts, i and j
// being their integers: in the order of the sums, and no two alike. With i of
// [imin, imax] and j alike there are few sums: a table of them, sorted, is the
// staircase that a Quant behind is bisected over.
type order struct {
	fa, fb int64
	// at are the sums of integers in ascending order, and i what the first part
	// is in each.
	at []int64
	i  []int64
}

// maxPairBits bounds the bits of two parts whose sums are put in order. A table
// of 2^18 sums takes four megabytes.
const maxPairBits = 18

// ordered finds the smallest integers in place of the scales of two parts that
// keep the order of their sums. Derived: sums of i*sa + j*sb and i'*sa + j'*sb
// are in the order of the integers unless sa/sb and fa/fb are on different
// sides of (j'-j)/(i-i'), or one of them is on it. So fa/fb may be any number
// between the two fractions next to sa/sb that have such a numerator and
// denominator. The search goes down the tree of Stern and Brocot; the first
// fraction that no difference of integers can be is the simplest. Example:
// scales 0.1 and 0.0707 with 2 bits each. The integers need fa/fb on the same
// side of 1/3, 1/2, 2/3, 1, 3/2, 2 and 3 as the scales' ratio 1.41: 4/3 is the
// simplest.
func (im *importer) ordered(a, b *stream) (order, bool) {
	if a.q.typ.Bits+b.q.typ.Bits > maxPairBits {
		return order{}, false
	}
	spanA, spanB := a.q.typ.Max()-a.q.typ.Min(), b.q.typ.Max()-b.q.typ.Min()
	want := ratio(a.q, b.q, 0)
	// Fractions are numerator and denominator: 0/1 and 1/0 are the ends of the tree.
	lo, hi := [2]int64{0, 1}, [2]int64{1, 0}
	mid := [2]int64{1, 1}
	// mid = (j'-j)/(i-i') is possible for integers of these types: it has to
	// stay on its own side of the ratio.
	for mid[0] <= spanB && mid[1] <= spanA {
		switch want.Cmp(big.NewRat(mid[0], mid[1])) {
		case -1:
			hi = mid
		case 1:
			lo = mid
		default:
			return order{}, false // a common measure, but above maxFactor
		}
		mid = [2]int64{lo[0] + hi[0], lo[1] + hi[1]}
	}
	o := order{fa: mid[0], fb: mid[1]}
	if max(o.fa, o.fb) > maxFactor || !within(a.q, b.q, max(len(a.q.scale.each), len(b.q.scale.each)), lo, hi) {
		return order{}, false
	}
	return o, im.list(&o, a, b)
}

// within says that the ratio of scales lies between two fractions in all
// channels. One pair of factors serves all channels: their ratios differ, but
// none may lie beyond a fraction that reorders sums. hi of 1/0 is infinite.
func within(a, b *quantised, channels int, lo, hi [2]int64) bool {
	for c := range channels {
		r := ratio(a, b, c)
		if r.Cmp(big.NewRat(lo[0], lo[1])) <= 0 || hi[1] != 0 && r.Cmp(big.NewRat(hi[0], hi[1])) >= 0 {
			return false
		}
	}
	return true
}

// list sets the sums of o, and says whether float64 has them in this order too,
// as the graph computes them: offsets and roundings might move two that are
// close. Two sums may be equal as reals and different as floats; then the order
// of the integers is not that of the graph, and the caller refuses.
func (im *importer) list(o *order, a, b *stream) bool {
	ta, tb := a.q.typ, b.q.typ
	size := int((ta.Max() - ta.Min() + 1) * (tb.Max() - tb.Min() + 1))
	width := 1
	if a.uneven() || b.uneven() {
		width = a.width
	}
	if _, err := im.left.take([]int{1 + width, size}); err != nil {
		return false
	}
	type pair struct{ sum, i int64 }
	pairs := make([]pair, 0, size)
	for i := ta.Min(); i <= ta.Max(); i++ {
		for j := tb.Min(); j <= tb.Max(); j++ {
			pairs = append(pairs, pair{o.fa*i + o.fb*j, i})
		}
	}
	// fa and fb make all sums differ, so that the order is unique.
	slices.SortFunc(pairs, func(x, y pair) int { return int(x.sum - y.sum) })
	for _, p := range pairs {
		o.at, o.i = append(o.at, p.sum), append(o.i, p.i)
	}
	for c := range width {
		for k := 1; k < size; k++ {
			if o.sum(a, b, c, k) < o.sum(a, b, c, k-1) {
				return false
			}
		}
	}
	return true
}

// sum returns number k of the sums in channel c, as the graph computes it. fa*i
// is known, so that j follows: division without a rest.
func (o *order) sum(a, b *stream, c, k int) float64 {
	i := o.i[k]
	j := (o.at[k] - o.fa*i) / o.fb
	return run(a.steps[a.q.mark:], c, a.q.value(c, i)) + run(b.steps[b.q.mark:], c, b.q.value(c, j))
}

// orderedSum adds the layer and the step that makes the graph's sums of what it
// gives. Integers between two sums do not occur; they count as the lower one.
// The stream is not one of integers (q is nil): what a unit is worth depends on
// the sum. A step maps each integer to the graph's number instead.
func (im *importer) orderedSum(n *node, parts []*stream, o order) (value, error) {
	t := sumSite(im, n, parts, []int64{o.fa, o.fb})
	s, err := im.add(t, parts[0].view)
	if err != nil {
		return nil, err
	}
	a, b := parts[0], parts[1]
	varies := a.uneven() || b.uneven()
	return s.then(n, step{kind: apply, level: true, varies: varies, fn: func(c int, v float64) float64 {
		k, found := slices.BinarySearch(o.at, int64(v))
		if !found {
			k = max(0, k-1)
		}
		return o.sum(a, b, c, k)
	}})
}
