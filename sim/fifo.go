package sim

// fifo models fifo.v: its fill level is all its state.
type fifo struct {
	depth, level int
}

func (f *fifo) reset() (ready, valid bool) {
	f.level = 0
	return true, false
}

func (f *fifo) step(in, out bool) (ready, valid bool) {
	if in {
		f.level++
	}
	if out {
		f.level--
	}
	return f.level != f.depth, f.level != 0
}
