package fifo

import "github.com/a2qgen/a2qgen/sim/cycle"

// newMachine returns the machine of fifo.v, a queue of depth beats: its fill level is all
// its state.
func newMachine(depth int) cycle.Machine { return &fifo{depth: depth} }

type fifo struct {
	depth, level int
}

// Reset implements cycle.Machine.
func (f *fifo) Reset() cycle.Outputs {
	f.level = 0
	return f.outputs()
}

// Step implements cycle.Machine.
func (f *fifo) Step(in, out uint64) cycle.Outputs {
	f.level += int(in) - int(out)
	return f.outputs()
}

func (f *fifo) outputs() cycle.Outputs {
	return cycle.Outputs{Ready: cycle.Bit(f.level != f.depth), Valid: cycle.Bit(f.level != 0)}
}

// Registers implements cycle.Machine.
func (f *fifo) Registers(state []int64) []int64 { return append(state, int64(f.level)) }
