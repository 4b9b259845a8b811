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
// The row is seen through a fixed-point grid: magnitudes are rounded down to
// its steps, of at most 2^-13 (2^-21 for weights of up to 8 bits), and those
// beyond 8 times the clipping range count as that. On these u the result is
// exact. theta is found without sorting: a histogram of |u| + 1/2 in bins of
// 1/res tells the budget used at every theta that is a multiple of 1/res; the
// units whose gain lies in the one bin that it must be cut in, about K/res of
// them, are listed while all others are settled, and the best of them taken.
// All of it takes O(K).

// bins is the length of the histogram, and of the list of open units.
const bins = 1024

// workspace is what allot works in. The histograms are zero between rows.
type workspace struct {
	count [2]histogram // by side
	open  [2 * bins]openUnit
}

// setAllowance sets what allot needs, but for work. The bins are a sixteenth
// of a unit, or as much wider as the histogram needs to reach twice the
// clipping range.
func (p *policy) setAllowance(a Allowance) {
	p.allowance = a
	p.gridBits = 24
	for p.clip*8 >= float64(int64(1)<<(31-p.gridBits)) {
		p.gridBits--
	}
	p.binBits = p.gridBits - 4
	for p.binBits < p.gridBits && 2*(int64(p.clip)+1)<<(p.gridBits-p.binBits) > bins {
		p.binBits++
	}
}

// farthest is the largest magnitude on the grid, in steps; with 1/2 added it
// fits in 31 bits.
func (p *policy) farthest() float64 { return float64(int64(1)<<31 - 1 - int64(1)<<p.gridBits) }

// cut says how the weights of a side are thresholded. Units whose gain is
// theta or more are kept, those below theta-width dropped. The units between,
// no more than bins, are open: the best of them are kept, take in number.
type cut struct {
	theta, width int64 // grid steps
	take         int64
}

// openUnit is a unit between: a step more than its gain above theta-width, times
// 2^32, less the index of its weight. Larger is better: of units that tie, the
// first.
type openUnit uint64

func newOpenUnit(gain int32, index int) openUnit { return openUnit(gain+1)<<32 - openUnit(index) }

func (o openUnit) index() int { return int(uint32(-o)) }

// allot writes the projection of u = v*gain, as floats, to q. A row with a NaN
// or an infinity, in v or as gain, becomes NaN.
func (p *policy) allot(v []float32, gain float64, q []float32) {
	scale := math.Ldexp(gain, int(p.gridBits))
	peak := p.measure(v, scale, q)
	if math.IsNaN(scale-scale) || peak >= math.Float32bits(float32(math.Inf(1))) {
		clear(p.work.count[0][:])
		clear(p.work.count[1][:])
		for i := range q {
			q[i] = float32(math.NaN())
		}
		return
	}
	top := min(float64(math.Float32frombits(peak))*scale, p.farthest())
	last := (int64(top) + 1<<p.gridBits/2) >> p.binBits
	var cuts [2]cut
	cuts[0] = p.cut(v, q, 0, last)
	cuts[1] = cuts[0]
	if !p.allowance.Shared {
		cuts[1] = p.cut(v, q, 1, last)
	}
	open := p.work.open[:p.write(v, q, &cuts)]
	for side, c := range cuts[:1+p.signs()] {
		own := p.ofSide(v, open, uint32(side))
		take(v, q, own, int(c.take))
		open = open[len(own):]
	}
}

// signs returns 1 if each sign has a budget of its own, so that weights of
// either belong to the side of their sign bit; 0 if all belong to side 0.
func (p *policy) signs() uint32 {
	if p.allowance.Shared {
		return 0
	}
	return 1
}

// measure writes |v|*scale + 1/2 in grid steps, as bits, to u, fills the
// histograms, and returns the bits of the largest magnitude of v.
func (p *policy) measure(v []float32, scale float64, u []float32) uint32 {
	const sign = 1 << 31
	half, shift, signs := uint32(1)<<p.gridBits/2, p.binBits&31, p.signs()
	farthest := p.farthest()
	h := &p.work.count
	peak := uint32(0)
	u = u[:len(v)]
	for i, x := range v {
		b := math.Float32bits(x)
		m := b &^ sign
		peak = max(peak, m)
		a := float64(math.Float32frombits(m)) * scale
		if a > farthest {
			a = farthest
		}
		m = uint32(int64(a)) + half
		u[i] = math.Float32frombits(m)
		h[b>>31&signs][min(m>>shift, bins-1)]++
	}
	return peak
}

// cut finds the cut of one side; last is the highest bin of the row, were the
// histogram that long. It clears the histogram.
func (p *policy) cut(v, u []float32, side uint32, last int64) cut {
	h := &p.work.count[side]
	clip, units := int64(p.clip), p.allowance.Units
	res := int64(1) << (p.gridBits - p.binBits)
	used := min(last, bins-1)
	bin, low, high := h.level(used, res, clip, units)
	clear(h[:used+1])
	// The last bin holds all that lies beyond it. That is right as long as it
	// is clipped anyway.
	if last >= bins-1 && bin+1+clip*res > bins-1 {
		return p.bisect(v, u, side, 0, (last+1)<<p.binBits)
	}
	if bin < 0 {
		return cut{}
	}
	if low-high > bins || res == 1 {
		return p.bisect(v, u, side, bin<<p.binBits, (bin+1)<<p.binBits)
	}
	return cut{theta: (bin + 1) << p.binBits, width: 1 << p.binBits, take: units - high}
}

