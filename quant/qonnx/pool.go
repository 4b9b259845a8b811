package qonnx

import (
	"math"

	"github.com/a2qgen/a2qgen/quant"
)

// pendingPool is a maximum pool that follows the first steps of a stream.
// Exporters put pools before the Quant as often as behind: Conv, BatchNorm,
// MaxPool, Relu, Quant. Pooling the 4-bit integers takes a quarter of the
// comparators and line buffers that 16-bit accumulators take, with the same
// result as long as the chain never falls.
type pendingPool struct {
	at    *node
	steps int
	// win is the window, shape that of the image behind.
	win   quant.Window
	shape quant.Shape
}

// opPool evaluates MaxPool and AveragePool. ONNX's MaxPool pads with -infinity:
// pads never win. quant.MaxPool leaves them out of the maximum. Indices, its
// second output, are not supported.
func opPool(im *importer, n *node) (value, error) {
	s, err := im.poolOperand(n)
	if err != nil {
		return nil, err
	}
	h, w, err := n.pair("kernel_shape", 0)
	if err != nil {
		return nil, err
	}
	if h == 0 {
		return nil, n.errorf("has no kernel_shape")
	}
	// auto_pad and ceil_mode count the zeros of a Pad before the pool as
	// elements.
	b := s.around(im.extent(s))
	win, err := n.window(h, w, b)
	if err != nil {
		return nil, err
	}
	if n.count("ceil_mode", 0) != 0 {
		win = ceiled(win, b)
	}
	if n.op == "MaxPool" {
		return im.maxPool(n, s, win)
	}
	return im.avgPool(n, s, win)
}

// ceiled returns the window with zeros behind it so that the last windows,
// which start inside, are whole. ceil_mode rounds the number of windows up
// (ONNX, MaxPool). A last window that would begin behind the image and its
// leading pads is left out, as PyTorch does.
func ceiled(w quant.Window, b quant.Shape) quant.Window {
	extra := func(length, before, after, reach, stride int) int {
		rest := length + before + after - reach
		if rest < 0 || rest%stride == 0 {
			return after
		}
		// One more than floor mode has: rest/stride + 1 windows fit whole.
		count := rest/stride + 2
		if (count-1)*stride >= length+before {
			return after
		}
		return after + stride - rest%stride
	}
	w.Bottom = extra(b.H, w.Top, w.Bottom, w.DilationH*(w.H-1)+1, w.StrideH)
	w.Right = extra(b.W, w.Left, w.Right, w.DilationW*(w.W-1)+1, w.StrideW)
	return w
}

// poolOperand returns input 0 of n as a plain image. A second pool behind one
// that still waits may wait too, if nothing moved in between.
func (im *importer) poolOperand(n *node) (*stream, error) {
	v, err := im.operand(n, 0)
	if err != nil {
		return nil, err
	}
	s, ok := v.(*stream)
	if !ok {
		if r, ok := v.(*ranking); ok {
			return nil, mixed(n, r)
		}
		return nil, n.errorf("wants an input that depends on the network's")
	}
	// Its error says that the input needs a Quant.
	if s.base == fromInput && s.q == nil {
		return im.quantisedStream(n, s)
	}
	if s.pools != nil && s.view.equal(arranged(im.extent(s), 1)) {
		return s, nil
	}
	if s, err = im.pooled(n, s); err != nil {
		return nil, err
	}
	return im.asImage(n, s, 1)
}

// extent returns the shape of the image that s shows, pools included. The site
// that a waiting pool will be does not exist yet, hence its shape from here.
func (im *importer) extent(s *stream) quant.Shape {
	if s.pools == nil {
		return im.shapeOf(s)
	}
	return s.pools[len(s.pools)-1].shape
}

// maxPool pools integers; where a quantiser is still to come it waits for it.
// out has as many channels as the image; the window slides over each by itself.
func (im *importer) maxPool(n *node, s *stream, win quant.Window) (*stream, error) {
	win, err := paddedMax(n, win, s)
	if err != nil {
		return nil, err
	}
	b := im.extent(s)
	out, err := win.Over(b, b.C)
	if err != nil {
		return nil, n.errorf("has %w", err)
	}
	if s.q != nil {
		// The largest integer stands for the smallest number there.
		if !s.q.scale.every(func(v float64) bool { return v >= 0 }) {
			return nil, n.errorf("takes maxima of integers with a negative scale, want a positive one")
		}
		return im.follow(maxSite(n, im, s, win, out), arranged(out, 1), s)
	}
	wait := *s
	wait.view = arranged(out, 1)
	// Copied on append: other readers of s have no such pool.
	wait.pools = append(s.pools[:len(s.pools):len(s.pools)],
		pendingPool{at: n, steps: len(s.steps), win: win, shape: out})
	return &wait, nil
}

// paddedMax returns win with the zeros of a Pad around s among its own pads,
// which no maximum sees: that is the same where nothing that is pooled is below
// 0. Pad puts real zeros there, which take part in the maximum; quant's pads do
// not.
func paddedMax(n *node, win quant.Window, s *stream) (quant.Window, error) {
	if s.pads == nil {
		return win, nil
	}
	if s.q == nil || !s.q.neverNegative() {
		return win, s.by.errorf("pads with zeros, and node %s (%s) behind it takes maxima of values that may be below "+
			"them: want a Quant of unsigned integers before the Pad, or pads of the pool's own", n.label(), clip(n.op))
	}
	return withPads(n, win, s)
}

