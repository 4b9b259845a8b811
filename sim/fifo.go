package sim

// fifo models fifo.v: its fill level is all its state.
type fifo struct {
	depth, level int
}

func (f *fifo) reset() outputs {
	f.level = 0
	return f.outputs()
}

func (f *fifo) step(in, out bool) outputs {
	if in {
		f.level++
	}
	if out {
		f.level--
	}
	return f.outputs()
}

func (f *fifo) outputs() outputs { return outputs{ready: f.level != f.depth, valid: f.level != 0} }

func (f *fifo) registers(state []int64) []int64 { return append(state, int64(f.level)) }
