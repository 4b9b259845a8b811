package add

import "github.com/a2qgen/a2qgen/sim/cycle"

// machine is the control of add.v: operands that are held, and the pipeline behind them, which
// takes them when all are there.
type machine struct {
	all  uint64 // the operands
	held uint64 // those that are there
	pipe cycle.Machine
	// behind is what the pipeline shows.
	behind cycle.Outputs
}

// Reset implements cycle.Machine.
func (m *machine) Reset() cycle.Outputs {
	m.held, m.behind = 0, m.pipe.Reset()
	return m.outputs()
}

// goes says that the held operands enter the pipeline in this cycle.
func (m *machine) goes() bool { return m.held == m.all && m.behind.Ready != 0 }

// Step implements cycle.Machine.
func (m *machine) Step(in, out uint64) cycle.Outputs {
	goes := m.goes()
	if goes {
		m.held = 0
	}
	m.held |= in
	m.behind = m.pipe.Step(cycle.Bit(goes), out)
	return m.outputs()
}

func (m *machine) outputs() cycle.Outputs {
	o := cycle.Outputs{Ready: m.all &^ m.held, Valid: m.behind.Valid, Busy: m.behind.Busy || m.goes()}
	if m.goes() {
		o.Ready = m.all
	}
	return o
}

// Registers implements cycle.Machine.
func (m *machine) Registers(state []int64) []int64 {
	return m.pipe.Registers(append(state, int64(m.held)))
}
