package ptq

import "math"

// exchange sweeps over the weights: at each it tries a step together with the best
// second step anywhere, and takes the pair if it lowers the loss. It ends at
// integers that no pair of steps improves, or after that many sweeps. A full budget
// leaves no single step that helps: then pairs move units about. A sweep costs
// O(K^2): for each weight, a look at all others.
func (w *walker) exchange(sweeps int) {
	for range sweeps {
		better := false
		for i := range w.q {
			for _, d := range [...]int32{1, -1} {
				if w.exchangeAt(i, d) {
					better = true
				}
			}
		}
		if !better {
			return
		}
	}
}

// exchangeAt tries a step of d at i with its best partner. A step that needs
// its partner to make room is left to the partner's turn: at a full budget that
// leaves one for every nonzero weight to look at.
func (w *walker) exchangeAt(i int, d int32) bool {
	if !w.allowed(i, d) {
		return false
	}
	j, e, cost := w.partner(i, d)
	if j < 0 || cost >= -w.noise() {
		return false
	}
	// The step that shrinks comes first, so that no tile is ever outside.
	if w.grows(i, d) {
		i, d, j, e = j, e, i, d
	}
	w.move(i, d)
	w.move(j, e)
	return true
}

// partner finds the step e at j != i that costs least together with a step of d at
// i and leaves both tiles in the set; j is -1 if there is none. Two steps d at i
// and e at j add d^2 H_ii - 2 d g_i + e^2 H_jj - 2 e g_j + 2 d e H_ij to the loss:
// the cost of the first, plus the cost of the second with the gradient g_j - d H_ij
// that it leaves.
func (w *walker) partner(i int, d int32) (j int, e int32, cost float64) {
	j, cost = -1, math.Inf(1)
	own := i / w.tileSize
	base := w.cost(i, float64(d))
	after := w.sumsAfter(own, w.grows(i, d), d)
	// Where the first step alone leaves its tile outside, only a partner in that
	// tile can bring it back.
	fits := w.set.holds(after[0], after[1])
	for t := range w.pos {
		sums := [2]int64{w.pos[t], w.neg[t]}
		if t == own {
			sums = after
		}
		if t != own && !fits {
			continue // nothing there makes room here
		}
		m := mates{
			growPos: w.set.holds(sums[0]+1, sums[1]), growNeg: w.set.holds(sums[0], sums[1]+1),
			shrinkPos: w.set.holds(sums[0]-1, sums[1]), shrinkNeg: w.set.holds(sums[0], sums[1]-1),
		}
		if k, f, c := w.partnerIn(t, i, d, m); c < cost-base {
			j, e, cost = k, f, base+c
		}
	}
	return j, e, cost
}

// sumsAfter returns the positive and negative sums of tile t after a step of d that
// grows or shrinks a magnitude. Element 0 is the sum of the positive integers, 1
// that of the magnitudes of the negative ones.
func (w *walker) sumsAfter(t int, grows bool, d int32) [2]int64 {
	sums := [2]int64{w.pos[t], w.neg[t]}
	switch {
	case grows && d > 0:
		sums[0]++
	case grows:
		sums[1]++
	case d > 0:
		sums[1]--
	default:
		sums[0]--
	}
	return sums
}

// mates says which second steps a tile permits. Only four things can happen to a
// tile's sums, so the set is asked four times per tile, not for each weight.
type mates struct{ growPos, growNeg, shrinkPos, shrinkNeg bool }

// permits says whether integer q may take a step up, or down.
func (m mates) permits(q int32, up bool) bool {
	switch {
	case up && q >= 0:
		return m.growPos
	case up:
		return m.shrinkNeg
	case q <= 0:
		return m.growNeg
	}
	return m.shrinkPos
}

// partnerIn is partner within tile t, without the cost of i's own step.
func (w *walker) partnerIn(t, i int, d int32, m mates) (best int, step int32, cost float64) {
	best, cost = -1, math.Inf(1)
	added := w.change(i, d)
	var h []float64
	if w.sys.h != nil {
		h = w.sys.h[i*w.sys.k : (i+1)*w.sys.k]
	}
	for j := t * w.tileSize; j < min((t+1)*w.tileSize, len(w.q)); j++ {
		g := w.g[j] // after the step at i
		if h != nil {
			g -= float64(d) * h[j]
		}
		// e = sign(g) is the cheaper of the two steps, H_jj - 2|g|; the other costs
		// 4|g| more.
		e := int32(1)
		if g < 0 {
			e = -1
		}
		c := w.sys.diag(j) - 2*math.Abs(g)
		if !m.permits(w.q[j], e > 0) || w.grows(j, e) && !w.bankRoom(j, i, added) {
			// The other way may be what makes room.
			if e, c = -e, w.sys.diag(j)+2*math.Abs(g); c >= cost || !m.permits(w.q[j], e > 0) ||
				w.grows(j, e) && !w.bankRoom(j, i, added) {
				continue
			}
		}
		// q*e < clip: the step does not leave the narrow range (one that shrinks
		// never does).
		if c < cost && j != i && w.q[j]*e < w.clip {
			best, step, cost = j, e, c
		}
	}
	return best, step, cost
}
