package cycle

// NewWidthConverter returns the machine of width_converter.v for beats of in and of
// out words.
func NewWidthConverter(in, out int) Machine {
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

// Reset implements Machine.
func (w *widener) Reset() Outputs {
	w.count, w.valid = 0, false
	return w.outputs()
}

// Step implements Machine.
func (w *widener) Step(in, out uint64) Outputs {
	last := w.count == w.ratio-1
	w.valid = in != 0 && last || w.valid && out == 0
	if in != 0 {
		if w.count++; last {
			w.count = 0
		}
	}
	return w.outputs()
}

func (w *widener) outputs() Outputs {
	return Outputs{Ready: bit(w.count != w.ratio-1 || !w.valid), Valid: bit(w.valid)}
}

// Registers implements Machine.
func (w *widener) Registers(state []int64) []int64 {
	return append(state, int64(w.count), int64(bit(w.valid)))
}

// narrower models the narrowing branch: one wide beat under way, one waiting.
type narrower struct {
	ratio, count int
	valid, next  bool
}

// Reset implements Machine.
func (n *narrower) Reset() Outputs {
	n.count, n.valid, n.next = 0, false, false
	return n.outputs()
}

// Step implements Machine.
func (n *narrower) Step(in, out uint64) Outputs {
	load := !n.valid || out != 0 && n.count == n.ratio-1
	n.valid, n.next = !load || in != 0 || n.next, !load && (in != 0 || n.next)
	if out != 0 {
		if n.count++; n.count == n.ratio {
			n.count = 0
		}
	}
	return n.outputs()
}

func (n *narrower) outputs() Outputs { return Outputs{Ready: bit(!n.next), Valid: bit(n.valid)} }

// Registers implements Machine.
func (n *narrower) Registers(state []int64) []int64 {
	return append(state, int64(n.count), int64(bit(n.valid)), int64(bit(n.next)))
}
