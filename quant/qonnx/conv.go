package qonnx

import (
	"github.com/a2qgen/a2qgen/quant"
)

// opConv evaluates Conv of a quantised image with quantised weights of shape
// [out, in/group, rows, columns]. ONNX's Conv is a correlation: the kernel is
// not flipped, and neither is quant.Conv's. Batch and channels come first; a
// line has one spatial axis and goes through onLines. The bias is a step and
// goes into the thresholds, so that it needs no quantiser (Brevitas writes one
// if asked; it is folded like any constant).
func opConv(im *importer, n *node) (value, error) {
	v, err := im.operand(n, 0)
	if err != nil {
		return nil, err
	}
	w, err := im.constant(n, 1)
	if err != nil {
		return nil, err
	}
	s, err := im.imageOperand(n, v)
	if err != nil {
		return nil, err
	}
	c, err := newConvolution(n, w, im.shapeOf(s))
	if err != nil {
		return nil, err
	}
	if err := c.window(s, im.shapeOf(s)); err != nil {
		return nil, err
	}
	m, err := c.matrix(im, s, w)
	if err != nil {
		return nil, err
	}
	out, err := im.weighted(*m, arranged(m.t.shape, 1))
	if err != nil || !n.has(2) {
		return out, err
	}
	return im.biased(n, out, m.rows)
}

// biased returns s, of so many channels, with the bias that is input 2 of n.
func (im *importer) biased(n *node, s *stream, rows int) (*stream, error) {
	bias, err := im.constant(n, 2)
	if err != nil {
		return nil, err
	}
	if len(bias.data) != rows {
		return nil, n.errorf("has %d biases, want %d", len(bias.data), rows)
	}
	// ONNX's bias has shape [M], of axis 1, not of the last as broadcasting
	// would have it.
	p, out, err := im.alongside(s, reshaped(bias, []int{1, rows, 1, 1}))
	if err != nil {
		return nil, n.errorf("%w", err)
	}
	return out.then(n, step{kind: add, p: p})
}

// imageOperand returns v as integers of an image, channels on axis 1, for a
// convolution. The graph's input may lack a Quant where it is an image of 1 or
// 3 channels: then it is taken as 8-bit pixels, k/255. k/255 is torchvision's
// ToTensor, by far the commonest input of networks that were exported without
// an input quantiser; the manifest and eval say that it was assumed.
func (im *importer) imageOperand(n *node, v value) (*stream, error) {
	if s, ok := v.(*stream); ok && s.q == nil && s.at == nil && s.base == fromInput {
		// s.at is nil: a Sub or Div of a graph that normalises itself comes
		// before, and then the integers are not known, and it is refused.
		if dims := s.dims(); len(dims) == 4 && (dims[1] == 1 || dims[1] == 3) {
			pixels, err := im.pixels()
			if err != nil {
				return nil, err
			}
			out := *s
			out.steps, out.q = pixels.steps, pixels.q
			v = &out
		}
	}
	s, err := im.quantisedStream(n, v)
	if err != nil {
		return nil, err
	}
	if err := narrow(n, s); err != nil {
		return nil, err
	}
	if err := s.inReals(n); err != nil {
		return nil, err
	}
	// The element 0 is then integer -offset/scale, not 0, and the hardware pads
	// with the integer 0.
	if s.pads != nil && !s.q.offset.zero() {
		return nil, s.by.errorf("pads integers that are shifted, so that 0 is none of them")
	}
	return im.asImage(n, s, 1)
}

// pixels returns the graph's input quantised to 8-bit pixels. It is made once:
// two convolutions that read the input must read the same quantiser, or the
// input would have two roots (assembly.input).
func (im *importer) pixels() (*stream, error) {
	if im.pixelStream != nil {
		return im.pixelStream, nil
	}
	const most = 255
	input := &node{op: "Quant", name: "input"}
	bare := &stream{base: fromInput, width: im.width}
	v, err := im.quantisedBy(input, bare, quantisation{
		typ: quant.DataType{Bits: 8}, scale: param{all: 1.0 / most},
		// v*255, not v/(1/255): 1/255 is rounded, 255 is not.
		integer: func(_ int, v float64) float64 { return roundings["ROUND"](clamp(v*most, 0, most)) },
	})
	if err != nil {
		return nil, err
	}
	im.pixelStream = v.(*stream)
	return im.pixelStream, nil
}

