package qonnx

import (
	"slices"

	"github.com/a2qgen/a2qgen/quant"
)

// selected returns the elements of v at some positions of an axis. Constants
// are gathered; of a stream a layer passes the chosen channels on.
func (im *importer) selected(n *node, v value, axis int, picks []int) (value, error) {
	switch v := v.(type) {
	case *tensor:
		return im.picks(n, v, axis, picks, []int{len(picks)})
	case *stream:
		// All of the axis, as exporters cut off the axis of samples: no layer.
		if slices.Equal(picks, positions(v.dims()[axis], 0, v.dims()[axis], 1)) {
			return v, nil
		}
		if len(picks) == 0 {
			return nil, n.errorf("takes nothing of axis %d of shape %v", axis, v.dims())
		}
		return im.selection(n, v, axis, picks)
	case *ranking:
		return nil, mixed(n, v)
	}
	panic("qonnx: unknown kind of value")
}

// selection adds the layer that passes on some channels of s. Accumulators
// count as integers here too (counted), so that a Split behind a Conv and
// before its Quants is read.
func (im *importer) selection(n *node, s *stream, axis int, picks []int) (value, error) {
	if err := unpadded(n, s); err != nil {
		return nil, err
	}
	whole := im.counted(n, s)
	if whole == nil {
		// A Quant of 17 bits is told from none.
		return nil, n.errorf("takes some channels of what %s, from %s: put a Quant node of at most %d bits before it",
			s.lack(), s.origin(), maxBits)
	}
	if err := narrow(n, whole); err != nil {
		return nil, err
	}
	// A vector is one position; its elements may be those of a flattened image, in
	// whatever order the graph made of them.
	if dims := s.dims(); product(dims) == dims[axis] && product(dims) == im.shapeOf(whole).Size() {
		return im.pickedElements(n, whole, axis, picks)
	}
	if len(whole.view) != 3 {
		return im.pickedChannels(n, whole, axis, picks)
	}
	return im.pickedOnLine(n, whole, axis, picks)
}

// pickedOnLine passes on some channels of a line or a sequence: an image of one
// row. axis 2 is the last: of a sequence [1 length channels] those are
// channels, of a line [1 channels length] they are not, and pickedChannels
// refuses.
func (im *importer) pickedOnLine(n *node, s *stream, axis int, picks []int) (value, error) {
	row, at := rowAxis, axis
	if axis == 2 {
		row, at = sequenceAxis, 3
	}
	wide := *s
	wide.view = s.view.withAxis(row)
	v, err := im.pickedChannels(n, &wide, at, picks)
	if err != nil {
		return nil, err
	}
	out := *v.(*stream)
	out.view = slices.Delete(slices.Clone(out.view), row, row+1)
	return &out, nil
}

// pickedElements passes on some of a vector, or of an image that was flattened.
// Each output is one column of the identity, in the order of memory.
func (im *importer) pickedElements(n *node, s *stream, axis int, picks []int) (value, error) {
	b := im.shapeOf(s)
	var column, channel []int
	s.view.each(func(at [4]int) {
		column = append(column, (at[vertical]*b.W+at[horizontal])*b.C+at[channels])
		channel = append(channel, at[channels])
	})
	t := &site{at: n, shape: quant.Vector(len(picks)), flat: s.base == fromInput}
	t.layer = quant.Layer{Kind: quant.Linear, In: len(column)}
	shape := slices.Clone(s.dims())
	shape[axis] = len(picks)
	v, _ := view{whole(channels, len(picks))}.reshaped(shape)
	return im.passed(t, v, s, pick(column, picks), pick(channel, picks))
}

// pickedChannels passes on some channels of an image. It is a 1x1 convolution
// with rows of the identity for weights.
func (im *importer) pickedChannels(n *node, s *stream, axis int, picks []int) (value, error) {
	s, err := im.placed(n, s, axis)
	if err != nil {
		return nil, err
	}
	// Rows and columns have no layer: a convolution sees the same window everywhere.
	b := im.shapeOf(s)
	if !entire(s.view[axis], channels, b.C) {
		return nil, n.errorf("takes part of axis %d of shape %v: only channels can be chosen, not rows or columns",
			axis, s.dims())
	}
	t := &site{at: n, shape: quant.Shape{H: b.H, W: b.W, C: len(picks)}}
	t.layer = quant.Layer{Kind: quant.Conv, In: b.C, Groups: 1, Window: quant.Window{H: 1, W: 1}}
	v := slices.Clone(s.view)
	v[axis] = whole(channels, len(picks))
	return im.passed(t, v, s, picks, picks)
}

// passed sets the weights of t, a single 1 in the given column of every row,
// and returns its stream of integers: those of s, in the given channels.
// Weights of 0 and 1 have two bits with their sign.
func (im *importer) passed(t *site, v view, s *stream, column, channel []int) (value, error) {
	if err := im.left.pay(t.at, len(column)*(t.layer.In+3)); err != nil {
		return nil, err
	}
	// The accumulator is the integer that was picked, so that its type is the same, but
	// for -1 and +1, between which sums have 0, and no thresholds are needed.
	t.layer.Input, t.layer.WeightBits, t.from = s.q.typ, signedBits(0, 1), []tap{tapOf(s)}
	t.typ = rangeType(s.q.typ.Min(), s.q.typ.Max())
	t.layer.Weights = make([]int32, len(column)*t.layer.In)
	scale, offset := make([]float64, len(column)), make([]float64, len(column))
	for row, k := range column {
		t.layer.Weights[row*t.layer.In+k] = 1
		scale[row], offset[row] = s.q.scale.at(channel[row]), s.q.offset.at(channel[row])
	}
	out, err := im.integers(t, v, uniform(scale), uniform(offset))
	if err == nil {
		out.elem = s.elem
	}
	return out, err
}
