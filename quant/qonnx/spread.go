package qonnx

import (
	"fmt"
	"slices"
)

// spread returns t, which is broadcast to the shape of v, as numbers per
// channel of a base of n channels. It fails where they vary by position. A [1 C
// 1 1] constant over an image is one number per channel, and so is a [1 N]
// constant over a flattened image if it is equal over positions.
func (im *importer) spread(t *tensor, v view, n int) (param, error) {
	if len(t.data) == 0 {
		return param{}, fmt.Errorf("a constant of shape %v is empty", t.shape)
	}
	// One value everywhere, whatever the shape: no walk.
	if !slices.ContainsFunc(t.data, func(v float64) bool { return v != t.data[0] }) {
		return param{all: t.data[0]}, nil
	}
	w := newSpreading(t, v, n)
	if _, err := im.left.take([]int{n + w.count()}); err != nil {
		return param{}, err
	}
	if !w.walk(0, 0, 0) {
		return param{}, fmt.Errorf("a constant of shape %v varies by position, want one number per channel", t.shape)
	}
	return param{each: w.each}, nil
}

// spreading is a walk over the digits that a constant or a channel varies with.
// Digits that neither move the constant nor the channel multiply the elements
// but not what is to be compared: they are left out, so that an image of a
// million pixels costs no more than its channels.
type spreading struct {
	t      *tensor
	digits []digit // dim is channels where stride counts channels
	move   []int   // along t.data
	each   []float64
	seen   []bool
}

// newSpreading pairs the axes of t with those of v, over n channels. Axes are
// matched from the last on, as broadcasting has it.
func newSpreading(t *tensor, v view, n int) *spreading {
	w := &spreading{t: t, each: make([]float64, n), seen: make([]bool, n)}
	stride := 1
	for i := 1; i <= len(v); i++ {
		size := 1
		if i <= len(t.shape) {
			size = t.shape[len(t.shape)-i]
		}
		move := stride
		if size == 1 {
			move = 0
		}
		axis := v[len(v)-i]
		for k := len(axis) - 1; k >= 0; k-- {
			if axis[k].dim == channels || move != 0 {
				w.digits, w.move = append(w.digits, axis[k]), append(w.move, move)
			}
			move *= axis[k].size
		}
		stride *= size
	}
	return w
}

// count returns the number of elements of the walk.
func (w *spreading) count() int {
	size := 1
	for _, d := range w.digits {
		if size *= d.size; size > maxElements {
			return maxElements
		}
	}
	return size
}

// walk sets each from digit k on and says whether a channel has one number. at
// is the position in the constant, c the channel. It is depth first over the
// product of all digits; the first contradiction ends it.
func (w *spreading) walk(k, at, c int) bool {
	if k == len(w.digits) {
		ok := !w.seen[c] || w.each[c] == w.t.data[at]
		w.each[c], w.seen[c] = w.t.data[at], true
		return ok
	}
	d := w.digits[k]
	for range d.size {
		if !w.walk(k+1, at, c) {
			return false
		}
		at += w.move[k]
		if d.dim == channels {
			c += d.stride
		}
	}
	return true
}

// alongside returns t as numbers per channel of the base of s, and s in the
// shape that both broadcast to. It fails if the stream's elements would be
// repeated. Every parameter of a chain comes in through here.
func (im *importer) alongside(s *stream, t *tensor) (param, *stream, error) {
	dims := s.dims()
	out, ok := broadcast(dims, t.shape)
	if !ok {
		return param{}, nil, fmt.Errorf("shapes %v and %v do not fit together", dims, t.shape)
	}
	// E.g. data [1 10] and a constant [5 10]: five outputs for each element.
	if product(dims) != boundedProduct(out) {
		return param{}, nil, fmt.Errorf("a constant of shape %v repeats the data, of shape %v", t.shape, dims)
	}
	wide := *s
	wide.view = s.view.widened(len(out))
	if s.pads != nil {
		if !ignoresPads(s, t) {
			return param{}, nil, fmt.Errorf("a constant of shape %v varies along the axes that node %s pads",
				t.shape, s.by.label())
		}
		wide.pads = append(make([][2]int, len(out)-len(s.pads)), s.pads...)
	}
	p, err := im.spread(t, wide.view, s.width)
	return p, &wide, err
}

// ignoresPads says that t does not vary along the padded axes of s. The
// constant has the stream's size there, without the border.
func ignoresPads(s *stream, t *tensor) bool {
	for i := 1; i <= min(len(t.shape), len(s.pads)); i++ {
		if t.shape[len(t.shape)-i] != 1 && s.pads[len(s.pads)-i] != [2]int{} {
			return false
		}
	}
	return true
}
