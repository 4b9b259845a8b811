package train

import (
	"math"
	"math/rand/v2"

	"github.com/a2qgen/a2qgen/quant"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

// param is one learned tensor and the gradient of the loss to it.
type param struct {
	v, g []float32
	// decay says that weight decay pulls on it: on the weights of linear and
	// convolutional layers only, never on d, t, activation scales, batch norm or
	// biases (MATH 3).
	decay bool
}

func newParam(n int) param { return param{v: make([]float32, n), g: make([]float32, n)} }

// linear is y = x W' (+ b) on a batch of n rows, W being out x in.
type linear struct {
	in, out int
	// w is W in the float phase; under a quantiser it is v of MATH 3.
	w param
	// b is empty where batch norm follows: it would take the bias out again.
	b param
	q *weightQuant // nil in the float phase
}

// newLinear draws weights and biases from U(-1/sqrt(in), 1/sqrt(in)).
func newLinear(in, out int, bias bool, rng *rand.Rand) *linear {
	l := &linear{in: in, out: out, w: newParam(in * out)}
	l.w.decay = true
	if bias {
		l.b = newParam(out)
	}
	bound := 1 / math.Sqrt(float64(in))
	for _, p := range []param{l.w, l.b} {
		for i := range p.v {
			p.v[i] = float32((2*rng.Float64() - 1) * bound)
		}
	}
	return l
}

// weights returns what multiplies the inputs.
func (l *linear) weights() []float32 {
	if l.q == nil {
		return l.w.v
	}
	return l.q.wq
}

// prepare requantises the weights; it goes before the first forward after
// they changed.
func (l *linear) prepare() {
	if l.q != nil {
		l.q.forward.run()
	}
}

func (l *linear) forward(x, y []float32, n int) {
	beta := float32(0)
	if len(l.b.v) > 0 {
		for i := 0; i < n; i++ {
			copy(y[i*l.out:], l.b.v)
		}
		beta = 1
	}
	blas32.Gemm(blas.NoTrans, blas.Trans, 1, matrix(x, n, l.in), matrix(l.weights(), l.out, l.in), beta, matrix(y, n, l.out))
}

// backward sets the gradients of the parameters from dy = dL/dy and, where
// dx is not nil, dx = dL/dx.
func (l *linear) backward(x, dy, dx []float32, n int) {
	g := matrix(dy, n, l.out)
	gw := l.w.g
	if l.q != nil {
		gw = l.q.gwq
	}
	blas32.Gemm(blas.Trans, blas.NoTrans, 1, g, matrix(x, n, l.in), 0, matrix(gw, l.out, l.in))
	if l.q != nil {
		l.q.backward.run()
	}
	if len(l.b.v) > 0 {
		clear(l.b.g)
		for i := 0; i < n; i++ {
			for c, v := range dy[i*l.out : (i+1)*l.out] {
				l.b.g[c] += v
			}
		}
	}
	if dx != nil {
		blas32.Gemm(blas.NoTrans, blas.NoTrans, 1, g, matrix(l.weights(), l.out, l.in), 0, matrix(dx, n, l.in))
	}
}

func (l *linear) params() []param {
	p := []param{l.w}
	if len(l.b.v) > 0 {
		p = append(p, l.b)
	}
	if l.q != nil {
		p = append(p, l.q.d)
		if l.q.constrained() {
			p = append(p, l.q.t)
		}
	}
	return p
}

func matrix(data []float32, rows, cols int) blas32.General {
	return blas32.General{Rows: rows, Cols: cols, Stride: cols, Data: data[:rows*cols]}
}

// weightQuant quantises the weights of a linear layer, seen as rows x k: one
// scale a row. A single row makes the scale per tensor.
type weightQuant struct {
	z       quant.Quantizer
	rows, k int
	d, t    param     // log2 of the scales and of the norms g, one a row; base has no t
	wq, gwq []float32 // s*q and the gradient to it

	// forward sets wq from the weights, backward the gradients of weights, d
	// and t from gwq.
	forward, backward *pair
}

// constrained reports whether q has an accumulator target, and so a t.
func (q *weightQuant) constrained() bool { return q.z.Method != quant.Base }

// quantise puts l under z, starting from l's float weights (MATH 4).
func (l *linear) quantise(z quant.Quantizer, rows int) {
	k := len(l.w.v) / rows
	v, d, t := z.Init(l.w.v, rows, k)
	l.w = param{v: v, g: make([]float32, len(v)), decay: true}
	l.q = &weightQuant{
		z: z, rows: rows, k: k,
		d:  param{v: d, g: make([]float32, rows)},
		wq: make([]float32, len(v)), gwq: make([]float32, len(v)),
	}
	if l.q.constrained() {
		l.q.t = param{v: t, g: make([]float32, rows)}
	}
	l.q.forward = newPair(len(v), func(half int) { l.q.forwardHalf(l.w, half) })
	l.q.backward = newPair(len(v), func(half int) { l.q.backwardHalf(l.w, half) })
}

func (q *weightQuant) forwardHalf(w param, half int) {
	lo, hi := bounds(half, q.rows)
	from, to := lo*q.k, hi*q.k
	q.z.Forward(w.v[from:to], hi-lo, q.k, q.d.v[lo:hi], cut(q.t.v, lo, hi), q.wq[from:to], nil)
}

func (q *weightQuant) backwardHalf(w param, half int) {
	lo, hi := bounds(half, q.rows)
	from, to := lo*q.k, hi*q.k
	q.z.Backward(w.v[from:to], hi-lo, q.k, q.d.v[lo:hi], cut(q.t.v, lo, hi),
		q.gwq[from:to], w.g[from:to], q.d.g[lo:hi], cut(q.t.g, lo, hi))
}

// regularise adds the gradient of lambda * sum max(g - T, 0) and returns it.
func (q *weightQuant) regularise(lambda float64) float64 {
	if !q.constrained() || lambda == 0 {
		return 0
	}
	return lambda * q.z.Regularizer(q.rows, q.d.v, q.t.v, lambda, q.d.g, q.t.g)
}

// scales returns the weight scale 2^d of each row: one a channel, or one.
func (q *weightQuant) scales() []float32 {
	s := make([]float32, q.rows)
	for r, d := range q.d.v {
		s[r] = quant.Scale(d)
	}
	return s
}
