package widthconverter

import "github.com/a2qgen/a2qgen/sim/cycle"

// newMachine returns the machine of width_converter.v for beats of in and of
// out words.
func newMachine(in, out int) cycle.Machine {
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

// Reset implements cycle.Machine.
func (w *widener) Reset() cycle.Outputs {
	w.count, w.valid = 0, false
	return w.outputs()
}

// Step implements cycle.Machine.
func (w *widener) Step(in, out uint64) cycle.Outputs {
	// The last part goes straight into the output register together with those held, so it
	// waits for that register to be free, and the others do not.
	last := w.count == w.ratio-1
	w.valid = in != 0 && last || w.valid && out == 0
	if in != 0 {
		if w.count++; last {
			w.count = 0
		}
	}
	return w.outputs()
}

func (w *widener) outputs() cycle.Outputs {
	return cycle.Outputs{Ready: cycle.Bit(w.count != w.ratio-1 || !w.valid), Valid: cycle.Bit(w.valid)}
}

// Registers implements cycle.Machine.
func (w *widener) Registers(state []int64) []int64 {
	return append(state, int64(w.count), int64(cycle.Bit(w.valid)))
}

// narrower models the narrowing branch: one wide beat under way, one waiting.
type narrower struct {
	ratio, count int
	valid, next  bool
}

// Reset implements cycle.Machine.
func (n *narrower) Reset() cycle.Outputs {
	n.count, n.valid, n.next = 0, false, false
	return n.outputs()
}

// Step implements cycle.Machine.
func (n *narrower) Step(in, out uint64) cycle.Outputs {
	// A new beat is taken up when the last part of the one under way leaves.
	load := !n.valid || out != 0 && n.count == n.ratio-1
	n.valid, n.next = !load || in != 0 || n.next, !load && (in != 0 || n.next)
	if out != 0 {
		if n.count++; n.count == n.ratio {
			n.count = 0
		}
	}
	return n.outputs()
}

func (n *narrower) outputs() cycle.Outputs {
	return cycle.Outputs{Ready: cycle.Bit(!n.next), Valid: cycle.Bit(n.valid)}
}

// Registers implements cycle.Machine.
func (n *narrower) Registers(state []int64) []int64 {
	return append(state, int64(n.count), int64(cycle.Bit(n.valid)), int64(cycle.Bit(n.next)))
}
