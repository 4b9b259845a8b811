package ptq

import (
	"fmt"
	"math"

	"github.com/a2qgen/a2qgen/quant/gradient"
	"github.com/a2qgen/a2qgen/quant/nn"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"
)

// fisher returns the moment of group g that weighs errors by the network's loss, with a fresh way forward
// and back through the layers quantised so far and the float ones behind them (arXiv 2405.15025).
//
// With G_i the gradient of sample i's loss to the group's weights, rows x K, a change D of the weights
// changes the loss by about 1/2 sum over rows j of D_j H_j D_j', where H_j = E[g_ij' g_ij] is the Fisher
// matrix of row j; H = sum over j of H_j = E[G'G] stands for each (METHODS 3). A constant factor cancels in
// all that is made of it.
//
// Since the bias of a row gives back the mean of what an error does to its sums (balance), inputs count
// from their mean: a weight's gradient is the sum of those to the sums, times the input less its mean
// (derived: with mean m the sums change by D(x - m)).
func (s *Site) fisher(g int, w Weighing) (mat.Symmetric, error) {
	of := Fisher // whose diagonal FisherDiagonal is
	if w == FisherPositions {
		of = w
	}
	if s.hessians[of] == nil {
		all, err := s.gradients(of)
		if err != nil {
			return nil, err
		}
		if s.hessians == nil {
			s.hessians = map[Weighing][]*mat.SymDense{}
		}
		s.hessians[of] = all
	}
	h := s.hessians[of][g]
	if w != FisherDiagonal {
		return h, nil
	}
	d := mat.NewSymDense(s.Layer().In, nil)
	for i := range s.Layer().In {
		d.SetSym(i, i, h.At(i, i))
	}
	return d, nil
}

// pass is one of all samples through the float layers from this one on.
func (s *Site) pass() gradient.Pass {
	return gradient.Pass{Graph: s.g.Graph, First: s.i, Live: s.live, Loss: s.task}
}

// gradients computes the moments of all groups.
func (s *Site) gradients(w Weighing) (all []*mat.SymDense, err error) {
	k := s.Layer().In
	sums := make([][]float64, s.Groups())
	for g := range sums {
		sums[g] = make([]float64, k*k)
	}
	_, err = gradient.Each(s.ctx, s.pass(), func() gradient.Worker[float32] {
		f := &fisherWork{site: s, positions: w == FisherPositions}
		return gradient.Worker[float32]{Do: f.collect, Add: func() { f.addTo(sums) }}
	})
	if err != nil {
		return nil, fmt.Errorf("ptq: layer %q: %w", s.Layer().Name, err)
	}
	for _, h := range sums {
		for _, v := range h {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return nil, fmt.Errorf("ptq: layer %q: gradients are not finite", s.Layer().Name)
			}
		}
		sym := mat.NewSymDense(k, nil)
		for i := range k {
			for j := i; j < k; j++ {
				sym.SetSym(i, j, h[i*k+j])
			}
		}
		all = append(all, sym)
	}
	return all, nil
}

// fisherWork is the part of a span of samples in the moments, and memory of a goroutine.
type fisherWork struct {
	site      *Site
	positions bool
	// means of the inputs in real units, by group; windows and rows of what is multiplied.
	means         [][]float64
	windows       []float32
	centred, rows []float64
	// parts are the span's moments by group, upper triangles.
	parts [][]float64
}

// collect computes the moments of a span.
func (f *fisherWork) collect(span gradient.Span[float32]) {
	s := f.site
	op, k := span.Op(s.i), s.Layer().In
	if f.parts == nil {
		f.prepare(op.Out.Positions(), k)
	}
	for g := range f.parts {
		clear(f.parts[g])
		f.rows = f.rows[:0]
		for n := range span.Samples() {
			nn.Windows(op, span.Input(s.i, 0, n), g, f.windows)
			f.add(span.Sums(s.i, n), g, k)
			// Bounded rows: a product of matrices is faster than one rank-one update per sample.
			if len(f.rows) >= momentBatch*k || n == span.Samples()-1 {
				f.update(g, k)
			}
		}
	}
}

// prepare allocates what a span needs.
func (f *fisherWork) prepare(positions, k int) {
	s := f.site
	f.windows, f.centred = make([]float32, positions*k), make([]float64, positions*k)
	for g := range s.Groups() {
		f.parts = append(f.parts, make([]float64, k*k))
		mean := make([]float64, k)
		for i, m := range s.Mean(g) {
			mean[i] = m * s.in.Scale
		}
		f.means = append(f.means, mean)
	}
}

// add appends the rows of a sample whose products make its moment: the gradients of the rows of weights, or,
// by positions, the windows, each times the norm of the gradient to its sums.
func (f *fisherWork) add(sums []float32, g, k int) {
	positions, channels := len(f.windows)/k, f.site.Layer().Out
	out := channels / len(f.parts)
	for i, v := range f.windows {
		f.centred[i] = float64(v) - f.means[g][i%k]
	}
	at := len(f.rows)
	if f.positions {
		for p := range positions {
			norm := 0.0
			for _, d := range sums[p*channels+g*out : p*channels+(g+1)*out] {
				norm += float64(d) * float64(d)
			}
			for _, x := range f.centred[p*k : (p+1)*k] {
				f.rows = append(f.rows, math.Sqrt(norm)*x)
			}
		}
		return
	}
	delta := make([]float64, positions*out)
	for p := range positions {
		for c := range out {
			delta[p*out+c] = float64(sums[p*channels+g*out+c])
		}
	}
	f.rows = append(f.rows, make([]float64, out*k)...)
	nn.Gemm(blas.Trans, blas.NoTrans, nn.NewMatrix(delta, positions, out, out),
		nn.NewMatrix(f.centred, positions, k, k), 0, nn.NewMatrix(f.rows[at:], out, k, k))
}

// update adds the products of the rows so far to the moment of group g.
func (f *fisherWork) update(g, k int) {
	if n := len(f.rows) / k; n > 0 {
		a := blas64.General{Rows: n, Cols: k, Data: f.rows, Stride: k}
		blas64.Syrk(blas.Trans, 1, a, 1, blas64.Symmetric{Uplo: blas.Upper, N: k, Data: f.parts[g], Stride: k})
	}
	f.rows = f.rows[:0]
}

// addTo adds the span's moments to those of all.
func (f *fisherWork) addTo(sums [][]float64) {
	for g, part := range f.parts {
		for i, v := range part {
			sums[g][i] += v
		}
	}
}
