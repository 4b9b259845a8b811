package ptq

import (
	"fmt"
	"math"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/mat"
)

// Whitening says in which measure a low-rank branch is the best one for what rounding left over.
type Whitening string

const (
	// WhitenExact is the square root of the inputs' covariance: QERA-exact, the least error of the layer's
	// sums (arXiv 2410.06040, theorem 1).
	WhitenExact Whitening = "exact"
	// WhitenApprox is its diagonal: QERA-approx (theorem 2), which takes inputs for uncorrelated.
	WhitenApprox Whitening = "approx"
	// WhitenLQER is the mean magnitude of each input, as LQER has it (arXiv 2402.02446).
	WhitenLQER Whitening = "lqer"
	// WhitenNone counts all inputs alike, as ZeroQuant-V2 does (arXiv 2303.08302).
	WhitenNone Whitening = "none"
	// WhitenFisher is the square root of OAC's matrix in the place of the covariance (ours).
	WhitenFisher Whitening = "fisher"
)

// qeraOptions are those of quantiseQERA.
func qeraOptions() []Option {
	return append(roundingOptions(Inputs), roundingOption(Budget),
		Option{Name: "rank", Usage: "rank of the branch", Default: "4", Low: 1, High: 256, Whole: true},
		Option{Name: "whiten", Usage: "measure of the error that the branch makes up for", Default: string(WhitenExact),
			Words: []string{string(WhitenExact), string(WhitenApprox), string(WhitenLQER), string(WhitenNone),
				string(WhitenFisher)}},
		Option{Name: "middle", Usage: "bits of what lies between the branch's two layers", Default: "4", Low: 2, High: 8,
			Whole: true},
		Option{Name: "branch-weights", Usage: "bits of the branch's weights", Default: "8", Low: 2, High: 16, Whole: true})
}

// quantiseQERA is the layer as rounding leaves it and, beside it, a branch of low rank for what that left
// over: an analytic low-rank reconstruction (arXiv 2410.06040), of whatever the limit cost as well. Depthwise
// and grouped convolutions have rows of inputs of their own, and a rank of hardly more than one: they get
// no branch.
func quantiseQERA(s *Site) ([]Branch, error) {
	branches, err := quantiseDense(s)
	rank := min(int(s.Values.number("rank")), s.Layer().In, s.Layer().Out)
	if err != nil || s.Groups() > 1 || s.Shared || s.Layer().In > maxMoment {
		return branches, err
	}
	// Inputs that never change on the samples (one sample, or a dead layer) say nothing of errors: the bias has all
	// that the layer gives.
	if mat.Trace(s.Covariance(0)) == 0 {
		return branches, nil
	}
	first := &branches[0].Layers[0]
	left := s.residual(first)
	root, inverse, err := s.whitening(Whitening(s.Values["whiten"]))
	if err != nil {
		return nil, fmt.Errorf("ptq: layer %q: %w", s.Layer().Name, err)
	}
	// Of the two factors the second is fitted again to what the first gives once it is integers.
	a, _, err := LowRankFactors(left, rank, root, inverse)
	if err != nil {
		return nil, fmt.Errorf("ptq: layer %q: %w", s.Layer().Name, err)
	}
	chain, err := s.lowRank(first, left, a)
	if err != nil || chain == nil {
		return branches, err
	}
	return append(branches, Branch{LowRank, chain}), nil
}

// residual returns what integers for weights left over of the float ones, rows x K, per unit of an input's
// integer.
func (s *Site) residual(l *nn.Layer) *mat.Dense {
	e := mat.NewDense(l.Out, l.In, nil)
	for i, w := range s.Layer().Weights {
		e.Set(i/l.In, i%l.In, s.in.Scale*(float64(w)-float64(l.Weights[i])))
	}
	return e
}

// LowRankFactors returns the matrices A, K x rank, and B, rank x rows, whose product is nearest to the
// transpose of the residual e, rows x K, in the measure of root, K x K, with its inverse: the square root D of
// the inputs' covariance, or what stands for it. With U S V' the singular value decomposition of D e' they are
// A = D^-1 U_k and B = S_k V_k' (arXiv 2410.06040, theorem 1). The squared error ||D(AB - e')||^2 is the sum of
// the squared singular values from number rank on.
func LowRankFactors(e *mat.Dense, rank int, root, inverse mat.Matrix) (a, b *mat.Dense, err error) {
	var weighed mat.Dense
	weighed.Mul(root, e.T())
	var svd mat.SVD
	if !svd.Factorize(&weighed, mat.SVDThin) {
		return nil, nil, fmt.Errorf("its residual has no singular value decomposition")
	}
	var u, v mat.Dense
	svd.UTo(&u)
	svd.VTo(&v)
	values := svd.Values(nil)
	a, b = &mat.Dense{}, mat.NewDense(rank, e.RawMatrix().Rows, nil)
	k, _ := u.Dims()
	a.Mul(inverse, u.Slice(0, k, 0, rank))
	for i := range rank {
		for r := range e.RawMatrix().Rows {
			b.Set(i, r, values[i]*v.At(r, i))
		}
	}
	return a, b, nil
}

