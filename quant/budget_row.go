package quant

import (
	"math"
	"sync"
)

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
// All of it takes O(K): one pass that measures, and one that looks every weight's
// integer up by its bin.

const (
	// maxBins is the largest number of bins of a histogram.
	maxBins = 1 << 12
	// maxOpen is the largest number of units listed.
	maxOpen = 1 << 11

	signBit = 1 << 31
)

// workspace is what allot and Advance work in.
type workspace struct {
	count [2 * maxBins]int32   // a histogram a side, zero between rows
	open  [2][maxOpen]openUnit // by side
	units unitTable
	banks banks
	grow  []grower        // of Advance
	free  [MaxLanes]int64 // of a row's banks, likewise
}

// workspaces keeps them, and the tables in them, from one matrix to the next.
var workspaces = sync.Pool{New: func() any { return new(workspace) }}

// setAllowance sets what allot needs, but for work. The bins are a sixteenth
// of a unit, or as much wider as the histogram needs to reach the end of the grid.
func (p *policy) setAllowance(a Allowance) {
	p.allowance = a
	p.gridBits = 24
	for p.clip*8 >= float64(int64(1)<<(31-p.gridBits)) {
		p.gridBits--
	}
	p.binBits = p.gridBits - 4
	for p.bins() > maxBins {
		p.binBits++
	}
}

// res is the number of bins of a unit.
func (p *policy) res() int { return 1 << (p.gridBits - p.binBits) }

// bins is the number of bins of the grid.
func (p *policy) bins() int { return 1 << (31 - p.binBits) }

// farthest is the largest magnitude on the grid, in steps; with 1/2 added it
// fits in 31 bits.
func (p *policy) farthest() int64 { return 1<<31 - 1 - 1<<p.gridBits }

// cut says how the weights of a side are thresholded, where a bin is less than a
// unit. Units whose gain lies in bin low are open: the best of them are kept, take
// in number. Those of a higher gain are kept, the others dropped.
type cut struct{ low, take int }

// openUnit is a unit in the bin of the cut: a step more than its gain above the
// bin's lower end, times 2^32, less the index of its weight. Larger is better: of
// units that tie, the first.
type openUnit uint64

func newOpenUnit(gain uint32, index int) openUnit { return openUnit(gain+1)<<32 - openUnit(index) }

func (o openUnit) index() int { return int(uint32(-o)) }

