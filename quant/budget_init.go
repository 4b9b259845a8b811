package quant

import "math"

// scaleSteps is how many scales fitScales tries an octave.
const scaleSteps = 8

// fitScales replaces d of each row, log2 of max|w|/clip, by the scale whose
// projection is nearest to w. The grid goes from half of that scale, where the
// weights of the upper half of the range are clipped, to twice max|w|, where
// the last weight rounds to 0: budgets of a few units want scales near max|w|.
func (p *policy) fitScales(w []float32, rows, k int, d []float32) {
	q := make([]float32, k)
	p.work = new(workspace)
	last := int(math.Ceil(scaleSteps * (math.Log2(p.clip) + 1)))
	for r := range rows {
		row, start := w[r*k:(r+1)*k], d[r]
		least := math.Inf(1)
		for step := -scaleSteps; step <= last; step++ {
			try := start + float32(step)/scaleSteps
			s := float64(Scale(try))
			p.allot(row, 1/s, q)
			if e := scaledError(row, q, s); e < least {
				least, d[r] = e, try
			}
		}
		if least == scaledError(row, nil, 0) { // all scales give 0
			d[r] = start
		}
	}
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
