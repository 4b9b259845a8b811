package qonnx

import "slices"

// What older opsets have otherwise: defaults, and attributes that later ones put
// into inputs or left out.

// inference returns an error unless n, a Dropout or BatchNormalization, is in
// evaluation mode. In training mode its outputs are random or depend on the other
// samples of a batch, and no constant threshold exists. (ONNX: is_test, 0 by
// default, up to opset 6; then, for BatchNormalization, by the number of outputs
// before training_mode in opset 14; for Dropout the input training_mode from 12 on.)
func (im *importer) inference(n *node) error {
	training := false
	switch {
	case n.opset < 7:
		training = n.int("is_test", 0) == 0
	case n.op == "Dropout":
		var err error
		if training, err = im.drops(n); err != nil {
			return err
		}
	case n.opset < 14:
		training = len(n.out) > 1 && slices.ContainsFunc(n.out[1:], func(out string) bool { return out != "" })
	default:
		training = n.int("training_mode", 0) != 0
	}
	if training {
		return n.errorf("is in training mode, export the network in evaluation mode")
	}
	return nil
}

// drops says that a Dropout of opset 7 or later drops elements. Before opset 12 it
// has one input, and never does; of ratio 0 it keeps all even then.
func (im *importer) drops(n *node) (bool, error) {
	if !n.has(2) {
		return false, nil
	}
	mode, err := im.oneNumber(n, 2)
	if err != nil || mode == 0 || !n.has(1) {
		return mode != 0, err
	}
	ratio, err := im.oneNumber(n, 1)
	return ratio != 0, err
}

// oldBroadcast returns the second input of an elementwise operator as it broadcasts
// by numpy's rule. (ONNX, Add-1 and -6: its axes are those of a from axis on, where
// that is given, else the last, as numpy has it.) A bias [C] of an image then has
// axis=1.
func (n *node) oldBroadcast(a, b value) (value, error) {
	if n.attrs["axis"] == nil {
		return b, nil
	}
	rank := len(a.dims())
	t, ok := b.(*tensor)
	axis := n.fromEnd("axis", 0, rank)
	if n.opset >= 7 || !ok || axis < 0 || axis+len(t.shape) > rank {
		return nil, n.errorf("broadcasts shape %v from axis %d of shape %v on, "+
			"want a constant that fits, up to opset 6",
			b.dims(), n.int("axis", 0), a.dims())
	}
	return reshaped(t, slices.Concat(t.shape, slices.Repeat([]int{1}, rank-axis-len(t.shape)))), nil
}

// oldSlope returns the slope of a PRelu over dims as it broadcasts by numpy's rule.
// (ONNX, PRelu-1 and -6: one number, or one for each channel, which are on axis 1;
// from opset 7 on slopes broadcast to the data.)
func (n *node) oldSlope(t *tensor, dims []int) *tensor {
	if n.opset >= 7 || len(t.shape) != 1 || len(t.data) == 1 || len(dims) < 2 {
		return t
	}
	return reshaped(t, slices.Concat(t.shape, slices.Repeat([]int{1}, len(dims)-2)))
}

// concatAxis returns the axis of a Concat of rank axes. (ONNX: 1 by default up to
// opset 3; since then there is no default.)
func (n *node) concatAxis(rank int) (int, error) {
	if n.attrs["axis"] == nil && n.opset >= 4 {
		return 0, n.errorf("has no axis, which ONNX wants from opset 4 on")
	}
	return n.axisIn(1, rank)
}

// splitAxis returns the axis of a Split of rank axes. (ONNX: 0 by default from opset
// 2 on; before, none is said.)
func (n *node) splitAxis(rank int) (int, error) {
	if n.attrs["axis"] == nil && n.opset < 2 {
		return 0, n.errorf("has no axis, of which ONNX has no default before opset 2")
	}
	return n.axisIn(0, rank)
}

// axisIn returns the attribute axis, one of rank axes.
func (n *node) axisIn(otherwise, rank int) (int, error) {
	axis := n.fromEnd("axis", otherwise, rank)
	if axis < 0 || axis >= rank {
		return 0, n.errorf("axis %d of %d axes", n.int("axis", int64(otherwise)), rank)
	}
	return axis, nil
}
