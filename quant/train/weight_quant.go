package train

import "github.com/a2qgen/a2qgen/quant"

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
	move    param     // under dq: what has accumulated of each integer's next move
}

// moves says that the integers are parameters that move, not rounded weights.
func (q *weightQuant) moves() bool { return q.z.Method == quant.DQ }

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
	if q.moves() {
		q.move = param{v: make([]float32, len(v)), g: l.w.g, decay: true, held: q.wq}
	}
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
	clear(l.q.move.v)
}

// addAdvance adds to s what lets the integers of dq follow an update of their moves.
func (l *weights) addAdvance(s *schedule) {
	if l.q != nil && l.q.moves() {
		s.both(len(l.w.v), l.advanceHalf)
	}
}

// advanceHalf moves the integers of half of the rows.
func (l *weights) advanceHalf(half int) {
	q := l.q
	lo, hi := q.bounds(half)
	from, to := lo*q.k, hi*q.k
	q.z.Advance(l.w.v[from:to], q.move.v[from:to], hi-lo, q.k, q.scale(lo, hi).v)
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
