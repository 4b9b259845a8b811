package qonnx

import (
	"fmt"
	"slices"

	"github.com/a2qgen/a2qgen/quant/qonnx/onnxpb"
)

// Operators on lines, of shape [1 channels length]: they become images of one
// row, as PyTorch makes them where it has no operator for lines.

// onLines returns op, which takes images, for lines as well: operands, the
// first few, and the result get an axis of size 1, and windows one tap along
// it. (PyTorch's Conv1d and MaxPool1d are the same operators of ONNX with one
// spatial axis.) Weights are an operand too: [out in taps] become [out in 1
// taps].
func onLines(op operator, operands int) operator {
	return func(im *importer, n *node) (value, error) {
		if im.rankOf(n) != 3 {
			return op(im, n)
		}
		image := n.alongOneRow()
		for i := range operands {
			v, err := im.operand(n, i)
			if err != nil {
				return nil, err
			}
			if len(v.dims()) != 3 {
				return nil, n.errorf("input %s has shape %v next to a line, want three axes", show(n.in[i]), v.dims())
			}
			if v, err = im.asRow(n, v); err != nil {
				return nil, err
			}
			// A name with blanks and the output's own name in it, which no
			// other node can have defined: outputs are unique.
			image.in[i] = fmt.Sprintf("%s, input %d as an image", n.out[0], i)
			im.values[image.in[i]] = v
		}
		v, err := op(im, image)
		if err != nil {
			return nil, err
		}
		return im.reshaped(n, v, slices.Delete(v.dims(), rowAxis, rowAxis+1))
	}
}

// rowAxis is where an image of one row has an axis that a line has not.
const rowAxis = 2

// asRow returns v with an axis of size 1 for rows.
func (im *importer) asRow(n *node, v value) (value, error) {
	s, ok := v.(*stream)
	if !ok {
		return im.reshaped(n, v, slices.Insert(slices.Clone(v.dims()), rowAxis, 1))
	}
	if s.base == fromInput && s.q == nil {
		return im.quantisedStream(n, s) // lines are no pixels
	}
	out := *s
	out.view = s.view.withRow()
	if s.pads != nil {
		out.pads = slices.Insert(slices.Clone(s.pads), rowAxis, [2]int{})
	}
	return &out, nil
}

// withRow returns the view of a line as that of an image of one row.
func (v view) withRow() view { return v.withAxis(rowAxis) }

// withAxis returns the view with an axis of size 1 more. An axis without digits
// has size 1.
func (v view) withAxis(at int) view { return slices.Insert(slices.Clone(v), at, nil) }

// alongOneRow returns a copy of n, whose window has one axis, with one of one
// tap before it. pads are begins and ends: [left right] become [0 left 0
// right]. auto_pad, group and the rest do not depend on the number of axes.
func (n *node) alongOneRow() *node {
	out := *n
	out.in = slices.Clone(n.in)
	out.attrs = map[string]*onnxpb.AttributeProto{}
	for name, a := range n.attrs {
		list := a.GetInts()
		switch name {
		case "kernel_shape", "strides", "dilations":
			a = intsAttr(name, append([]int64{1}, list...)...)
		case "output_padding":
			a = intsAttr(name, append([]int64{0}, list...)...)
		case "output_shape": // perhaps with samples and channels in front
			if len(list) > 0 {
				a = intsAttr(name, 1, list[len(list)-1])
			}
		case "pads":
			if len(list) == 2 {
				a = intsAttr(name, 0, list[0], 0, list[1])
			}
		}
		out.attrs[name] = a
	}
	return &out
}
