package qonnx

import (
	"slices"

	"github.com/a2qgen/a2qgen/quant"
)

// A transposed convolution is a convolution whose channels are shuffled into positions: it
// multiplies no inserted zero. Output o of one axis is the sum of x[i]*w[k] over all i and k
// with i*stride + k*dilation = o + pad (ONNX, ConvTranspose). With o = stride*m + f, phase f of
// all m is a convolution by itself, of the taps k that give a whole number in
//
//	i = m + (f + pad - k*dilation) / stride,
//
// so that the phases are channels of one convolution of stride 1, and shuffling stride x
// stride channels into positions puts them side by side.

// phases are one axis of a transposed convolution: tap[f][t] is the weight that phase f has
// at offset first+t of the input, -1 for none.
type phases struct {
	stride, first int
	tap           [][]int
	// out is the size of the output, count the number of inputs m that it takes.
	out, count int
}

// phasesOf lists the taps of an axis of so many inputs and weights.
func phasesOf(length, taps, stride, dilation, before, out int) phases {
	type at struct{ f, k, offset int }
	var all []at
	p := phases{stride: stride, out: out}
	last := 0
	for f := range stride {
		for k := range taps {
			if d := f + before - k*dilation; d%stride == 0 {
				all = append(all, at{f, k, d / stride})
				p.first, last = min(p.first, d/stride), max(last, d/stride)
			}
		}
	}
	for range stride {
		p.tap = append(p.tap, slices.Repeat([]int{-1}, last-p.first+1))
	}
	for _, a := range all {
		p.tap[a.f][a.offset-p.first] = a.k
	}
	// Where pads cut inputs off at the end the convolution makes more than the output has.
	p.count = max((out+stride-1)/stride, length-(last-p.first)-p.first)
	return p
}

// pads returns the zeros that the convolution needs around so many inputs.
func (p phases) pads(length int) (before, after int) {
	return -p.first, p.count - length + len(p.tap[0]) - 1 + p.first
}

// opConvTranspose evaluates ConvTranspose with weights of shape [in out/group rows columns].
func opConvTranspose(im *importer, n *node) (value, error) {
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
	if err := unpadded(n, s); err != nil {
		return nil, err
	}
	t, err := im.newTransposed(n, s, w)
	if err != nil {
		return nil, err
	}
	out, err := im.transposedConv(t, s, w)
	if err != nil || !n.has(2) {
		return out, err
	}
	return im.biased(n, out, t.out)
}

// transposed is a ConvTranspose node. out counts the channels of all groups.
type transposed struct {
	n           *node
	groups, out int
	h, w        phases
	shape       []int // of the weights
	in          quant.Shape
}

// newTransposed reads the node.
func (im *importer) newTransposed(n *node, s *stream, w *tensor) (*transposed, error) {
	b := im.shapeOf(s)
	t := &transposed{n: n, groups: n.count("group", 1), shape: w.shape, in: b}
	if len(w.shape) != 4 || slices.Min(w.shape) < 1 || t.groups < 1 || w.shape[0] != b.C || b.C%t.groups != 0 {
		return nil, n.errorf("has weights of shape %v in %d groups for %d channels, want [in out/group rows columns]",
			w.shape, t.groups, b.C)
	}
	t.out = w.shape[1] * t.groups
	kernel := [2]int{w.shape[2], w.shape[3]}
	win, err := n.window(kernel[0], kernel[1], b)
	if err != nil {
		return nil, err
	}
	win = win.Normal()
	strides, dilations := [2]int{win.StrideH, win.StrideW}, [2]int{win.DilationH, win.DilationW}
	pads := [2][2]int{{win.Top, win.Bottom}, {win.Left, win.Right}}
	for i, length := range []int{b.H, b.W} {
		full := strides[i]*(length-1) + dilations[i]*(kernel[i]-1) + 1
		out, before, err := n.transposedSize(i, length, strides[i], full, pads[i])
		if err != nil {
			return nil, err
		}
		if strides[i] > 1<<6 || out < 1 {
			return nil, n.errorf("has stride %d and an output of %d, want at most %d and at least 1", strides[i], out, 1<<6)
		}
		p := phasesOf(length, kernel[i], strides[i], dilations[i], before, out)
		if i == 0 {
			t.h = p
		} else {
			t.w = p
		}
	}
	return t, nil
}

