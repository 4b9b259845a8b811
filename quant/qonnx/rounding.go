package qonnx

import (
	"math"
	"strings"

	"github.com/a2qgen/a2qgen/quant"
)

// quantisation is what a node makes of real numbers: integers of type typ,
// times the scale plus the offset.
type quantisation struct {
	typ           quant.DataType
	scale, offset param
	integer       func(c int, v float64) float64
	varies        bool // from channel to channel
}

// quantisedBy returns s followed by a quantiser that never falls. Where it has
// no type, its integers are too wide to feed a layer.
func (im *importer) quantisedBy(n *node, s *stream, z quantisation) (value, error) {
	if !s.poolsMayWait() {
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

// behind returns s followed by the quantiser.
func (z quantisation) behind(n *node, s *stream) (*stream, error) {
	st := step{kind: apply, level: true, varies: z.varies, fn: func(c int, v float64) float64 {
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
	out.q = q
	return out, nil
}

// after returns what is known of s with the quantiser behind it.
func (z quantisation) after(n *node, s *stream) *quantised {
	before := s.steps
	r := &rounding{at: n, typ: z.typ, steps: before, varies: z.varies || differs(before), ints: func(c int, v float64) int64 {
		return toInt(z.integer(c, run(before, c, v)))
	}}
	if q := s.q; q != nil && q.round != nil {
		r.prior = q.round
		r.again = func(c int, i int64) int64 {
			return toInt(z.integer(c, run(before[q.mark:], c, q.value(c, i))))
		}
	}
	return &quantised{
		typ: z.typ, scale: z.scale, offset: z.offset, round: r, mark: len(before) + 1,
		value: func(c int, i int64) float64 { return float64(i)*z.scale.at(c) + z.offset.at(c) },
	}
}

// relu returns what is known of the integers of s, which is q's followed by the
// ReLU n: they stay integers if zero is one of them and the scale is positive.
func (q *quantised) relu(n *node, s *stream) *quantised {
	if q == nil || !q.offset.zero() || !q.scale.every(func(v float64) bool { return v > 0 }) {
		return nil
	}
	out, steps := *q, s.steps
	out.mark = len(steps)
	out.value = func(c int, i int64) float64 { return run(steps[q.mark:], c, q.value(c, i)) }
	if !q.typ.Signed {
		return &out
	}
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

// opTrunc evaluates QONNX's Trunc(x, scale, zero point, bits in, bits out): an
// average as hardware takes it, by dropping low bits.
func opTrunc(im *importer, n *node) (value, error) {
	v, err := im.operand(n, 0)
	if err != nil {
		return nil, err
	}
	s, err := im.quantisedStream(n, v)
	if err != nil {
		return nil, err
	}
	var p [4]float64 // scale, zero point, bits before and after
	for i := range p {
		if p[i], err = im.oneNumber(n, i+1); err != nil {
			return nil, err
		}
	}
	mode := n.string("rounding_mode", "FLOOR")
	round := roundings[strings.ToUpper(mode)]
	drop, ok := exactly(p[2] - p[3])
	if err := checkScale(n, param{all: p[0]}, param{all: p[1]}); err != nil {
		return nil, err
	}
	if round == nil || !ok || drop < 0 || drop > maxSumBits {
		return nil, n.errorf("truncates %v bits to %v by %s, which is not supported", p[2], p[3], show(mode))
	}
	integer := func(_ int, v float64) float64 {
		return round(math.RoundToEven(v/p[0]+p[1])/math.Ldexp(1, drop)) - p[1]
	}
	lo, hi := 0.0, 0.0
	for c := range s.width {
		for _, end := range []int64{s.q.typ.Min(), s.q.typ.Max()} {
			y := integer(c, run(s.steps[s.q.mark:], c, s.q.value(c, end)))
			lo, hi = min(lo, y), max(hi, y)
		}
	}
	return im.quantisedBy(n, s, quantisation{typ: typeOf(lo, hi), scale: param{all: p[0]}, integer: integer})
}
