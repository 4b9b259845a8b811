package quant

import "math"

// scaleSteps is how many scales fitScales tries an octave.
const scaleSteps = 8

// fitScales replaces d of each group of as many rows, log2 of max|w|/clip, by the
// scale at which their projections are nearest to w. The grid goes from half of that scale, where the
// weights of the upper half of the range are clipped, to twice max|w|, where
// the last weight rounds to 0: budgets of a few units want scales near max|w|.
func (p *policy) fitScales(w []float32, rows, k int, d []float32) {
	q := make([]float32, k)
	p.work = new(workspace)
	last := int(math.Ceil(scaleSteps * (math.Log2(p.clip) + 1)))
	group := rows / len(d) * k
	for g, start := range d {
		rows := w[g*group : (g+1)*group]
		least := math.Inf(1)
		for step := -scaleSteps; step <= last; step++ {
			try := start + float32(step)/scaleSteps
			if e := p.errorAt(rows, float64(Scale(try)), q); e < least {
				least, d[g] = e, try
			}
		}
		if least == scaledError(rows, nil, 0) { // all scales give 0
			d[g] = start
		}
	}
}

// errorAt returns the squared distance of rows as long as q from their projections at
// scale s. It overwrites q.
func (p *policy) errorAt(rows []float32, s float64, q []float32) (sum float64) {
	for ; len(rows) > 0; rows = rows[len(q):] {
		p.allot(rows[:len(q)], 1/s, q)
		sum += scaledError(rows[:len(q)], q, s)
	}
	return sum
}

// scaledError returns the squared distance of s*q from w; a nil q is 0.
func scaledError(w, q []float32, s float64) float64 {
	sum := 0.0
	for i, x := range w {
		e := float64(x)
		if q != nil {
			e -= s * float64(q[i])
		}
		sum += e * e
	}
	return sum
}
