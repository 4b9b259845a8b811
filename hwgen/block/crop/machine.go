package crop

import "github.com/a2qgen/a2qgen/sim/cycle"

// machine is the control of crop.v: the turns of its loops that the next beat belongs to, and the beats in
// the spill register.
type machine struct {
	loops [3]loop
	// left are the turns until the next kept one of each loop, turn which of the kept ones that is.
	left, turn [3]int
	spill      int
}

// Reset implements cycle.Machine.
func (m *machine) Reset() cycle.Outputs {
	for k, l := range m.loops {
		m.left[k], m.turn[k] = l.first, 0
	}
	m.spill = 0
	return m.outputs()
}

// keeps says that the next beat passes.
func (m *machine) keeps() bool { return m.left == [3]int{} }

// Step implements cycle.Machine.
func (m *machine) Step(in, out uint64) cycle.Outputs {
	m.spill -= int(out)
	if in != 0 {
		if m.keeps() {
			m.spill++
		}
		m.move()
	}
	return m.outputs()
}

// move goes on to the next beat.
func (m *machine) move() {
	for k, l := range m.loops {
		if m.left[k] > 0 {
			m.left[k]--
			return
		}
		if m.turn[k]++; m.turn[k] < l.kept {
			m.left[k] = l.step - 1
			return
		}
		// To the first kept turn of the next round.
		m.turn[k], m.left[k] = 0, l.size-1-l.last()+l.first
	}
}

func (m *machine) outputs() cycle.Outputs {
	return cycle.Outputs{Ready: cycle.Bit(m.spill < 2 || !m.keeps()), Valid: cycle.Bit(m.spill > 0)}
}

// Registers implements cycle.Machine.
func (m *machine) Registers(state []int64) []int64 {
	for k := range m.loops {
		state = append(state, int64(m.left[k]), int64(m.turn[k]))
	}
	return append(state, int64(m.spill))
}
