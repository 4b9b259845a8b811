package quant

import "math"

// plainGradient is the gradient of the methods without a norm: it turns s*q
// into dL/dv in place and returns dL/dd, where s*q is s times the integers
// nearest to v/s, under a budget or not:
//
//	dL/dv_i = G_i                                   0 where clipped
//	dL/dd   = ln2 * sum_i grad_i * (s*q_i - v_i)    s*q_i alone where clipped
//	                                                or the row is bare and limited
//
// The straight-through estimate of MATH 3 and 8: rounding and projection count
// as adding a constant.
func (p *policy) plainGradient(v []float32, s float64, grad, wq []float32) float64 {
	sum, peak := slopes(v, grad, wq)
	if p.bare && p.limited(v, wq, s) {
		sum = 0
		for i, g := range grad {
			sum += float64(g) * float64(wq[i])
		}
		p.stop(v, s, grad, wq, peak)
		return math.Ln2 * sum
	}
	return math.Ln2 * (sum + p.stop(v, s, grad, wq, peak))
}

// limited says whether the allowance has taken units from a row: more is missing of a
// weight within the range than rounding takes, which is half a unit and a step of the grid.
func (p *policy) limited(v []float32, wq []float32, s float64) bool {
	const most = 0.5 + 1.0/1024
	end, miss := float32((p.clip-0.5)*s), float32(most*s)
	for i, x := range wq {
		if m := magnitude(x); m < end && magnitude(v[i])-m > miss {
			return true
		}
	}
	return false
}

// stop overwrites wq, which is s*q, with grad, 0 where clipped, and returns the sum of
// grad*v over the clipped. peak is the largest |v|.
func (p *policy) stop(v []float32, s float64, grad, wq []float32, peak float32) float64 {
	switch {
	case float64(peak) < (p.clip+0.5)*s:
		copy(wq, grad)
		return 0
	case p.method == Base:
		return p.stopRounded(v, float32(s), grad, wq)
	case p.allowance.Lanes > 0:
		return p.stopBanked(v, s, grad, wq)
	}
	return p.stopProjected(v, s, grad, wq)
}

// slopes returns the sum of grad*(wq-v), in four lanes, and the largest |v|.
func slopes(v, grad, wq []float32) (sum float64, peak float32) {
	const size = math.MaxUint32 >> 1
	var a, b, c, d float64
	top := uint32(0)
	for len(v) >= 4 && len(grad) >= 4 && len(wq) >= 4 {
		a += float64(grad[0]) * float64(wq[0]-v[0])
		b += float64(grad[1]) * float64(wq[1]-v[1])
		c += float64(grad[2]) * float64(wq[2]-v[2])
		d += float64(grad[3]) * float64(wq[3]-v[3])
		top = max(top, math.Float32bits(v[0])&size, math.Float32bits(v[1])&size,
			math.Float32bits(v[2])&size, math.Float32bits(v[3])&size)
		v, grad, wq = v[4:], grad[4:], wq[4:]
	}
	for i, x := range v {
		a += float64(grad[i]) * float64(wq[i]-x)
		top = max(top, math.Float32bits(x)&size)
	}
	return (a + b) + (c + d), math.Float32frombits(top)
}

// stopRounded overwrites wq with grad, 0 where rounding was clipped, and
// returns the sum of grad*v over the clipped. They are those from clip+1/2 on:
// clip is odd, so that the half rounds up.
func (p *policy) stopRounded(v []float32, s float32, grad, wq []float32) (sum float64) {
	copy(wq, grad)
	edge := float32(p.clip + 0.5)
	near := edge * s * (1 - 0x1p-20) // spares most divisions
	for i, x := range v {
		if m := magnitude(x); m >= near && m/s >= edge {
			sum += float64(grad[i]) * float64(x)
			wq[i] = 0
		}
	}
	return sum
}

// stopProjected is stopRounded for a projected row. Clipped are the weights at
// the end of the range whose next unit, if there were one, would have a larger
// gain (budget_row.go) than every unit that was not taken: with theta the
// threshold of the row, those of |v|/s - theta above clip + 1/2.
func (p *policy) stopProjected(v []float32, s float64, grad, wq []float32) (sum float64) {
	end := float32((p.clip - 0.5) * s)
	half := float32(s / 2)
	next := [2]float32{half, half} // largest |v| - |s*q| of what may still grow, by side
	signs := p.signs()
	for i, x := range v {
		if m := magnitude(wq[i]); m < end {
			side := math.Float32bits(x) >> 31 & signs
			next[side] = max(next[side], magnitude(x)-m)
		}
	}
	for i, x := range v {
		g, m := grad[i], magnitude(wq[i])
		if m > end && magnitude(x)-m > next[math.Float32bits(x)>>31&signs] {
			sum += float64(g) * float64(x)
			g = 0
		}
		wq[i] = g
	}
	return sum
}

// magnitude returns |x|.
func magnitude(x float32) float32 {
	return math.Float32frombits(math.Float32bits(x) &^ (1 << 31))
}
