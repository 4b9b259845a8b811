package quant

import "math"

// The projection of a row on the integers of an Allowance, exact least squares:
//
//	min sum_i (u_i - q_i)^2   where |q_i| <= clip and sum |q_i| <= B
//
// (for two budgets, each sign by itself). q_i takes the sign of u_i. Raising
// |q_i| from n-1 to n lowers the objective by 2*gain, gain = |u_i| - n + 1/2,
// which falls with n. A set of at most B units is best if it consists of the
// units of largest gain, those of a gain below 0 left out; since the gains of
// a weight fall, such a set always holds the units 1..n of a weight, so that
// it is a vector q. With theta >= 0 the gain of the last unit kept:
//
//	|q_i| = min(clip, floor(max(|u_i| + 1/2 - theta, 0)))
//
// It is soft-thresholding by theta with rounding to nearest after it, theta
// such that the integers meet the budget, not the reals (MATH 4). Derived.
//
// The row is seen through a fixed-point grid, magnitudes rounded down to
// multiples of 2^-24 and those beyond 2^20 taken as 2^20: on these u the
// result is exact. theta is found without sorting: a histogram of |u| + 1/2 in
// bins of 1/res tells the budget used at every theta that is a multiple of
// 1/res; the units whose gain lies in the one bin that it must be cut in, about
// K/res of them, are gathered and the cut selected. All of it takes O(K).

const (
	gridBits = 24
	gridUnit = 1 << gridBits // 1 on the grid
	// farthest is the largest magnitude that is told apart.
	farthest = 1 << 20 * gridUnit
	// bins is the length of the histogram.
	bins = 512
)

// onGrid returns |x|*scale + 1/2 on the grid; scale counts grid steps.
func onGrid(x float32, scale float64) int64 {
	u := math.Abs(float64(x)) * scale
	if u > farthest {
		u = farthest
	}
	return int64(u) + gridUnit/2
}

// cut says how the weights of a sign are thresholded: |q| = floor(onGrid -
// theta). Of the units that theta is one step too high for, the first back are
// kept: they tie with each other.
type cut struct {
	theta int64 // grid steps
	back  int64
}

// allot writes the projection of u = v*gain, as floats, to q. A row with a NaN
// or an infinity, in v or as gain, becomes NaN.
func (p *policy) allot(v []float32, gain float64, q []float32) {
	var h [2]histogram
	scale := gain * gridUnit
	peak := p.count(v, scale, &h)
	if math.IsNaN(scale-scale) || peak >= math.Float32bits(float32(math.Inf(1))) {
		for i := range q {
			q[i] = float32(math.NaN())
		}
		return
	}
	top := onGrid(math.Float32frombits(peak), scale)
	var cuts [2]cut
	cuts[0] = p.cut(v, scale, &h[0], top, 0, q)
	cuts[1] = cuts[0]
	if !p.allowance.Shared {
		cuts[1] = p.cut(v, scale, &h[1], top, 1, q)
	}
	p.write(v, scale, cuts, q)
	if cuts[0].back > 0 || cuts[1].back > 0 {
		p.giveBack(v, scale, cuts, q)
	}
}

// side returns the budget that weights with these bits draw on: 0, or by sign.
func (p *policy) side(bits uint32) uint32 {
	if p.allowance.Shared {
		return 0
	}
	return bits >> 31
}

// count fills the histograms and returns the bits of the largest magnitude.
func (p *policy) count(v []float32, scale float64, h *[2]histogram) uint32 {
	const sign = 1 << 31
	shift, signs := p.binBits, p.side(sign)
	peak := uint32(0)
	for _, x := range v {
		b := math.Float32bits(x)
		peak = max(peak, b&^sign)
		key := uint64(onGrid(x, scale)) >> (shift & 63)
		h[b>>31&signs][min(key, bins-1)]++
	}
	return peak
}

// cut finds the cut of one side; top is the largest magnitude on the grid. It
// uses buf, as long as v.
func (p *policy) cut(v []float32, scale float64, h *histogram, top int64, side uint32, buf []float32) cut {
	clip, units := int64(p.clip), p.allowance.Units
	last, res := top>>p.binBits, int64(gridUnit)>>p.binBits
	bin, kept := h.level(min(last, bins-1), res, clip, units)
	// The last bin holds all that lies beyond it. That is right as long as it
	// is clipped anyway.
	if last >= bins-1 && bin+1+clip*res > bins-1 {
		return p.bisect(v, scale, side)
	}
	if bin < 0 {
		return cut{}
	}
	c := p.gather(v, scale, bin, side, buf)
	drop := kept - units
	edge := nth(buf[:c], int(drop)-1)
	out := int64(0)
	for _, x := range buf[:c] {
		if x <= edge {
			out++
		}
	}
	return cut{theta: bin<<p.binBits + int64(edge) + 1, back: out - drop}
}