// convolution is a Conv node with the sizes that its weights say. Sizes are in
// elements; width is the number of input channels per group, out the number of
// filters of all groups. slid is the shape of the output.
type convolution struct {
	n                *node
	out, width, h, w int
	groups           int
	win              quant.Window
	slid             quant.Shape
}

// newConvolution takes the sizes from weights of shape [out in/group rows
// columns] over an image of shape in. A depthwise convolution is one with as
// many groups as channels.
func newConvolution(n *node, w *tensor, in quant.Shape) (*convolution, error) {
	if len(w.shape) != 4 {
		return nil, n.errorf("has weights of shape %v, want [out in rows columns]", w.shape)
	}
	c := &convolution{n: n, out: w.shape[0], width: w.shape[1], h: w.shape[2], w: w.shape[3],
		groups: n.count("group", 1)}
	for _, size := range w.shape {
		if size < 1 {
			return nil, n.errorf("has weights of shape %v, want none of size 0", w.shape)
		}
	}
	if c.groups < 1 || in.C%c.groups != 0 || c.out%c.groups != 0 || in.C/c.groups != c.width {
		return nil, n.errorf("has weights of shape %v in %d groups for %d channels", w.shape, c.groups, in.C)
	}
	return c, nil
}

// window reads the attributes of the window over s, whose image has shape in.
// An error names whichever of shifted integers, oversized window or illegal
// attribute comes first.
func (c *convolution) window(s *stream, in quant.Shape) error {
	win, err := c.n.window(c.h, c.w, s.around(in))
	if err != nil {
		return err
	}
	if c.win, err = withPads(c.n, win, s); err != nil {
		return err
	}
	// ONNX's Conv pads with real zeros. The hardware pads with the integer 0,
	// which is worth the offset.
	if !s.q.offset.zero() && c.win.Padded() {
		return c.n.errorf("pads integers that are shifted, so that 0 is none of them: want a Quant with zero point " +
			"0, or no pads")
	}
	if c.slid, err = c.win.Over(in, c.out); err != nil {
		return c.n.errorf("has %w", err)
	}
	return nil
}

// matrix returns the rows of weights, permuted to (row, column, channel). The
// window buffer gives taps in raster order with all channels of one before the
// next. A group's columns are those of its own channels only.
func (c *convolution) matrix(im *importer, s *stream, w *tensor) (*matrix, error) {
	in := c.h * c.w * c.width
	m := &matrix{s: s, w: w, rows: c.out, at: func(row, i int) int { return row*in + i }}
	m.t = &site{at: c.n, shape: c.slid}
	m.t.layer = quant.Layer{Kind: quant.Conv, In: in, Groups: c.groups, Window: c.win}
	if err := im.left.pay(c.n, 2*in); err != nil {
		return nil, err
	}
	for channel := range c.width {
		for tap := range c.h * c.w {
			m.column = append(m.column, tap*c.width+channel)
			m.channel = append(m.channel, channel)
		}
	}
	return m, nil
}

// withPads returns w with the zeros that a Pad put around s. Pad and Conv then
// see one border of zeros: the sum of both, exactly. Exporters write uneven
// padding this way.
func withPads(n *node, w quant.Window, s *stream) (quant.Window, error) {
	if s.pads == nil {
		return w, nil
	}
	for axis, p := range s.pads {
		if axis < 2 && p != [2]int{} {
			return w, s.by.errorf("pads axis %d, want rows and columns only", axis)
		}
	}
	w.Top += s.pads[2][0]
	w.Bottom += s.pads[2][1]
	w.Left += s.pads[3][0]
	w.Right += s.pads[3][1]
	return w, nil
}

