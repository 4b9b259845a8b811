package qonnx

import (
	"fmt"
	"math"
	"slices"
)

// The folding of constants: what exporters compute shapes and parameters with.

// foldBinary returns f of a and b, broadcast. The element type is that of a;
// typed rounds the result where it is not FLOAT.
func (im *importer) foldBinary(n *node, a, b *tensor, f func(x, y float64) float64) (value, error) {
	shape, ok := broadcast(a.shape, b.shape)
	if !ok {
		return nil, n.errorf("shapes %v and %v do not fit together", a.shape, b.shape)
	}
	out, err := im.newTensor(shape, a.elem)
	if err != nil {
		return nil, n.errorf("%w", err)
	}
	ca, cb := newCursor(a.shape, shape), newCursor(b.shape, shape)
	for i := range out.data {
		out.data[i] = f(a.data[ca.next()], b.data[cb.next()])
	}
	return out, nil
}

// perElement returns t, broadcast to shape, as numbers for each element of it.
// Equal numbers are one: most scales are a tensor of one value, and a copy of
// it takes eight bytes per weight.
func (im *importer) perElement(t *tensor, shape []int) (param, error) {
	if len(t.data) == 0 {
		return param{}, fmt.Errorf("a constant of shape %v is empty", t.shape)
	}
	if out, ok := broadcast(shape, t.shape); !ok || !slices.Equal(out, shape) {
		return param{}, fmt.Errorf("shapes %v and %v do not fit together", shape, t.shape)
	}
	if !slices.ContainsFunc(t.data, func(v float64) bool { return v != t.data[0] }) {
		return param{all: t.data[0]}, nil
	}
	size, err := im.left.take(shape)
	if err != nil {
		return param{}, err
	}
	each, at := make([]float64, size), newCursor(t.shape, shape)
	for i := range each {
		each[i] = t.data[at.next()]
	}
	return param{each: each}, nil
}

// foldUnary returns f of every element.
func (im *importer) foldUnary(n *node, t *tensor, f func(x float64) float64) (value, error) {
	out, err := im.newTensor(t.shape, t.elem)
	if err != nil {
		return nil, n.errorf("%w", err)
	}
	for i, v := range t.data {
		out.data[i] = f(v)
	}
	return out, nil
}

// foldConstant evaluates Constant, which has exactly one of several attributes
// (ONNX, Constant, opset 12). Strings and sparse tensors are refused.
func foldConstant(im *importer, n *node) (value, error) {
	// Nobody knows which of two values is meant.
	if len(n.attrs) > 1 {
		return nil, n.errorf("has %d values, want one", len(n.attrs))
	}
	switch {
	case n.attrs["value"].GetT() != nil:
		t, err := im.decodeTensor(n.attrs["value"].GetT())
		if err != nil {
			return nil, n.errorf("%w", err)
		}
		return t, nil
	case n.attrs["value_float"] != nil:
		return im.listed(n, nil, []float64{n.float("value_float", 0)}, typeFloat)
	case n.attrs["value_int"] != nil:
		return im.listed(n, nil, []float64{float64(n.int("value_int", 0))}, typeInt64)
	case n.attrs["value_floats"] != nil:
		var data []float64
		for _, v := range n.attrs["value_floats"].GetFloats() {
			data = append(data, float64(v))
		}
		return im.listed(n, []int{len(data)}, data, typeFloat)
	case n.attrs["value_ints"] != nil:
		var data []float64
		for _, v := range n.attrs["value_ints"].GetInts() {
			data = append(data, float64(v))
		}
		return im.listed(n, []int{len(data)}, data, typeInt64)
	}
	return nil, n.errorf("has no value of numbers in a dense tensor")
}

// listed returns a tensor of given elements. The elements are not copied; they
// are paid for.
func (im *importer) listed(n *node, shape []int, data []float64, elem elemType) (value, error) {
	if _, err := im.left.take([]int{len(data)}); err != nil {
		return nil, n.errorf("%w", err)
	}
	return &tensor{shape: shape, data: data, elem: elem}, nil
}

