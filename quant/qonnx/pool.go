package qonnx

import (
	"math"

	"github.com/a2qgen/a2qgen/quant"
)

// pendingPool is a maximum pool that follows the first steps of a stream.
type pendingPool struct {
	at    *node
	steps int
	// shape is that of the image before, win the window.
	shape quant.Shape
	win   quant.Window
}

// opPool evaluates MaxPool and AveragePool.
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

// ceiled returns the window with zeros behind it so that the last windows, which
// start inside, are whole.
func ceiled(w quant.Window, b quant.Shape) quant.Window {
	extra := func(length, before, after, reach, stride int) int {
		rest := length + before + after - reach
		if rest < 0 || rest%stride == 0 {
			return after
		}
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

// poolOperand returns input 0 of n as a plain image.
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

// extent returns the shape of the image that s shows, pools included.
func (im *importer) extent(s *stream) quant.Shape {
	if s.pools == nil {
		return im.shapeOf(s)
	}
	last := s.pools[len(s.pools)-1]
	h, w := last.win.Slide(last.shape.H, last.shape.W)
	return quant.Shape{H: h, W: w, C: s.width}
}

// maxPool pools integers; where a quantiser is still to come it waits for it.
func (im *importer) maxPool(n *node, s *stream, win quant.Window) (*stream, error) {
	win, err := paddedMax(n, win, s)
	if err != nil {
		return nil, err
	}
	b := im.extent(s)
	h, w := win.Slide(b.H, b.W)
	if h < 1 || w < 1 {
		return nil, n.errorf("has a window of %dx%d, larger than the image of %v", win.H, win.W, b)
	}
	out := quant.Shape{H: h, W: w, C: b.C}
	if s.q != nil {
		if !s.q.scale.every(func(v float64) bool { return v >= 0 }) {
			return nil, n.errorf("takes maxima of integers with a negative scale, want a positive one")
		}
		return im.follow(maxSite(n, im, s, win, out), arranged(out, 1), s)
	}
	wait := *s
	wait.view = arranged(out, 1)
	wait.pools = append(s.pools[:len(s.pools):len(s.pools)], pendingPool{at: n, steps: len(s.steps), shape: b, win: win})
	return &wait, nil
}

// paddedMax returns win with the zeros of a Pad around s among its own pads, which
// no maximum sees: that is the same where nothing that is pooled is below 0.
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

// neverNegative says that no element is below 0.
func (q *quantised) neverNegative() bool {
	least := q.scale.paired(q.offset, func(scale, offset float64) float64 {
		if scale < 0 {
			return math.Inf(-1)
		}
		return float64(q.typ.Min())*scale + offset
	})
	return least.every(func(v float64) bool { return v >= 0 })
}

func maxSite(n *node, im *importer, s *stream, win quant.Window, out quant.Shape) *site {
	return &site{
		at: n, layer: quant.Layer{Kind: quant.MaxPool, Window: win}, from: []tap{tapOf(s)}, shape: out, typ: im.typeOf(s),
	}
}

// poolsMayWait says that a quantiser behind s may be done before its pools, which
// then read narrow integers: what never falls commutes with the maximum.
func (s *stream) poolsMayWait() bool {
	return s.pools != nil && neverFalls(s.steps[s.pools[0].steps:])
}

// pooled returns s with its pools made layers: of accumulators, where the chain
// before them never falls.
func (im *importer) pooled(n *node, s *stream) (*stream, error) {
	if s.pools == nil {
		return s, nil
	}
	last := s.pools[len(s.pools)-1]
	if !neverFalls(s.steps[:last.steps]) {
		return nil, last.at.errorf("takes maxima of values that fall with their accumulators, and node %s (%s) behind it "+
			"does not keep their order: put a Quant node before the pool", n.label(), clip(n.op))
	}
	bare := *s
	bare.pools = nil
	out := &bare
	for _, p := range s.pools {
		h, w := p.win.Slide(p.shape.H, p.shape.W)
		shape := quant.Shape{H: h, W: w, C: s.width}
		var err error
		if out, err = im.follow(maxSite(p.at, im, out, p.win, shape), arranged(shape, 1), out); err != nil {
			return nil, err
		}
	}
	out.view = s.view
	return out, nil
}

// pooledAfter returns s, which a quantiser ends, with the pools that waited for
// it, in a view of what they give.
func (im *importer) pooledAfter(s *stream, pools []pendingPool, final view) (*stream, error) {
	for _, p := range pools {
		h, w := p.win.Slide(p.shape.H, p.shape.W)
		shape := quant.Shape{H: h, W: w, C: s.width}
		var err error
		if s, err = im.follow(maxSite(p.at, im, s, p.win, shape), arranged(shape, 1), s); err != nil {
			return nil, err
		}
	}
	out := *s
	out.view = final
	return &out, nil
}

// avgPool adds a layer that sums under the window; the division is a step.
func (im *importer) avgPool(n *node, s *stream, win quant.Window) (*stream, error) {
	s, err := im.quantisedStream(n, s)
	if err != nil {
		return nil, err
	}
	if err := s.inReals(n); err != nil {
		return nil, err
	}
	b := im.shapeOf(s)
	padded := win.Top+win.Left+win.Bottom+win.Right > 0
	if padded && n.op == "AveragePool" && (n.count("count_include_pad", 0) == 0 || n.count("ceil_mode", 0) != 0) {
		return nil, n.errorf("divides windows at the edge by fewer taps: want count_include_pad=1 and ceil_mode=0, or no " +
			"pads")
	}
	if win, err = withPads(n, win, s); err != nil {
		return nil, err
	}
	if (padded || s.pads != nil) && !s.q.offset.zero() {
		return nil, n.errorf("pads integers that are shifted, so that 0 is none of them: want a Quant with zero point 0, " +
			"or no pads")
	}
	h, w := win.Slide(b.H, b.W)
	if h < 1 || w < 1 {
		return nil, n.errorf("has a window of %dx%d, larger than the image of %v", win.H, win.W, b)
	}
	taps := int64(win.Taps())
	t := &site{at: n, layer: quant.Layer{Kind: quant.AvgPool, Window: win, In: win.Taps()}, from: []tap{tapOf(s)}}
	t.shape = quant.Shape{H: h, W: w, C: b.C}
	t.typ = rangeType(taps*s.q.typ.Min(), taps*s.q.typ.Max())
	if n.op == "ReduceSum" {
		offset := s.q.offset.mapped(func(v float64) float64 { return v * float64(taps) })
		return im.integers(t, arranged(t.shape, 1), s.q.scale, offset)
	}
	share := func(v float64) float64 { return v / float64(taps) }
	return im.integers(t, arranged(t.shape, 1), s.q.scale.mapped(share), s.q.offset)
}

// opGlobalPool evaluates GlobalAveragePool and GlobalMaxPool.
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
