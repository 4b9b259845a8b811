package sim

// newWidthConverter returns the model of width_converter.v for beats of in and of
// out words.
func newWidthConverter(in, out int) block {
	if out > in {
		return &widener{ratio: out / in}
	}
	return &narrower{ratio: in / out}
}

// widener models the widening branch: count parts held, one wide beat out.
type widener struct {
	ratio, count int
	valid        bool
}

func (w *widener) reset() (ready, valid bool) {
	w.count, w.valid = 0, false
	return true, false
}

func (w *widener) step(in, out bool) (ready, valid bool) {
	last := w.count == w.ratio-1
	w.valid = in && last || w.valid && !out
	if in {
		if w.count++; last {
			w.count = 0
		}
	}
	return w.count != w.ratio-1 || !w.valid, w.valid
}

// narrower models the narrowing branch: one wide beat under way, one waiting.
type narrower struct {
	ratio, count int
	valid, next  bool
}

func (n *narrower) reset() (ready, valid bool) {
	n.count, n.valid, n.next = 0, false, false
	return true, false
}

func (n *narrower) step(in, out bool) (ready, valid bool) {
	load := !n.valid || out && n.count == n.ratio-1
	n.valid, n.next = !load || in || n.next, !load && (in || n.next)
	if out {
		if n.count++; n.count == n.ratio {
			n.count = 0
		}
	}
	return !n.next, n.valid
}
