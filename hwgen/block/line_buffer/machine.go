package linebuffer

import "github.com/a2qgen/a2qgen/sim/cycle"

// newMachine returns the machine of line_buffer.v with so many places.
func newMachine(w *walk, depth int) cycle.Machine {
	return &machine{walk: w, depth: depth, turns: make([]int, len(w.loops))}
}

// machine has the walk, then the registers of line_buffer.v: turns of the loops, beats behind the
// read position and beats in use.
type machine struct {
	*walk
	depth        int
	turns        []int
	behind, used int
	row, column  int
	valid        bool
	first        bool // the next read is the first of a frame
}

// Reset implements cycle.Machine.
func (m *machine) Reset() cycle.Outputs {
	clear(m.turns)
	m.behind, m.used, m.row, m.column, m.valid = -m.start-1, -m.start-m.depth, -m.top, -m.left, false
	m.first = true
	return m.outputs()
}

// available: what lies outside of the image waits for nothing, but for the first of a frame.
func (m *machine) available() bool {
	if m.first && m.border && m.behind < m.begun() {
		return false
	}
	behind, inside := m.last(m.row, m.column)
	return !inside || m.behind >= behind
}

// Step implements cycle.Machine.
func (m *machine) Step(in, out uint64) cycle.Outputs {
	read := m.available() && (!m.valid || out != 0)
	m.valid = read || m.valid && out == 0
	m.behind, m.used = m.behind+int(in), m.used+int(in)
	if read {
		l := m.step(m.turns)
		m.first = l == &m.next
		m.behind, m.used = m.behind-l.jump, m.used-l.free
		m.row, m.column = m.row+l.down, m.column+l.right
	}
	return m.outputs()
}

func (m *machine) outputs() cycle.Outputs {
	return cycle.Outputs{Ready: cycle.Bit(m.used < 0), Valid: cycle.Bit(m.valid), Busy: !m.valid && m.available()}
}

// Registers implements cycle.Machine. Row, column and first follow from the turns.
func (m *machine) Registers(state []int64) []int64 {
	for _, t := range m.turns {
		state = append(state, int64(t))
	}
	return append(state, int64(m.behind), int64(m.used), int64(cycle.Bit(m.valid)))
}
