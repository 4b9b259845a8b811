package ptq

import (
	"github.com/a2qgen/a2qgen/quant/nn"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/mat"
)

// Target says what the integers of a layer are to come near to.
type Target string

const (
	// ToWeights are the float weights.
	ToWeights Target = "weights"
	// ToOutputs are weights whose sums, on what the quantised layers before give, are nearest to those of the float
	// network: they make up for errors made so far, as GPTAQ (arXiv 2504.02692) and Qronos (arXiv 2505.11695) do.
	ToOutputs Target = "outputs"
)

// aimed returns the weights of group g that integers are to come near to, rows x K: w itself or, to outputs,
//
//	w + (H + d)^-1 (C - H) w,   H = cov(x, x), C = cov(x, y),
//
// where x is what the layer reads, y what it reads in the float network, both in real units, and d the damping of the
// problem: the least of E|u x - w y|^2 + d|u - w|^2 without means, which the bias has (derived). Rows too long for
// a moment keep their weights.
func (s *Site) aimed(g int, w []float64) ([]float64, error) {
	k := s.Layer().In
	if Target(s.Values["target"]) != ToOutputs || k > maxMoment {
		return w, nil
	}
	h, c := s.crossMoments(g)
	damped := mat.NewSymDense(k, nil)
	damped.CopySym(h)
	least := s.Values.number("damping") * mat.Trace(h) / float64(k)
	for i := range k {
		damped.SetSym(i, i, h.At(i, i)+max(least, 1e-12))
	}
	var chol mat.Cholesky
	if !chol.Factorize(damped) {
		return nil, errSingular
	}
	var right, moved mat.Dense
	c.Sub(c, h)
	right.Mul(c, mat.NewDense(len(w)/k, k, w).T())
	if err := chol.SolveTo(&moved, &right); err != nil {
		return nil, errSingular
	}
	out := make([]float64, len(w))
	for i := range out {
		out[i] = w[i] + moved.At(i%k, i/k)
	}
	return out, nil
}

// crossMoments returns the covariance of what group g reads, and that of it with what it reads in the float network,
// of the windows that a moment takes.
func (s *Site) crossMoments(g int) (*mat.SymDense, *mat.Dense) {
	op, k := s.g.Op(s.i), s.Layer().In
	positions := op.Out.Positions()
	step := windowStep(s.in.Samples(), positions, k)
	pairs := newPairs(k, k)
	windows, reals := make([]float32, positions*k), make([]float32, positions*k)
	x, y := make([]float64, k), make([]float64, k)
	for n := range s.in.Samples() {
		nn.Windows(op, s.in.Of(n, n+1), g, windows)
		nn.Windows(op, s.real.Of(n, n+1), g, reals)
		for p := range positions {
			if (n*positions+p)%step == 0 {
				scaled(x, windows[p*k:], s.in.Scale)
				scaled(y, reals[p*k:], s.real.Scale)
				pairs.add(x, y)
			}
		}
	}
	return pairs.covariances()
}

// scaled fills x with the numbers of v, whose unit is worth so much.
func scaled(x []float64, v []float32, unit float64) {
	for i := range x {
		x[i] = unit * float64(v[i])
	}
}

// pairs collects the moments of vectors x of k elements and vectors y of m that come with them.
type pairs struct {
	k, m, count  int
	x, y         []float64 // of those that are not counted in yet
	own, cross   []float64 // sums of x x', k x k, and of x y', k x m
	meanX, meanY []float64 // sums
}

func newPairs(k, m int) *pairs {
	return &pairs{k: k, m: m, own: make([]float64, k*k), cross: make([]float64, k*m), meanX: make([]float64, k),
		meanY: make([]float64, m)}
}

// add counts in x and y.
func (p *pairs) add(x, y []float64) {
	p.x, p.y = append(p.x, x...), append(p.y, y...)
	nn.AddTo(p.meanX, x)
	nn.AddTo(p.meanY, y)
	// A product of matrices is faster than one rank-one update per pair.
	if len(p.x) >= momentBatch*p.k {
		p.update()
	}
}

func (p *pairs) update() {
	n := len(p.x) / p.k
	if n == 0 {
		return
	}
	x, y := nn.NewMatrix(p.x, n, p.k, p.k), nn.NewMatrix(p.y, n, p.m, p.m)
	nn.Gemm(blas.Trans, blas.NoTrans, x, x, 1, nn.NewMatrix(p.own, p.k, p.k, p.k))
	nn.Gemm(blas.Trans, blas.NoTrans, x, y, 1, nn.NewMatrix(p.cross, p.k, p.m, p.m))
	p.count += n
	p.x, p.y = p.x[:0], p.y[:0]
}

// covariances returns cov(x, x) and cov(x, y).
func (p *pairs) covariances() (*mat.SymDense, *mat.Dense) {
	p.update()
	n := float64(p.count)
	own, cross := mat.NewSymDense(p.k, nil), mat.NewDense(p.k, p.m, nil)
	for i := range p.k {
		for j := i; j < p.k; j++ {
			own.SetSym(i, j, p.own[i*p.k+j]/n-p.meanX[i]/n*p.meanX[j]/n)
		}
		for j := range p.m {
			cross.Set(i, j, p.cross[i*p.m+j]/n-p.meanX[i]/n*p.meanY[j]/n)
		}
	}
	return own, cross
}