// histogram counts weights by the bin of |u| + 1/2.
type histogram [bins]int32

// level returns the highest bin that theta must lie in or above: with theta at
// the bin's lower end more than units are kept, as many as the second result;
// one bin up no more than units. It returns -1 if all fits at theta = 0. last
// is the highest bin in use, res the bins a unit has. h is overwritten.
//
// With N(b) the number of weights in bin b or above, weights keep an n-th unit
// at theta = j/res if they lie in bin j+n*res or above, so that the units kept
// are the sum of N(j+n*res) over n = 1..clip. Going down, h[b] becomes the sum
// of N(b+n*res) over all n >= 0, and the units kept a difference of two of them.
func (h *histogram) level(last, res, clip, units int64) (bin, kept int64) {
	n := int32(0)
	for b := last; b >= res; b-- {
		n += h[b]
		all := n
		if b+res < bins {
			all += h[b+res]
		}
		h[b] = all
		if b+res*clip < bins {
			all -= h[b+res*clip]
		}
		if int64(all) > units {
			return b - res, int64(all)
		}
	}
	return -1, 0
}

// gather writes to buf where in the bin those units of a side lie whose gain
// is in it, in grid steps, and returns how many they are.
func (p *policy) gather(v []float32, scale float64, bin int64, side uint32, buf []float32) int {
	within := int64(1)<<p.binBits - 1
	base, most := bin<<p.binBits, int64(p.clip)
	c := 0
	for _, x := range v {
		u := onGrid(x, scale) - base
		if u&(gridUnit-1) > within || p.side(math.Float32bits(x)) != side {
			continue
		}
		if n := u >> gridBits; n >= 1 && n <= most {
			buf[c] = float32(u & within) // exact: 24 bits
			c++
		}
	}
	return c
}

// bisect is cut without a histogram, for weights of many units.
func (p *policy) bisect(v []float32, scale float64, side uint32) cut {
	kept := func(theta int64) (sum int64) {
		for _, x := range v {
			if p.side(math.Float32bits(x)) == side {
				n := (onGrid(x, scale) - theta) >> gridBits
				sum += min(max(n, 0), int64(p.clip))
			}
		}
		return sum
	}
	units := p.allowance.Units
	if kept(0) <= units {
		return cut{}
	}
	low, high := int64(0), int64(farthest+gridUnit) // kept(low) > units >= kept(high)
	for high-low > 1 {
		if mid := (low + high) / 2; kept(mid) > units {
			low = mid
		} else {
			high = mid
		}
	}
	return cut{theta: high, back: units - kept(high)}
}

// write writes the integers, as floats, to q.
func (p *policy) write(v []float32, scale float64, cuts [2]cut, q []float32) {
	clip := int64(p.clip)
	theta := [2]int64{cuts[0].theta, cuts[1].theta}
	for i, x := range v[:len(q)] {
		b := math.Float32bits(x)
		n := (onGrid(x, scale) - theta[b>>31]) >> gridBits
		n = min(max(n, 0), clip)
		sign := int64(int32(b) >> 31)
		q[i] = float32(int32((n ^ sign) - sign))
	}
}

// giveBack returns the units that were cut although they tie with one kept.
func (p *policy) giveBack(v []float32, scale float64, cuts [2]cut, q []float32) {
	for i, x := range v {
		b := math.Float32bits(x)
		u := onGrid(x, scale) - cuts[b>>31].theta + 1
		c := &cuts[p.side(b)]
		if n := u >> gridBits; c.back == 0 || u&(gridUnit-1) != 0 || n < 1 || n > int64(p.clip) {
			continue
		}
		c.back--
		q[i] += float32(math.Copysign(1, float64(x)))
	}
}

// nth returns the element that would stand at index k if a were sorted
// (Hoare's quickselect). It reorders a.
func nth(a []float32, k int) float32 {
	for len(a) > 1 {
		pivot := a[len(a)/2]
		i, j := 0, len(a)-1
		for i <= j {
			for a[i] < pivot {
				i++
			}
			for a[j] > pivot {
				j--
			}
			if i <= j {
				a[i], a[j] = a[j], a[i]
				i++
				j--
			}
		}
		switch { // a[..j] <= pivot <= a[i..], what is between is the pivot
		case k <= j:
			a = a[:j+1]
		case k >= i:
			a, k = a[i:], k-i
		default:
			return pivot
		}
	}
	return a[0]
}