// foldShape evaluates Shape of any value, streams too: that is how exporters
// compute the shape of a Flatten. start and end (opset 15) are clamped to the
// rank as ONNX has it. The sample count is 1, whatever the file was exported
// with (moveReshape).
func foldShape(im *importer, n *node) (value, error) {
	v, err := im.operand(n, 0)
	if err != nil {
		return nil, err
	}
	shape := v.dims()
	from := min(max(0, n.fromEnd("start", 0, len(shape))), len(shape))
	to := min(max(from, n.fromEnd("end", len(shape), len(shape))), len(shape))
	t, err := im.vectorOf(shape[from:to])
	if err != nil {
		return nil, n.errorf("%w", err)
	}
	return t, nil
}

// fromEnd returns an attribute that counts from the end where it is negative.
func (n *node) fromEnd(name string, otherwise, length int) int {
	v := n.int(name, int64(otherwise))
	if v < 0 {
		v += int64(length)
	}
	return int(max(-1, min(v, math.MaxInt32)))
}

// foldSize evaluates Size, the number of elements.
func foldSize(im *importer, n *node) (value, error) {
	v, err := im.operand(n, 0)
	if err != nil {
		return nil, err
	}
	return im.listed(n, nil, []float64{float64(product(v.dims()))}, typeInt64)
}

// picks returns the elements of t at some positions of an axis, which gets the
// given shape. It is Gather along one axis: the result has the axes before,
// those of shape, and the axes behind. Elements are copied in runs of what lies
// behind the axis.
func (im *importer) picks(n *node, t *tensor, axis int, from, shape []int) (*tensor, error) {
	// Row-major: the axis lies between outer repetitions and runs of inner
	// elements.
	outer, inner := product(t.shape[:axis]), product(t.shape[axis+1:])
	// As runs instead of data: integers and scales beside the data are picked by the
	// same.
	runs := func(yield func(piece) bool) {
		for o := range outer {
			for _, p := range from {
				if !yield(piece{at: (o*t.shape[axis] + p) * inner, size: inner}) {
					return
				}
			}
		}
	}
	out, err := im.copied(slices.Concat(t.shape[:axis], shape, t.shape[axis+1:]), []*tensor{t}, runs)
	if err != nil {
		return nil, n.errorf("%w", err)
	}
	return out, nil
}

// foldConcat joins constants along one axis; exporters put shapes together with
// it.
func foldConcat(im *importer, n *node) (value, error) {
	var parts []*tensor
	for i := range n.in {
		t, err := im.constant(n, i)
		if err != nil {
			return nil, err
		}
		parts = append(parts, t)
	}
	if len(parts) == 0 {
		return nil, n.errorf("has no inputs")
	}
	shape := slices.Clone(parts[0].shape)
	axis, err := n.concatAxis(len(shape))
	if err != nil {
		return nil, err
	}
	for _, t := range parts[1:] {
		if len(t.shape) != len(shape) ||
			!slices.Equal(t.shape[:axis], shape[:axis]) || !slices.Equal(t.shape[axis+1:], shape[axis+1:]) {
			return nil, n.errorf("shapes %v and %v do not fit together", shape, t.shape)
		}
		shape[axis] += t.shape[axis]
	}
	// Of each part what lies behind the axis, in turn.
	runs := func(yield func(piece) bool) {
		for o := range product(shape[:axis]) {
			for i, t := range parts {
				size := product(t.shape[axis:])
				if !yield(piece{part: i, at: o * size, size: size}) {
					return
				}
			}
		}
	}
	out, err := im.copied(shape, parts, runs)
	if err != nil {
		return nil, n.errorf("%w", err)
	}
	return out, nil
}

// foldConstantOfShape fills a shape with one value, FLOAT 0 by default.
func foldConstantOfShape(im *importer, n *node) (value, error) {
	t, err := im.constant(n, 0)
	if err != nil {
		return nil, err
	}
	shape, err := t.ints()
	if err != nil {
		return nil, n.errorf("shape %w", err)
	}
	fill, elem := 0.0, elemType(typeFloat)
	if p := n.attrs["value"].GetT(); p != nil {
		v, err := im.decodeTensor(p)
		if err != nil {
			return nil, n.errorf("%w", err)
		}
		if len(v.data) != 1 {
			return nil, n.errorf("value has shape %v, want one number", v.shape)
		}
		fill, elem = v.data[0], v.elem
	}
	out, err := im.newTensor(shape, elem)
	if err != nil {
		return nil, n.errorf("%w", err)
	}
	for i := range out.data {
		out.data[i] = fill
	}
	return out, nil
}
