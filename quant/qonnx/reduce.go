package qonnx

import (
	"slices"

	"github.com/a2qgen/a2qgen/quant"
)

// reductions are what opReduce does over the axes, in words. For errors; the
// operator's name alone leaves open what would be wanted instead.
var reductions = map[string]string{"ReduceMean": "mean", "ReduceMax": "maximum", "ReduceSum": "sum"}

// opReduce evaluates the mean, sum or maximum over rows, columns or both of an
// image, or along a line, such as one over one of them makes of an image. Keras
// and TensorFlow write global pools as ReduceMean over [1 2] or [2 3]. Over
// rows alone it is a window of all rows and one column. axes are an attribute
// before opset 18 (ReduceSum: 13), and no axes at all mean every axis, which
// are too many.
func opReduce(im *importer, n *node) (value, error) {
	v, err := im.operand(n, 0)
	if err != nil {
		return nil, err
	}
	axes, err := im.axesOf(n, len(v.dims()))
	if err != nil {
		return nil, err
	}
	// No axes mean every one, unless the node says that they mean none.
	if !slices.Contains(axes, true) && n.int("noop_with_empty_axes", 0) != 0 {
		return v, nil
	}
	s, err := im.reducible(n, v)
	if err != nil {
		return nil, err
	}
	// A reduction over channels would mix them, which no pool does.
	wants := n.errorf("takes the %s over some of the axes of shape %v, want rows, columns or both of [1 channels rows "+
		"columns]", reductions[n.op], v.dims())
	if len(axes) != 3 && len(axes) != 4 || !slices.Contains(axes, true) {
		return nil, wants
	}
	axis, row := im.reducedAxes(s, axes)
	// A line becomes an image with an axis of size 1, which is removed in the
	// end.
	if row > 0 {
		wide := *s
		wide.view, axes = slices.Insert(slices.Clone(s.view), row, nil), slices.Insert(axes, row, false)
		s = &wide
	}
	if axes[0] || axes[axis] {
		return nil, wants
	}
	if s, err = im.asImage(n, s, axis); err != nil {
		return nil, err
	}
	if s, err = im.reduced(n, s, axes, axis); err != nil {
		return nil, err
	}
	// From the last on, so that the positions before stay right.
	for i := len(axes) - 1; i >= 0; i-- {
		if row > 0 && i == row || axes[i] && n.int("keepdims", 1) == 0 {
			s.view = slices.Delete(s.view, i, i+1)
		}
	}
	return s, nil
}

// reducible returns v as what opReduce can read: integers, or for a maximum the
// accumulators of a layer.
func (im *importer) reducible(n *node, v value) (*stream, error) {
	// The largest accumulator is the accumulator of the largest value where the chain
	// rises; pooled says where it does not. Sums need integers.
	s, ok := v.(*stream)
	if !ok || n.op != "ReduceMax" || s.base < 0 || s.q != nil {
		var err error
		if s, err = im.quantisedStream(n, v); err != nil {
			return nil, err
		}
	}
	if err := unpadded(n, s); err != nil {
		return nil, err
	}
	return im.pooled(n, s)
}

// reducedAxes returns the axis of the channels of s as an image and, on a line,
// where an axis of size 1 makes it one; row is 0 on an image. [1 C L] and [1 L
// C] look alike: what tells them apart is where the view has the channels of
// its base, and for a bare input only which axes are reduced.
func (im *importer) reducedAxes(s *stream, axes []bool) (axis, row int) {
	b, rows := im.shapeOf(s), []int{0}
	if len(axes) == 3 {
		rows = []int{rowAxis, 1, 3}
	}
	for _, row := range rows {
		v := s.view
		if row > 0 {
			v = slices.Insert(slices.Clone(v), row, nil)
		}
		for _, axis := range []int{1, 3} {
			if v.equal(arranged(b, axis)) {
				return axis, row
			}
		}
	}
	if m, ok := im.moves(s.view, b); ok {
		return m.axis, 0
	}
	// The network's input, taken as an image here: its channels come first, unless
	// the mean is over them.
	switch {
	case !axes[1]:
		return 1, rows[0]
	case len(axes) == 3:
		return 3, 1
	}
	return 3, 0
}

// reduced adds a pool over whole rows, columns or both of a plain image. The
// result's channels stay on their axis, rows and columns of size 1 where the
// window took all.
func (im *importer) reduced(n *node, s *stream, axes []bool, axis int) (*stream, error) {
	b, win := im.shapeOf(s), quant.Window{H: 1, W: 1}
	if axes[imageAxes[axis][1]] {
		win.H = b.H
	}
	if axes[imageAxes[axis][2]] {
		win.W = b.W
	}
	pool := im.avgPool
	if n.op == "ReduceMax" {
		pool = im.maxPool
	}
	out, err := pool(n, s, win)
	if err != nil {
		return nil, err
	}
	out.view = arranged(im.extent(out), axis)
	return out, nil
}
