package qonnx

import (
	"math"
	"strings"

	"github.com/a2qgen/a2qgen/quant"
)

// quantisation is what a node makes of real numbers: integers of type typ,
// times the scale plus the offset. A Quant, a Trunc, a MultiThreshold, a Cast
// to integers and the declared type of an input all come to this.
type quantisation struct {
	typ           quant.DataType
	bits          int // as the node says, zero point aside
	scale, offset param
	integer       func(c int, v float64) float64
	varies        bool // from channel to channel
	// falls says that it is no staircase that only rises: then no pool may come
	// after it instead of before.
	falls bool
	// partial says that integer gives NaN where ONNX leaves the result open.
	partial bool
	// elem is the element type of what it gives.
	elem elemType
}

// quantisedBy returns s followed by a quantiser. Where it has no type, its
// integers are too wide to feed a layer. Pools that wait are done behind it if
// the quantiser and the steps since never fall: max(f(a), f(b)) is f(max(a,
// b)).
func (im *importer) quantisedBy(n *node, s *stream, z quantisation) (value, error) {
	if !s.poolsMayWait() || z.falls {
		out, err := im.pooled(n, s)
		if err != nil {
			return nil, err
		}
		return z.behind(n, out)
	}
	before := *s
	before.pools = nil
	out, err := z.behind(n, &before)
	if err != nil || out.q == nil {
		return out, err
	}
	return im.pooledAfter(out, s.pools, s.view)
}

// behind returns s followed by the quantiser. The step is level, so that a trim
// or a later pool knows; it makes the numbers of the graph, scale and all,
// whereas q has the integers.
func (z quantisation) behind(n *node, s *stream) (*stream, error) {
	st := step{kind: apply, level: !z.falls, partial: z.partial, varies: z.varies, fn: func(c int, v float64) float64 {
		return z.integer(c, v)*z.scale.at(c) + z.offset.at(c)
	}}
	var q *quantised
	if z.typ.Bits != 0 {
		q = z.after(n, s)
		st.q = q
	}
	out, err := s.then(n, st)
	if err != nil {
		return nil, err
	}
	if out.q, out.elem = q, z.elem; q == nil {
		out.wide = z.bits
	}
	return out, nil
}

// whole returns the integer of v. What ONNX leaves open is refused as NaN is:
// no threshold stands for it.
func (z quantisation) whole(c int, v float64) int64 {
	if isOpen(v) {
		return notANumber
	}
	return toInt(z.integer(c, v))
}

// after returns what is known of s with the quantiser behind it. ints goes from
// the base through all steps, again from the integers of the Quant before: the
// two agree, and assembly takes whichever base has a layer.
func (z quantisation) after(n *node, s *stream) *quantised {
	before := s.steps
	r := &rounding{at: n, typ: z.typ, steps: before, varies: z.varies || differs(before)}
	r.ints = func(c int, v float64) int64 { return z.whole(c, run(before, c, v)) }
	if q := s.q; q != nil && q.round != nil {
		r.prior = q.round
		r.again = func(c int, i int64) int64 {
			return z.whole(c, run(before[q.mark:], c, q.value(c, i)))
		}
	}
	return &quantised{
		typ: z.typ, scale: z.scale, offset: z.offset, round: r, mark: len(before) + 1,
		value: func(c int, i int64) float64 { return float64(i)*z.scale.at(c) + z.offset.at(c) },
	}
}

// relu returns what is known of the integers of s, which is q's followed by the
// ReLU n: they stay integers if zero is one of them and the scale is positive.
// Zero must be one of the integers: with an offset the ReLU would cut between
// two.
func (q *quantised) relu(n *node, s *stream) *quantised {
	if q == nil || !q.offset.zero() || !q.scale.every(func(v float64) bool { return v > 0 }) {
		return nil
	}
	out, steps := *q, s.steps
	out.mark = len(steps)
	out.value = func(c int, i int64) float64 { return run(steps[q.mark:], c, q.value(c, i)) }
	// Nothing is cut; the element's value still goes through the step.
	if !q.typ.Signed {
		return &out
	}
	// The sign bit goes. Of -1 and +1 one bit remains.
	out.typ = quant.DataType{Bits: max(1, q.typ.Bits-1)}
	positive := func(i int64) int64 {
		if i == notANumber {
			return i
		}
		return max(i, 0)
	}
	out.round = &rounding{at: n, typ: out.typ, steps: steps, varies: differs(steps), prior: q.round}
	if q.round == nil {
		out.round.ints = func(_ int, v float64) int64 { return positive(toInt(v)) }
		return &out
	}
	out.round.ints = func(c int, v float64) int64 { return positive(q.round.ints(c, v)) }
	out.round.again = func(_ int, i int64) int64 { return positive(i) }
	return &out
}

