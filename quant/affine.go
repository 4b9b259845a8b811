package quant

import "math"

// Affine returns what integers of the input stand for: q for scale*(q-zero), so that q is
// round(v/scale + zero) of a value v. ok is false where the integers are not evenly spaced,
// elements differ, or there are too few integers to tell (two).
//
// The quantiser is a function; its steps are found by bisection (derived: the ends of the
// lowest and the highest whole step are max-min-1 steps apart) and tried on every element.
func (q *InputQuantizer) Affine() (scale, zero float64, ok bool) {
	lo, hi := q.Type.Min(), q.Type.Max()
	if q.Quantize == nil || hi-lo < 2 || q.Type.Bipolar {
		return 0, 0, false
	}
	first, ok1 := q.step(lo + 1)
	last, ok2 := q.step(hi)
	scale = (last - first) / float64(hi-lo-1)
	if !ok1 || !ok2 || !(scale > 0) {
		return 0, 0, false
	}
	zero = float64(lo) + 0.5 - first/scale
	if near := math.Round(zero); math.Abs(zero-near) < 1e-6 {
		zero = near // what bisection leaves
	}
	elements := len(q.Order)
	if elements == 0 {
		elements = q.Shape.Size()
	}
	for i := range elements {
		for _, n := range []int64{lo, lo + 1, (lo + hi) / 2, hi - 1, hi} {
			if v := scale * (float64(n) - zero); int64(q.Quantize(i, v)) != n {
				return 0, 0, false
			}
		}
	}
	return scale, zero, true
}

// step returns the least value whose integer, at element 0, is n or more.
func (q *InputQuantizer) step(n int64) (float64, bool) {
	reaches := func(v float64) bool { return int64(q.Quantize(0, v)) >= n }
	lo, hi := -1.0, 1.0
	for ; reaches(lo); lo *= 2 {
		if lo < -1e30 {
			return 0, false
		}
	}
	for ; !reaches(hi); hi *= 2 {
		if hi > 1e30 {
			return 0, false
		}
	}
	for range 200 { // until neighbours
		mid := lo + (hi-lo)/2
		if mid == lo || mid == hi {
			break
		}
		if reaches(mid) {
			hi = mid
		} else {
			lo = mid
		}
	}
	return hi, true
}
