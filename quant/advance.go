package quant

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Method DQ, "DQ-style": integers that are trained themselves, not rounded from weights
// that are. A reconstruction after arXiv 2012.13762 (Hoang, Do, Nguyen, Cheung: Direct
// Quantization), known by its abstract only, which says that gradient descent updates the
// quantised weights directly. What follows is ours.
//
// A weight is an integer q and an accumulated move r, in units of the weight itself, that
// an optimiser takes down its gradient. Its levels are s*q; once s*q + r has reached the
// midpoint to a neighbour level, |r| >= s/2, the integer goes there, one level per step, and
// r becomes 0. A move away from 0 that the range of M bits or the row's Allowance has no
// room for is refused. So the integers of every step pass the accumulator's test.

// grower is a weight that would move away from 0, and |r|.
type grower struct {
	urge float32
	at   int
}

// byUrge sorts the larger |r| first; of equal ones the first weight.
func byUrge(a, b grower) int {
	return cmp.Or(cmp.Compare(b.urge, a.urge), a.at-b.at)
}

// Advance moves the integers of a row-major matrix by their accumulated moves: q (rows x
// k, integers held as floats, within z's Allowance), r (rows x k, in the units of weights),
// d (rows, log2 of the scales). In each row
//
//   - weights that would move towards 0 do: that makes room, whatever the others do;
//   - of those that would move away from 0 the largest |r| go first, as long as there is room;
//   - the others are refused, and their r stays at the midpoint: it neither forgets nor grows
//     without bound, and the next room in the row is theirs if nothing is more urgent.
//
// Which units a full row has is left to these moves. To trade a unit for a more urgent one
// that is refused, as budget's projection does, gained nothing on held-out samples. A NaN
// moves nothing. Panics under another method and on wrong lengths.
func (z Quantizer) Advance(q, r []float32, rows, k int, d []float32) {
	z.checkMatrix("Advance", rows, k, q, r)
	if len(d) != rows || z.Method != DQ {
		panic(fmt.Sprintf("quant: Advance: %d scales under %s, want %d under dq", len(d), z.Method, rows))
	}
	p := z.policy()
	p.work = workspaces.Get().(*workspace)
	defer workspaces.Put(p.work)
	for row := range rows {
		p.advance(q[row*k:(row+1)*k], r[row*k:(row+1)*k], Scale(d[row]))
	}
}

// advance is Advance for a row of scale s.
func (p *policy) advance(q, r []float32, s float32) {
	half, clip := s/2, float32(p.clip)
	grow := p.work.grow[:0]
	for i, move := range r {
		n, urge := q[i], magnitude(move)
		switch {
		case !(urge >= half) || move == 0: // a scale may be 0
		case n*move < 0:
			q[i], r[i] = n+step(move), 0
		case magnitude(n) < clip:
			grow = append(grow, grower{urge, i})
		default:
			r[i] = step(move) * half
		}
	}
	p.work.grow = grow // with the memory that it has got
	if len(grow) == 0 {
		return
	}
	slices.SortFunc(grow, byUrge)
	room := p.roomOf(q)
	for _, g := range grow {
		to := step(r[g.at])
		if !room.take(p.sideOf(to), g.at) {
			r[g.at] = to * half
			continue
		}
		q[g.at], r[g.at] = q[g.at]+to, 0
	}
}

// room is what a row has left of its allowance.
type room struct {
	sides [2]int64 // units, of either sign or all in the first
	banks []int64  // units of each bank; empty without
}

// roomOf returns the room that q leaves.
func (p *policy) roomOf(q []float32) room {
	a := &p.allowance
	left := room{sides: [2]int64{a.Units, a.Units}, banks: p.work.free[:a.Lanes]}
	for b := range left.banks {
		left.banks[b] = a.Cap
	}
	for i, n := range q {
		units := int64(magnitude(n))
		left.sides[p.sideOf(n)] -= units
		if a.Lanes > 0 {
			left.banks[i%a.Lanes] -= units
		}
	}
	return left
}

// take takes a unit for the weight at i, if there is one.
func (r *room) take(side uint32, i int) bool {
	if r.sides[side] <= 0 {
		return false
	}
	if lanes := len(r.banks); lanes > 0 {
		if r.banks[i%lanes] <= 0 {
			return false
		}
		r.banks[i%lanes]--
	}
	r.sides[side]--
	return true
}

// sideOf returns which budget a weight of x's sign draws on: 1 for the negative ones where
// each sign has its own, else 0.
func (p *policy) sideOf(x float32) uint32 { return math.Float32bits(x) >> 31 & p.signs() }

// step returns the level in the direction of x, -1 or 1.
func step(x float32) float32 { return float32(math.Copysign(1, float64(x))) }
