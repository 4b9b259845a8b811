package train

import (
	"math"
	"math/rand/v2"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
)

// param is one learned tensor and the gradient of the loss to it.
type param struct {
	v, g []float32
	// decay says that weight decay pulls on it: on the weights of linear and
	// convolutional layers only, never on d, t, activation scales, batch norm or
	// biases (MATH 3).
	decay bool
}

// newParam returns n zeros with their gradient.
func newParam(n int) param { return param{v: make([]float32, n), g: make([]float32, n)} }

// weights is the weight matrix of a layer, out x k, and its bias. Two
// goroutines may add up its gradient, each from its samples.
type weights struct {
	// out counts the rows, channels those that the output has: fewer where a channel has a
	// row for each of several phases, one after the other.
	out, k, channels int
	// w is the matrix in the float phase; under a quantiser it is v of MATH 3.
	w param
	// b is empty where batch norm follows: it would take the bias out again.
	b param
	q *weightQuant // nil in the float phase

	part     [2][]float32 // gradient to the matrix, from each goroutine's samples
	biasPart [2][]float32
	begun    [2]bool // part has been written in this pass
}

// newWeights draws weights and biases from U(-1/sqrt(k), 1/sqrt(k)). That is
// PyTorch's default for linear layers and convolutions (Kaiming uniform with a =
// sqrt(5)).
func newWeights(out, k, channels int, bias bool, rng *rand.Rand) *weights {
	l := &weights{out: out, k: k, channels: channels, w: newParam(out * k)}
	l.w.decay = true
	if bias {
		l.b = newParam(channels)
	}
	bound := 1 / math.Sqrt(float64(k))
	for _, p := range []param{l.w, l.b} {
		for i := range p.v {
			p.v[i] = float32((2*rng.Float64() - 1) * bound)
		}
	}
	for half := range l.part {
		l.part[half] = make([]float32, out*k)
		l.biasPart[half] = make([]float32, len(l.b.v))
	}
	return l
}

// matrix returns what multiplies the inputs, out x k.
func (l *weights) matrix() []float32 {
	if l.q == nil {
		return l.w.v
	}
	return l.q.wq
}

// addPrepare adds to s what requantises the weights. The float phase multiplies by
// the matrix itself: nothing is added then.
func (l *weights) addPrepare(s *schedule) {
	if l.q != nil {
		s.both(len(l.w.v), l.requantiseHalf)
	}
}

func (l *weights) parameters() *weights { return l }

// derive does nothing: a plain product needs the matrix and nothing else.
func (l *weights) derive() {}

func (l *weights) multiplier() nn.Weights[float32] {
	return nn.Weights[float32]{Matrix: l.matrix(), Bias: l.b.v}
}

// gradient returns where a goroutine adds up the gradient, out x k, and the factor
// of what is there already: 0 in its first call of a pass. So a part need not be
// cleared before.
func (l *weights) gradient(half int) (part []float32, beta float32) {
	if l.begun[half] {
		beta = 1
	}
	l.begun[half] = true
	return l.part[half], beta
}

// addBias adds the columns of dy (rows x channels) to the bias's gradient. It must
// go before gradient in the same call.
func (l *weights) addBias(dy []float32, half int) {
	part := l.biasPart[half]
	if len(part) == 0 {
		return
	}
	if !l.begun[half] {
		clear(part)
	}
	for ; len(dy) > 0; dy = dy[l.channels:] {
		for c, v := range dy[:l.channels] {
			part[c] += v
		}
	}
}

// complete ends the samples of a backward pass: a goroutine that had none gets
// its part of the gradient, 0.
func (l *weights) complete() {
	for half, begun := range l.begun {
		if !begun {
			clear(l.part[half])
			clear(l.biasPart[half])
		}
	}
	l.begun = [2]bool{}
	for c := range l.b.g {
		l.b.g[c] = l.biasPart[0][c] + l.biasPart[1][c]
	}
}

// addJoin adds to s what adds the parts and takes them through the quantiser.
func (l *weights) addJoin(s *schedule) { s.both(len(l.w.v), l.joinHalf) }

// joinHalf sets the gradients of half of the quantiser's rows.
func (l *weights) joinHalf(half int) {
	rows := l.out
	lo, hi := bounds(half, rows)
	if l.q != nil {
		rows = l.q.rows
		lo, hi = l.q.bounds(half)
	}
	lo, hi = lo*len(l.w.v)/rows, hi*len(l.w.v)/rows
	a, b := l.part[0][lo:hi], l.part[1][lo:hi]
	if l.q == nil {
		sumInto(l.w.g[lo:hi], a, b)
		return
	}
	// The sum goes in place of the first part: it is the gradient to s*q, from
	// which the quantiser's backward makes those of v, d and t.
	sumInto(a, a, b)
	l.q.backwardHalf(l.w, l.part[0], half)
}

// sumInto is dst = a + b.
func sumInto(dst, a, b []float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = a[i] + b[i]
	}
}

// params returns the learned tensors in a fixed order: v (or the matrix), the bias,
// d and t.
func (l *weights) params() []param {
	p := []param{l.w}
	if len(l.b.v) > 0 {
		p = append(p, l.b)
	}
	if l.q != nil {
		p = append(p, l.q.d)
		if l.q.z.HasNorm() {
			p = append(p, l.q.t)
		}
	}
	return p
}

