package quant

import "math"

// budgetGradient turns s*q into dL/dv in place and returns dL/dd, where s*q is
// s times the projection of v/s:
//
//	dL/dv_i = G_i                                   0 where clipped
//	dL/dd   = ln2 * sum_i grad_i * (s*q_i - v_i)    s*q_i alone where clipped
//
// The straight-through estimate of MATH 8: the projection counts as adding a
// constant. Clipped are the weights at the end of the range whose next unit, if
// there were one, would have a larger gain (budget_row.go) than every unit that
// was not taken: with theta the threshold of the row, those of |v|/s - theta
// above clip + 1/2.
func (p *policy) budgetGradient(v []float32, s float64, grad, wq []float32) float64 {
	half := float32(s / 2)
	end := float32((p.clip - 0.5) * s)
	next := [2]float32{half, half} // largest |v| - |wq| of what may still grow, by sign
	sum, clipped := 0.0, false
	for i, x := range v {
		sum += float64(grad[i]) * (float64(wq[i]) - float64(x))
		rest, m := magnitude(x), magnitude(wq[i])
		rest -= m
		if m > end {
			clipped = clipped || rest > half
			continue
		}
		side := math.Float32bits(x) >> 31
		next[side] = max(next[side], rest)
	}
	if p.allowance.Shared {
		next[0] = max(next[0], next[1])
		next[1] = next[0]
	}
	if !clipped {
		copy(wq, grad)
		return math.Ln2 * sum
	}
	for i, x := range v {
		g := grad[i]
		m := magnitude(wq[i])
		if m > end && magnitude(x)-m > next[math.Float32bits(x)>>31] {
			sum += float64(g) * float64(x)
			g = 0
		}
		wq[i] = g
	}
	return math.Ln2 * sum
}

// magnitude returns |x|.
func magnitude(x float32) float32 {
	return math.Float32frombits(math.Float32bits(x) &^ (1 << 31))
}
