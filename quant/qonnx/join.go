package qonnx

import (
	"math/big"
	"slices"

	"github.com/a2qgen/a2qgen/quant"
)

// maxFactor bounds the ratio of the scales of two numbers that are added.
const maxFactor = 1 << 10

// opSum adds all its inputs, from left to right.
func opSum(im *importer, n *node) (value, error) {
	sum, err := im.operand(n, 0)
	for i := 1; i < len(n.in) && err == nil; i++ {
		var v value
		if v, err = im.operand(n, i); err == nil {
			sum, err = im.binary(n, "Add", sum, v)
		}
	}
	return sum, err
}

// addStreams adds streams of integers whose scales have a common measure.
func (im *importer) addStreams(n *node, parts []*stream) (value, error) {
	parts, err := im.aligned(n, parts)
	if err != nil {
		return nil, err
	}
	factors, scale, err := commonScale(n, parts)
	if err != nil {
		return nil, err
	}
	t := &site{at: n, shape: im.shapeOf(parts[0])}
	t.layer = quant.Layer{Kind: quant.Add, In: len(parts)}
	offset := param{}
	lo, hi := int64(0), int64(0)
	for k, s := range parts {
		t.from = append(t.from, tapOf(s))
		offset = offset.paired(s.q.offset, func(a, b float64) float64 { return a + b })
		lo += factors[k] * s.q.typ.Min()
		hi += factors[k] * s.q.typ.Max()
	}
	if slices.ContainsFunc(factors, func(f int64) bool { return f != 1 }) {
		t.layer.Factors = factors
	}
	t.typ = rangeType(lo, hi)
	return im.integers(t, parts[0].view, scale, offset)
}

// aligned returns streams that are to be joined in one rank and, where one of
// them was moved about, in the order of their bases.
func (im *importer) aligned(n *node, parts []*stream) ([]*stream, error) {
	out, rank := make([]*stream, len(parts)), 0
	for _, s := range parts {
		rank = max(rank, len(s.view))
	}
	for k, s := range parts {
		if s.q == nil {
			return nil, im.notCommon(n, s)
		}
		if err := unpadded(n, s); err != nil {
			return nil, err
		}
		wide := *s
		wide.view = s.view.widened(rank)
		if k > 0 && !slices.Equal(out[0].dims(), wide.dims()) {
			return nil, n.errorf("joins shapes %v and %v, want equal ones", parts[0].dims(), s.dims())
		}
		var err error
		if out[k], err = im.placed(n, &wide, 1); err != nil {
			return nil, err
		}
	}
	for k := 1; k < len(out); k++ {
		if im.together(out[0], out[k]) && !out[0].view.repeating() {
			continue
		}
		for _, j := range []int{0, k} {
			var err error
			if out[j], err = im.plain(n, out[j], 1); err != nil {
				return nil, err
			}
		}
		if !im.together(out[0], out[k]) {
			return nil, n.errorf("joins tensors whose elements lie in different orders")
		}
	}
	return out, nil
}

// together says that the elements of two streams stand side by side in their
// bases.
func (im *importer) together(a, b *stream) bool {
	return im.shapeOf(a) == im.shapeOf(b) && a.view.equal(b.view)
}

func (im *importer) notCommon(n *node, s *stream) error {
	from, op := "input", ""
	if s.at != nil {
		from, op = s.at.name, s.at.op
	}
	return n.errorf("its operand from node %s (%s) is not quantised: both operands need Quant nodes of one common scale", show(from), clip(op))
}

// commonScale returns the factors of the parts and what a unit of their sum is
// worth, for each channel. Channels may have scales of their own, but the same
// ratios.
func commonScale(n *node, parts []*stream) (factors []int64, unit param, err error) {
	first := make([]*big.Rat, len(parts))
	for k, s := range parts {
		first[k] = new(big.Rat).SetFloat64(s.q.scale.at(0))
		if first[k] == nil || first[k].Sign() <= 0 {
			return nil, param{}, n.errorf("operand %d has scale %v, want a positive one", k, s.q.scale.at(0))
		}
	}
	_, factors = commonMeasure(first)
	if factors == nil || slices.Max(factors) > maxFactor {
		return nil, param{}, n.errorf("adds integers of scales %v and %v: both operands need Quant nodes of one common scale, or scales in a ratio of small integers", parts[0].q.scale.at(0), parts[1].q.scale.at(0))
	}
	by := float64(factors[0])
	unit = parts[0].q.scale.mapped(func(v float64) float64 { return v / by })
	for k, s := range parts[1:] {
		for c := range max(len(unit.each), len(s.q.scale.each)) {
			a, b := new(big.Rat).SetFloat64(parts[0].q.scale.at(c)), new(big.Rat).SetFloat64(s.q.scale.at(c))
			a.Mul(a, big.NewRat(factors[k+1], factors[0]))
			if a.Cmp(b) != 0 {
				return nil, param{}, n.errorf("channel %d: adds integers of scales %v and %v, in another ratio than channel 0: both operands need Quant nodes of one common scale", c, parts[0].q.scale.at(c), s.q.scale.at(c))
			}
		}
	}
	return factors, unit, nil
}