// weightQuant quantises a weight matrix, seen as rows x k. A scale belongs to a row or to
// as many rows one after the other as there are of them per scale: the phases of a channel,
// or all rows where there is one scale. Base knows nothing but scales: to it rows that share
// one are one row. Budgets and norms are each row's whatever the scales are.
type weightQuant struct {
	z       quant.Quantizer
	rows, k int
	d, t    param     // log2 of the scales and of the norms g; t, per row, where the method has it
	wq      []float32 // s*q
	spread  param     // d of each row where some share one
}

// quantise puts l under z with so many scales, a divisor of out, starting from l's float
// weights (MATH 4).
func (l *weights) quantise(z quant.Quantizer, scales int) {
	q := &weightQuant{z: z, rows: scales, wq: make([]float32, len(l.w.v))}
	if z.Method != quant.Base {
		q.rows = l.out
	}
	q.k = len(l.w.v) / q.rows
	v, d, t := q.start(l.w.v, scales)
	l.w = param{v: v, g: make([]float32, len(v)), decay: true}
	q.d = param{v: d, g: make([]float32, scales)}
	if z.HasNorm() {
		q.t = param{v: t, g: make([]float32, q.rows)}
	}
	if scales != q.rows {
		q.spread = newParam(q.rows)
	}
	l.q = q
}

// start returns the parameters with which training starts from float weights.
func (q *weightQuant) start(float []float32, scales int) (v, d, t []float32) {
	if scales == q.rows {
		return q.z.Init(float, q.rows, q.k)
	}
	each := q.rows / scales // rows of a scale
	for lo := 0; lo < q.rows; lo += each {
		rows, scale, norms := q.z.InitShared(float[lo*q.k:(lo+each)*q.k], each, q.k)
		v, d, t = append(v, rows...), append(d, scale), append(t, norms...)
	}
	return v, d, t
}

// bounds returns the rows of a half: those of a scale together, whose gradient is a sum
// over them. A single scale's are all in one half.
func (q *weightQuant) bounds(half int) (lo, hi int) {
	if scales := len(q.d.v); scales > 1 {
		lo, hi = bounds(half, scales)
		return lo * q.rows / scales, hi * q.rows / scales
	}
	if len(q.spread.v) > 0 {
		return half * q.rows, q.rows
	}
	return bounds(half, q.rows)
}

// scale returns d of rows lo to hi, and their gradient's place.
func (q *weightQuant) scale(lo, hi int) param {
	if len(q.spread.v) == 0 {
		return param{v: q.d.v[lo:hi], g: q.d.g[lo:hi]}
	}
	for r := lo; r < hi; r++ {
		q.spread.v[r] = q.d.v[q.scaleOf(r)]
	}
	return param{v: q.spread.v[lo:hi], g: q.spread.g[lo:hi]}
}

// requantise starts again from float weights under another quantiser of the same
// method. The parameters stay the same slices, which optimiser and schedule hold.
func (l *weights) requantise(float []float32, z quant.Quantizer) {
	l.q.z = z
	v, d, t := l.q.start(float, len(l.q.d.v))
	copy(l.w.v, v)
	copy(l.q.d.v, d)
	copy(l.q.t.v, t)
}

// requantiseHalf sets s*q of half of the rows.
func (l *weights) requantiseHalf(half int) {
	q := l.q
	lo, hi := q.bounds(half)
	from, to := lo*q.k, hi*q.k
	q.z.Forward(l.w.v[from:to], hi-lo, q.k, q.scale(lo, hi).v, cut(q.t.v, lo, hi), q.wq[from:to], nil)
}

// backwardHalf sets the gradients of weights, d and t of half of the rows from
// g, the gradient to s*q.
func (q *weightQuant) backwardHalf(w param, g []float32, half int) {
	lo, hi := q.bounds(half)
	from, to := lo*q.k, hi*q.k
	d := q.scale(lo, hi)
	q.z.BackwardFrom(q.wq[from:to], w.v[from:to], hi-lo, q.k, d.v, cut(q.t.v, lo, hi),
		g[from:to], w.g[from:to], d.g, cut(q.t.g, lo, hi))
	if len(q.spread.v) > 0 {
		q.gather(lo, hi)
	}
}

// scaleOf returns which scale row r has.
func (q *weightQuant) scaleOf(r int) int { return r * len(q.d.v) / q.rows }

// gather sets the gradients of the scales of rows lo to hi to the sums over their rows.
func (q *weightQuant) gather(lo, hi int) {
	for r := lo; r < hi; r++ {
		if at := q.scaleOf(r); r == lo || at != q.scaleOf(r-1) {
			q.d.g[at] = q.spread.g[r]
		} else {
			q.d.g[at] += q.spread.g[r]
		}
	}
}

// regularise adds the gradient of lambda * sum max(g - T, 0) and returns it. T is
// the norm's limit (MATH 3): a penalty on what the bound would cut off.
func (q *weightQuant) regularise(lambda float64) float64 {
	if !q.z.HasNorm() || lambda == 0 {
		return 0
	}
	if len(q.spread.v) == 0 {
		return lambda * q.z.Regularizer(q.rows, q.d.v, q.t.v, lambda, q.d.g, q.t.g)
	}
	d := q.scale(0, q.rows)
	clear(d.g)
	sum := q.z.Regularizer(q.rows, d.v, q.t.v, lambda, d.g, q.t.g)
	for r, g := range d.g {
		q.d.g[q.scaleOf(r)] += g
	}
	return lambda * sum
}

// scales returns the weight scale 2^d of each row: one per channel, or one.
func (q *weightQuant) scales() []float32 {
	s := make([]float32, len(q.d.v))
	for r, d := range q.d.v {
		s[r] = quant.Scale(d)
	}
	return s
}
