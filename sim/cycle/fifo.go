package cycle

// NewFIFO returns the machine of fifo.v, a queue of depth beats: its fill level is all
// its state.
func NewFIFO(depth int) Machine { return &fifo{depth: depth} }

type fifo struct {
	depth, level int
}

// Reset implements Machine.
func (f *fifo) Reset() Outputs {
	f.level = 0
	return f.outputs()
}

// Step implements Machine.
func (f *fifo) Step(in, out uint64) Outputs {
	f.level += int(in) - int(out)
	return f.outputs()
}

func (f *fifo) outputs() Outputs {
	return Outputs{Ready: bit(f.level != f.depth), Valid: bit(f.level != 0)}
}

// Registers implements Machine.
func (f *fifo) Registers(state []int64) []int64 { return append(state, int64(f.level)) }