// whitening returns D and its inverse.
func (s *Site) whitening(w Whitening) (root, inverse mat.Matrix, err error) {
	k := s.Layer().In
	diagonal := func(of func(i int) float64) (mat.Matrix, mat.Matrix, error) {
		d, inv := make([]float64, k), make([]float64, k)
		most := 0.0
		for i := range d {
			d[i] = of(i)
			most = max(most, d[i])
		}
		for i := range d {
			// An input that calibration never saw counts a little: no inverse is infinite.
			d[i] = max(d[i], 1e-4*most, math.SmallestNonzeroFloat32)
			inv[i] = 1 / d[i]
		}
		return mat.NewDiagDense(k, d), mat.NewDiagDense(k, inv), nil
	}
	switch w {
	case WhitenNone:
		return diagonal(func(int) float64 { return 1 })
	case WhitenLQER:
		size := s.see(0, false).size
		return diagonal(func(i int) float64 { return size[i] })
	}
	h := s.Covariance(0)
	if w == WhitenFisher {
		if h, err = s.fisher(0, Fisher); err != nil {
			return nil, nil, err
		}
	}
	if w == WhitenApprox {
		return diagonal(func(i int) float64 { return math.Sqrt(h.At(i, i)) })
	}
	return squareRoot(h)
}

// squareRoot returns the symmetric square root of a moment and its inverse, by its eigenvectors. Eigenvalues
// below a millionth of the largest count as that: inputs that hang together, or never change, leave some at 0.
func squareRoot(h mat.Symmetric) (root, inverse mat.Matrix, err error) {
	var eigen mat.EigenSym
	if !eigen.Factorize(h, true) {
		return nil, nil, fmt.Errorf("moment of its inputs has no eigenvectors")
	}
	values := eigen.Values(nil)
	var q mat.Dense
	eigen.VectorsTo(&q)
	least := 1e-6 * values[len(values)-1] // they ascend
	if !(least > 0) {
		return nil, nil, fmt.Errorf("inputs never change on the calibration samples")
	}
	power := func(p float64) mat.Matrix {
		var scaled, out mat.Dense
		scaled.Apply(func(_, j int, v float64) float64 { return v * math.Pow(max(values[j], least), p) }, &q)
		out.Mul(&scaled, q.T())
		return &out
	}
	return power(0.5), power(-0.5), nil
}

// lowRank returns the two layers of the branch, as integers: the first multiplies windows by a, K x rank, the
// second brings back what is left over. first is the layer as rounding left it, left the residual.
//
// Nothing but powers of two lies between the units of the two sums: so the quantiser in the middle has a step
// of a power of two times that of the inputs, for which a is scaled, a freedom that b takes back. It returns nil
// where no integer of the second layer would be other than 0.
func (s *Site) lowRank(first *nn.Layer, left, a *mat.Dense) ([]nn.Layer, error) {
	in, err := s.narrow(a)
	if err != nil {
		return nil, err
	}
	middle, err := s.middle(&in)
	if err != nil {
		return nil, err
	}
	out, err := s.widen(first, middle, left)
	if err != nil || out == nil {
		return nil, err
	}
	return []nn.Layer{in, *out}, nil
}

// narrow returns the branch's first layer. Its sums have standard deviations of about 1 over gaussianStep in
// units of the middle's quantiser.
func (s *Site) narrow(a *mat.Dense) (nn.Layer, error) {
	l, bits := s.Layer(), int(s.Values.number("middle"))
	k, rank := a.Dims()
	in := *l
	in.Name, in.Out, in.Relu, in.WeightBits = l.Name+"_in", rank, false, int(s.Values.number("branch-weights"))
	// The quantiser's step: the power of two times the inputs' that is nearest to 1, for tidy numbers.
	step := s.in.Scale * math.Exp2(-math.Round(math.Log2(s.in.Scale)))
	in.Act = &nn.ActQuant{Scale: float32(step), Bits: bits, Signed: true}
	h := s.Covariance(0)
	weights := make([]float64, 0, rank*k)
	for c := range rank {
		column := a.ColView(c)
		sigma := math.Sqrt(max(mat.Inner(column, h, column), 0))
		if sigma == 0 {
			sigma = 1
		}
		for i := range k {
			// Per unit of the input's integer; times step over the Gaussian step it has the wanted deviation.
			weights = append(weights, column.AtVec(i)*step/(gaussianStep(bits)*sigma)/s.in.Scale)
		}
	}
	q := &Problem{Name: in.Name, Rows: rank, K: k, Weights: weights, Moment: h, WeightBits: in.WeightBits,
		Input: s.in.Type, Acc: s.Acc, Options: options(k, s.Acc)}
	sol, err := s.Solve(q)
	if err != nil {
		return in, err
	}
	s.write(&in, sol)
	// The mean of each sum goes to 0: the quantiser is as fine as its range allows, and the branch adds no mean.
	in.Bias = make([]float32, rank)
	means := make([]float64, rank)
	s.meanSums(&in, means)
	for c, m := range means {
		in.Bias[c] = float32(-m)
	}
	return in, nil
}

