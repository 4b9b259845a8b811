package nn

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/blas/gonum"
)

// Float is what sums are computed in.
type Float interface{ float32 | float64 }

// Matrix is row-major; its rows lie Stride apart.
type Matrix[T Float] struct {
	Rows, Cols, Stride int
	Data               []T
}

// NewMatrix returns rows x cols elements of data, whose rows lie stride apart.
func NewMatrix[T Float](data []T, rows, cols, stride int) Matrix[T] {
	return Matrix[T]{rows, cols, stride, data[:(rows-1)*stride+cols]}
}

// gonumBlock is the side of the blocks that gonum cuts products into: from four
// blocks on it gives them to goroutines of its own.
const gonumBlock = 64

// Gemm is c = a b + beta c, a and b transposed where tA and tB say so. It starts no
// goroutine and does not allocate: callers share samples among goroutines already.
// Each element is summed up in the same order whatever the size of c.
func Gemm[T Float](tA, tB blas.Transpose, a, b Matrix[T], beta T, c Matrix[T]) {
	if OpenBLAS {
		product(tA, tB, a, b, beta, c)
		return
	}
	// Gonum gets a block of c at a time, so that it keeps to the caller's goroutine. A
	// block has the whole of k, so its sums are those of one product.
	for i := 0; i < c.Rows; i += gonumBlock {
		for j := 0; j < c.Cols; j += gonumBlock {
			m, n := min(gonumBlock, c.Rows-i), min(gonumBlock, c.Cols-j)
			rows, cols := a.strip(i, m, tA == blas.NoTrans), b.strip(j, n, tB == blas.Trans)
			product(tA, tB, rows, cols, beta, NewMatrix(c.Data[i*c.Stride+j:], m, n, c.Stride))
		}
	}
}

// strip returns n rows of a, or columns, from one on.
func (a Matrix[T]) strip(from, n int, rows bool) Matrix[T] {
	if rows {
		return NewMatrix(a.Data[from*a.Stride:], n, a.Cols, a.Stride)
	}
	return NewMatrix(a.Data[from:], a.Rows, n, a.Stride)
}

// product is one call of the BLAS in use.
func product[T Float](tA, tB blas.Transpose, a, b Matrix[T], beta T, c Matrix[T]) {
	k := a.Cols
	if tA == blas.Trans {
		k = a.Rows
	}
	switch data := any(c.Data).(type) {
	case []float32:
		blas32.Implementation().Sgemm(tA, tB, c.Rows, c.Cols, k, 1, any(a.Data).([]float32), a.Stride,
			any(b.Data).([]float32), b.Stride, float32(beta), data, c.Stride)
	case []float64:
		blas64.Implementation().Dgemm(tA, tB, c.Rows, c.Cols, k, 1, any(a.Data).([]float64), a.Stride,
			any(b.Data).([]float64), b.Stride, float64(beta), data, c.Stride)
	}
}

// AddTo is dst += src, on the length of src. Gonum has it in vector instructions,
// whatever BLAS the matrix products use.
func AddTo[T Float](dst, src []T) {
	switch dst := any(dst).(type) {
	case []float32:
		gonum.Implementation{}.Saxpy(len(src), 1, any(src).([]float32), 1, dst, 1)
	case []float64:
		gonum.Implementation{}.Daxpy(len(src), 1, any(src).([]float64), 1, dst, 1)
	}
}
