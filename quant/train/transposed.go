package train

import (
	"github.com/a2qgen/a2qgen/quant/nn"
	"gonum.org/v1/gonum/blas"
)

// transposed is a transposed convolution: a matrix product of windows for each of its
// phases, whose rows of weights are dot products of their own, to the quantiser and to
// hardware alike (quant.Window.Phase).
type transposed struct {
	*weights
	op     *nn.Op
	memory *[2]*nn.Work[float32] // has windows and results of a phase, for each goroutine
}

// backward is that of conv for each phase, with the gradients of its positions.
func (c *transposed) backward(in []operand, g []float32, s span) {
	x, dx := s.of(in[0].v, c.op.In.Size()), in[0].gradient(s)
	c.addBias(g, s.half)
	gw, beta := c.gradient(s.half)
	for f := range c.op.Phases {
		p, work := &c.op.Phases[f], c.memory[s.half]
		rows := s.samples() * p.Out.Positions()
		cols := nn.NewMatrix(work.Cols, rows, c.k, c.k)
		dy := nn.NewMatrix(work.Part, rows, p.Out.C, p.Out.C)
		nn.CopyOut(p, x, cols.Data, c.op.All())
		nn.Separate(c.op, f, s.samples(), g, dy.Data)
		nn.Gemm(blas.Trans, blas.NoTrans, dy, cols, beta, nn.PhaseRows(c.op, gw, f))
		if dx == nil {
			continue
		}
		// The windows are not needed any more: cols takes their gradient.
		nn.Gemm(blas.NoTrans, blas.NoTrans, dy, nn.PhaseRows(c.op, c.matrix(), f), 0, cols)
		addBack(p, cols.Data, dx, c.op.All())
	}
}
