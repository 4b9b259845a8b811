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

func (w *widener) reset() outputs {
	w.count, w.valid = 0, false
	return w.outputs()
}

func (w *widener) step(in, out bool) outputs {
	last := w.count == w.ratio-1
	w.valid = in && last || w.valid && !out
	if in {
		if w.count++; last {
			w.count = 0
		}
	}
	return w.outputs()
}

func (w *widener) outputs() outputs {
	return outputs{ready: w.count != w.ratio-1 || !w.valid, valid: w.valid}
}

func (w *widener) registers(state []int64) []int64 {
	return append(state, int64(w.count), int64(bit(w.valid)))
}

// narrower models the narrowing branch: one wide beat under way, one waiting.
type narrower struct {
	ratio, count int
	valid, next  bool
}

func (n *narrower) reset() outputs {
	n.count, n.valid, n.next = 0, false, false
	return n.outputs()
}

func (n *narrower) step(in, out bool) outputs {
	load := !n.valid || out && n.count == n.ratio-1
	n.valid, n.next = !load || in || n.next, !load && (in || n.next)
	if out {
		if n.count++; n.count == n.ratio {
			n.count = 0
		}
	}
	return n.outputs()
}

func (n *narrower) outputs() outputs { return outputs{ready: !n.next, valid: n.valid} }

func (n *narrower) registers(state []int64) []int64 {
	return append(state, int64(n.count), int64(bit(n.valid)), int64(bit(n.next)))
}
