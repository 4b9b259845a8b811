package hardwired

import "github.com/a2qgen/a2qgen/sim/cycle"

// machine is the control of the unit: a pipeline that never halts, a queue behind it, and as many
// credits as that has places.
type machine struct {
	depth int
	chain uint64 // bit i is set while stage i holds a beat
	end   uint64 // the bit of the last stage
	// queued are the beats in the queue, level those in the unit.
	queued, level int
}

// newMachine returns the machine of a unit of so many stages, 1..64, and places.
func newMachine(stages, depth int) cycle.Machine {
	if stages > MaxStages {
		panic("hardwired: pipeline of more stages than a word has bits")
	}
	return &machine{depth: depth, end: 1 << (stages - 1)}
}

// MaxStages is the longest pipeline: the bits of the word that holds a pipeline.
const MaxStages = 64

// Reset implements cycle.Machine.
func (m *machine) Reset() cycle.Outputs {
	m.chain, m.queued, m.level = 0, 0, 0
	return m.outputs()
}

// Step implements cycle.Machine.
func (m *machine) Step(in, out uint64) cycle.Outputs {
	m.queued += int(cycle.Bit(m.chain&m.end != 0)) - int(out)
	m.level += int(in) - int(out)
	m.chain = m.chain&^m.end<<1 | in
	return m.outputs()
}

func (m *machine) outputs() cycle.Outputs {
	return cycle.Outputs{Ready: cycle.Bit(m.level < m.depth), Valid: cycle.Bit(m.queued > 0), Busy: m.chain != 0}
}

// Registers implements cycle.Machine.
func (m *machine) Registers(state []int64) []int64 {
	return append(state, int64(m.chain), int64(m.queued), int64(m.level))
}
