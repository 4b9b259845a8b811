package ptq

import "math"

// gptq rounds s.u to q, weight by weight in the system's order: limit turns
// the value that a weight has by then into an integer, and its error is spread
// on the weights still to come so that the loss grows least (arXiv 2210.17323,
// algorithm 1). With U'U = inverse of H, the step on weight j is
// -(v_i - q_i) U_ij / U_ii.
// Position a of v and of the rows of U is the weight order[a]; limit sees weights
// by their column. Without a moment there is nothing to spread, and each weight is
// rounded by itself. It costs O(K^2) per row.
func (s *solver) gptq(q []int32, limit func(i int, x float64) int32) {
	v, order, k := s.v, s.sys.order, s.sys.k
	for a, i := range order {
		v[a] = s.u[i]
	}
	for a, i := range order {
		q[i] = limit(i, v[a])
		if s.sys.factor == nil {
			continue
		}
		row := s.sys.factor[a*k : (a+1)*k]
		// Row a of U from its diagonal on: U is upper triangular, so weights that
		// have their integer are not touched.
		f := (v[a] - float64(q[i])) / row[a]
		rest := v[a+1:]
		for b, u := range row[a+1:] {
			rest[b] -= f * u
		}
	}
}

// axe is GPTQ with AXE's two constraints. Soft: each weight is lowered by the
// threshold that would project its tile, less its mean, on the budget. Strict:
// it is clipped to what is left of its sign's allowance less the 1/2 that
// rounding may add.
func (s *solver) axe(q []int32) {
	theta := make([]float64, len(s.pos))
	s.eachTile(func(t, lo, hi int) {
		v := s.v[lo:hi]
		copy(v, s.u[lo:hi])
		centre(v)
		theta[t] = threshold(v, 2*s.allowance)
	})
	left := make([][2]float64, len(s.pos)) // of positive and negative units
	for t := range left {
		left[t] = [2]float64{s.allowance, s.allowance}
	}
	s.gptq(q, func(i int, x float64) int32 {
		l := &left[i/s.tileSize]
		y := math.Copysign(max(math.Abs(x)-theta[i/s.tileSize], 0), x)
		// Held to -(left - 1/2) .. left - 1/2, an interval that ends at 0 once less
		// than 1/2 is left: rounding adds at most 1/2.
		n := s.round(max(min(0, 0.5-l[1]), min(max(0, l[0]-0.5), y)))
		if n > 0 {
			l[0] -= float64(n)
		} else {
			l[1] += float64(n)
		}
		return n
	})
	// In real arithmetic that is all: both signs stay within their allowance. The
	// allowance is that of real numbers, and the set of the accumulator is of
	// integers, with slack: what is over in the last unit goes back here.
	s.begin(s.u, q)
	s.shrink()
	copy(q, s.q)
}

// unlimited is GPTQ without an accumulator.
func (s *solver) unlimited(q []int32) {
	s.gptq(q, func(_ int, x float64) int32 { return s.round(x) })
}

// within is GPTQ with a tile's soft threshold and, in place of AXE's strict
// constraint, the room that the exact set has left. The set knows what each end of
// the range has left, so a row of one sign may use up the whole of its end; AXE
// splits its budget in two beforehand.
func (s *solver) within(q []int32) {
	theta := make([]float64, len(s.pos))
	s.eachTile(func(t, lo, hi int) {
		v := s.v[lo:hi]
		copy(v, s.u[lo:hi])
		theta[t] = threshold(v, s.set.radius())
	})
	clear(s.pos)
	clear(s.neg)
	clear(s.bank)
	s.gptq(q, func(i int, x float64) int32 {
		t := i / s.tileSize
		y := math.Copysign(max(math.Abs(x)-theta[t], 0), x)
		room := s.set.room(s.pos[t], s.neg[t], y > 0)
		if n := len(s.bank); n > 0 {
			room = min(room, s.cap-s.bank[i%n])
		}
		n := s.round(y)
		// room is in units of the sign of y, and 0 where the tile is full.
		n = int32(max(-room, min(room, int64(n))))
		s.count(i, n)
		return n
	})
}
