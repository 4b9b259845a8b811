package qonnx

import (
	"slices"

	"github.com/a2qgen/a2qgen/quant"
)

// aligned returns streams that are to be joined in one rank and, where one of
// them was moved about, in the order of their bases. Add of [1 C H W] and [C H
// W] broadcasts axes of size 1 in front; broadcasting that repeats elements has
// no layer. A layer reads both operands in the order of memory, element beside
// element: any common view will do, as long as it is the same.
func (im *importer) aligned(n *node, parts []*stream) ([]*stream, error) {
	out, rank := make([]*stream, len(parts)), 0
	for _, s := range parts {
		rank = max(rank, len(s.view))
	}
	for k, s := range parts {
		if err := unpadded(n, s); err != nil {
			return nil, err
		}
		wide := *s
		wide.view = s.view.widened(rank)
		if k > 0 && !slices.Equal(out[0].dims(), wide.dims()) {
			return nil, n.errorf("joins shapes %v and %v, want equal ones", parts[0].dims(), s.dims())
		}
		var err error
		// An addition says nothing about where channels are; first is the
		// graph's own order, and an earlier layer's reading has priority
		// (placed).
		if out[k], err = im.placed(n, &wide, 1); err != nil {
			return nil, err
		}
	}
	for k := 1; k < len(out); k++ {
		// Two branches that were flattened alike need no layer, and neither do
		// two that were transposed alike.
		if im.together(out[0], out[k]) && !out[0].view.repeating() {
			continue
		}
		// Both, since either may be the one that was moved.
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
// bases. Views alone do not tell: [1 4 1 1] may be of a vector or of an image.
func (im *importer) together(a, b *stream) bool {
	return im.shapeOf(a) == im.shapeOf(b) && a.view.equal(b.view)
}

// concatStreams puts the channels of the parts one after the other. Parts that
// are no integers yet are joined as accumulators, with their chains. Channels
// are the least significant digit of memory, so that the layer puts the
// channels of each pixel side by side. Integers of different scales may stand
// beside one another, as long as no later sum mixes them (matrix.fill).
func (im *importer) concatStreams(n *node, parts []*stream) (value, error) {
	axis, err := n.concatAxis(len(parts[0].view))
	if err != nil {
		return nil, err
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
		// What remains must be the same for all parts: rows, columns and their
		// order.
		v[axis] = nil
		if out == nil {
			out, t.shape = v, b
		} else if !out.equal(v) || t.shape.H != b.H || t.shape.W != b.W {
			return nil, n.errorf("joins shapes %v and %v, want them equal but for the channels, and in one order",
				parts[0].dims(), s.dims())
		} else {
			t.shape.C += b.C
		}
		t.from = append(t.from, tapOf(s))
	}
	out[axis] = whole(channels, t.shape.C)
	return im.concatenated(t, out, parts)
}

// concatPart returns a stream ready to be joined. Integers and accumulators are
// ready as they are; the raw input is not.
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
	if err == nil && (s.view.repeating() || len(s.view) == 4 &&
		!entire(s.view[min(axis, 3)], channels, im.shapeOf(s).C)) {
		return im.settled(n, s)
	}
	return s, err
}

// concatenated adds the site and returns its stream. The type holds the
// integers of all parts: the stream has one width.
func (im *importer) concatenated(t *site, v view, parts []*stream) (value, error) {
	ints := true
	t.typ = im.typeOf(parts[0])
	for _, s := range parts {
		t.typ, ints = t.typ.Union(im.typeOf(s)), ints && s.q != nil
	}
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
	// Where parts are not all integers yet, each channel keeps the chain of its
	// part, and a Quant behind bisects channel by channel.
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
		// affine looks into it, which fn would hide: heads that are joined at
		// the end are ranked together.
		part: func(c int) ([]step, int) { return from[c].steps, from[c].c },
		fn:   func(c int, v float64) float64 { return run(from[c].steps, from[c].c, v) },
	})
}
