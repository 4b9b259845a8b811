package ptq

import (
	"fmt"
	"sync"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"
)

// Moments collects the first and second moment of a layer's integer inputs. The
// sums are of integers: exact, whatever the order, up to 2^53. With 16-bit inputs
// that is 2^21 samples, with 8-bit ones 2^37.
type Moments struct {
	k     int
	count int
	sum   []float64
	outer []float64 // k x k, upper triangle of the sum of x x'
	batch []float64
	mu    sync.Mutex
}

// NewMoments returns empty moments of inputs of k elements. Panics unless k >= 1.
func NewMoments(k int) *Moments {
	if k < 1 {
		panic(fmt.Sprintf("ptq: moments of %d inputs", k))
	}
	return &Moments{k: k, sum: make([]float64, k), outer: make([]float64, k*k)}
}

// Add counts in samples of k integers each, one after the other: the inputs of a
// linear layer, or the windows of a convolution in the order (kh, kw, Cin). It may
// be called from several goroutines. Panics if x is no multiple of k. The samples
// of one call are one update of rank n, outer += X'X (BLAS syrk), of which only the
// upper triangle is computed.
func (m *Moments) Add(x []int32) {
	if len(x)%m.k != 0 {
		panic(fmt.Sprintf("ptq: %d integers are no samples of %d", len(x), m.k))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	n := len(x) / m.k
	if n == 0 {
		return
	}
	m.batch = m.batch[:0]
	for i, v := range x {
		m.batch = append(m.batch, float64(v))
		m.sum[i%m.k] += float64(v)
	}
	m.count += n
	a := blas64.General{Rows: n, Cols: m.k, Data: m.batch, Stride: m.k}
	c := blas64.Symmetric{Uplo: blas.Upper, N: m.k, Data: m.outer, Stride: m.k}
	blas64.Syrk(blas.Trans, 1, a, 1, c)
}

// Count returns the number of samples.
func (m *Moments) Count() int { return m.count }

// Mean returns E[x]; zeros without samples.
func (m *Moments) Mean() []float64 {
	mean := make([]float64, m.k)
	for i, s := range m.sum {
		mean[i] = s / float64(max(m.count, 1))
	}
	return mean
}

// Second returns E[x x'], k x k.
func (m *Moments) Second() *mat.SymDense {
	h := mat.NewSymDense(m.k, nil)
	for i := range m.k {
		for j := i; j < m.k; j++ {
			h.SetSym(i, j, m.outer[i*m.k+j]/float64(max(m.count, 1)))
		}
	}
	return h
}

// Covariance returns E[x x'] - E[x] E[x]': what is left of the second moment once
// BiasCorrection has made the mean of the error 0. It is positive semidefinite up
// to rounding; Options.Damping makes it definite.
func (m *Moments) Covariance() *mat.SymDense {
	c, mean := m.Second(), mat.NewVecDense(m.k, m.Mean())
	c.SymRankOne(c, -1, mean)
	return c
}

// BiasCorrection returns, for each row of p, what its bias must gain so that
// the mean error of its outputs is 0 (arXiv 1906.04721, section 4.2):
// sum over i of (w_i - s*q_i) * mean_i. mean is E[x], of the integers; where the
// real input is s_x*x, the bias in real units gains s_x times the result.
func (p *Problem) BiasCorrection(sol *Solution, mean []float64) []float64 {
	if len(mean) != p.K {
		panic(fmt.Sprintf("ptq: layer %q: means of %d inputs, want %d", p.Name, len(mean), p.K))
	}
	gain := make([]float64, p.Rows)
	for r := range gain {
		w := p.row(r)
		for i, q := range sol.row(r) {
			gain[r] += (w[i] - sol.Scale[r]*float64(q)) * mean[i]
		}
	}
	return gain
}
