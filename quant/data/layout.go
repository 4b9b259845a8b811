package data

import (
	"fmt"
	"slices"
)

// Layout says which axis of a sample that is an image holds its channels. Element
// (c, y, x) lies at (c*H + y)*W + x for NCHW, and at (y*W + x)*C + c for NHWC.
type Layout string

// The layouts, by the names that tensors of images have; a sample lacks N.
const (
	// Unknown is for files, which give a shape but no names to its axes.
	Unknown Layout = ""
	// NCHW is [channels rows columns], as PyTorch and this package have it.
	NCHW Layout = "nchw"
	// NHWC is [rows columns channels], as TensorFlow and image libraries have it.
	NHWC Layout = "nhwc"
)

// ParseLayout returns the layout of that name.
func ParseLayout(name string) (Layout, error) {
	if l := Layout(name); l == NCHW || l == NHWC {
		return l, nil
	}
	return Unknown, fmt.Errorf("layout is %q, want nchw or nhwc", name)
}

// WithLayout returns a Set that shares s's samples and says how they lie; Fit
// and ChannelsFirst act on it.
func (s *Set) WithLayout(l Layout) *Set {
	t := *s
	t.Layout = l
	return &t
}

// ChannelsFirst returns s with its channels first: s itself, unless it is of
// images that are known to have them last.
func (s *Set) ChannelsFirst() *Set {
	shape := withoutBatch(s.Shape)
	if s.Layout != NHWC || len(shape) != 3 {
		return s
	}
	return s.moved(shape, NCHW)
}

// Fit returns s as a network reads its samples: with the shape that the network
// declares for one, and its channels where the network has them (Unknown stands
// for NCHW). Elements change places only where s says how they lie: images of
// folders and of CIFAR do, other files where the user told it by WithLayout.
//
// A file's own shape must be the network's but for axes of size 1, which change
// no order; a row of numbers fits any shape of its size, and any shape fits a
// network that reads a row. An error has both shapes.
func (s *Set) Fit(shape []int, l Layout) (*Set, error) {
	have, want := withoutBatch(s.Shape), withoutBatch(shape)
	if product(have) != product(want) {
		return nil, fmt.Errorf("data: %s: samples of shape %v have %d elements, the network wants %d, %v",
			s.Name, s.Shape, product(have), product(want), shape)
	}
	if l == Unknown {
		l = NCHW
	}
	images := len(have) == 3 && len(want) == 3
	switch {
	// A linear layer reads elements as they lie: it was trained on that order,
	// whatever axes it has.
	case isRow(want):
		return s.as(shape), nil
	case isRow(have):
		return s.rowsAs(shape, want, l), nil
	// Known layouts that differ: the one case in which elements move. If the
	// lengths do not fit even so, this falls through to the error.
	case images && s.Layout != Unknown && s.Layout != l:
		if slices.Equal(moveAxes(have, l), want) {
			return s.moved(have, l), nil
		}
	// Where neither side's layout is known, equal lengths have to do; that [3 3 3]
	// may be either is the user's to know.
	case slices.Equal(lengths(have), lengths(want)):
		return s.as(shape), nil
	}
	return nil, fmt.Errorf("data: %s: samples have shape %v, the network wants %v%s", s.Name, s.Shape, shape,
		advice(have, want, l))
}

// advice says what would make samples fit that have as many elements. The axes of
// the other layout are recognised by their lengths alone, hence an advice and no
// conversion.
func advice(have, want []int, l Layout) string {
	if len(have) == 3 && slices.Equal(moveAxes(have, l), want) {
		return fmt.Sprintf(": the axes are those of %s; --layout %[1]s moves the channels", l.other())
	}
	return ": as many elements in another order; transpose them (numpy.transpose) before saving"
}

// other returns the layout that l is not.
func (l Layout) other() Layout {
	if l == NCHW {
		return NHWC
	}
	return NCHW
}

// as returns s with another shape for the same elements in the same order.
func (s *Set) as(shape []int) *Set {
	t := *s
	t.Shape = slices.Clone(shape)
	return &t
}

// rowsAs returns s, whose samples are rows of numbers, as images of shape want,
// channels as l says. Rows of known layout were images of that layout once. So a
// row that WithLayout calls NHWC is moved as the image would have been.
func (s *Set) rowsAs(shape, want []int, l Layout) *Set {
	if len(want) != 3 || s.Layout == Unknown || s.Layout == l {
		return s.as(shape)
	}
	was := moveAxes(want, s.Layout)
	return s.as(was).moved(was, l)
}

// moved returns a copy of s, whose samples have three axes of the given
// lengths, with the channels where l has them, from where they are otherwise.
func (s *Set) moved(axes []int, l Layout) *Set {
	t := *s
	t.Shape, t.Layout = moveAxes(axes, l), l
	if s.Bytes != nil {
		t.Bytes = transposed(s.Bytes, axes, l)
	} else {
		t.Floats = transposed(s.Floats, axes, l)
	}
	return &t
}

// moveAxes returns lengths in the other layout in the order of l. That is [H W C]
// to [C H W] for NCHW, and [C H W] to [H W C] for NHWC.
func moveAxes(axes []int, l Layout) []int {
	if l == NCHW {
		return []int{axes[2], axes[0], axes[1]}
	}
	return []int{axes[1], axes[2], axes[0]}
}

// transposed returns samples of three axes with the channels where l has them:
// a matrix of positions x channels becomes one of channels x positions for NCHW,
// and the other way round for NHWC.
func transposed[T uint8 | float32](v []T, axes []int, l Layout) []T {
	rows, columns := axes[0]*axes[1], axes[2]
	if l == NHWC {
		rows, columns = axes[0], axes[1]*axes[2]
	}
	out := make([]T, 0, len(v))
	for size := rows * columns; len(v) > 0; v = v[size:] {
		for c := range columns {
			for r := range rows {
				out = append(out, v[r*columns+c])
			}
		}
	}
	return out
}

// withoutBatch drops axes of size 1 in front of the three of an image. ONNX graphs
// declare [1 C H W], and some tools write samples so.
func withoutBatch(shape []int) []int {
	for len(shape) > 3 && shape[0] == 1 {
		shape = shape[1:]
	}
	return shape
}

// lengths drops axes of size 1, which do not change the order of elements. The
// row-major index of an element does not contain an axis of size 1.
func lengths(shape []int) []int {
	var out []int
	for _, d := range shape {
		if d != 1 {
			out = append(out, d)
		}
	}
	return out
}

// isRow says that a shape has one axis, but for those of size 1. A single number is
// a row too.
func isRow(shape []int) bool { return len(lengths(shape)) < 2 }
