package qonnx

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/a2qgen/a2qgen/quant"
)

// maxFactor bounds the ratio of the scales of two numbers that are added.
const maxFactor = 1 << 10

// addStreams adds streams of integers: of scales that have a common measure, or of
// any two scales where integers in their place keep the order of all sums.
func (im *importer) addStreams(n *node, parts []*stream) (value, error) {
	parts, err := im.summands(n, parts)
	if err != nil {
		return nil, err
	}
	if parts, err = im.aligned(n, parts); err != nil {
		return nil, err
	}
	if factors, scale, ok := commonScale(parts); ok {
		t := sumSite(im, n, parts, factors)
		offset := param{}
		for _, s := range parts {
			offset = offset.paired(s.q.offset, func(a, b float64) float64 { return a + b })
		}
		return im.integers(t, parts[0].view, scale, offset)
	}
	if len(parts) == 2 {
		if o, ok := im.ordered(parts[0], parts[1]); ok {
			return im.orderedSum(n, parts, o)
		}
	}
	return nil, unrelated(n, parts)
}

// sumSite returns the layer that adds the integers of parts, times factors.
func sumSite(im *importer, n *node, parts []*stream, factors []int64) *site {
	t := &site{at: n, shape: im.shapeOf(parts[0])}
	t.layer = quant.Layer{Kind: quant.Add, In: len(parts)}
	lo, hi := int64(0), int64(0)
	for k, s := range parts {
		t.from = append(t.from, tapOf(s))
		lo += factors[k] * s.q.typ.Min()
		hi += factors[k] * s.q.typ.Max()
	}
	if slices.ContainsFunc(factors, func(f int64) bool { return f != 1 }) {
		t.layer.Factors = factors
	}
	t.typ = rangeType(lo, hi)
	return t
}

// unrelated is the error for integers whose sum is no integer.
func unrelated(n *node, parts []*stream) error {
	var scales []string
	for k, s := range parts {
		scales = append(scales, fmt.Sprintf("operand %d %v, %s", k, s.q.typ, s.q.scale))
	}
	return n.errorf("adds integers of unrelated scales (%s): all operands need Quant nodes of one common scale, or scales in a ratio of small integers, "+
		"the same for all channels; two operands of at most %d bits together may have any two scales, the same for all channels",
		strings.Join(scales, "; "), maxPairBits)
}

// String shows the numbers, shortened.
func (p param) String() string {
	if p.each == nil {
		return fmt.Sprintf("scale %v", p.all)
	}
	return fmt.Sprintf("scales %v, ... of %d channels", p.each[:min(2, len(p.each))], len(p.each))
}

// summands returns parts as integers of positive scales. Its error names every
// operand that has none.
func (im *importer) summands(n *node, parts []*stream) ([]*stream, error) {
	out := make([]*stream, len(parts))
	var faults []string
	for k, s := range parts {
		if out[k] = im.counted(n, s); out[k] == nil {
			faults = append(faults, fmt.Sprintf("operand %d, from %s, is not quantised", k, s.origin()))
			continue
		}
		out[k] = out[k].upright(n)
		if q := out[k].q; !q.scale.every(func(v float64) bool { return v > 0 }) {
			faults = append(faults, fmt.Sprintf("operand %d, from %s, has %s, want positive ones", k, s.origin(), q.scale))
		}
	}
	if faults != nil {
		return nil, n.errorf("%s: all operands need Quant nodes of at most %d bits and one common scale", strings.Join(faults, "; "), maxBits)
	}
	return out, nil
}

// origin names the node that made s.
func (s *stream) origin() string {
	if s.at == nil {
		return "the graph's input or a layer"
	}
	return fmt.Sprintf("node %s (%s)", s.at.label(), clip(s.at.op))
}

