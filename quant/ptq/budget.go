package ptq

// budget is method Budget; it returns the factor for the scale. What GPTQ finds
// without limit is the start where it fits. Where it does not, three starts
// compete: units taken off it, GPTQ within the limit, and units added one by one
// to nothing, the best of the three at tight limits.
func (s *solver) budget(q []int32) float64 {
	s.unlimited(s.start)
	s.begin(s.u, s.start)
	switch {
	case s.fits():
		s.improve()
	case s.quick:
		s.within(s.start)
		s.begin(s.u, s.start)
		s.improve()
	default:
		s.compete()
	}
	factor := 1.0
	if s.p.Options.Refit {
		factor = s.refit()
	}
	copy(q, s.q)
	return factor
}

// compete leaves the walker at the best integers of three starts, the first of
// which it is at.
func (s *solver) compete() {
	least := 0.0
	for n, begin := range []func(){
		s.shrink,
		func() { s.within(s.start); s.begin(s.u, s.start) },
		func() { clear(s.start); s.begin(s.u, s.start) },
	} {
		begin()
		s.improve()
		if n == 0 || s.loss < least {
			least = s.loss
			copy(s.best, s.q)
		}
	}
	s.begin(s.u, s.best)
}

// improve walks to integers that no single step and no pair of steps improves.
func (s *solver) improve() {
	s.grow()
	s.exchange(s.p.sweeps())
	s.grow()
}

// sweeps returns Options.Sweeps or its default.
func (p *Problem) sweeps() int {
	switch n := p.Options.Sweeps; {
	case n == 0:
		return defaultSweeps
	case n < 0:
		return 0
	default:
		return n
	}
}

// refit takes turns: the scale of least loss for the integers, f = (u'Hq) /
// (q'Hq) in units of the old one, then better integers for that scale. The loss
// in real units falls at every turn; it stops when integers no longer change.
func (s *solver) refit() float64 {
	const turns = 5
	factor := 1.0
	hq, e := make([]float64, len(s.q)), make([]float64, len(s.q))
	for range turns {
		for i, q := range s.q {
			e[i] = float64(q)
		}
		s.sys.apply(e, hq)
		uhq, qhq := 0.0, 0.0
		for i, h := range hq {
			uhq += s.u[i] * h
			qhq += e[i] * h
		}
		f := uhq / qhq
		if !(qhq > 0) || !(f > 0) {
			return factor
		}
		factor *= f
		for i := range s.u {
			s.u[i] /= f
		}
		copy(s.best, s.q)
		s.begin(s.u, s.best)
		s.improve()
		if same(s.q, s.best) {
			return factor
		}
	}
	return factor
}

// same says whether a and b are equal.
func same(a, b []int32) bool {
	for i, x := range a {
		if x != b[i] {
			return false
		}
	}
	return true
}
