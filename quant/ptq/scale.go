package ptq

import (
	"math"

	"github.com/a2qgen/a2qgen/quant/nn"
)

// ChooseScales sets p.Scale, row by row, to the scale of least loss for a method,
// by trying a grid. It starts from max|w| / (2^(M-1)-1), which clips nothing, and
// from norm1(w) / Z, at which the real weights just fit the budget Z, where that is
// larger; it reaches from 0.3 times the former to 1.2 times the latter in steps of
// 30 %, then looks 10 and 20 % to both sides of the best. Rows of zeros take the
// largest scale of the others, or 1. A smaller scale clips large weights and rounds
// small ones finer; a tight budget asks for a larger one, at which fewer units are
// spent. Where the two meet has no closed form, hence the grid.
func (p *Problem) ChooseScales(m Method) error {
	if p.Scale == nil {
		p.Scale = make([]float64, p.Rows)
		for r := range p.Scale {
			p.Scale[r] = 1
		}
	}
	if err := p.checkAll(m); err != nil {
		return err
	}
	// The search is for the scale alone: no refit, one start, no pairs of steps,
	// which cost most and change the order of scales least.
	trial := *p
	trial.Options.Refit, trial.Options.Sweeps = false, -1
	sys, err := trial.system(m.ordered())
	if err != nil {
		return err
	}
	nn.Each(p.Rows, func() func(int) {
		s := newSolver(&trial, sys, m)
		s.quick = true
		q := make([]int32, p.K)
		return func(r int) { p.Scale[r] = s.search(p.row(r), q) }
	})
	widest := 0.0
	for _, s := range p.Scale {
		widest = max(widest, s)
	}
	for r, s := range p.Scale {
		if s == 0 && widest == 0 {
			p.Scale[r] = 1
		} else if s == 0 {
			p.Scale[r] = widest
		}
	}
	return nil
}

// search returns the scale of least loss for weights w; 0 if they are all 0. It
// overwrites s.u.
func (s *solver) search(w []float64, q []int32) float64 {
	natural := peak(w) / float64(s.clip)
	if natural == 0 {
		return 0
	}
	// norm1(w)/Z over the tiles: at that scale a tile has norm Z in units, the
	// whole budget.
	widest := natural
	s.eachTile(func(_, lo, hi int) {
		if z := s.set.radius(); z > 0 {
			widest = max(widest, norm1(w[lo:hi])/z)
		}
	})
	best, least := natural, math.Inf(1)
	try := func(f float64) {
		for i, x := range w {
			s.u[i] = x / f
		}
		s.solve(q)
		s.begin(s.u, q)
		// The loss in units of a scale times its square is that in real units,
		// which is comparable between scales.
		if loss := s.loss * f * f; loss < least {
			best, least = f, loss
		}
	}
	for f := 0.3 * natural; f <= 1.2*widest; f *= 1.3 {
		try(f)
	}
	for centre, n := best, -2; n <= 2; n++ {
		if n != 0 {
			try(centre * math.Pow(1.1, float64(n)))
		}
	}
	return best
}