// opTrunc evaluates QONNX's Trunc: an average as hardware takes it, by dropping
// low bits. (QONNX, Trunc.) Brevitas writes it for TruncAvgPool2d behind an
// AveragePool, with enough bits in for the sum.
func opTrunc(im *importer, n *node) (value, error) {
	v, err := im.operand(n, 0)
	if err != nil {
		return nil, err
	}
	s, err := im.quantisedStream(n, v)
	if err != nil {
		return nil, err
	}
	t, err := im.truncation(n)
	if err != nil {
		return nil, err
	}
	z := quantisation{scale: param{all: t.scaleAfter}, integer: t.integer}
	if t.bounds != nil {
		_, _, z.typ = t.bounds.span(param{all: t.zeroAfter})
		return im.quantisedBy(n, s, z)
	}
	// The first version does not clip: its range is that of the ends, since
	// dropping bits never falls.
	lo, hi := 0.0, 0.0
	for c := range s.width {
		for _, end := range []int64{s.q.typ.Min(), s.q.typ.Max()} {
			y := z.integer(c, run(s.steps[s.q.mark:], c, s.q.value(c, end)))
			lo, hi = min(lo, y), max(hi, y)
		}
	}
	z.typ = typeOf(lo, hi)
	return im.quantisedBy(n, s, z)
}

// truncation is a Trunc node: integers of x/scale + zero lose some bits.
type truncation struct {
	scale, zero           float64
	scaleAfter, zeroAfter float64
	drop                  int
	round                 func(v float64) float64
	// bounds, unless nil, clip what is left before it is rounded.
	bounds *quantiser
}

// integer returns what is left of v, without its zero point. x/scale + zero is
// rounded first, halves to even, as QONNX does: FLOAT leaves it just beside an
// integer.
func (t *truncation) integer(_ int, v float64) float64 {
	y := math.RoundToEven(v/t.scale+t.zero) / math.Ldexp(1, t.drop)
	if t.bounds != nil {
		y = clamp(y, t.bounds.lo, t.bounds.hi)
	}
	return t.round(y) - t.zeroAfter
}

// truncation reads a Trunc node. The first version of the operator has the
// inputs (x, scale, zero point, bits in, bits out) and keeps scale and zero
// point; the second has (x, scale, zero point, bits in, scale out, bits out).
// Of the second the number of dropped bits is log2 of the ratio of scales.
func (im *importer) truncation(n *node) (*truncation, error) {
	second := n.has(5)
	p := make([]float64, 4, 5) // without x
	if second {
		p = p[:5]
	}
	for i := range p {
		var err error
		if p[i], err = im.oneNumber(n, i+1); err != nil {
			return nil, err
		}
	}
	mode := n.string("rounding_mode", "FLOOR")
	t := &truncation{scale: p[0], zero: p[1], scaleAfter: p[0], zeroAfter: p[1],
		round: roundings[strings.ToUpper(mode)]}
	if err := checkScale(n, param{all: t.scale}, param{all: t.zero}, ""); err != nil {
		return nil, err
	}
	drop, ok := exactly(p[2] - p[3])
	if second {
		if err := checkScale(n, param{all: p[3]}, param{}, ""); err != nil {
			return nil, err
		}
		drop, ok = exactly(math.RoundToEven(math.Log2(p[3] / t.scale)))
	}
	if t.round == nil || !ok || drop > maxSumBits || drop < 0 && !second || drop < -maxSumBits {
		return nil, n.errorf("drops %v bits by %s, want 0..%d and a rounding mode of QONNX", drop, show(mode),
			maxSumBits)
	}
	t.drop = drop
	if second {
		return t, t.bounded(n, p[3], p[4])
	}
	return t, nil
}

// bounded sets what the second version says of the result. The zero point loses
// as many bits as the integers.
func (t *truncation) bounded(n *node, scale, width float64) error {
	var err error
	if t.bounds, err = n.quantiserOf(width, "FLOOR"); err != nil {
		return err
	}
	if t.bounds.typ.Bipolar {
		return n.errorf("leaves 1 bit with a sign, want 2 at least")
	}
	t.scaleAfter, t.zeroAfter = scale, math.Ldexp(t.zero, -t.drop)
	// A zero point between two integers would be no element's value, and
	// padding needs it.
	if t.zeroAfter != math.Trunc(t.zeroAfter) {
		return n.errorf("drops %d bits of zero point %v, want one that stays whole", t.drop, t.zero)
	}
	return nil
}