// transposedSize returns the size of the output along a spatial axis, and the pads before
// it. (ONNX, ConvTranspose: out = full + output_padding - pads; where output_shape or auto_pad
// says the size, the pads follow from it.)
func (n *node) transposedSize(axis, length, stride, full int, pads [2]int) (out, before int, err error) {
	extra := 0
	if list := n.attrs["output_padding"].GetInts(); list != nil {
		if len(list) != 2 || list[axis] < 0 || list[axis] > 1<<10 {
			return 0, 0, n.errorf("output_padding is %v, want 2 numbers of at most %d", firstFew(list), 1<<10)
		}
		extra = int(list[axis])
	}
	auto := n.string("auto_pad", "NOTSET")
	wish := n.attrs["output_shape"].GetInts()
	switch {
	case wish != nil:
		// With the samples and channels in front, or without.
		if len(wish) != 2 && len(wish) != 4 || wish[len(wish)-2+axis] < 1 || wish[len(wish)-2+axis] > 1<<16 {
			return 0, 0, n.errorf("output_shape is %v, want 2 positive numbers", firstFew(wish))
		}
		out = int(wish[len(wish)-2+axis])
	case auto == "SAME_UPPER" || auto == "SAME_LOWER":
		out = length * stride
	default:
		return full + extra - pads[0] - pads[1], pads[0], nil
	}
	total := full + extra - out
	if total < 0 {
		return 0, 0, n.errorf("wants an output of %d, which is more than the %d that it makes", out, full+extra)
	}
	// The odd one goes before, but for SAME_UPPER. (ONNX's text and reference.)
	if before = total - total/2; auto == "SAME_UPPER" {
		before = total / 2
	}
	return out, before, nil
}

// transposedConv adds the convolution and returns its view, with the phases side by side.
func (im *importer) transposedConv(t *transposed, s *stream, w *tensor) (*stream, error) {
	block, taps := t.h.stride*t.w.stride, len(t.h.tap[0])*len(t.w.tap[0])
	width := t.in.C / t.groups
	win := quant.Window{H: len(t.h.tap[0]), W: len(t.w.tap[0])}
	win.Top, win.Bottom = t.h.pads(t.in.H)
	win.Left, win.Right = t.w.pads(t.in.W)
	if win.Padded() && !s.q.offset.zero() {
		return nil, t.n.errorf("pads integers that are shifted, so that 0 is none of them: want a Quant with zero point 0")
	}
	m := matrix{s: s, w: w, rows: t.out * block, alike: block, at: func(row, i int) int { return t.weight(row, i, width) }}
	m.t = &site{at: t.n, shape: quant.Shape{H: t.h.count, W: t.w.count, C: m.rows}}
	m.t.layer = quant.Layer{Kind: quant.Conv, In: taps * width, Groups: t.groups, Window: win}
	if err := im.left.pay(t.n, 2*m.t.layer.In); err != nil {
		return nil, err
	}
	for tap := range taps {
		for c := range width {
			m.column, m.channel = append(m.column, tap*width+c), append(m.channel, c)
		}
	}
	out, err := im.weighted(m, arranged(m.t.shape, 1))
	if err != nil || block == 1 && t.h.count == t.h.out && t.w.count == t.w.out {
		return out, err
	}
	return im.interleaved(t, out)
}

// weight returns the position of the weight of a row, channel*block + phase, and operand i,
// tap*width + channel of the group; -1 where the phase has no such tap.
func (t *transposed) weight(row, i, width int) int {
	block := t.h.stride * t.w.stride
	c, f := row/block, row%block
	tap, channel := i/width, i%width
	ky := t.h.tap[f/t.w.stride][tap/len(t.w.tap[0])]
	kx := t.w.tap[f%t.w.stride][tap%len(t.w.tap[0])]
	if ky < 0 || kx < 0 {
		return -1
	}
	each := t.shape[1]
	in := c/each*width + channel
	return ((in*each+c%each)*t.shape[2]+ky)*t.shape[3] + kx
}

// interleaved returns the view of the phases side by side, without the rows and columns that
// are more than the output has.
func (im *importer) interleaved(t *transposed, s *stream) (*stream, error) {
	out := *s
	l := quant.Layer{Kind: quant.PixelShuffle, Factor: t.h.stride, Across: t.w.stride}
	if l.Factor > 1 || l.Across > 1 {
		out.view = slices.Insert(layerView(l, im.shapeOf(s)), 0, nil)
	}
	result := &out
	for axis, size := range map[int]int{2: t.h.out, 3: t.w.out} {
		if size == result.dims()[axis] {
			continue
		}
		v, err := im.selected(t.n, result, axis, positions(size, 0, size, 1))
		if err != nil {
			return nil, err
		}
		result = v.(*stream)
	}
	return result, nil
}
