package train

import (
	"github.com/a2qgen/a2qgen/quant/nn"
	"gonum.org/v1/gonum/blas"
)

// linear is y = x W' (+ b), W being out x k, at each of rows positions of a
// sample: one for a linear layer, all of them for a 1x1 convolution.
type linear struct {
	*weights
	rows int
}

// backward computes dW = dy' x and dx = dy W. The gradient of the input, if anyone
// needs it, comes last.
func (l *linear) backward(in []operand, g []float32, s span) {
	n := s.samples() * l.rows
	dy := nn.NewMatrix(g, n, l.out, l.out)
	l.addBias(g, s.half)
	gw, beta := l.gradient(s.half)
	x := nn.NewMatrix(s.of(in[0].v, l.rows*l.k), n, l.k, l.k)
	nn.Gemm(blas.Trans, blas.NoTrans, dy, x, beta, nn.NewMatrix(gw, l.out, l.k, l.k))
	if in[0].g == nil {
		return
	}
	beta = 0
	if in[0].add {
		beta = 1
	}
	dx := nn.NewMatrix(s.of(in[0].g, l.rows*l.k), n, l.k, l.k)
	nn.Gemm(blas.NoTrans, blas.NoTrans, dy, nn.NewMatrix(l.matrix(), l.out, l.k, l.k), beta, dx)
}