// counted returns s as integers, if need be those of its layer's accumulators, of
// which its elements must be an affine function; nil where they are none.
func (im *importer) counted(n *node, s *stream) *stream {
	if s.q != nil {
		return s
	}
	s, err := im.pooled(n, s)
	if err != nil || s.base < 0 || im.typeOf(s).Bits > maxSumBits {
		return nil
	}
	scale, offset := make([]float64, s.width), make([]float64, s.width)
	for c := range s.width {
		gain, shift, err := affine(s.steps, c)
		if err != nil {
			return nil
		}
		scale[c], _ = gain.Float64()
		offset[c], _ = shift.Float64()
	}
	out, steps := *s, s.steps
	out.q = &quantised{typ: im.typeOf(s), scale: uniform(scale), offset: uniform(offset), mark: len(steps)}
	out.q.value = func(c int, i int64) float64 { return run(steps, c, float64(i)) }
	return &out
}

// upright returns s with integers of the other sign where all its scales are
// negative.
func (s *stream) upright(n *node) *stream {
	if !s.q.scale.every(func(v float64) bool { return v < 0 }) {
		return s
	}
	q, steps := s.q, s.steps
	typ := rangeType(min(0, -q.typ.Max()), max(0, -q.typ.Min()))
	r := &rounding{at: n, typ: typ, steps: steps, varies: differs(steps), prior: q.round}
	negative := func(i int64) int64 {
		if i == notANumber {
			return i
		}
		return -i
	}
	r.ints = func(_ int, v float64) int64 { return negative(toInt(v)) }
	if q.round != nil {
		r.ints = func(c int, v float64) int64 { return negative(q.round.ints(c, v)) }
		r.again = func(_ int, i int64) int64 { return negative(i) }
	}
	out := *s
	out.q = &quantised{
		typ: typ, scale: q.scale.mapped(func(v float64) float64 { return -v }), offset: q.offset, round: r, mark: len(steps),
		value: func(c int, i int64) float64 { return run(steps[q.mark:], c, q.value(c, -i)) },
	}
	return &out
}

// commonScale returns the factors of the parts and what a unit of their sum is
// worth, for each channel. Channels may have scales of their own, but the same
// ratios. It fails where the ratios are not those of small integers.
func commonScale(parts []*stream) (factors []int64, unit param, ok bool) {
	first := make([]*big.Rat, len(parts))
	for k, s := range parts {
		first[k] = new(big.Rat).SetFloat64(s.q.scale.at(0))
	}
	_, factors = commonMeasure(first)
	if factors == nil || slices.Max(factors) > maxFactor {
		return nil, param{}, false
	}
	by := float64(factors[0])
	unit = parts[0].q.scale.mapped(func(v float64) float64 { return v / by })
	for k, s := range parts[1:] {
		want := big.NewRat(factors[k+1], factors[0])
		for c := range max(len(unit.each), len(s.q.scale.each)) {
			if ratio(s.q, parts[0].q, c).Cmp(want) != 0 {
				return nil, param{}, false
			}
		}
	}
	return factors, unit, true
}

// ratio returns the ratio of the scales of two parts in channel c.
func ratio(a, b *quantised, c int) *big.Rat {
	x, y := new(big.Rat).SetFloat64(a.scale.at(c)), new(big.Rat).SetFloat64(b.scale.at(c))
	return x.Quo(x, y)
}

// order says how integers fa*i + fb*j stand for the sums of two parts, i and j
// being their integers: in the order of the sums, and no two alike.
type order struct {
	fa, fb int64
	// at are the sums of integers in ascending order, and i what the first part
	// is in each.
	at []int64
	i  []int64
}

// maxPairBits bounds the bits of two parts whose sums are put in order.
const maxPairBits = 18

