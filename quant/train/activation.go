package train

import (
	"math"
	"slices"
)

// roundMagic rounds a float32 below 2^22 in size to an integer, half to even,
// when it is added and subtracted: 1.5*2^23 leaves no fraction bits.
const roundMagic = 12582912

// activation is ReLU in the float phase and, under QAT, ReLU with an unsigned
// quantiser of N bits and one learned scale s = 2^e:
//
//	y = s * clip(round(z/s), 0, 2^N-1), ties to even.
//
// Gradients are straight through [LSQ, arXiv 1902.08153, eq. 2-3]; with
// u = z/s and m = 2^N-1,
//
//	dL/dz = G where 0 < u < m, else 0
//	dL/ds = sum G * (round(u) - u where 0 < u < m; m where u >= m; else 0)
//	dL/de = ln2 * s * dL/ds.
//
// LSQ divides dL/ds by sqrt(values*m) to suit SGD; here r = 1/sqrt(f*m), f
// the features, multiplies dL/de (Adam does not see a constant factor).
type activation struct {
	// m is the largest code, 2^N-1, or 0 for plain ReLU.
	m float32
	r float32
	e param
}

// quantise makes a an N-bit quantiser with f features whose largest value is
// top to begin with.
func (a *activation) quantise(bits, f int, top float32) {
	a.m = float32(int(1)<<bits - 1)
	a.r = float32(1 / math.Sqrt(float64(f)*float64(a.m)))
	a.e = newParam(1)
	a.e.v[0] = float32(math.Log2(float64(max(top, 1e-6) / a.m)))
}

// scale returns s.
func (a *activation) scale() float32 { return float32(math.Exp2(float64(a.e.v[0]))) }

func (a *activation) forward(z, y []float32) {
	y = y[:len(z)]
	if a.m == 0 {
		for i, v := range z {
			y[i] = max(v, 0)
		}
		return
	}
	s, m := a.scale(), a.m
	for i, v := range z {
		u := min(max(v/s, 0), m)
		y[i] = s * ((u + roundMagic) - roundMagic)
	}
}

// backward turns g = dL/dy into dL/dz in place.
func (a *activation) backward(z, g []float32) {
	g = g[:len(z)]
	if a.m == 0 {
		for i, v := range z {
			if v <= 0 {
				g[i] = 0
			}
		}
		return
	}
	s, m := a.scale(), a.m
	var ds float32
	for i, v := range z {
		u := v / s
		switch {
		case u <= 0:
			g[i] = 0
		case u >= m:
			ds += g[i] * m
			g[i] = 0
		default:
			ds += g[i] * (((u + roundMagic) - roundMagic) - u)
		}
	}
	a.e.g[0] = float32(math.Ln2) * s * ds * a.r
}

func (a *activation) params() []param {
	if a.m == 0 {
		return nil
	}
	return []param{a.e}
}

// percentile returns the value below which the fraction p of v lies; it
// sorts v.
func percentile(v []float32, p float64) float32 {
	if len(v) == 0 {
		panic("train: percentile of nothing")
	}
	slices.Sort(v)
	return v[min(int(p*float64(len(v))), len(v)-1)]
}
