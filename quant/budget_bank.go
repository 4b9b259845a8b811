package quant

import "math"

// The projection of a row on an Allowance with banks:
//
//	min sum_i (u_i - q_i)^2   where |q_i| <= clip, sum |q_i| <= B, and
//	                          sum |q_i| <= c over the i of each bank
//
// Units and gains are those of budget_row.go: of a weight they fall, so that a set of
// units of largest gain is a vector q. The sets that keep the caps and the budget are the
// independent sets of a laminar matroid (banks within the row), in which taking the units
// by falling gain, each if there is room, gives the largest sum (Edmonds 1971). That is to
// keep the best c of each bank and then, of all these, the best B: nothing that a bank
// turns down would have come into the row. Exact on the grid of budget_row.go. Derived.
//
// It takes O(K + n log c) for n units that enter a bank at some time: a heap per bank
// has its worst unit on top, and most weights are turned down by one comparison.

// banks holds the best units of each bank so far, the worst of a bank first (a heap).
type banks struct {
	unit []openUnit // size slots of each bank
	n    []int      // in use
	size int
}

// reset makes b empty, with room for lanes banks of so many units.
func (b *banks) reset(lanes, size int) {
	if len(b.unit) < lanes*size {
		b.unit = make([]openUnit, lanes*size)
	}
	if len(b.n) < lanes {
		b.n = make([]int, lanes)
	}
	clear(b.n)
	b.size = size
}

// offer puts o into a bank if it is one of its best, and says whether.
func (b *banks) offer(bank int, o openUnit) bool {
	h, n := b.unit[bank*b.size:][:b.size], b.n[bank]
	if n < b.size {
		i := n
		for ; i > 0 && o < h[(i-1)/2]; i = (i - 1) / 2 {
			h[i] = h[(i-1)/2]
		}
		h[i] = o
		b.n[bank] = n + 1
		return true
	}
	if n == 0 || o < h[0] {
		return false
	}
	// Down from the top, in the place of the worst.
	i := 0
	for c := 1; c < n; c = 2*i + 1 {
		if c+1 < n && h[c+1] < h[c] {
			c++
		}
		if o <= h[c] {
			break
		}
		h[i], i = h[c], c
	}
	h[i] = o
	return true
}

// all moves the units of all banks together and returns them.
func (b *banks) all(lanes int) []openUnit {
	to := 0
	for bank, n := range b.n[:lanes] {
		to += copy(b.unit[to:], b.unit[bank*b.size:][:n])
	}
	return b.unit[:to]
}

// allotBanks is allot for an allowance with banks.
func (p *policy) allotBanks(v []float32, gain float64, q []float32) {
	scale := math.Ldexp(gain, int(p.gridBits))
	if math.IsNaN(scale-scale) || !finite(v) {
		for i := range q {
			q[i] = float32(math.NaN())
		}
		return
	}
	lanes, b := p.allowance.Lanes, &p.work.banks
	// A bank holds no more than all its weights at the end of the range.
	perBank := int64((len(v) + lanes - 1) / lanes)
	b.reset(lanes, int(min(p.allowance.Cap, p.allowance.Units, perBank*int64(p.clip))))
	one, farthest, clip := uint32(1)<<p.gridBits, uint64(p.farthest()), int(p.clip)
	bank := 0
	for i, x := range v {
		q[i] = 0
		// As measure has it: |u| + 1/2 in grid steps, so that unit n has a gain of n less.
		m := uint32(min(uint64(int64(math.Abs(float64(x))*scale)), farthest)) + one/2
		for n := 0; n < clip && m >= one; n++ {
			m -= one
			if !b.offer(bank, newOpenUnit(m, i)) {
				break // the weight's next units are worse
			}
		}
		if bank++; bank == lanes {
			bank = 0
		}
	}
	units := b.all(lanes)
	take(v, q, units, int(min(p.allowance.Units, int64(len(units)))))
}

// finite says whether all of v are numbers.
func finite(v []float32) bool {
	peak := uint32(0)
	for _, x := range v {
		peak = max(peak, math.Float32bits(x)&^signBit)
	}
	return peak < math.Float32bits(float32(math.Inf(1)))
}

// stopBanked is stopProjected for a row with banks. A further unit of a weight at the
// end of the range would have to be better than what its bank did not take and, where
// that is for want of room in the row, than what other banks did not take for it.
func (p *policy) stopBanked(v []float32, s float64, grad, wq []float32) (sum float64) {
	lanes, end, half := p.allowance.Lanes, float32((p.clip-0.5)*s), float32(s/2)
	var next, used [MaxLanes]float32 // largest |v| - |s*q| of what may still grow, and sum |s*q|, per bank
	for i, x := range v {
		b, m := i%lanes, magnitude(wq[i])
		used[b] += m
		if m < end {
			next[b] = max(next[b], magnitude(x)-m)
		}
	}
	row, full := half, float32((float64(p.allowance.Cap)-0.5)*s)
	for b := range lanes {
		next[b] = max(next[b], half)
		if used[b] < full {
			row = max(row, next[b])
		}
	}
	for i, x := range v {
		g, m := grad[i], magnitude(wq[i])
		if m > end && magnitude(x)-m > max(row, next[i%lanes]) {
			sum += float64(g) * float64(x)
			g = 0
		}
		wq[i] = g
	}
	return sum
}