// write sets the weights of a layer without groups to the integers of a solution.
func (s *Site) write(l *nn.Layer, sol *Solution) {
	l.Weights, l.WeightScale = make([]float32, len(sol.Q)), make([]float32, l.Out)
	for r, real := range sol.Scale {
		l.WeightScale[r] = float32(real)
		for k, q := range sol.row(r) {
			l.Weights[r*l.In+k] = l.WeightScale[r] * float32(q)
		}
	}
}

// middle returns what the branch's first layer gives for the calibration samples.
func (s *Site) middle(in *nn.Layer) (*nn.Tensor, error) {
	return runBranches(s.ctx, in, []Branch{{LowRank, []nn.Layer{*in}}}, s.in, nil)
}

// widen returns the branch's second layer: a row per channel, fitted by least squares to what is left over given
// the integers t in the middle, B = (T'T)^-1 T'Z (derived), with Z the sums of the residual; then rounded within
// the accumulator's limit. Units are 2^-e of the first branch's, e being that of the least error.
func (s *Site) widen(first *nn.Layer, t *nn.Tensor, left *mat.Dense) (*nn.Layer, error) {
	fit, moment, err := s.regress(t, left)
	if err != nil {
		return nil, err
	}
	l := s.Layer()
	rank := t.Shape.C
	out := nn.Layer{Name: l.Name + "_out", Kind: quant.Conv, In: rank, Out: l.Out, Groups: 1,
		Window: quant.Window{H: 1, W: 1, StrideH: 1, StrideW: 1}, WeightBits: int(s.Values.number("branch-weights"))}
	if l.Kind == quant.Linear {
		out.Kind, out.Window, out.Groups = quant.Linear, quant.Window{}, 0
	}
	var best *Solution
	least := math.Inf(1)
	for e := -2; e <= 8; e++ {
		q := &Problem{Name: out.Name, Rows: l.Out, K: rank, Weights: fit, Moment: moment, WeightBits: out.WeightBits,
			Input: t.Type, Acc: s.Acc, Options: options(rank, s.Acc)}
		q.Options.Refit = false // the units are given
		for r := range l.Out {
			q.Scale = append(q.Scale, first.Scale(r)*s.in.Scale/t.Scale*math.Exp2(float64(-e)))
		}
		sol, err := q.Solve(s.Rounding)
		if err != nil {
			return nil, err
		}
		if loss := sol.RelativeLoss(); loss < least {
			best, least = sol, loss
		}
	}
	if least >= 1 {
		return nil, nil // the branch would make nothing better
	}
	s.write(&out, best)
	return &out, nil
}

// regress returns the matrix, rows x rank and row-major, that fits the sums of the residual best by the integers
// t, and the second moment of t, both without means: the bias has those.
func (s *Site) regress(t *nn.Tensor, left *mat.Dense) ([]float64, *mat.SymDense, error) {
	op := s.g.Op(s.i)
	rank, rows, k := t.Shape.C, left.RawMatrix().Rows, s.Layer().In
	positions := op.Out.Positions()
	pairs := newPairs(rank, rows)
	windows := make([]float32, positions*k)
	x, v, z := make([]float64, positions*k), make([]float64, positions*rank), make([]float64, positions*rows)
	weights := nn.NewMatrix(left.RawMatrix().Data, rows, k, k)
	for n := range t.Samples() {
		nn.Windows(op, s.in.Of(n, n+1), 0, windows)
		scaled(x, windows, 1)
		scaled(v, t.Of(n, n+1), 1)
		nn.Gemm(blas.NoTrans, blas.Trans, nn.NewMatrix(x, positions, k, k), weights, 0,
			nn.NewMatrix(z, positions, rows, rows))
		for p := range positions {
			pairs.add(v[p*rank:(p+1)*rank], z[p*rows:(p+1)*rows])
		}
	}
	moment, cross := pairs.covariances()
	return leastSquares(moment, cross, t.Scale)
}

// leastSquares returns the transpose of the solution B of moment B = cross, row-major, per real unit of inputs
// whose integers are worth scale.
func leastSquares(moment *mat.SymDense, cross *mat.Dense, scale float64) ([]float64, *mat.SymDense, error) {
	rank, rows := cross.Dims()
	damped := mat.NewSymDense(rank, nil)
	damped.CopySym(moment)
	for i := range rank {
		// A row of the first layer may give one number only: it then gets weights of 0.
		damped.SetSym(i, i, moment.At(i, i)+1e-6*mat.Trace(moment)/float64(rank)+math.SmallestNonzeroFloat32)
	}
	var chol mat.Cholesky
	if !chol.Factorize(damped) {
		return nil, nil, errSingular
	}
	var b mat.Dense
	if err := chol.SolveTo(&b, cross); err != nil {
		return nil, nil, errSingular
	}
	fit := make([]float64, 0, rows*rank)
	for r := range rows {
		for i := range rank {
			fit = append(fit, b.At(i, r)/scale)
		}
	}
	return fit, moment, nil
}
