package train

import (
	"github.com/a2qgen/a2qgen/quant/nn"
	"gonum.org/v1/gonum/blas"
)

// conv is a convolution as a matrix product. The windows of a few samples are copied
// out again in the backward pass, since the windows of a batch are many times its
// size.
type conv struct {
	*weights
	op     *nn.Op
	memory *[2]*nn.Work[float32] // has the windows of a span, for each goroutine
}

// backward copies the windows out again. With X the windows and G the output's
// gradient, the weights get G'X and the windows G W, which addBack takes to the
// inputs: an input in several windows gets the sum.
func (c *conv) backward(in []operand, g []float32, s span) {
	groups := c.op.Groups
	rows, out := s.samples()*c.op.Out.Positions(), c.out/groups
	cols := nn.NewMatrix(c.memory[s.half].Cols, rows, c.k, c.k)
	x, dx := s.of(in[0].v, c.op.In.Size()), in[0].gradient(s)
	c.addBias(g, s.half)
	gw, beta := c.gradient(s.half)
	for group := range groups {
		nn.CopyOut(&c.op.Slide, x, cols.Data, c.op.Group(group))
		dy := nn.NewMatrix(g[group*out:], rows, out, c.out)
		at := group * out * c.k
		nn.Gemm(blas.Trans, blas.NoTrans, dy, cols, beta, nn.NewMatrix(gw[at:], out, c.k, c.k))
		if dx == nil {
			continue
		}
		// The windows are not needed any more: cols takes their gradient.
		nn.Gemm(blas.NoTrans, blas.NoTrans, dy, nn.NewMatrix(c.matrix()[at:], out, c.k, c.k), 0, cols)
		addBack(&c.op.Slide, cols.Data, dx, c.op.Group(group))
	}
}

// addBack adds rows as nn.CopyOut writes them to the positions that they came from.
// Gradients of the padding are dropped.
func addBack(w *nn.Slide, src, x []float32, ch nn.Channels) {
	run := w.W * ch.Width
	line := w.Out.W * w.H * run
	for ; len(x) > 0; x = x[w.In.Size():] {
		for oy := range w.Out.H {
			for ky := range w.H {
				if row := nn.Row(w, x, oy, ky); row != nil {
					addLine(w, src[ky*run:line], row, ch)
				}
			}
			src = src[line:]
		}
	}
}

// addLine adds one row of the windows of an output row to the input row that they came
// from.
func addLine(w *nn.Slide, src, row []float32, ch nn.Channels) {
	run, whole := w.W*ch.Width, w.Contiguous(ch)
	for ox := range w.Out.W {
		ix, from := ox*w.StrideW-w.Left, src[ox*w.H*run:][:run]
		if whole && ix >= 0 && ix+w.W <= w.In.W {
			nn.AddTo(row[ix*w.In.C:], from)
			continue
		}
		for kx := range w.W {
			if at := ix + kx*w.DilationW; at >= 0 && at < w.In.W {
				nn.AddTo(row[at*w.In.C+ch.From:], from[kx*ch.Width:(kx+1)*ch.Width])
			}
		}
	}
}
