package qonnx

import (
	"fmt"
	"math"
)

// tensor is a constant, row-major. Integers are held as float64 too: the sizes
// and axes that graphs compute with are far below 2^53. Operators return new
// tensors: a tensor may be an operand of several nodes.
type tensor struct {
	shape []int
	data  []float64
	// elem is the element type. Where it is not FLOAT or DOUBLE, what is computed
	// with the elements is rounded to it, or wraps.
	elem elemType
	known
}

func (t *tensor) dims() []int { return t.shape }

// budget bounds the elements that one import may hold, constants, steps and
// thresholds together, so that no file can ask for unbounded memory. A file of
// 1 kB may say ConstantOfShape of 2^40 elements, or expand in a chain of
// doublings.
type budget int

// maxElements is the largest budget, two gigabytes of float64.
const maxElements = 1 << 28

// budgetFor returns the budget of a file of size bytes: each byte may be a
// weight, and folding, quantising and transposing it takes about six elements.
func budgetFor(size int) budget {
	const base, each = 1 << 23, 8
	return min(maxElements, base+each*budget(size))
}

// take pays for a tensor of that shape and returns its number of elements.
// Sizes are checked before they are multiplied: nothing overflows.
func (b *budget) take(shape []int) (int, error) {
	if len(shape) > maxRank {
		return 0, fmt.Errorf("a tensor of %d axes, want at most %d", len(shape), maxRank)
	}
	size := 1
	for _, d := range shape {
		if d < 0 || d > 0 && size > maxElements/d {
			return 0, fmt.Errorf("a tensor of shape %v is too large", shape)
		}
		size *= d
	}
	if size > int(*b) {
		return 0, fmt.Errorf("a tensor of shape %v is too large for a file of this size", shape)
	}
	*b -= budget(size)
	return size, nil
}

// pay pays for n elements of a node.
func (b *budget) pay(at *node, n int) error {
	if _, err := b.take([]int{n}); err != nil {
		return at.errorf("%w", err)
	}
	return nil
}

// product returns the number of elements of a shape that has been paid for.
func product(shape []int) int {
	size := 1
	for _, d := range shape {
		size *= d
	}
	return size
}

// newTensor returns a tensor of zeros.
func (im *importer) newTensor(shape []int, elem elemType) (*tensor, error) {
	size, err := im.left.take(shape)
	if err != nil {
		return nil, err
	}
	return &tensor{shape: shape, data: make([]float64, size), elem: elem}, nil
}

// vectorOf returns a one-dimensional tensor. INT64, as Shape gives it.
func (im *importer) vectorOf(v []int) (*tensor, error) {
	t, err := im.newTensor([]int{len(v)}, typeInt64)
	if err != nil {
		return nil, err
	}
	for i, x := range v {
		t.data[i] = float64(x)
	}
	return t, nil
}

// ints returns the elements as integers: axes, sizes, permutations.
func (t *tensor) ints() ([]int, error) {
	out := make([]int, len(t.data))
	for i, v := range t.data {
		if v != math.Trunc(v) {
			return nil, fmt.Errorf("%v is not an integer", v)
		}
		// Clamped so that adding an axis' size does not overflow: Slice's ends
		// are 2^63-1.
		out[i] = int(max(-1<<62, min(1<<62-1<<10, v)))
	}
	return out, nil
}

// broadcast returns the common shape of a and b (numpy's rule), or false. From
// the last axis on, sizes must be equal or one of them 1; missing axes count as
// 1.
func broadcast(a, b []int) ([]int, bool) {
	if len(a) < len(b) {
		a, b = b, a
	}
	out := append([]int(nil), a...)
	skip := len(a) - len(b)
	for i, d := range b {
		switch {
		case out[skip+i] == 1:
			out[skip+i] = d
		case d != 1 && d != out[skip+i]:
			return nil, false
		}
	}
	return out, true
}

// cursor walks the elements of a shape in order and yields, for each, the
// position in a tensor that is broadcast to it. stride is 0 along axes that are
// repeated.
type cursor struct {
	shape, count, stride []int
	pos                  int
}

// newCursor starts at the first element of a tensor of shape from, broadcast to
// to.
func newCursor(from, to []int) *cursor {
	c := &cursor{shape: to, count: make([]int, len(to)), stride: make([]int, len(to))}
	step, skip := 1, len(to)-len(from)
	for i := len(from) - 1; i >= 0; i-- {
		if from[i] != 1 {
			c.stride[skip+i] = step
		}
		step *= from[i]
	}
	return c
}

// next returns the current position and moves on.
func (c *cursor) next() int {
	pos := c.pos
	for i := len(c.shape) - 1; i >= 0; i-- {
		c.pos += c.stride[i]
		if c.count[i]++; c.count[i] < c.shape[i] {
			break
		}
		c.count[i] = 0
		// The axis is through: back to its beginning, and on along the one
		// before.
		c.pos -= c.stride[i] * c.shape[i]
	}
	return pos
}
