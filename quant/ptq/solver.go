package ptq

import (
	"math"

	"github.com/a2qgen/a2qgen/quant"
)

// solver quantises rows, one after the other, with memory of its own.
type solver struct {
	*walker
	p      *Problem
	method Method
	u      []float64 // the row in units of its scale
	quick  bool      // Budget is content with one start
	// allowance is AXE's budget of each sign of a tile, +Inf without limit.
	allowance float64
	v         []float64 // GPTQ's updated row
	start     []int32   // integers of a first attempt
	best      []int32   // integers of the best one
}

// newSolver returns a solver for the rows of p. Its set has a slack of 1, so that
// the layer's lowest threshold fits the accumulator as well; Certify does without.
func newSolver(p *Problem, sys *system, m Method) *solver {
	s := &solver{
		walker: newWalker(p, sys, p.Acc.set(p.Input, 1)), p: p, method: m,
		u: make([]float64, p.K), v: make([]float64, p.K),
		start: make([]int32, p.K), best: make([]int32, p.K),
		allowance: math.Inf(1),
	}
	// A zero-centred row has as much of either sign: each gets half of the l1 norm
	// that A2Q+ permits (arXiv 2401.10432).
	if p.Acc.Bits > 0 {
		s.allowance = quant.BudgetA2QPlus(p.Acc.Bits, p.Input) / 2
	}
	if units := p.Acc.Taps.MaxUnits(); units > 0 {
		s.allowance = min(s.allowance, float64(units)/2)
	}
	return s
}

// solve writes the integers of the row in s.u to q, and returns the factor
// that the row's scale changes by.
func (s *solver) solve(q []int32) float64 {
	switch s.method {
	case RTN:
		s.nearest(q)
	case EP:
		s.truncated(q)
	case AXE:
		s.axe(q)
	default:
		return s.budget(q)
	}
	return 1
}

// eachTile calls do with the bounds of each tile. lo is included and hi is not.
func (s *solver) eachTile(do func(t, lo, hi int)) {
	for t := range s.pos {
		lo := t * s.tileSize
		do(t, lo, min(lo+s.tileSize, len(s.u)))
	}
}

// nearest is RTN.
func (s *solver) nearest(q []int32) {
	copy(s.v, s.u)
	s.eachTile(func(t, lo, hi int) {
		if z := s.set.radius(); !math.IsInf(z, 1) {
			quant.ProjectL1(s.v[lo:hi], z)
		}
	})
	for i, x := range s.v {
		q[i] = s.round(x)
	}
	// What is left of this is a matter of single weights: no moment. The copy
	// shares the walker's slices, all of which begin sets.
	plain := *s.walker
	plain.sys = &system{k: s.sys.k}
	plain.begin(s.u, q)
	plain.shrink()
	copy(q, plain.q)
}

// round rounds to nearest, half to even, in the narrow range.
func (s *solver) round(x float64) int32 {
	c := float64(s.clip)
	return int32(max(-c, min(c, math.RoundToEven(x))))
}

// truncated is EP. The budget is that of reals; the odd unit too many that their
// rounding may leave goes back. Truncation towards 0 never makes a norm larger,
// which is how A2Q+ keeps its bound for real weights.
func (s *solver) truncated(q []int32) {
	if math.IsInf(s.allowance, 1) {
		s.nearest(q)
		return
	}
	copy(s.v, s.u)
	s.eachTile(func(t, lo, hi int) {
		v, z := s.v[lo:hi], 2*s.allowance
		quant.ProjectL1(v, z)
		norm := norm1(v)
		centre(v)
		if n := norm1(v); n > 0 {
			// A2Q+ keeps the norm that the projection left: g = norm1(v).
			for i := range v {
				v[i] *= norm / n
			}
		}
	})
	c := float64(s.clip)
	for i, x := range s.v {
		q[i] = int32(max(-c, min(c, math.Trunc(x))))
	}
	s.begin(s.u, q)
	s.shrink()
	copy(q, s.q)
}

// norm1 returns the sum of magnitudes.
func norm1(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += math.Abs(x)
	}
	return sum
}

// centre takes the mean off v. A zero-mean row has equal sums of both signs, which
// doubles the norm that unsigned inputs permit: the idea of A2Q+.
func centre(v []float64) {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	mean := sum / float64(len(v))
	for i := range v {
		v[i] -= mean
	}
}

// threshold returns by how much the projection of v on the l1 ball of a radius
// lowers every magnitude; 0 for a radius of +Inf. It overwrites v.
// Soft-thresholding lowers every magnitude that stays positive by the same amount,
// the largest among them: the fall of the peak is that amount.
func threshold(v []float64, radius float64) float64 {
	if math.IsInf(radius, 1) {
		return 0
	}
	before := peak(v)
	quant.ProjectL1(v, radius)
	return before - peak(v)
}

// peak returns the largest magnitude.
func peak(v []float64) float64 {
	most := 0.0
	for _, x := range v {
		most = max(most, math.Abs(x))
	}
	return most
}

// radius returns the largest sum of magnitudes in the set, +Inf without limit. A
// real row of this norm with its signs in balance lies in the set. p*P + n*N with P
// = N = z/2 is (p+n)z/2, which is at most limit for z = 2 limit/(p+n).
func (s set) radius() float64 {
	z := math.Inf(1)
	for _, h := range s {
		z = min(z, 2*float64(h.limit)/float64(h.p+h.n))
	}
	return z
}