// histogram counts weights by the bin of |u| + 1/2.
type histogram [bins]int32

// level returns the highest bin that theta must lie in or above: with theta at
// the bin's lower end low units are kept, more than units; one bin up high, no
// more than units. The bin is -1 if all fits at theta = 0. last is the highest
// bin in use, res the bins a unit has. h is overwritten.
//
// With N(b) the number of weights in bin b or above, weights keep an n-th unit
// at theta = j/res if they lie in bin j+n*res or above, so that the units kept
// are the sum of N(j+n*res) over n = 1..clip. Going down, h[b] becomes the sum
// of N(b+n*res) over all n >= 0, and the units kept a difference of two of them.
func (h *histogram) level(last, res, clip, units int64) (bin, low, high int64) {
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
			return b - res, int64(all), high
		}
		high = int64(all)
	}
	return -1, high, high
}

// bisect finds the cut of a side where the histogram is of no use, in a row
// with weights of very many units or with very many ties. At theta = low more
// than the budget may be kept, at high no more. It leaves no unit open.
func (p *policy) bisect(v, u []float32, side uint32, low, high int64) cut {
	kept := func(theta int64) (sum int64) {
		for i, x := range v {
			if math.Float32bits(x)>>31&p.signs() == side {
				n := (int64(math.Float32bits(u[i])) - theta) >> p.gridBits
				sum += min(max(n, 0), int64(p.clip))
			}
		}
		return sum
	}
	units := p.allowance.Units
	if kept(low) <= units {
		return cut{theta: low}
	}
	for high-low > 1 {
		if mid := (low + high) / 2; kept(mid) > units {
			low = mid
		} else {
			high = mid
		}
	}
	p.giveBack(v, u, side, cut{theta: high, take: units - kept(high)})
	return cut{theta: high}
}

// giveBack lifts the first weights whose last unit lies just below theta by one
// step, so that they keep it.
func (p *policy) giveBack(v, u []float32, side uint32, c cut) {
	unit := int64(1) << p.gridBits
	for i, x := range v {
		m := int64(math.Float32bits(u[i])) - c.theta + 1
		n := m >> p.gridBits
		mine := math.Float32bits(x)>>31&p.signs() == side
		if c.take > 0 && mine && m&(unit-1) == 0 && n >= 1 && n <= int64(p.clip) {
			c.take--
			u[i] = math.Float32frombits(math.Float32bits(u[i]) + 1)
		}
	}
}

// write turns u into the integers, as floats, without the open units. It lists
// these and returns how many they are.
func (p *policy) write(v, u []float32, cuts *[2]cut) int {
	grid, split := p.gridBits&31, -int32(p.signs())
	unit := int32(1) << grid
	// Weights of no unit and those that are clipped come to lie just below a
	// whole number of units, where no unit is open.
	least, most := unit-1, (int32(p.clip)+1)<<grid-1
	low, width := int32(cuts[0].theta-cuts[0].width), int32(cuts[0].width)
	dLow, dWidth := int32(cuts[1].theta-cuts[1].width)-low, int32(cuts[1].width)-width // where v < 0
	open, n := &p.work.open, uint(0)
	u = u[:len(v)]
	for i, x := range v {
		sign := int32(math.Float32bits(x)) >> 31
		side := sign & split
		m := min(max(int32(math.Float32bits(u[i]))-low-side&dLow, least), most)
		gain := m & (unit - 1)
		isOpen := uint32(gain-width-side&dWidth) >> 31
		if isOpen != 0 {
			open[n%uint(len(open))] = newOpenUnit(gain, i)
			n++
		}
		q := m>>grid - int32(isOpen)
		u[i] = float32((q ^ sign) - sign)
	}
	return int(n)
}

// ofSide moves the units of a side to the front and returns them.
func (p *policy) ofSide(v []float32, open []openUnit, side uint32) []openUnit {
	if p.allowance.Shared {
		return open
	}
	n := 0
	for i, o := range open {
		if math.Float32bits(v[o.index()])>>31 == side {
			open[i], open[n] = open[n], o
			n++
		}
	}
	return open[:n]
}

// take adds the best n of the open units to q.
func take(v, q []float32, open []openUnit, n int) {
	if n == 0 {
		return
	}
	worst := nth(open, len(open)-n)
	for _, o := range open {
		if o >= worst {
			i := o.index()
			q[i] += float32(math.Copysign(1, float64(v[i])))
		}
	}
}

// nth returns the element that would stand at index k if a were sorted
// (Hoare's quickselect). It reorders a.
func nth(a []openUnit, k int) openUnit {
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