// neverNegative says that no element is below 0. By the type: whether an
// unsigned range or a ReLU's.
func (q *quantised) neverNegative() bool {
	least := q.scale.paired(q.offset, func(scale, offset float64) float64 {
		if scale < 0 {
			return math.Inf(-1)
		}
		return float64(q.typ.Min())*scale + offset
	})
	return least.every(func(v float64) bool { return v >= 0 })
}

// maxSite returns the site of a maximum pool over s, of shape out. A maximum of
// integers is one of them: the type stays.
func maxSite(n *node, im *importer, s *stream, win quant.Window, out quant.Shape) *site {
	return &site{
		at: n, layer: quant.Layer{Kind: quant.MaxPool,
			Window: win}, from: []tap{tapOf(s)}, shape: out, typ: im.typeOf(s),
	}
}

// poolsMayWait says that a quantiser behind s may be done before its pools,
// which then read narrow integers: what never falls commutes with the maximum.
// The steps from the first pool on are those that would change places with it.
func (s *stream) poolsMayWait() bool {
	return s.pools != nil && neverFalls(s.steps[s.pools[0].steps:])
}

// pooled returns s with its pools made layers: of accumulators, where the chain
// before them never falls. It is called wherever something must read the stream
// itself and not a quantiser behind it.
func (im *importer) pooled(n *node, s *stream) (*stream, error) {
	if s.pools == nil {
		return s, nil
	}
	last := s.pools[len(s.pools)-1]
	// A batch norm of negative gain falls: the maximum of the values is then
	// the minimum of the accumulators, for which there is no layer.
	if !neverFalls(s.steps[:last.steps]) {
		return nil, last.at.errorf("takes maxima of values that fall with their accumulators, and node %s (%s) "+
			"behind it does not keep their order: put a Quant node before the pool", n.label(), clip(n.op))
	}
	bare := *s
	bare.pools = nil
	out := &bare
	for _, p := range s.pools {
		var err error
		if out, err = im.follow(maxSite(p.at, im, out, p.win, p.shape), arranged(p.shape, 1), out); err != nil {
			return nil, err
		}
	}
	out.view = s.view
	return out, nil
}

// pooledAfter returns s, which a quantiser ends, with the pools that waited for
// it, in a view of what they give. The view is that of the end: an operator
// between pool and Quant may have moved elements.
func (im *importer) pooledAfter(s *stream, pools []pendingPool, final view) (*stream, error) {
	for _, p := range pools {
		var err error
		if s, err = im.follow(maxSite(p.at, im, s, p.win, p.shape), arranged(p.shape, 1), s); err != nil {
			return nil, err
		}
	}
	out := *s
	out.view = final
	return &out, nil
}

// avgPool adds a layer that sums under the window; the division is a step. The
// sum of integers is exact; scale/taps makes it the mean. Only this way does
// the network round where the graph rounds, at the next Quant, or at QONNX's
// Trunc.
func (im *importer) avgPool(n *node, s *stream, win quant.Window) (*stream, error) {
	s, err := im.quantisedStream(n, s)
	if err != nil {
		return nil, err
	}
	if err := s.inReals(n); err != nil {
		return nil, err
	}
	b := im.shapeOf(s)
	padded := win.Padded()
	// Then windows at the edge divide by the taps inside, ONNX's default: the
	// scale would vary by position.
	if padded && n.op == "AveragePool" && (n.count("count_include_pad", 0) == 0 || n.count("ceil_mode", 0) != 0) {
		return nil, n.errorf("divides windows at the edge by fewer taps: want count_include_pad=1 and ceil_mode=0, " +
			"or no pads")
	}
	if win, err = withPads(n, win, s); err != nil {
		return nil, err
	}
	if (padded || s.pads != nil) && !s.q.offset.zero() {
		return nil, n.errorf("pads integers that are shifted, so that 0 is none of them: want a Quant with zero " +
			"point 0, or no pads")
	}
	taps := int64(win.Taps())
	t := &site{at: n, layer: quant.Layer{Kind: quant.AvgPool, Window: win, In: win.Taps()}, from: []tap{tapOf(s)}}
	if t.shape, err = win.Over(b, b.C); err != nil {
		return nil, n.errorf("has %w", err)
	}
	// For padded windows too: 0 lies in every type.
	t.typ = rangeType(taps*s.q.typ.Min(), taps*s.q.typ.Max())
	// Here n*s + o is summed, taps times o; a mean keeps o.
	if n.op == "ReduceSum" {
		offset := s.q.offset.mapped(func(v float64) float64 { return v * float64(taps) })
		return im.integers(t, arranged(t.shape, 1), s.q.scale, offset)
	}
	share := func(v float64) float64 { return v / float64(taps) }
	return im.integers(t, arranged(t.shape, 1), s.q.scale.mapped(share), s.q.offset)
}

// opGlobalPool evaluates GlobalAveragePool and GlobalMaxPool. They are pools
// over the whole image (ONNX), of one window without pads.
func opGlobalPool(im *importer, n *node) (value, error) {
	s, err := im.poolOperand(n)
	if err != nil {
		return nil, err
	}
	if err := unpadded(n, s); err != nil {
		return nil, err
	}
	b := im.extent(s)
	win := quant.Window{H: b.H, W: b.W}
	if n.op == "GlobalMaxPool" {
		return im.maxPool(n, s, win)
	}
	return im.avgPool(n, s, win)
}