// ordered finds the smallest integers in place of the scales of two parts that
// keep the order of their sums. Derived: sums of i*sa + j*sb and i'*sa + j'*sb are
// in the order of the integers unless sa/sb and fa/fb are on different sides of
// (j'-j)/(i-i'), or one of them is on it. So fa/fb may be any number between the
// two fractions next to sa/sb that have such a numerator and denominator. The
// search goes down the tree of Stern and Brocot; the first fraction that no
// difference of integers can be is the simplest.
func (im *importer) ordered(a, b *stream) (order, bool) {
	if a.q.typ.Bits+b.q.typ.Bits > maxPairBits {
		return order{}, false
	}
	spanA, spanB := a.q.typ.Max()-a.q.typ.Min(), b.q.typ.Max()-b.q.typ.Min()
	want := ratio(a.q, b.q, 0)
	lo, hi := [2]int64{0, 1}, [2]int64{1, 0}
	mid := [2]int64{1, 1}
	for mid[0] <= spanB && mid[1] <= spanA {
		switch want.Cmp(big.NewRat(mid[0], mid[1])) {
		case -1:
			hi = mid
		case 1:
			lo = mid
		default:
			return order{}, false // as for spans above maxFactor
		}
		mid = [2]int64{lo[0] + hi[0], lo[1] + hi[1]}
	}
	o := order{fa: mid[0], fb: mid[1]}
	if max(o.fa, o.fb) > maxFactor || !within(a.q, b.q, max(len(a.q.scale.each), len(b.q.scale.each)), lo, hi) {
		return order{}, false
	}
	return o, im.list(&o, a, b)
}

// within says that the ratio of scales lies between two fractions in all channels.
func within(a, b *quantised, channels int, lo, hi [2]int64) bool {
	for c := range channels {
		r := ratio(a, b, c)
		if r.Cmp(big.NewRat(lo[0], lo[1])) <= 0 || hi[1] != 0 && r.Cmp(big.NewRat(hi[0], hi[1])) >= 0 {
			return false
		}
	}
	return true
}

// list sets the sums of o, and says whether float64 has them in this order too, as
// the graph computes them: offsets and roundings might move two that are close.
func (im *importer) list(o *order, a, b *stream) bool {
	ta, tb := a.q.typ, b.q.typ
	size := int((ta.Max() - ta.Min() + 1) * (tb.Max() - tb.Min() + 1))
	if _, err := im.left.take([]int{2, size}); err != nil {
		return false
	}
	type pair struct{ sum, i int64 }
	pairs := make([]pair, 0, size)
	for i := ta.Min(); i <= ta.Max(); i++ {
		for j := tb.Min(); j <= tb.Max(); j++ {
			pairs = append(pairs, pair{o.fa*i + o.fb*j, i})
		}
	}
	slices.SortFunc(pairs, func(x, y pair) int { return int(x.sum - y.sum) })
	for _, p := range pairs {
		o.at, o.i = append(o.at, p.sum), append(o.i, p.i)
	}
	for c := range a.width {
		for k := 1; k < size; k++ {
			if o.sum(a, b, c, k) < o.sum(a, b, c, k-1) {
				return false
			}
		}
		if !differs(a.steps) && !differs(b.steps) {
			break
		}
	}
	return true
}

// sum returns number k of the sums in channel c, as the graph computes it.
func (o *order) sum(a, b *stream, c, k int) float64 {
	i := o.i[k]
	j := (o.at[k] - o.fa*i) / o.fb
	return run(a.steps[a.q.mark:], c, a.q.value(c, i)) + run(b.steps[b.q.mark:], c, b.q.value(c, j))
}

// orderedSum adds the layer and the step that makes the graph's sums of what it
// gives. Integers between two sums do not occur; they count as the lower one.
func (im *importer) orderedSum(n *node, parts []*stream, o order) (value, error) {
	t := sumSite(im, n, parts, []int64{o.fa, o.fb})
	s, err := im.add(t, parts[0].view)
	if err != nil {
		return nil, err
	}
	a, b := parts[0], parts[1]
	return s.then(n, step{kind: apply, level: true, varies: differs(a.steps) || differs(b.steps), fn: func(c int, v float64) float64 {
		k, found := slices.BinarySearch(o.at, int64(v))
		if !found {
			k = max(0, k-1)
		}
		return o.sum(a, b, c, k)
	}})
}
