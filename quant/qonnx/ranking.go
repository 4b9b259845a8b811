package qonnx

import "slices"

// Operators that keep no more than the order of elements: hardware ranks scores
// instead. A ranking's shape and label are checked like any other tensor's, since
// ONNX gives something else along another axis: ArgMax over an axis of size 1 is 0.

// ranking is a stream followed by something that keeps no more than the order
// of its elements, such as Softmax. It may only lead to the graph's output.
type ranking struct {
	// s has the shape of the ranking as long as that holds all elements, so that
	// what moves one moves the other.
	s     *stream
	shape []int
	by    *node
	// label says that it holds which element is the largest, of type elem, not
	// the elements.
	label bool
	elem  elemType
	// everywhere says that it ranks the channels at each position of an image or a line,
	// not all elements.
	everywhere bool
}

func (r *ranking) dims() []int { return r.shape }

// whole says that r holds all elements: not the label or the largest alone. Of a
// single element there is no ranking (spans), so that these are fewer.
func (r *ranking) whole() bool { return product(r.shape) == product(r.s.dims()) }

// reshaped returns r with another shape of as many elements.
func (r *ranking) reshaped(im *importer, n *node, shape []int) (value, error) {
	return r.along(shape, func() (value, error) { return im.reshaped(n, r.s, shape) })
}

// transposed returns r, of that shape, with its axes permuted.
func (r *ranking) transposed(im *importer, n *node, shape, perm []int) (value, error) {
	return r.along(shape, func() (value, error) { return im.transposed(n, r.s, perm) })
}

// along returns r with another shape. Its stream moves too where r holds all of
// it: an ArgMax behind counts in that order.
func (r *ranking) along(shape []int, move func() (value, error)) (value, error) {
	out := *r
	out.shape = shape
	if r.whole() {
		v, err := move()
		if err != nil {
			return nil, err
		}
		out.s = v.(*stream)
	}
	return &out, nil
}

// rule is what a node ranks: the axes from..to of its input, of which ArgMax and
// TopK pick one element. The axis stays, of size 1, where keep says so.
type rule struct {
	from, to    int
	picks, keep bool
}

// ruleOf reads the attributes of a ranking operator over rank axes. (ONNX. Softmax,
// LogSoftmax and Hardmax: before opset 13 they flatten to two axes at axis, default
// 1; since then they work on axis alone, default -1. ArgMax: axis 0, keepdims 1 by
// default. TopK: axis -1; k is an attribute before opset 10, an input since.)
func (im *importer) ruleOf(n *node, rank int) (rule, error) {
	switch n.op {
	case "ArgMax":
		// Of equal scores the first is the label in hardware.
		if n.int("select_last_index", 0) != 0 {
			return rule{}, n.errorf("selects the last index among equals, want the first")
		}
		axis := n.fromEnd("axis", 0, rank)
		return rule{axis, axis + 1, true, n.int("keepdims", 1) != 0}, nil
	case "TopK":
		axis := n.fromEnd("axis", -1, rank)
		return rule{axis, axis + 1, true, true}, im.largestOnly(n)
	}
	if n.opset < 13 {
		return rule{from: n.fromEnd("axis", 1, rank), to: rank}, nil
	}
	axis := n.fromEnd("axis", -1, rank)
	return rule{from: axis, to: axis + 1}, nil
}

// largestOnly returns an error unless TopK picks the one largest. Its attribute
// sorted has no say then.
func (im *importer) largestOnly(n *node) error {
	k := float64(n.int("k", 0))
	if n.has(1) {
		var err error
		if k, err = im.oneNumber(n, 1); err != nil {
			return err
		}
	}
	if k != 1 {
		return n.errorf("picks %v outputs, want the 1 largest", k)
	}
	if n.int("largest", 1) == 0 {
		return n.errorf("picks the smallest output, want the largest")
	}
	return nil
}

// ranksPositions says that the axis of r is that of the channels of s, which has more than one
// position: segmentation ranks the channels of each.
func (im *importer) ranksPositions(r rule, s *stream) bool {
	if r.to != r.from+1 || r.from < 0 || r.to > len(s.view) || s.base < 0 {
		return false
	}
	digits := merged(s.view[r.from])
	return len(digits) == 1 && digits[0].dim == channels && axisSize(digits) > 1 &&
		axisSize(digits) == im.extent(s).C && product(s.dims()) > axisSize(digits)
}

// spans returns an error unless the axes of r hold all elements of a tensor of
// that shape, two at least.
func (r rule) spans(n *node, dims []int) error {
	if r.from < 0 || r.from >= len(dims) {
		return n.errorf("works on axis %d of shape %v", r.from, dims)
	}
	all := product(dims)
	if size := product(dims[r.from:min(r.to, len(dims))]); size != all {
		return n.errorf("works on axis %d of shape %v, want the axis of all elements or the channels at each position: "+
			"there is no layer that ranks %d at each of %d others; end the graph before it, its outputs are then what "+
			"it ranks", r.from, dims, size, all/max(size, 1))
	}
	// The network would tell two classes apart by its sign (Output.Boundary).
	if all == 1 {
		return n.errorf("ranks a single element, of which the label is always 0: end the graph before it, the " +
			"output's sign is then the label, or compare it with a number (Greater)")
	}
	return nil
}

// shape returns that of what r leaves of a tensor of dims.
func (r rule) shape(dims []int) []int {
	if !r.picks {
		return dims
	}
	out := slices.Clone(dims)
	out[r.from] = 1
	if !r.keep {
		out = slices.Delete(out, r.from, r.to)
	}
	return out
}

// opRanking evaluates an operator that ranks. Softmax and LogSoftmax keep the
// order of all elements: exp rises, and the sum that divides is the same for all.
// Hardmax keeps which is the first of the largest, and so does an ArgMax behind it.
func opRanking(im *importer, n *node) (value, error) {
	v, err := im.operand(n, 0)
	if err != nil {
		return nil, err
	}
	out := ranking{by: n}
	switch v := v.(type) {
	case *ranking:
		// Of labels, or of the largest alone, nothing is left to rank.
		if !v.whole() {
			return nil, mixed(n, v)
		}
		out = *v
	case *stream:
		out.s, out.elem = v, v.elem
	default:
		return nil, n.errorf("wants an input that depends on the network's")
	}
	r, err := im.ruleOf(n, len(v.dims()))
	if err != nil {
		return nil, err
	}
	if out.everywhere = im.ranksPositions(r, out.s); !out.everywhere {
		if err := r.spans(n, v.dims()); err != nil {
			return nil, err
		}
	}
	out.shape = r.shape(v.dims())
	// What Softmax gives has the elements' type.
	if out.label = r.picks; r.picks {
		out.elem = typeInt64 // ONNX, ArgMax and TopK's second output
	}
	return &out, nil
}
