package quant

import "math"

// Backward computes the straight-through gradients of a loss L: from grad =
// dL/d(s*q) (rows x k) at the parameters v, d, t of Forward, it overwrites
// gradV (rows x k), gradD and gradT (rows each; methods without norms take nil
// for t and gradT, or set gradT to 0). It does not allocate. Slices must not
// overlap.
//
// Rounding and truncation count as the identity, clipping stops the gradient:
// with G = grad, zero where clipped, u = w/s and n1 = norm1(c),
//
//	dL/dc = min(g,T)/n1 * (G - (sum_i G_i c_i / n1) * sign(c))
//	dL/dv = dL/dc - mean(dL/dc)                        a2q+; dL/dc for a2q
//	dL/dt = ln2 * g/n1 * sum_i G_i c_i                 0 where g > T
//	dL/dd = ln2 * s * sum_i grad_i * (q_i - u_i)       u_i = 0 where clipped, or g > T
//
// (MATH 3, equal to the reference implementations). Where g > T, w follows s,
// so that u is independent of d. For Base, w = v: dL/dv = G, and dL/dd is the
// third line as it stands (derived: s*q = s*clip(v/s + r), r constant).
//
// For WN it is as for a2q. For Budget, w = v as for Base: dL/dv = G, also for
// weights that the budget left at 0, which could not come back otherwise. A
// weight is clipped if it would have got a further unit but for the clipping. Under Bare
// a row that the allowance takes units from has u_i = 0 in dL/dd, as where g > T: its
// integers are about as large as the allowance whatever the scale is, so that w follows
// s. The line as it stands would count what was taken as if it were still there; the
// batch norm behind other layers undoes a wrong scale.
//
// For DQ gradV is dL/d(s*q) = G, what Advance's moves go against, of clipped weights too,
// and u_i = 0 in dL/dd: integers that are parameters themselves do not follow s, so that
// ln2*s * sum_i grad_i*q_i is the gradient, not an estimate.
func (z Quantizer) Backward(v []float32, rows, k int, d, t, grad, gradV, gradD, gradT []float32) {
	z.checkGradients(v, rows, k, d, t, grad, gradV, gradD, gradT)
	p := z.policy()
	p.work = workspaces.Get().(*workspace)
	defer workspaces.Put(p.work)
	for r := range rows {
		q := gradV[r*k : (r+1)*k] // for now
		st := p.quantize(v[r*k:(r+1)*k], d[r], at(t, r), q)
		for i, n := range q {
			q[i] = float32(float64(n) * st.s)
		}
		p.backward(v[r*k:(r+1)*k], st, grad[r*k:(r+1)*k], q, gradD, gradT, r)
	}
}

// BackwardFrom is Backward for a caller that still has the wq (rows x k) that
// Forward made of the same v, d and t: it spares quantising again.
func (z Quantizer) BackwardFrom(wq, v []float32, rows, k int, d, t, grad, gradV, gradD, gradT []float32) {
	z.checkGradients(v, rows, k, d, t, grad, gradV, gradD, gradT)
	z.checkMatrix("BackwardFrom", rows, k, wq)
	p := z.policy()
	for r := range rows {
		v, q := v[r*k:(r+1)*k], gradV[r*k:(r+1)*k]
		st := rowState{s: float64(Scale(d[r]))}
		if z.HasNorm() {
			st = p.normalize(v, d[r], at(t, r))
		}
		copy(q, wq[r*k:(r+1)*k])
		p.backward(v, st, grad[r*k:(r+1)*k], q, gradD, gradT, r)
	}
}

// checkGradients panics on a wrong slice length.
func (z Quantizer) checkGradients(v []float32, rows, k int, d, t, grad, gradV, gradD, gradT []float32) {
	z.checkMatrix("Backward", rows, k, v, grad, gradV)
	z.checkRows("Backward", rows, d, t)
	z.checkRows("Backward", rows, gradD, gradT)
}

// backward turns the s*q of row r into dL/dv in place and sets the row's other
// gradients.
func (p *policy) backward(v []float32, st rowState, grad, wq, gradD, gradT []float32, r int) {
	var dd, dt float64
	switch p.method {
	case Base, Budget:
		dd = p.plainGradient(v, st.s, grad, wq)
	case DQ:
		for i, g := range grad {
			dd += float64(g) * float64(wq[i])
		}
		dd *= math.Ln2
		copy(wq, grad)
	default:
		dd, dt = p.gradient(v, st, grad, wq)
	}
	gradD[r] = float32(dd)
	if len(gradT) > 0 {
		gradT[r] = float32(dt)
	}
}

// gradient turns s*q into dL/dv in place and returns dL/dd and dL/dt of a row
// of a method with norms.
func (p *policy) gradient(v []float32, st rowState, grad, wq []float32) (dd, dt float64) {
	if st.gain == 0 { // no direction, or no budget: q is 0 all around v
		clear(wq)
		return 0, 0
	}
	m := p.moments(v, st, grad, wq)
	slope := st.gain * st.s // min(g,T)/n1
	if !st.limited {
		dt = math.Ln2 * st.g / st.norm * m.gc
		m.dd -= slope * m.gc // sum of G*w
	}
	turn := m.gc / st.norm
	centre := 0.0
	if p.method == A2QPlus {
		centre = (m.g - turn*float64(m.signs)) / float64(len(v))
	}
	pull := [2]float64{-slope * (centre + turn), -slope * (centre - turn)} // by sign of c
	edge := p.edge(st)
	grad, wq = grad[:len(v)], wq[:len(v)]
	for i, x := range v {
		c, g := float64(x)-st.mean+0, slope*float64(grad[i]) // +0: a -0 becomes 0
		if math.Abs(c) > edge {
			g = 0
		}
		g += pull[math.Float64bits(c)>>63]
		if c == 0 {
			g += slope * turn
		}
		wq[i] = float32(g)
	}
	return math.Ln2 * m.dd, dt
}

// rowMoments are the sums over a row that its gradients need.
type rowMoments struct {
	gc    float64 // of G*c
	g     float64 // of G
	dd    float64 // of grad*s*q, clipped or not
	signs int     // of sign(c)
}

func (p *policy) moments(v []float32, st rowState, grad, wq []float32) rowMoments {
	mean, edge := st.mean, p.edge(st)
	var gc, g, dd float64
	negative, zero := 0, 0
	grad, wq = grad[:len(v)], wq[:len(v)]
	for i, x := range v {
		c, a := float64(x)-mean+0, float64(grad[i]) // +0: a -0 becomes 0
		dd += a * float64(wq[i])
		negative += int(math.Float64bits(c) >> 63) // signs are random: no branch on them
		if c == 0 {
			zero++
		}
		if math.Abs(c) > edge {
			continue
		}
		gc += a * c
		g += a
	}
	return rowMoments{gc, g, dd, len(v) - zero - 2*negative}
}

// edge returns the |c| from which c*gain is clipped, one unit beyond the range
// if it is truncated, half a unit if rounded: it must be exceeded. Comparing c
// instead of u keeps a multiplication out of the loops.
func (p *policy) edge(st rowState) float64 {
	beyond := 1.0
	if p.method == WN {
		beyond = 0.5
	}
	return math.Nextafter((p.clip+beyond)/st.gain, 0)
}
