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
	var x, y []float64
	count := 0
	own, cross := make([]float64, k*k), make([]float64, k*k)
	meanX, meanY := make([]float64, k), make([]float64, k)
	update := func() {
		if n := len(x) / k; n > 0 {
			a, b := nn.NewMatrix(x, n, k, k), nn.NewMatrix(y, n, k, k)
			nn.Gemm(blas.Trans, blas.NoTrans, a, a, 1, nn.NewMatrix(own, k, k, k))
			nn.Gemm(blas.Trans, blas.NoTrans, a, b, 1, nn.NewMatrix(cross, k, k, k))
			count += n
		}
		x, y = x[:0], y[:0]
	}
	windows, reals := make([]float32, positions*k), make([]float32, positions*k)
	for n := range s.in.Samples() {
		nn.Windows(op, s.in.Of(n, n+1), g, windows)
		nn.Windows(op, s.real.Of(n, n+1), g, reals)
		for p := range positions {
			if (n*positions+p)%step != 0 {
				continue
			}
			for i := range k {
				a, b := s.in.Scale*float64(windows[p*k+i]), s.real.Scale*float64(reals[p*k+i])
				x, y = append(x, a), append(y, b)
				meanX[i] += a
				meanY[i] += b
			}
		}
		if len(x) >= momentBatch*k {
			update()
		}
	}
	update()
	h, c := mat.NewSymDense(k, nil), mat.NewDense(k, k, nil)
	all := float64(count)
	for i := range k {
		for j := range k {
			c.Set(i, j, cross[i*k+j]/all-meanX[i]/all*meanY[j]/all)
			if j >= i {
				h.SetSym(i, j, own[i*k+j]/all-meanX[i]/all*meanX[j]/all)
			}
		}
	}
	return h, c
}

// shadow is a walk of the float network beside that of the quantised one.
type shadow struct {
	g    *graph
	made []*nn.Tensor
	left []int // readers to come
	from *nn.Tensor
}

func newShadow(g *graph, source *nn.Tensor) *shadow {
	s := &shadow{g: g, made: make([]*nn.Tensor, len(g.Layers)), left: make([]int, len(g.Layers)), from: source}
	for i := range s.left {
		s.left[i] = len(g.Readers[i])
	}
	return s
}

// of returns what layer i reads first in the float network.
func (s *shadow) of(i int) []*nn.Tensor {
	var in []*nn.Tensor
	for _, from := range s.g.Layers[i].From {
		if from < 0 {
			in = append(in, s.from)
		} else {
			in = append(in, s.made[from])
		}
	}
	return in
}

// step runs layer i, and lets go of what nothing reads any more.
func (s *shadow) step(i int) {
	s.made[i] = s.g.Run(i, s.of(i), nil)
	for _, from := range s.g.Layers[i].From {
		if from >= 0 {
			if s.left[from]--; s.left[from] == 0 {
				s.made[from] = nil
			}
		}
	}
}
