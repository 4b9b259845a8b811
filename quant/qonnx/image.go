package qonnx

import (
	"slices"

	"github.com/a2qgen/a2qgen/quant"
)

// image says how a sample is taken as an image, channels last. A graph reads
// its input as [1 C H W] or [1 H W C], and perhaps through a Reshape or a
// Transpose first; hardware reads pixel by pixel. The sample's index is a
// number of mixed radix whose digits count along rows, columns and channels:
// one image is one assignment of digits to dimensions, whatever moved them.
type image struct {
	shape quant.Shape
	// digits of a sample's index, the most significant first: stride counts
	// elements of the sample, as counts along a dimension of the image.
	digits []imageDigit
	// order[i] is the sample element that is integer i.
	order []int32
}

// imageDigit is a digit of an index in the sample; flat is the digit's stride
// in the sample.
type imageDigit struct {
	digit
	flat int
}

// placed returns a stream of the input as one of an image whose channels lie on
// an axis of its four. The first call says how the input is laid out. Before
// that the input is a vector whose every element is a channel. Parameters per
// element become parameters per channel, if they agree over positions: hardware
// quantises a stream of pixels with one set per channel.
func (im *importer) placed(n *node, s *stream, axis int) (*stream, error) {
	dims := s.dims()
	if s.base != fromInput {
		return s, nil
	}
	if im.image == nil {
		// What has one element per channel only needs no image: a vector of
		// shape [1 N 1 1].
		if len(dims) != 4 || product(s.view.shape()) == axisSize(s.view[axis]) {
			return s, nil
		}
		if err := im.layOut(n, s.view, axis); err != nil {
			return nil, err
		}
	}
	out := *s
	out.base, out.width, out.view = fromImage, im.image.shape.C, make(view, len(s.view))
	for i, digits := range s.view {
		for _, d := range digits {
			// A second reader with another idea of where the channels are would
			// need a second input stream.
			placed, ok := im.image.place(d)
			if !ok {
				return nil, n.errorf("reads the graph's input in another order than the nodes before it")
			}
			out.view[i] = append(out.view[i], placed...)
		}
	}
	q := *s.q
	var ok1, ok2 bool
	q.scale, ok1 = im.image.perChannel(q.scale)
	q.offset, ok2 = im.image.perChannel(q.offset)
	if !ok1 || !ok2 {
		return nil, n.errorf("its input has scales or offsets that vary by position, want one per channel")
	}
	out.q = &q
	return &out, nil
}

// layOut takes the input as an image as v shows it. v's digits count elements
// of the sample, since channels of fromInput are the sample's elements. Repeats
// are left out: an upsampled input is an image that was repeated.
func (im *importer) layOut(n *node, v view, axis int) error {
	at := imageAxes[axis]
	once := func(axis []digit) []digit {
		return slices.DeleteFunc(slices.Clone(axis), func(d digit) bool { return d.dim == repeats })
	}
	c, h, w := once(v[at[0]]), once(v[at[1]]), once(v[at[2]])
	img := &image{}
	sizes := [3]int{}
	// From the least significant digit on, whose stride in the image is 1.
	for d, digits := range [][]digit{channels: c, vertical: h, horizontal: w} {
		stride := 1
		for _, x := range slices.Backward(digits) {
			img.digits = append(img.digits, imageDigit{digit{dim(d), x.size, stride}, x.stride})
			stride *= x.size
		}
		sizes[d] = stride
	}
	img.shape = quant.Shape{H: sizes[vertical], W: sizes[horizontal], C: sizes[channels]}
	// By their stride in the sample, the largest first: place walks them in
	// this order.
	slices.SortFunc(img.digits, func(a, b imageDigit) int { return b.flat - a.flat })
	size, err := im.left.take([]int{img.shape.H, img.shape.W, img.shape.C})
	if err != nil {
		return n.errorf("%w", err)
	}
	img.order = make([]int32, 0, size)
	// Rows, columns, channels: the order in which the hardware takes a pixel's
	// channels together (quant.Shape).
	view{h, w, c}.each(func(at [4]int) {
		img.order = append(img.order, int32(at[channels]))
	})
	im.image = img
	return nil
}

// imageAxes are the axes of channels, rows and columns, by that of channels.
var imageAxes = map[int][3]int{1: {1, 2, 3}, 3: {3, 1, 2}}

// place returns a digit of a sample's index as digits of the image. A digit may
// span several of the image's, or a part of one; it has to begin and end at
// multiples of them. [lo, hi) is what d and x have in common, in strides of the
// sample.
func (g *image) place(d digit) ([]digit, bool) {
	if d.dim == repeats {
		return []digit{d}, true
	}
	var out []digit
	size := 1
	for _, x := range g.digits {
		lo, hi := max(d.stride, x.flat), min(d.stride*d.size, x.flat*x.size)
		if lo >= hi {
			continue
		}
		if hi%lo != 0 || lo%x.flat != 0 {
			return nil, false
		}
		out = append(out, digit{x.dim, hi / lo, x.stride * (lo / x.flat)})
		size *= hi / lo
	}
	return out, size == d.size
}

// perChannel returns p, one number for each sample element, for channels.
func (g *image) perChannel(p param) (param, bool) {
	return narrowed(p, g.shape.C, func(c int) []int {
		var members []int
		for i := c; i < len(g.order); i += g.shape.C {
			members = append(members, int(g.order[i]))
		}
		return members
	})
}

// plain returns s with its elements in the order of its base, an image with the
// channels on that axis of four: what moves them becomes a layer. s is a stream
// of integers, or of accumulators. axis is 1 in ONNX's own operators, 3 in
// those of QONNX's channels_last domain and where a MatMul works on the last
// axis.
func (im *importer) plain(n *node, s *stream, axis int) (*stream, error) {
	s, err := im.placed(n, s, axis)
	if err != nil {
		return nil, err
	}
	dims := s.dims()
	if len(dims) != 4 || s.view.shape()[0] != 1 {
		return nil, n.errorf("wants an image of shape [1 channels rows columns], has shape %v", dims)
	}
	b := im.shapeOf(s)
	if s.view.equal(arranged(b, axis)) {
		return s, nil
	}
	return im.settled(n, s)
}

// asImage returns s as plain does, with its channels on that axis also where it
// took a layer: that has them where the graph moved the elements. An Upsample
// or shuffle keeps the graph's arrangement (settled), so that it must be
// compared again.
func (im *importer) asImage(n *node, s *stream, axis int) (*stream, error) {
	out, err := im.plain(n, s, axis)
	if err == nil && !out.view.equal(arranged(im.shapeOf(out), axis)) {
		return nil, n.errorf("reads shape %v with its channels on axis %d, but they lie on another: want a Transpose "+
			"before it", s.dims(), axis)
	}
	return out, err
}

// arranged returns the view of an image with its channels on that axis. Memory
// is always channels last: axis says where the graph's tensor has them.
func arranged(b quant.Shape, axis int) view {
	v := imageView(b.C, b.H, b.W)
	if axis == 3 {
		return v.transposed([]int{0, 2, 3, 1})
	}
	return v
}
