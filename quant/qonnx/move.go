package qonnx

import (
	"math"
	"slices"
)

// Operators that only move elements: they work on every kind of value.

// reshaped returns v with another shape of as many elements. Row-major order
// does not change, so that a stream's digits are only regrouped.
func (im *importer) reshaped(n *node, v value, shape []int) (value, error) {
	switch v := v.(type) {
	case *tensor:
		return reshaped(v, shape), nil
	case *stream:
		if slices.Equal(shape, v.dims()) {
			return v, nil
		}
		// Zeros around an axis have no digits: regrouped, they would lie in the
		// middle.
		if v.pads != nil {
			return nil, v.by.errorf("pads, but node %s (%s) behind it makes another shape: want a convolution there",
				n.label(), clip(n.op))
		}
		out := *v
		var ok bool
		if out.view, ok = v.view.reshaped(shape); !ok {
			return nil, n.errorf("makes shape %v of %v, which were moved about before: that tears rows or channels "+
				"apart",
				shape, v.dims())
		}
		return &out, nil
	case *ranking:
		return v.reshaped(im, n, shape)
	}
	panic("qonnx: unknown kind of value")
}

// reshaped returns t with another shape of as many elements. Data are shared:
// no operator writes to its operands.
func reshaped(t *tensor, shape []int) *tensor {
	out := *t
	out.shape = shape
	return &out
}

// boundedProduct returns the product of a shape, or -1 where it is negative or
// more than the budget. For shapes that the file states and nobody has paid for
// yet.
func boundedProduct(shape []int) int {
	size := 1
	for _, d := range shape {
		if d < 0 || d > 0 && size > maxElements/d {
			return -1
		}
		size *= d
	}
	return size
}

// moveIdentity evaluates Identity.
func moveIdentity(im *importer, n *node) (value, error) { return im.operand(n, 0) }

// moveDropout evaluates Dropout, which is Identity in inference; its mask is not
// supported.
func moveDropout(im *importer, n *node) (value, error) {
	if err := im.inference(n); err != nil {
		return nil, err
	}
	return im.operand(n, 0)
}

// moveReshape evaluates Reshape: 0 copies a size (unless allowzero, opset 14),
// one -1 stands for the rest (ONNX, Reshape). shape is an attribute before
// opset 5.
func moveReshape(im *importer, n *node) (value, error) {
	v, err := im.operand(n, 0)
	if err != nil {
		return nil, err
	}
	shape, given, err := im.intList(n, "shape", 1)
	if err != nil {
		return nil, err
	}
	if !given || len(shape) > maxRank {
		return nil, n.errorf("has no constant shape of at most %d axes", maxRank)
	}
	from, hole := v.dims(), -1
	shape = slices.Clone(shape)
	for i, d := range shape {
		switch {
		case d == 0 && n.int("allowzero", 0) == 0:
			if i >= len(from) {
				return nil, n.errorf("copies axis %d of shape %v", i, from)
			}
			shape[i] = from[i]
		case d == -1 && hole < 0:
			hole = i
			shape[i] = 1
		case d < 0:
			return nil, n.errorf("cannot make shape %v of %v", shape, from)
		}
	}
	size := product(from)
	// Exporters write the sample count of the example into constant shapes. A
	// first size that equals it is that count if the elements would not fit
	// otherwise, or if -1 makes up for any size.
	if _, folded := v.(*tensor); !folded && len(shape) > 0 && im.batch > 1 && shape[0] == im.batch &&
		(hole > 0 || boundedProduct(shape) == im.batch*size) {
		shape[0] = 1 // the sample count that the file was exported with
	}
	if hole >= 0 {
		rest := boundedProduct(shape)
		if rest < 1 || size%rest != 0 {
			return nil, n.errorf("cannot make shape %v of %v", shape, from)
		}
		shape[hole] = size / rest
	}
	if boundedProduct(shape) != size {
		return nil, n.errorf("cannot make shape %v of %v", shape, from)
	}
	return im.reshaped(n, v, shape)
}

// moveFlatten evaluates Flatten: two axes, whatever the rank, cut before axis
// (default 1).
func moveFlatten(im *importer, n *node) (value, error) {
	v, err := im.operand(n, 0)
	if err != nil {
		return nil, err
	}
	shape := v.dims()
	axis := n.fromEnd("axis", 1, len(shape))
	if axis < 0 || axis > len(shape) {
		return nil, n.errorf("axis %d of shape %v", n.int("axis", 1), shape)
	}
	return im.reshaped(n, v, []int{product(shape[:axis]), product(shape[axis:])})
}

// intList returns integers that are an attribute in old versions of an operator
// and input in in new ones, and whether they are there. ONNX moved axes,
// shapes, pads and splits from attributes to inputs between opsets 5 and 18,
// operator by operator. Both are read whatever the opset says: only one can be
// there, and files with a wrong opset exist.
func (im *importer) intList(n *node, attr string, in int) ([]int, bool, error) {
	if a := n.attrs[attr]; a != nil {
		var out []int
		for _, v := range a.GetInts() {
			out = append(out, int(max(math.MinInt32, min(v, math.MaxInt32))))
		}
		return out, true, nil
	}
	if !n.has(in) {
		return nil, false, nil
	}
	t, err := im.constant(n, in)
	if err != nil {
		return nil, false, err
	}
	out, err := t.ints()
	if err != nil {
		return nil, false, n.errorf("%s: %w", attr, err)
	}
	return out, true, nil
}