// around returns the shape of an image of shape b within the zeros that a Pad
// put around s: attributes such as auto_pad count them as elements. (ONNX:
// auto_pad works on the shape of the tensor that the node reads.)
func (s *stream) around(b quant.Shape) quant.Shape {
	if s.pads != nil {
		b.H += s.pads[2][0] + s.pads[2][1]
		b.W += s.pads[3][0] + s.pads[3][1]
	}
	return b
}

// count returns an attribute that counts something small. Clamped, since the
// attribute has 64 bits and sizes are multiplied later on; what is clamped is
// out of every legal range anyway.
func (n *node) count(name string, otherwise int64) int {
	return int(max(-1, min(n.int(name, otherwise), 1<<20)))
}

// pair returns the two numbers of an attribute, for rows and columns. 65536
// bounds products of a window's sizes well below 2^63.
func (n *node) pair(name string, otherwise int) (int, int, error) {
	list := n.attrs[name].GetInts()
	if list == nil {
		return otherwise, otherwise, nil
	}
	if len(list) != 2 || min(list[0], list[1]) < 1 || max(list[0], list[1]) > 1<<16 {
		return 0, 0, n.errorf("attribute %s is %v, want 2 positive numbers", name, firstFew(list))
	}
	return int(list[0]), int(list[1]), nil
}

// window reads the attributes of a convolution or pool of h x w taps over an
// image of shape in. Defaults are ONNX's: strides and dilations of 1, no pads.
// A kernel_shape next to weights must repeat their shape; without weights, h
// and w are the kernel_shape.
func (n *node) window(h, w int, in quant.Shape) (quant.Window, error) {
	win := quant.Window{H: h, W: w}
	kh, kw, err := n.pair("kernel_shape", 0)
	if err == nil && kh != 0 && (kh != h || kw != w) {
		err = n.errorf("kernel_shape is %dx%d, the weights have %dx%d", kh, kw, h, w)
	}
	if err == nil {
		win.StrideH, win.StrideW, err = n.pair("strides", 1)
	}
	if err == nil {
		win.DilationH, win.DilationW, err = n.pair("dilations", 1)
	}
	if err != nil {
		return win, err
	}
	auto := n.string("auto_pad", "NOTSET")
	switch auto {
	case "NOTSET", "":
		return win, n.explicitPads(&win)
	case "VALID":
		return win, nil
	case "SAME_UPPER", "SAME_LOWER":
		lower := auto == "SAME_LOWER"
		// SAME_UPPER puts the odd zero at the end, SAME_LOWER at the beginning.
		// ONNX forbids pads beside these, so that they are not read.
		win.Top, win.Bottom = same(in.H, win.StrideH, win.DilationH*(h-1)+1, lower)
		win.Left, win.Right = same(in.W, win.StrideW, win.DilationW*(w-1)+1, lower)
		return win, nil
	}
	return win, n.errorf("auto_pad is %s, want NOTSET, VALID, SAME_UPPER or SAME_LOWER", show(auto))
}

// explicitPads reads [top left bottom right] into win. Negative pads crop in
// some frameworks; ONNX forbids them here.
func (n *node) explicitPads(win *quant.Window) error {
	list := n.attrs["pads"].GetInts()
	if list == nil {
		return nil
	}
	if len(list) != 4 {
		return n.errorf("has %d pads, want 4", len(list))
	}
	for _, p := range list {
		if p < 0 || p > 1<<16 {
			return n.errorf("pads are %v, want 0..%d", list, 1<<16)
		}
	}
	win.Top, win.Left, win.Bottom, win.Right = int(list[0]), int(list[1]), int(list[2]), int(list[3])
	return nil
}

// same returns the pads that make ceil(length/stride) windows; what is odd goes
// after, or before where lower. (ONNX, Conv: output = ceil(input/stride).)
// reach is the window's extent with its dilation, (size-1)*dilation + 1. No
// pads, never cropping, where the stride skips more than the window needs.
func same(length, stride, reach int, lower bool) (before, after int) {
	total := max(0, ((length+stride-1)/stride-1)*stride+reach-length)
	if lower {
		return total - total/2, total / 2
	}
	return total / 2, total - total/2
}
