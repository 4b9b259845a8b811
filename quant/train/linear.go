package train

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"github.com/a2qgen/a2qgen/quant/nn"
)

// linear is y = x W' (+ b), W being out x k, at each of rows positions of a
// sample: one for a linear layer, all of them for a 1x1 convolution.
type linear struct {
	*weights
	rows int
}

func (l *linear) parameters() *weights { return l.weights }

// forward takes the positions of all samples of the span as rows of one product.
func (l *linear) forward(in []operand, y []float32, s span) {
	n := s.samples() * l.rows
	x := s.of(in[0].v, l.rows*l.k)
	l.multiply(matrix(x, n, l.k, l.k), y, 0, l.out)
}

// multiply sets rows of y, of the layer's out channels each, to x W' (+ b) in
// channels from..from+out. The bias is written first and the product added to it
// (beta 1), which saves a pass.
func (l *weights) multiply(x blas32.General, y []float32, from, out int) {
	beta := float32(0)
	if len(l.b.v) > 0 {
		for i := range x.Rows {
			copy(y[i*l.out+from:], l.b.v[from:from+out])
		}
		beta = 1
	}
	w := matrix(l.matrix()[from*l.k:], out, l.k, l.k)
	gemm(blas.NoTrans, blas.Trans, x, w, beta, matrix(y[from:], x.Rows, out, l.out))
}

// backward computes dW = dy' x and dx = dy W. The gradient of the input, if anyone
// needs it, comes last.
func (l *linear) backward(in []operand, g []float32, s span) {
	n := s.samples() * l.rows
	dy := matrix(g, n, l.out, l.out)
	l.addBias(g, s.half)
	gw, beta := l.gradient(s.half)
	x := s.of(in[0].v, l.rows*l.k)
	gemm(blas.Trans, blas.NoTrans, dy, matrix(x, n, l.k, l.k), beta, matrix(gw, l.out, l.k, l.k))
	if in[0].g == nil {
		return
	}
	beta = 0
	if in[0].add {
		beta = 1
	}
	dx := s.of(in[0].g, l.rows*l.k)
	gemm(blas.NoTrans, blas.NoTrans, dy, matrix(l.matrix(), l.out, l.k, l.k), beta, matrix(dx, n, l.k, l.k))
}

// gonumBlock is the side of the blocks that gonum cuts products into: from four
// blocks on it gives them to goroutines of its own.
const gonumBlock = 64

// gemm is c = a b + beta c, a and b transposed where tA and tB say so.
// Gonum gets a block of c at a time: both halves of a batch are under way
// already, and its goroutines would allocate.
func gemm(tA, tB blas.Transpose, a, b blas32.General, beta float32, c blas32.General) {
	if nn.OpenBLAS {
		blas32.Gemm(tA, tB, 1, a, b, beta, c)
		return
	}
	// A block has the whole of k, so the order of its sums is the same as that of
	// one product.
	for i := 0; i < c.Rows; i += gonumBlock {
		for j := 0; j < c.Cols; j += gonumBlock {
			m, n := min(gonumBlock, c.Rows-i), min(gonumBlock, c.Cols-j)
			rows, cols := strip(a, i, m, tA == blas.NoTrans), strip(b, j, n, tB == blas.Trans)
			blas32.Gemm(tA, tB, 1, rows, cols, beta, matrix(c.Data[i*c.Stride+j:], m, n, c.Stride))
		}
	}
}

// strip returns n rows of a, or columns, from one on.
func strip(a blas32.General, from, n int, rows bool) blas32.General {
	if rows {
		return matrix(a.Data[from*a.Stride:], n, a.Cols, a.Stride)
	}
	return matrix(a.Data[from:], a.Rows, n, a.Stride)
}
