package concat

import "github.com/a2qgen/a2qgen/sim/cycle"

// machine is the control of concat.v: whose turn it is, its next beat of the position, and the beats in
// the spill register.
type machine struct {
	beats             []int
	turn, beat, spill int
}

// Reset implements cycle.Machine.
func (m *machine) Reset() cycle.Outputs {
	m.turn, m.beat, m.spill = 0, 0, 0
	return m.outputs()
}

// Step implements cycle.Machine.
func (m *machine) Step(in, out uint64) cycle.Outputs {
	m.spill -= int(out)
	if in != 0 {
		m.spill++
		if m.beat++; m.beat == m.beats[m.turn] {
			m.beat, m.turn = 0, (m.turn+1)%len(m.beats)
		}
	}
	return m.outputs()
}

func (m *machine) outputs() cycle.Outputs {
	return cycle.Outputs{Ready: cycle.Bit(m.spill < 2) << m.turn, Valid: cycle.Bit(m.spill > 0)}
}

// Registers implements cycle.Machine.
func (m *machine) Registers(state []int64) []int64 {
	return append(state, int64(m.turn), int64(m.beat), int64(m.spill))
}