// allot writes the projection of u = v*gain, as floats, to q. A row with a NaN
// or an infinity, in v or as gain, becomes NaN. gain is 0 or more.
func (p *policy) allot(v []float32, gain float64, q []float32) {
	if p.allowance.Lanes > 0 {
		p.allotBanks(v, gain, q)
		return
	}
	scale := math.Ldexp(gain, int(p.gridBits))
	peak := p.measure(v, scale, q)
	if math.IsNaN(scale-scale) || peak >= math.Float32bits(float32(math.Inf(1))) {
		clear(p.work.count[:])
		for i := range q {
			q[i] = float32(math.NaN())
		}
		return
	}
	top := int64(min(float64(math.Float32frombits(peak))*scale, float64(p.farthest())))
	last := (int(top) + 1<<p.gridBits/2) >> p.binBits // highest bin of the row
	var cuts [2]cut
	found := true
	for side := range 1 + p.signs() {
		h := p.work.count[int(side)*p.bins():][:p.bins()]
		var ok bool
		cuts[side], ok = p.cut(h, last)
		found = found && ok
		clear(h[:last+1])
	}
	if !found {
		p.bisect(q, last)
		return
	}
	if p.allowance.Shared {
		cuts[1] = cuts[0]
	}
	n := p.write(q, &cuts)
	for side, c := range cuts[:1+p.signs()] {
		take(v, q, p.work.open[side][:min(n[side], maxOpen)], c.take)
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

// measure writes |v|*scale + 1/2 in grid steps, and v's sign in the sign bit, as
// bits to u, fills the histograms, and returns the bits of the largest magnitude
// of v.
func (p *policy) measure(v []float32, scale float64, u []float32) uint32 {
	half, shift, bySide := uint32(1)<<p.gridBits/2, p.binBits&31, p.signs()*signBit
	farthest := uint64(p.farthest())
	h := &p.work.count
	peak := uint32(0)
	u = u[:len(v)]
	for i, x := range v {
		b := math.Float32bits(x)
		m := b &^ signBit
		peak = max(peak, m)
		// What is beyond int64 becomes its largest or, on amd64, its smallest value.
		steps := uint64(int64(float64(math.Float32frombits(m)) * scale))
		m = uint32(min(steps, farthest)) + half
		u[i] = math.Float32frombits(m | b&signBit)
		h[(m|b&bySide)>>shift%(2*maxBins)]++
	}
	return peak
}

// cut finds the cut of a side from its histogram, which it overwrites; last is the
// highest bin of the row. It is false where the histogram does not help: its bins
// are whole units, or too many weights share one.
func (p *policy) cut(h histogram, last int) (cut, bool) {
	bin, low, high := h.level(last, p.res(), int(p.clip), p.allowance.Units)
	if bin < 0 { // all of a gain of 0 or more is kept, nothing is taken of the bin below
		return cut{low: -1}, p.res() > 1
	}
	return cut{low: bin, take: int(p.allowance.Units - high)}, p.res() > 1 && low-high <= maxOpen
}

// histogram counts weights by the bin of |u| + 1/2.
type histogram []int32

// level returns the highest bin that theta must lie in or above: with theta at
// the bin's lower end low units are kept, more than units; one bin up high, no
// more than units. The bin is -1 if all fits at theta = 0. last is the highest
// bin in use, res the bins a unit has. h is overwritten.
//
// With N(b) the number of weights in bin b or above, weights keep an n-th unit
// at theta = j/res if they lie in bin j+n*res or above, so that the units kept
// are the sum of N(j+n*res) over n = 1..clip. Going down, h[b] becomes the sum
// of N(b+n*res) over all n >= 0, and the units kept a difference of two of them.
func (h histogram) level(last, res, clip int, units int64) (bin int, low, high int64) {
	n := int32(0)
	for b := last; b >= res; b-- {
		n += h[b]
		all := n
		if b+res < len(h) {
			all += h[b+res]
		}
		h[b] = all
		if b+res*clip < len(h) {
			all -= h[b+res*clip]
		}
		if int64(all) > units {
			return b - res, int64(all), high
		}
		high = int64(all)
	}
	return -1, high, high
}

// openFlag marks the open weights in a unitTable; the float of no integer has it.
const openFlag = 1

// unitTable holds the integer of every weight by its sign and its bin, counted from
// the bin of the cut, as the bits of a float; where a unit is open, without it.
type unitTable struct {
	clip, res, bins int // what it was filled for
	bits            [4 * maxBins]uint32
}

// at returns the index of a positive weight in the bin of the cut. That of a negative
// weight lies 2*bins above it, and a weight's bin may lie bins above or below.
func (t *unitTable) at() int { return t.bins - 1 }

// fill fills the table, unless it was filled for the same.
func (t *unitTable) fill(clip, res, bins int) {
	if t.clip == clip && t.res == res && t.bins == bins {
		return
	}
	t.clip, t.res, t.bins = clip, res, bins
	for i := range 2 * bins {
		// Weights of no unit and those that are clipped come to lie just below a
		// whole number of units, where no unit is open.
		r := min(max(i-t.at(), res-1), (clip+1)*res-1)
		n, flag := float32(r/res), uint32(0)
		if r%res == 0 {
			n, flag = n-1, openFlag
		}
		t.bits[i] = math.Float32bits(n) | flag
		t.bits[2*bins+i] = math.Float32bits(0-n) | flag
	}
}

// write turns u, as measure wrote it, into the integers, as floats, without the open
// units. It lists these and returns how many each side has.
func (p *policy) write(u []float32, cuts *[2]cut) (n [2]int) {
	t := &p.work.units
	t.fill(int(p.clip), p.res(), p.bins())
	first := [2]int{t.at() - cuts[0].low, t.at() - cuts[1].low + t.bins} // a sign bit is worth bins itself
	shift, signs, inUnit := p.binBits&31, p.signs(), uint32(1)<<p.gridBits-1
	for i, x := range u {
		b := math.Float32bits(x)
		q := t.bits[int(b>>shift)+first[b>>31]]
		if q&openFlag != 0 {
			q &^= openFlag
			side := b >> 31 & signs
			gain := (b - uint32(cuts[side].low)<<shift) & inUnit
			// More than maxOpen are there only where none is taken (see cut): the list wraps.
			p.work.open[side][n[side]%maxOpen] = newOpenUnit(gain, i)
			n[side]++
		}
		u[i] = math.Float32frombits(q)
	}
	return n
}

// bisect does without a histogram what cut, write and take do, for rows with weights
// of very many units or with very many ties.
func (p *policy) bisect(u []float32, last int) {
	var theta [2]uint32
	for side := range 1 + p.signs() {
		theta[side] = p.bisectSide(u, side, uint32(last+1)<<p.binBits)
	}
	if p.allowance.Shared {
		theta[1] = theta[0]
	}
	for i, x := range u {
		b := math.Float32bits(x)
		n := float32(p.kept(b, theta[b>>31]))
		if b >= signBit {
			n = 0 - n // no -0
		}
		u[i] = n
	}
}

// kept returns the units that a weight keeps at theta; b is what measure wrote.
func (p *policy) kept(b, theta uint32) int64 {
	n := (int64(b&^signBit) - int64(theta)) >> p.gridBits
	return min(max(n, 0), int64(p.clip))
}

// bisectSide finds the least theta below high that meets the budget. Where that leaves
// units over, the first weights whose last unit lies just below theta are lifted by a
// step, so that they keep it.
func (p *policy) bisectSide(u []float32, side, high uint32) uint32 {
	over := func(theta uint32) int64 {
		sum := -p.allowance.Units
		for _, x := range u {
			if b := math.Float32bits(x); b>>31&p.signs() == side {
				sum += p.kept(b, theta)
			}
		}
		return sum
	}
	if over(0) <= 0 {
		return 0
	}
	for low := uint32(0); high-low > 1; {
		if mid := low + (high-low)/2; over(mid) > 0 {
			low = mid
		} else {
			high = mid
		}
	}
	left := -over(high)
	for i, x := range u {
		b := math.Float32bits(x)
		if left > 0 && b>>31&p.signs() == side && p.kept(b+1, high) > p.kept(b, high) {
			u[i] = math.Float32frombits(b + 1)
			left--
		}
	}
	return high
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
