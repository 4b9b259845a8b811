package qonnx

import (
	"fmt"
	"slices"
)

// spread returns t, which is broadcast to the shape of v, as numbers per
// channel of a base of n channels. It fails where they vary by position.
func (im *importer) spread(t *tensor, v view, n int) (param, error) {
	if len(t.data) == 0 {
		return param{}, fmt.Errorf("a constant of shape %v is empty", t.shape)
	}
	if !slices.ContainsFunc(t.data, func(v float64) bool { return v != t.data[0] }) {
		return param{all: t.data[0]}, nil
	}
	w := newSpreading(t, v, n)
	if _, err := im.left.take([]int{n + w.count()}); err != nil {
		return param{}, err
	}
	if !w.walk(0, 0, 0) {
		return param{}, fmt.Errorf("a constant of shape %v varies by position, want one number a channel", t.shape)
	}
	return param{each: w.each}, nil
}

// spreading is a walk over the digits that a constant or a channel varies with.
type spreading struct {
	t      *tensor
	digits []digit // dim is channels where stride counts channels
	move   []int   // along t.data
	each   []float64
	seen   []bool
}

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

// walk sets each from digit k on and says whether a channel has one number.
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
// repeated.
func (im *importer) alongside(s *stream, t *tensor) (param, *stream, error) {
	dims := s.dims()
	out, ok := broadcast(dims, t.shape)
	if !ok {
		return param{}, nil, fmt.Errorf("shapes %v and %v do not fit together", dims, t.shape)
	}
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

// ignoresPads says that t does not vary along the padded axes of s.
func ignoresPads(s *stream, t *tensor) bool {
	for i := 1; i <= min(len(t.shape), len(s.pads)); i++ {
		if t.shape[len(t.shape)-i] != 1 && s.pads[len(s.pads)-i] != [2]int{} {
			return false
		}
	}
	return true
}
