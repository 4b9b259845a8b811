package ptq

// budget is method Budget; it returns the factor for the scale. What GPTQ finds
// without limit is the start where it fits. Where it does not, three starts
// compete: units taken off it, GPTQ within the limit, and units added one by one to
// nothing, the best of the three at tight limits. The search leaves u as it is
// unless Options.Refit: then s.u is in units of the last scale.
func (s *solver) budget(q []int32) float64 {
	s.unlimited(s.start)
	s.begin(s.u, s.start)
	switch {
	case s.fits():
		s.improve()
	// ChooseScales compares some dozens of scales per row, by the start that costs
	// least.
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
// which it is at. None of the three is best everywhere: taking units off keeps the
// shape of GPTQ's solution, GPTQ within the limit spreads errors on weights to
// come, and building up from nothing spends a small budget on the weights that
// lower the loss most. best keeps the integers between starts, and the last begin
// goes back to them.
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
// Single steps come first since they cost O(K) each, where a sweep over pairs costs
// O(K^2); a pair that made room leaves new single steps to take.
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
		// (u - f q)' H (u - f q) is least where its derivative in f is 0: f =
		// (u'Hq) / (q'Hq).
		uhq, qhq := 0.0, 0.0
		for i, h := range hq {
			uhq += s.u[i] * h
			qhq += e[i] * h
		}
		f := uhq / qhq
		// q = 0 has no best scale, and a negative one is none: the scale so far
		// stays.
		if !(qhq > 0) || !(f > 0) {
			return factor
		}
		// The target in units of the new scale; the integers found are the start
		// for it.
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
