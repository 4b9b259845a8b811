package pool

import "github.com/a2qgen/a2qgen/sim/cycle"

// machine is the control of pool.v: which beat of a window comes next, and the beats in the spill
// register.
type machine struct {
	taps, folds int
	beat, spill int
}

// Reset implements cycle.Machine.
func (m *machine) Reset() cycle.Outputs {
	m.beat, m.spill = 0, 0
	return m.outputs()
}

// last says that the next beat is of the last position, so that a result leaves with it.
func (m *machine) last() bool { return m.beat >= (m.taps-1)*m.folds }

// Step implements cycle.Machine.
func (m *machine) Step(in, out uint64) cycle.Outputs {
	m.spill -= int(out)
	if in != 0 {
		if m.last() {
			m.spill++
		}
		if m.beat++; m.beat == m.taps*m.folds {
			m.beat = 0
		}
	}
	return m.outputs()
}

func (m *machine) outputs() cycle.Outputs {
	return cycle.Outputs{Ready: cycle.Bit(m.spill < 2 || !m.last()), Valid: cycle.Bit(m.spill > 0)}
}

// Registers implements cycle.Machine.
func (m *machine) Registers(state []int64) []int64 {
	return append(state, int64(m.beat), int64(m.spill))
}
