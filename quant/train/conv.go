package train

import (
	"github.com/a2qgen/a2qgen/quant"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// conv is a convolution as a matrix product: the windows of a few samples are
// copied out, a row each in the order (row, column, channel), and multiplied
// by the weights. It does so again in the backward pass, since the windows of
// a batch are many times its size.
type conv struct {
	*weights
	slide  windows
	groups int
	cols   [2][]float32 // windows of a span, for each goroutine
}

// newConv returns a convolution whose spans have up to chunk samples. Spans are
// short, so that cols stays in the cache (node.fit).
func newConv(w *weights, slide windows, groups, chunk int) *conv {
	c := &conv{weights: w, slide: slide, groups: groups}
	for half := range c.cols {
		c.cols[half] = make([]float32, chunk*slide.out.Positions()*w.k)
	}
	return c
}

func (c *conv) parameters() *weights { return c.weights }

// forward multiplies group by group: [rows x k] windows by the group's [k x
// out/groups] weights.
func (c *conv) forward(in []operand, y []float32, s span) {
	rows, out := s.samples()*c.slide.out.Positions(), c.out/c.groups
	cols := c.cols[s.half][:rows*c.k]
	for g := range c.groups {
		c.slide.copyOut(s.of(in[0].v, c.slide.in.Size()), cols, c.channels(g))
		c.multiply(matrix(cols, rows, c.k, c.k), y, g*out, out)
	}
}

// channels returns the input channels of a group. Group g has the g-th of equal
// parts, as ONNX Conv does.
func (c *conv) channels(g int) channels {
	width := c.slide.in.C / c.groups
	return channels{g * width, width}
}

// backward copies the windows out again. With X the windows and G the output's
// gradient, the weights get G'X and the windows G W, which addBack takes to the
// inputs: an input in several windows gets the sum.
func (c *conv) backward(in []operand, g []float32, s span) {
	rows, out := s.samples()*c.slide.out.Positions(), c.out/c.groups
	cols := matrix(c.cols[s.half], rows, c.k, c.k)
	x := s.of(in[0].v, c.slide.in.Size())
	var dx []float32
	if in[0].g != nil {
		dx = s.of(in[0].g, c.slide.in.Size())
		if !in[0].add {
			clear(dx)
		}
	}
	c.addBias(g, s.half)
	gw, beta := c.gradient(s.half)
	for group := range c.groups {
		c.slide.copyOut(x, cols.Data, c.channels(group))
		dy := matrix(g[group*out:], rows, out, c.out)
		at := group * out * c.k
		gemm(blas.Trans, blas.NoTrans, dy, cols, beta, matrix(gw[at:], out, c.k, c.k))
		if dx == nil {
			continue
		}
		// The windows are not needed any more: cols takes their gradient.
		gemm(blas.NoTrans, blas.NoTrans, dy, matrix(c.matrix()[at:], out, c.k, c.k), 0, cols)
		c.slide.addBack(cols.Data, dx, c.channels(group))
	}
}

// channels is a range of channels.
type channels struct{ from, width int }

// windows slides a window over channels-last tensors.
type windows struct {
	quant.Window
	in, out quant.Shape
}

// copyOut copies the windows of the samples in x to rows of dst, zeros for what
// lies in the padding. Rows of dst are windows in the order of positions; in one,
// row ky begins at ky*run, so an output row is copied per ky with one look at the
// padding.
func (w *windows) copyOut(x, dst []float32, ch channels) {
	run := w.W * ch.width
	line := w.out.W * w.H * run
	for ; len(x) > 0; x = x[w.in.Size():] {
		for oy := range w.out.H {
			for ky := range w.H {
				w.copyLine(w.row(x, oy, ky), dst[ky*run:line], ch)
			}
			dst = dst[line:]
		}
	}
}

// row returns the input row under row ky of the windows of output row oy, nil
// where that lies in the padding.
func (w *windows) row(x []float32, oy, ky int) []float32 {
	iy := w.line(oy, ky)
	if iy < 0 {
		return nil
	}
	return x[iy*w.in.W*w.in.C : (iy+1)*w.in.W*w.in.C]
}

// copyLine copies one row of the windows of an output row out of an input row.
// In dst a window begins where the one before ends.
func (w *windows) copyLine(row, dst []float32, ch channels) {
	run, whole := w.W*ch.width, w.contiguous(ch)
	for ox := range w.out.W {
		ix, to := ox*w.StrideW-w.Left, dst[ox*w.H*run:][:run]
		switch {
		case row == nil:
			clear(to)
		case whole && ix >= 0 && ix+w.W <= w.in.W:
			copyShort(to, row[ix*w.in.C:])
		default:
			w.copyTaps(row, to, ix, ch)
		}
	}
}

// copyShort is copy for a full dst, without a call for the windows of three
// pixels that a first layer has.
func copyShort(dst, src []float32) {
	if len(dst) == 3 {
		*(*[3]float32)(dst) = [3]float32(src[:3])
		return
	}
	copy(dst, src)
}

// copyTaps copies one row of a window, tap by tap. It is for dilated windows, those
// of a group, and those that reach into the padding.
func (w *windows) copyTaps(row, dst []float32, ix int, ch channels) {
	for kx := range w.W {
		tap := dst[kx*ch.width : (kx+1)*ch.width]
		if at := ix + kx*w.DilationW; at >= 0 && at < w.in.W {
			copy(tap, row[at*w.in.C+ch.from:])
		} else {
			clear(tap)
		}
	}
}

// contiguous says that the taps of a row lie side by side. Then a row of a window
// is one copy.
func (w *windows) contiguous(ch channels) bool { return w.DilationW == 1 && ch.width == w.in.C }

// addBack adds rows as copyOut writes them to the positions that they came from.
// Gradients of the padding are dropped.
func (w *windows) addBack(src, x []float32, ch channels) {
	run := w.W * ch.width
	line := w.out.W * w.H * run
	for ; len(x) > 0; x = x[w.in.Size():] {
		for oy := range w.out.H {
			for ky := range w.H {
				if row := w.row(x, oy, ky); row != nil {
					w.addLine(src[ky*run:line], row, ch)
				}
			}
			src = src[line:]
		}
	}
}

// addLine is copyLine the other way.
func (w *windows) addLine(src, row []float32, ch channels) {
	run, whole := w.W*ch.width, w.contiguous(ch)
	for ox := range w.out.W {
		ix, from := ox*w.StrideW-w.Left, src[ox*w.H*run:][:run]
		if whole && ix >= 0 && ix+w.W <= w.in.W {
			addTo(row[ix*w.in.C:], from)
			continue
		}
		for kx := range w.W {
			if at := ix + kx*w.DilationW; at >= 0 && at < w.in.W {
				addTo(row[at*w.in.C+ch.from:], from[kx*ch.width:(kx+1)*ch.width])
			}
		}
	}
}

// addTo is dst += src, on the length of src. Gonum has it in vector
// instructions, whatever BLAS the matrix products use.
func addTo(dst, src []float32) {
	gonum.Implementation{}.Saxpy(len(src), 1, src, 1, dst, 1)
}
