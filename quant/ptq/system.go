package ptq

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/lapack/lapack64"
	"gonum.org/v1/gonum/mat"
)

// system is the quadratic form that all rows of a problem share.
type system struct {
	k int
	// h is the damped moment, k x k, both triangles filled in; nil is the
	// identity.
	h []float64
	// order is the order in which GPTQ takes the columns.
	order []int
	// factor is the upper triangular U of U'U = inverse of h, with rows and
	// columns in order; nil where h is.
	factor []float64
}

// newSystem damps the moment: damping times the mean of its diagonal is added
// to the diagonal, so that an input that calibration never saw keeps a say.
func newSystem(moment mat.Symmetric, k int, damping float64) (*system, error) {
	s := &system{k: k, order: make([]int, k)}
	for i := range s.order {
		s.order[i] = i
	}
	if moment == nil {
		return s, nil
	}
	s.h = make([]float64, k*k)
	trace := 0.0
	for i := range k {
		trace += moment.At(i, i)
		for j := i; j < k; j++ {
			v := moment.At(i, j)
			s.h[i*k+j], s.h[j*k+i] = v, v
		}
	}
	// Inputs that were always 0: the loss is then a small multiple of that without
	// a moment.
	if trace == 0 {
		trace = float64(k)
	}
	for i := range k {
		s.h[i*k+i] += damping * trace / float64(k)
		if !(s.h[i*k+i] > 0) {
			return nil, errSingular
		}
	}
	return s, nil
}

// diag returns element i of the diagonal.
func (s *system) diag(i int) float64 {
	if s.h == nil {
		return 1
	}
	return s.h[i*s.k+i]
}

// byImportance orders the columns by falling diagonal, equal ones by index. A
// weight whose input is large is rounded while there are others left to make up for
// its error.
func (s *system) byImportance() {
	slices.SortStableFunc(s.order, func(a, b int) int { return cmp.Compare(s.diag(b), s.diag(a)) })
}

// factorize computes factor. With J the reversal of the order, J h J = L L'; so h =
// R R' with the upper triangular R = J L J, and U = inverse of R. LAPACK has the
// Cholesky factor of h from the upper left, and GPTQ needs that of its inverse: U'U
// = (R R')^-1 holds for U = R^-1, since (R R')^-1 = R'^-1 R^-1.
func (s *system) factorize() error {
	if s.h == nil {
		return nil
	}
	k := s.k
	rev := make([]float64, k*k)
	for i, a := range s.order {
		for j, b := range s.order {
			rev[(k-1-i)*k+k-1-j] = s.h[a*k+b]
		}
	}
	l, ok := lapack64.Potrf(blas64.Symmetric{Uplo: blas.Lower, N: k, Data: rev, Stride: k})
	if !ok {
		return errSingular
	}
	s.factor = make([]float64, k*k)
	for i := range k {
		for j := i; j < k; j++ {
			s.factor[i*k+j] = l.Data[(k-1-i)*k+k-1-j]
		}
	}
	u := blas64.Triangular{Uplo: blas.Upper, Diag: blas.NonUnit, N: k, Data: s.factor, Stride: k}
	// A NaN or an infinity of the moment may pass both; then the sum of magnitudes
	// is NaN.
	if !lapack64.Trtri(u) || math.IsNaN(blas64.Asum(blas64.Vector{N: k * k, Data: s.factor, Inc: 1})) {
		return errSingular
	}
	return nil
}

// apply writes h*e to g. Only the upper triangle is read.
func (s *system) apply(e, g []float64) {
	if s.h == nil {
		copy(g, e)
		return
	}
	a := blas64.Symmetric{Uplo: blas.Upper, N: s.k, Data: s.h, Stride: s.k}
	blas64.Symv(1, a, blas64.Vector{N: s.k, Data: e, Inc: 1}, 0, blas64.Vector{N: s.k, Data: g, Inc: 1})
}
