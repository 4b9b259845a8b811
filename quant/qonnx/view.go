package qonnx

import "slices"

// dim is an axis of what a stream's elements are made from.
type dim uint8

const (
	channels dim = iota
	vertical
	horizontal
	repeats // of the same element
)

// digit is a part of an axis: it counts 0..size-1, and each count moves stride
// steps along dim. Moving elements about, as Reshape, Transpose, DepthToSpace,
// Resize by repetition and Expand do, is no more than a regrouping of digits.
// Example: PixelShuffle by 2 of C channels has rows of the digits (rows of the
// base, channel bit), the latter of size 2.
type digit struct {
	dim          dim
	size, stride int
}

// view says where a stream's elements come from: the digits of each axis, the
// most significant first. An axis of size 1 has none.
type view [][]digit

// whole returns the digits of a full dimension.
func whole(d dim, size int) []digit {
	if size == 1 {
		return nil
	}
	return []digit{{d, size, 1}}
}

// imageView is that of a tensor of shape [1 C H W].
func imageView(c, h, w int) view {
	return view{nil, whole(channels, c), whole(vertical, h), whole(horizontal, w)}
}

// axisSize is 1 for an axis without digits.
func axisSize(axis []digit) int {
	size := 1
	for _, d := range axis {
		size *= d.size
	}
	return size
}

// shape returns the sizes of the axes.
func (v view) shape() []int {
	out := make([]int, len(v))
	for i, axis := range v {
		out[i] = axisSize(axis)
	}
	return out
}

// merged returns the digits with neighbours joined that count on in one go. Two
// digits count on in one go where the first moves by as much as the second does
// in all. Views are compared in this form only.
func merged(digits []digit) []digit {
	var out []digit
	for _, d := range digits {
		if d.size == 1 {
			continue
		}
		if k := len(out) - 1; k >= 0 && out[k].dim == d.dim && out[k].stride == d.size*d.stride {
			out[k] = digit{d.dim, out[k].size * d.size, d.stride}
			continue
		}
		out = append(out, d)
	}
	return out
}

// canonical returns v with the digits of each axis joined where they can be.
func (v view) canonical() view {
	out := make(view, len(v))
	for i, axis := range v {
		out[i] = merged(axis)
	}
	return out
}

// equal compares what the views show, however their digits were split.
func (v view) equal(o view) bool {
	return slices.EqualFunc(v.canonical(), o.canonical(), slices.Equal[[]digit])
}

// reshaped regroups the digits to axes of the given sizes, of as many elements.
// It fails where that takes a digit apart at no divisor of it. Row-major order
// is kept, so that all digits of the old axes, in a row, are the digits of the
// new ones. E.g. 12 rows reshaped to [3 4] are split at 4.
func (v view) reshaped(shape []int) (view, bool) {
	rest := merged(slices.Concat(v...))
	out := make(view, len(shape))
	for i, size := range shape {
		for size > 1 {
			if len(rest) == 0 {
				return nil, false
			}
			d := rest[0]
			switch {
			case size%d.size == 0:
				rest = rest[1:]
			// The high part has the new axis' size, the low part is left for
			// the next axis.
			case d.size%size == 0:
				low := d.size / size
				d, rest[0].size = digit{d.dim, size, d.stride * low}, low
			default:
				return nil, false
			}
			out[i] = append(out[i], d)
			size /= d.size
		}
	}
	return out, true
}

// transposed returns v with axis i of the result being axis perm[i]. Digits
// stay within their axis.
func (v view) transposed(perm []int) view {
	out := make(view, len(perm))
	for i, p := range perm {
		out[i] = v[p]
	}
	return out
}

// repeated returns v with every element of an axis standing f times. The repeat
// is the least significant digit: a b becomes a a b b, as nearest neighbours
// are. Expand repeats an axis of size 1, where that is the same.
func (v view) repeated(axis, f int) view {
	out := slices.Clone(v)
	if f > 1 {
		out[axis] = append(slices.Clone(v[axis]), digit{repeats, f, 0})
	}
	return out
}

// widened returns v with axes of size 1 in front.
func (v view) widened(rank int) view {
	return append(make(view, max(0, rank-len(v))), v...)
}

// entire says that the axis is the whole of a dimension, in order.
func entire(axis []digit, d dim, size int) bool {
	return slices.Equal(merged(axis), whole(d, size))
}

// repeating says that the view holds an element more than once.
func (v view) repeating() bool {
	return slices.ContainsFunc(v, func(axis []digit) bool {
		return slices.ContainsFunc(axis, func(d digit) bool { return d.dim == repeats })
	})
}

// each calls f, for every element in the order of the view, with its position
// along each dimension. It costs one call per element; callers have paid for as
// many.
func (v view) each(f func(at [4]int)) {
	digits := merged(slices.Concat(v...))
	var at [4]int
	var walk func(k int)
	walk = func(k int) {
		if k == len(digits) {
			f(at)
			return
		}
		d := digits[k]
		for range d.size {
			walk(k + 1)
			at[d.dim] += d.stride
		}
		at[d.dim] -= d.size * d.stride
	}
	walk(0)
}