// axesOf returns which of rank axes a node names, or nil where it names none.
// Negative axes count from the end; each may be named once.
func (im *importer) axesOf(n *node, rank int) ([]bool, error) {
	list, given, err := im.intList(n, "axes", 1)
	if err != nil || !given {
		return nil, err
	}
	if rank > maxRank {
		return nil, n.errorf("makes %d axes, want at most %d", rank, maxRank)
	}
	out := make([]bool, rank)
	for _, a := range list {
		if a < 0 {
			a += rank
		}
		if a < 0 || a >= rank || out[a] {
			return nil, n.errorf("axes %v of %d", list, rank)
		}
		out[a] = true
	}
	return out, nil
}

// moveSqueeze drops axes of size 1: the named ones, or all.
func moveSqueeze(im *importer, n *node) (value, error) {
	v, err := im.operand(n, 0)
	if err != nil {
		return nil, err
	}
	axes, err := im.axesOf(n, len(v.dims()))
	if err != nil {
		return nil, err
	}
	var shape []int
	for i, d := range v.dims() {
		switch {
		case axes == nil && d == 1, axes != nil && axes[i] && d == 1:
		case axes != nil && axes[i]:
			return nil, n.errorf("axis %d of shape %v is not 1", i, v.dims())
		default:
			shape = append(shape, d)
		}
	}
	return im.reshaped(n, v, shape)
}

// moveUnsqueeze adds axes of size 1. They are named by their positions in the
// result (ONNX, Unsqueeze), hence the rank of both together.
func moveUnsqueeze(im *importer, n *node) (value, error) {
	v, err := im.operand(n, 0)
	if err != nil {
		return nil, err
	}
	list, given, err := im.intList(n, "axes", 1)
	if err != nil {
		return nil, err
	}
	if !given {
		return nil, n.errorf("has no axes")
	}
	axes, err := im.axesOf(n, len(v.dims())+len(list))
	if err != nil {
		return nil, err
	}
	shape, old := make([]int, len(axes)), v.dims()
	for i, isNew := range axes {
		if isNew {
			shape[i] = 1
		} else {
			shape[i], old = old[0], old[1:]
		}
	}
	return im.reshaped(n, v, shape)
}

// moveTranspose evaluates Transpose; without perm the axes are reversed.
func moveTranspose(im *importer, n *node) (value, error) {
	v, err := im.operand(n, 0)
	if err != nil {
		return nil, err
	}
	var perm []int
	for _, p := range n.attrs["perm"].GetInts() {
		perm = append(perm, int(max(-1, min(p, maxRank))))
	}
	if perm == nil {
		for i := range v.dims() {
			perm = append(perm, len(v.dims())-1-i)
		}
	}
	return im.transposed(n, v, perm)
}

// transposed returns v with axis i of the result being axis perm[i] of v. A
// stream's digits move with their axes; no layer results until something reads
// them in another order than memory has.
func (im *importer) transposed(n *node, v value, perm []int) (value, error) {
	old := v.dims()
	if len(perm) != len(old) {
		return nil, n.errorf("permutes %d axes of shape %v", len(perm), old)
	}
	seen := make([]bool, len(old))
	shape := make([]int, len(perm))
	for i, p := range perm {
		if p < 0 || p >= len(old) || seen[p] {
			return nil, n.errorf("%v is no permutation of the axes of shape %v", perm, old)
		}
		seen[p] = true
		shape[i] = old[p]
	}
	switch v := v.(type) {
	case *tensor:
		return im.transposedTensor(n, v, shape, perm)
	case *stream:
		out := *v
		out.view = v.view.transposed(perm)
		if v.pads != nil {
			out.pads = pick(v.pads, perm)
		}
		return &out, nil
	case *ranking:
		return v.transposed(im, n, shape, perm)
	}
	panic("qonnx: unknown kind of value")
}

// transposedTensor moves data and what is known of them: Brevitas has Quant,
// Transpose, MatMul.
func (im *importer) transposedTensor(n *node, t *tensor, shape, perm []int) (value, error) {
	// Strides of the operand, in the order of the result's axes: the cursor of
	// broadcasting then walks a transposition.
	stride := make([]int, len(perm))
	step := 1
	for i := len(stride) - 1; i >= 0; i-- {
		stride[i] = step
		step *= t.shape[i]
	}
	out, err := im.copied(shape, []*tensor{t}, walked(len(t.data), func() *cursor {
		return &cursor{shape: shape, count: make([]int, len(perm)), stride: pick(stride, perm)}
	}))
	if err != nil {
		return nil, n.errorf("%w", err)
	}
	return out, nil
}

// pick returns the elements of v at these positions.
func pick[T any](v []T, from []int) []T {
	out := make([]T, len(from))
	for i, f := range from {
		out[i] = v[f]
	}
	return out
}
