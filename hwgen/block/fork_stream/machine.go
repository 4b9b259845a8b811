package forkstream

import "github.com/a2qgen/a2qgen/sim/cycle"

// machine is the control of fork_stream.v: how many of the two stored beats each reader has
// left to take.
type machine struct{ left []int }

// Reset implements cycle.Machine.
func (m *machine) Reset() cycle.Outputs {
	clear(m.left)
	return m.outputs()
}

// Step implements cycle.Machine.
func (m *machine) Step(in, out uint64) cycle.Outputs {
	for i := range m.left {
		m.left[i] += int(in) - int(out>>i&1)
	}
	return m.outputs()
}

func (m *machine) outputs() cycle.Outputs {
	o := cycle.Outputs{Ready: 1}
	for i, n := range m.left {
		o.Valid |= cycle.Bit(n > 0) << i
		// One slow reader holds up all.
		o.Ready &= cycle.Bit(n < 2)
	}
	return o
}

// Registers implements cycle.Machine.
func (m *machine) Registers(state []int64) []int64 {
	for _, n := range m.left {
		state = append(state, int64(n))
	}
	return state
}
