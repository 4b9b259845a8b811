package ptq

import "math"

// walker holds one row's integers and walks them, unit by unit, to a smaller loss
// or into the set. It keeps the gradient g = H (u - q) up to date, so that what a
// step of d at weight i adds to the loss, d^2 H_ii - 2 d g_i, costs nothing to
// know, and a step costs O(K). The loss (u-q)'H(u-q) has the gradient -2g in q, and
// a step of d at i changes g by -d H_i.
type walker struct {
	sys      *system
	set      set
	tileSize int
	clip     int32

	u, g     []float64
	q        []int32
	pos, neg []int64 // of each tile: sums of positive and negated negative integers
	bank     []int64 // sum of magnitudes of each bank, at most cap; nil without banks
	cap      int64
	loss     float64
}

// newWalker returns a walker for rows of p whose tiles lie in s.
func newWalker(p *Problem, sys *system, s set) *walker {
	n := p.Acc.tiles(p.K)
	return &walker{
		sys: sys, set: s, tileSize: p.Acc.tileSize(p.K), clip: p.clip(),
		u: make([]float64, p.K), g: make([]float64, p.K), q: make([]int32, p.K),
		pos: make([]int64, n), neg: make([]int64, n),
		bank: make([]int64, p.Acc.Taps.Lanes), cap: int64(p.Acc.Taps.Cap),
	}
}

// begin starts at integers q with target u. It copies both.
func (w *walker) begin(u []float64, q []int32) {
	copy(w.u, u)
	copy(w.q, q)
	clear(w.pos)
	clear(w.neg)
	clear(w.bank)
	for i, v := range w.q {
		w.count(i, v)
	}
	w.refresh()
}

// refresh computes the gradient and the loss anew. Rounding errors of the updates
// in move add up over many steps; begin starts without any.
func (w *walker) refresh() {
	e := make([]float64, len(w.u))
	for i, u := range w.u {
		e[i] = u - float64(w.q[i])
	}
	w.sys.apply(e, w.g)
	w.loss = 0
	for i, x := range e {
		w.loss += x * w.g[i]
	}
}

// count adds integer v at i to the sums of its tile and its bank.
func (w *walker) count(i int, v int32) {
	if n := len(w.bank); n > 0 {
		w.bank[i%n] += int64(max(v, -v))
	}
	if t := i / w.tileSize; v > 0 {
		w.pos[t] += int64(v)
	} else {
		w.neg[t] -= int64(v)
	}
}

// cost is what a step of d at weight i adds to the loss.
func (w *walker) cost(i int, d float64) float64 {
	return d*d*w.sys.diag(i) - 2*d*w.g[i]
}

// move takes a step of d, 1 or -1, at weight i. The tile's sums follow from the
// signs of q and d: a step away from 0 adds a unit to its sign, a step towards 0
// takes one off. The gradient costs O(K), O(1) without a moment.
func (w *walker) move(i int, d int32) {
	w.loss += w.cost(i, float64(d))
	if n := len(w.bank); n > 0 {
		w.bank[i%n] += w.change(i, d)
	}
	t := i / w.tileSize
	switch q := w.q[i]; {
	case d > 0 && q >= 0:
		w.pos[t]++
	case d > 0:
		w.neg[t]--
	case q > 0:
		w.pos[t]--
	default:
		w.neg[t]++
	}
	w.q[i] += d
	if w.sys.h == nil {
		w.g[i] -= float64(d)
		return
	}
	g, f := w.g, float64(d)
	for j, h := range w.sys.h[i*w.sys.k : (i+1)*w.sys.k] {
		g[j] -= f * h
	}
}

// grows says whether a step of d at weight i makes its magnitude larger.
func (w *walker) grows(i int, d int32) bool { return w.q[i] == 0 || w.q[i] > 0 == (d > 0) }

// change is what a step of d at weight i adds to the magnitudes of its bank.
func (w *walker) change(i int, d int32) int64 {
	if w.grows(i, d) {
		return 1
	}
	return -1
}

// bankRoom says whether the bank of weight j has room for a unit once a step has added
// so much to the bank of weight i.
func (w *walker) bankRoom(j, i int, added int64) bool {
	n := len(w.bank)
	if n == 0 {
		return true
	}
	used := w.bank[j%n]
	if j%n == i%n {
		used += added
	}
	return used < w.cap
}

// allowed says whether a step of d at weight i stays in range and in the set. A
// step towards 0 is always allowed: it cannot leave the set, whose coefficients are
// at least 0.
func (w *walker) allowed(i int, d int32) bool {
	if !w.grows(i, d) {
		return true
	}
	if w.q[i]*d >= w.clip {
		return false
	}
	t := i / w.tileSize
	return w.set.room(w.pos[t], w.neg[t], d > 0) > 0 && w.bankRoom(i, i, 0)
}

// fits says whether every tile lies in the set, and every bank within its cap.
func (w *walker) fits() bool {
	for _, used := range w.bank {
		if used > w.cap {
			return false
		}
	}
	for t := range w.pos {
		if !w.set.holds(w.pos[t], w.neg[t]) {
			return false
		}
	}
	return true
}

// shrink gives back units, each time the one whose removal costs least among those
// that bring its tile closer to the set, until every tile fits. A tile outside the
// set has a violated half with a positive sum, so that there is always a unit to
// take; each step brings it closer, so it ends. Banks come first: what one has too much
// of goes whatever the row has.
func (w *walker) shrink() {
	for b := range w.bank {
		for w.bank[b] > w.cap {
			i := w.cheapest(b, len(w.q), len(w.bank), true, true)
			w.move(i, int32(-sign(w.q[i])))
		}
	}
	for t := range w.pos {
		lo := t * w.tileSize
		hi := min(lo+w.tileSize, len(w.q))
		for !w.set.holds(w.pos[t], w.neg[t]) {
			pos := w.set.relieves(w.pos[t], w.neg[t], true)
			neg := w.set.relieves(w.pos[t], w.neg[t], false)
			i := w.cheapest(lo, hi, 1, pos, neg)
			w.move(i, int32(-sign(w.q[i])))
		}
	}
}

// cheapest returns which of the weights lo, lo+step, ... below hi gives back a unit at
// the least cost: of those that are positive, negative or both.
func (w *walker) cheapest(lo, hi, step int, pos, neg bool) int {
	best, least := -1, math.Inf(1)
	for i := lo; i < hi; i += step {
		q := w.q[i]
		if q > 0 && !pos || q < 0 && !neg || q == 0 {
			continue
		}
		// best < 0 is asked too, lest a cost that is not finite leave no unit to take.
		if c := w.cost(i, -sign(q)); c < least || best < 0 {
			best, least = i, c
		}
	}
	return best
}

// sign returns 1 or -1, of which 0 has the latter.
func sign(q int32) float64 {
	if q > 0 {
		return 1
	}
	return -1
}

// grow takes the single step that lowers the loss most, until none does. Each step
// lowers the loss by more than noise, so it ends. The better step at i has the sign
// of g_i.
func (w *walker) grow() {
	for {
		best, step, least := -1, int32(0), -w.noise()
		for i, g := range w.g {
			d := int32(1)
			if g < 0 {
				d = -1
			}
			if c := w.sys.diag(i) - 2*math.Abs(g); c < least && w.allowed(i, d) {
				best, step, least = i, d, c
			}
		}
		if best < 0 {
			return
		}
		w.move(best, step)
	}
}

// noise is the gain below which a step is taken for a rounding error, so that
// no walk goes in circles.
func (w *walker) noise() float64 { return 1e-12 * (math.Abs(w.loss) + w.sys.diag(0)) }
