package train

import (
	"github.com/a2qgen/a2qgen/quant"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
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

// newConv returns a convolution whose spans have up to chunk samples.
func newConv(w *weights, slide windows, groups, chunk int) *conv {
	c := &conv{weights: w, slide: slide, groups: groups}
	for half := range c.cols {
		c.cols[half] = make([]float32, chunk*slide.out.Positions()*w.k)
	}
	return c
}

func (c *conv) parameters() *weights { return c.weights }

func (c *conv) forward(in []operand, y []float32, s span) {
	rows, out := s.samples()*c.slide.out.Positions(), c.out/c.groups
	cols := c.cols[s.half][:rows*c.k]
	for g := range c.groups {
		c.slide.copyOut(s.of(in[0].v, c.slide.in.Size()), cols, c.channels(g))
		c.multiply(matrix(cols, rows, c.k, c.k), y, g*out, out)
	}
}

// channels returns the input channels of a group.
func (c *conv) channels(g int) channels {
	width := c.slide.in.C / c.groups
	return channels{g * width, width}
}

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
		blas32.Gemm(blas.Trans, blas.NoTrans, 1, dy, cols, beta, matrix(gw[at:], out, c.k, c.k))
		if dx == nil {
			continue
		}
		blas32.Gemm(blas.NoTrans, blas.NoTrans, 1, dy, matrix(c.matrix()[at:], out, c.k, c.k), 0, cols)
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
// lies in the padding.
func (w *windows) copyOut(x, dst []float32, ch channels) {
	run := w.W * ch.width
	for ; len(x) > 0; x = x[w.in.Size():] {
		for oy := range w.out.H {
			for ox := range w.out.W {
				for ky := range w.H {
					w.copyRow(x, dst[:run], oy, ox, ky, ch)
					dst = dst[run:]
				}
			}
		}
	}
}

// copyRow copies one row of the window at (oy, ox).
func (w *windows) copyRow(x, dst []float32, oy, ox, ky int, ch channels) {
	iy, ix := oy*w.StrideH-w.Top+ky*w.DilationH, ox*w.StrideW-w.Left
	if iy < 0 || iy >= w.in.H {
		clear(dst)
		return
	}
	row := x[iy*w.in.W*w.in.C : (iy+1)*w.in.W*w.in.C]
	if w.contiguous(ch) && ix >= 0 && ix+w.W <= w.in.W {
		copy(dst, row[ix*w.in.C:])
		return
	}
	for kx := range w.W {
		tap := dst[kx*ch.width : (kx+1)*ch.width]
		if at := ix + kx*w.DilationW; at >= 0 && at < w.in.W {
			copy(tap, row[at*w.in.C+ch.from:])
		} else {
			clear(tap)
		}
	}
}

// contiguous says that the taps of a row lie side by side.
func (w *windows) contiguous(ch channels) bool { return w.DilationW == 1 && ch.width == w.in.C }

// addBack adds rows as copyOut writes them to the positions that they came
// from.
func (w *windows) addBack(src, x []float32, ch channels) {
	run := w.W * ch.width
	for ; len(x) > 0; x = x[w.in.Size():] {
		for oy := range w.out.H {
			for ox := range w.out.W {
				for ky := range w.H {
					w.addRow(src[:run], x, oy, ox, ky, ch)
					src = src[run:]
				}
			}
		}
	}
}

func (w *windows) addRow(src, x []float32, oy, ox, ky int, ch channels) {
	iy, ix := oy*w.StrideH-w.Top+ky*w.DilationH, ox*w.StrideW-w.Left
	if iy < 0 || iy >= w.in.H {
		return
	}
	row := x[iy*w.in.W*w.in.C : (iy+1)*w.in.W*w.in.C]
	if w.contiguous(ch) && ix >= 0 && ix+w.W <= w.in.W {
		addTo(row[ix*w.in.C:], src)
		return
	}
	for kx := range w.W {
		if at := ix + kx*w.DilationW; at >= 0 && at < w.in.W {
			addTo(row[at*w.in.C+ch.from:], src[kx*ch.width:(kx+1)*ch.width])
		}
	}
}

// addTo is dst += src, on the length of src.
func addTo(dst, src []float32) {
	dst = dst[:len(src)]
	for i, v := range src {
		dst[i] += v
	}
}
