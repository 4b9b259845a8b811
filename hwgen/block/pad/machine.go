package pad

import (
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/sim/cycle"
)

// machine is the control of pad.v: whether a beat is held, where the next one to leave lies, and the
// beats in the spill register.
type machine struct {
	border            hwgen.Border
	beats             int
	held, begun       bool
	beat, column, row int
	spill             int
}

// Reset implements cycle.Machine.
func (m *machine) Reset() cycle.Outputs {
	m.held, m.begun, m.beat, m.column, m.row, m.spill = false, false, 0, 0, 0, 0
	return m.outputs()
}

// outside says that the next beat to leave is of the border.
func (m *machine) outside() bool {
	b := m.border
	return m.row < b.Top || m.row >= b.Top+b.H || m.column < b.Left || m.column >= b.Left+b.W
}

// leaves says that a beat enters the spill register in this cycle, taken that it is the one held.
func (m *machine) leaves() bool { return (m.held || m.outside() && m.begun) && m.spill < 2 }

func (m *machine) taken() bool { return m.leaves() && !m.outside() }

// Step implements cycle.Machine.
func (m *machine) Step(in, out uint64) cycle.Outputs {
	leaves, taken := m.leaves(), m.taken()
	m.spill -= int(out)
	m.held = in != 0 || m.held && !taken
	if leaves {
		m.spill++
		m.begun = m.begun || taken
		m.move()
	}
	return m.outputs()
}

// move goes on to the next beat.
func (m *machine) move() {
	if m.beat++; m.beat < m.beats {
		return
	}
	m.beat = 0
	if m.column++; m.column < m.border.Width() {
		return
	}
	m.column = 0
	if m.row++; m.row == m.border.Top+m.border.H+m.border.Bottom {
		m.row, m.begun = 0, false
	}
}

func (m *machine) outputs() cycle.Outputs {
	return cycle.Outputs{Ready: cycle.Bit(!m.held || m.taken()), Valid: cycle.Bit(m.spill > 0), Busy: m.leaves()}
}

// Registers implements cycle.Machine.
func (m *machine) Registers(state []int64) []int64 {
	return append(state, int64(cycle.Bit(m.held)), int64(cycle.Bit(m.begun)), int64(m.beat), int64(m.column), int64(m.row),
		int64(m.spill))
}
