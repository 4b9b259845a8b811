package quant

import (
	"fmt"
	"math"
	"slices"
)

// Init returns the parameters with which quantised training starts from the
// float weights w (rows x k, row-major): v (rows x k), d and t (rows each; t
// is nil unless HasNorm). The scale puts each row's largest weight on the
// largest integer. For wn, a2q and a2q+, v is w projected on the l1 ball of
// radius T, and g its norm: EP-init (arXiv 2401.10432), the error-optimal start
// within the budget. For budget, v is w, and the scale the one of a grid with
// the least error of the projected row; for dq, v is its integers at that scale. w stays as
// it is.
func (z Quantizer) Init(w []float32, rows, k int) (v, d, t []float32) {
	z.checkMatrix("Init", rows, k, w)
	p := z.policy()
	v = append(v, w...)
	d = initScales(w, rows, k, p.clip)
	if z.Method.Ruled() {
		p.fitScales(w, rows, k, d)
	}
	if z.Method == DQ {
		p.assign(v, rows, d)
	}
	if !z.HasNorm() {
		return v, d, nil
	}
	return v, d, p.projectRows(v, rows, k, d)
}

// InitShared is Init with one scale, 2^d, for all rows: under Budget that of a grid with
// the least error of all projected rows together. Outputs that are compared with one
// another keep their order under it, and so do the phases of a transposed convolution, which
// become positions of one channel. Panics under Base, to which rows of one scale are one row.
func (z Quantizer) InitShared(w []float32, rows, k int) (v []float32, d float32, t []float32) {
	z.checkMatrix("InitShared", rows, k, w)
	if z.Method == Base {
		panic(fmt.Sprintf("quant: InitShared under %s", z.Method))
	}
	p := z.policy()
	shared := initScales(w, 1, rows*k, p.clip)
	v = append(v, w...)
	if z.HasNorm() {
		return v, shared[0], p.projectRows(v, rows, k, slices.Repeat(shared, rows))
	}
	p.fitScales(w, rows, k, shared)
	if z.Method == DQ {
		p.assign(v, rows, shared)
	}
	return v, shared[0], nil
}

// assign replaces so many rows of v by their integers at the scales d, each of as many rows.
func (p *policy) assign(v []float32, rows int, d []float32) {
	k := len(v) / max(rows, 1)
	for r := range rows {
		row := v[r*k : (r+1)*k]
		q := make([]float32, k)
		p.allot(row, 1/float64(Scale(d[r*len(d)/rows])), q)
		copy(row, q)
	}
}

// projectRows projects each row of v on its ball and returns their norms: see project.
func (p *policy) projectRows(v []float32, rows, k int, d []float32) []float32 {
	t := make([]float32, rows)
	for r := range rows {
		t[r] = p.project(v[r*k:(r+1)*k], float64(Scale(d[r])))
	}
	return t
}

// initScales returns d of each row: s = max|w| / clip. A row of zeros takes
// the largest scale of all, so that it can grow like the others.
func initScales(w []float32, rows, k int, clip float64) []float32 {
	d := make([]float32, rows)
	widest := 0.0
	peak := make([]float64, rows)
	for r := range rows {
		for _, x := range w[r*k : (r+1)*k] {
			peak[r] = max(peak[r], math.Abs(float64(x)))
		}
		widest = max(widest, peak[r])
	}
	if widest == 0 {
		widest = clip
	}
	for r, m := range peak {
		if m == 0 {
			m = widest
		}
		d[r] = float32(math.Log2(m / clip))
	}
	return d
}

// project projects a row on its ball and returns t = log2 of the norm left,
// never above T. A norm of 0 has no logarithm: t then stands for a norm that
// truncates to nothing but can still grow.
func (p *policy) project(v []float32, s float64) float32 {
	const least = 1.0 / 16 // of a unit
	w := make([]float64, len(v))
	for i, x := range v {
		w[i] = float64(x)
	}
	limit := p.budget * s
	ProjectL1(w, limit)
	norm := 0.0
	for i, x := range w {
		v[i] = float32(x)
		norm += math.Abs(x)
	}
	t := float32(math.Log2(max(min(norm, limit), least*s)))
	for limit > least*s && math.Exp2(float64(t)) > limit {
		t = math.Nextafter32(t, float32(math.Inf(-1)))
	}
	return t
}
