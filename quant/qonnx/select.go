package qonnx

import "slices"

// Parts of an axis: Split, Slice and Gather. Of a stream a layer passes on channels in any
// order, or rows and columns that are evenly spaced.

// opSplit cuts an axis into pieces. (ONNX, Split: axis 0 by default; sizes are
// an attribute before opset 13, an input since; neither means equal pieces.)
func opSplit(im *importer, n *node) (value, error) {
	v, err := im.operand(n, 0)
	if err != nil {
		return nil, err
	}
	axis, err := n.splitAxis(len(v.dims()))
	if err != nil {
		return nil, err
	}
	sizes, err := im.pieces(n, v.dims()[axis])
	if err != nil {
		return nil, err
	}
	// A node has one value by its first output; the others are set here.
	var first value
	from := 0
	for i, size := range sizes {
		part, err := im.selected(n, v, axis, positions(from+size, from, from+size, 1))
		if err != nil {
			return nil, err
		}
		from += size
		if i == 0 {
			first = part
			continue
		}
		im.values[n.out[i]] = part
	}
	return first, nil
}

// pieces returns the sizes of what Split makes of an axis: those that it names, or
// equal ones, of which the last may be smaller from opset 18 on.
func (im *importer) pieces(n *node, size int) ([]int, error) {
	sizes, given, err := im.intList(n, "split", 1)
	if err != nil {
		return nil, err
	}
	count := len(n.out)
	// num_outputs, of opset 18, says what the list of outputs says.
	if num := n.count("num_outputs", int64(count)); num != count {
		return nil, n.errorf("has %d outputs, num_outputs is %d", count, num)
	}
	// Split-18: pieces of ceil(size/count), the last one smaller. Before, the
	// axis must divide.
	if !given {
		each := (size + count - 1) / count
		if each*count != size && n.opset < 18 {
			return nil, n.errorf("cuts an axis of size %d into %d equal pieces", size, count)
		}
		for i := range count {
			sizes = append(sizes, max(0, min(each, size-i*each)))
		}
	}
	// Empty pieces are legal in ONNX, but no layer gives nothing.
	sum := 0
	for _, s := range sizes {
		if s < 1 || s > size {
			return nil, n.errorf("cuts an axis of size %d into %v", size, sizes)
		}
		sum += s
	}
	if sum != size || len(sizes) != count {
		return nil, n.errorf("cuts an axis of size %d into %v for %d outputs", size, sizes, count)
	}
	return sizes, nil
}

// opGather takes elements of constants, and channels, in any order. indices are
// constants: a gather by data would be an embedding. Negative ones count from
// the end.
func opGather(im *importer, n *node) (value, error) {
	v, err := im.operand(n, 0)
	if err != nil {
		return nil, err
	}
	at, err := im.constant(n, 1)
	if err != nil {
		return nil, err
	}
	shape := v.dims()
	axis, err := n.axisIn(0, len(shape))
	if err != nil {
		return nil, err
	}
	picks, err := at.ints()
	if err != nil {
		return nil, n.errorf("index %w", err)
	}
	for i, p := range picks {
		if p < 0 {
			picks[i] = p + shape[axis]
		}
		if picks[i] < 0 || picks[i] >= shape[axis] {
			return nil, n.errorf("index %d of axis %d of shape %v", p, axis, shape)
		}
	}
	// Constants may be gathered into any shape. Of a stream the axis is replaced
	// first, and then gets the shape of the indices.
	if t, ok := v.(*tensor); ok {
		return im.picks(n, t, axis, picks, at.shape)
	}
	if v, err = im.selected(n, v, axis, picks); err != nil {
		return nil, err
	}
	return im.reshaped(n, v, slices.Concat(shape[:axis], at.shape, shape[axis+1:]))
}

// opSlice takes ranges, forwards or backwards: exporters compute shapes and
// pads with it. (ONNX, Slice: attributes before opset 10, inputs since; axes
// are all from 0 on by default, steps 1.) Exporters write ends of 2^63-1 for
// "to the end".
func opSlice(im *importer, n *node) (value, error) {
	v, err := im.operand(n, 0)
	if err != nil {
		return nil, err
	}
	rank := len(v.dims())
	var lists [4][]int // starts, ends, axes, steps
	for i, name := range []string{"starts", "ends", "axes", "steps"} {
		var given bool
		if lists[i], given, err = im.intList(n, name, i+1); err != nil {
			return nil, err
		}
		if size := len(lists[0]); i > 0 && given && len(lists[i]) != size || i < 2 && !given || size > rank {
			return nil, n.errorf("has %d %s of shape %v, want one for each of %d axes", len(lists[i]), name, v.dims(),
				size)
		}
	}
	// One axis after the other: a Slice of several is one of each in turn.
	for i, from := range lists[0] {
		axis, stride := i, 1
		if lists[2] != nil {
			axis = lists[2][i]
		}
		if lists[3] != nil {
			stride = lists[3][i]
		}
		if axis < 0 {
			axis += rank
		}
		if axis < 0 || axis >= rank || stride == 0 {
			return nil, n.errorf("takes steps of %d along axis %d of shape %v", stride, axis, v.dims())
		}
		if v, err = im.selected(n, v, axis, positions(v.dims()[axis], from, lists[1][i], stride)); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// positions returns those of an axis that ONNX's Slice takes. Bounds count from
// the end where they are negative, and may lie outside. Going backwards the end
// is exclusive downwards, so that an end below -size stands for "down to 0".
func positions(size, from, to, stride int) []int {
	if from < 0 {
		from += size
	}
	if to < 0 {
		to += size
	}
	var at []int
	if stride < 0 {
		for p := min(from, size-1); p > max(to, -1); p += stride {
			at = append(at, p)
		}
		return at
	}
	for p := max(from, 0); p < min(to, size); p += stride {
		at = append(at, p)
	}
	return at
}