// concatStreams puts the channels of the parts one after the other. Parts that
// are no integers yet are joined as accumulators, with their chains.
func (im *importer) concatStreams(n *node, parts []*stream) (value, error) {
	axis := n.fromEnd("axis", 0, len(parts[0].view))
	if axis < 0 || axis >= len(parts[0].view) {
		return nil, n.errorf("axis %d of shape %v", n.int("axis", 0), parts[0].dims())
	}
	t := &site{at: n, layer: quant.Layer{Kind: quant.Concat, In: 1}}
	out := view(nil)
	for k, s := range parts {
		s, err := im.concatPart(n, s, axis)
		if err != nil {
			return nil, err
		}
		parts[k] = s
		b := im.shapeOf(s)
		v := slices.Clone(s.view)
		if !entire(v[min(axis, len(v)-1)], channels, b.C) || len(v) <= axis {
			return nil, n.errorf("joins axis %d of shape %v, want the axis of channels", axis, s.dims())
		}
		v[axis] = nil
		if out == nil {
			out, t.shape = v, b
		} else if !out.equal(v) || t.shape.H != b.H || t.shape.W != b.W {
			return nil, n.errorf("joins shapes %v and %v, want them equal but for the channels, and in one order", parts[0].dims(), s.dims())
		} else {
			t.shape.C += b.C
		}
		t.from = append(t.from, tapOf(s))
	}
	out[axis] = whole(channels, t.shape.C)
	return im.concatenated(t, out, parts)
}

// concatPart returns a stream ready to be joined.
func (im *importer) concatPart(n *node, s *stream, axis int) (*stream, error) {
	if err := unpadded(n, s); err != nil {
		return nil, err
	}
	if s.q == nil && s.base < 0 {
		return im.quantisedStream(n, s)
	}
	s, err := im.pooled(n, s)
	if err != nil {
		return nil, err
	}
	s, err = im.placed(n, s, axis)
	if err == nil && (s.view.repeating() || len(s.view) == 4 && !entire(s.view[min(axis, 3)], channels, im.shapeOf(s).C)) {
		return im.settled(n, s)
	}
	return s, err
}

// concatenated adds the site and returns its stream.
func (im *importer) concatenated(t *site, v view, parts []*stream) (value, error) {
	var lo, hi int64
	ints := true
	for _, s := range parts {
		typ := im.typeOf(s)
		lo, hi, ints = min(lo, typ.Min()), max(hi, typ.Max()), ints && s.q != nil
	}
	t.typ = rangeType(lo, hi)
	if err := im.left.pay(t.at, 3*t.shape.C); err != nil {
		return nil, err
	}
	if ints {
		scale, offset := make([]float64, 0, t.shape.C), make([]float64, 0, t.shape.C)
		for _, s := range parts {
			for c := range s.width {
				scale, offset = append(scale, s.q.scale.at(c)), append(offset, s.q.offset.at(c))
			}
		}
		return im.integers(t, v, uniform(scale), uniform(offset))
	}
	s, err := im.add(t, v)
	if err != nil {
		return nil, err
	}
	type origin struct {
		steps []step
		c     int
	}
	from := make([]origin, 0, t.shape.C)
	level := true
	for _, s := range parts {
		steps := s.steps
		if s.q != nil {
			steps = s.q.worth(t.at)
		}
		level = level && neverFalls(steps)
		for c := range s.width {
			from = append(from, origin{steps, c})
		}
	}
	return s.then(t.at, step{
		kind: apply, level: level, varies: true,
		part: func(c int) ([]step, int) { return from[c].steps, from[c].c },
		fn:   func(c int, v float64) float64 { return run(from[c].steps, from[c].c, v) },
	})
}
