package tapunit

import (
	"math/bits"

	"github.com/a2qgen/a2qgen/sim/cycle"
)

// newMachine returns the control of tap_unit.v: vectors of so many beats into halves of a buffer,
// and from a whole one a step per cycle into a pipeline of stages registers, of which those that
// end rows come out. A half is free reads cycles after its last step.
func newMachine(beats, reads, stages int, ends []bool) cycle.Machine {
	return &machine{beats: beats, reads: reads, end: 1 << (stages - 1), ends: ends}
}

// machine has the parameters, then the registers of tap_unit.v and tap_buffer.v.
type machine struct {
	beats, reads int
	end          uint64 // the bit of the pipeline's last stage
	ends         []bool // of the steps: whether rows end there

	beat int // beats of the vector that comes in
	// held counts halves that are whole and not free; over are those of them that are read to
	// their end, whose reads are still on their way: bit i since i+1 moves.
	held int
	over uint64
	step int
	// chain has bit i set while stage i holds a step that ends rows; spill counts results behind.
	chain uint64
	spill int
}

// Reset implements cycle.Machine.
func (m *machine) Reset() cycle.Outputs {
	m.beat, m.held, m.over, m.step, m.chain, m.spill = 0, 0, 0, 0, 0, 0
	return m.outputs()
}

// moves says whether the pipeline moves: it halts with a result at its end that has no place.
func (m *machine) moves() bool { return m.chain&m.end == 0 || m.spill < 2 }

// full says whether the half at hand is whole. Halves take turns, and one that is over is never
// met again before it is free, as a vector takes reads steps or more: so one that is over and one
// that is whole are two.
func (m *machine) full() bool { return m.held > bits.OnesCount64(m.over) }

// Step implements cycle.Machine.
func (m *machine) Step(in, out uint64) cycle.Outputs {
	moves, full := m.moves(), m.full()
	m.spill -= int(out)
	if moves {
		m.move(full)
	}
	if in != 0 {
		if m.beat++; m.beat == m.beats {
			m.beat = 0
			m.held++
		}
	}
	return m.outputs()
}

// move ends a cycle of the pipeline, in which a step began where full.
func (m *machine) move(full bool) {
	if m.chain&m.end != 0 {
		m.spill++
	}
	m.chain = m.chain &^ m.end << 1
	if m.over>>(m.reads-1)&1 != 0 {
		m.held--
	}
	m.over = m.over << 1 & (1<<m.reads - 1)
	if !full {
		return
	}
	if m.ends[m.step] {
		m.chain |= 1
	}
	if m.step++; m.step == len(m.ends) {
		m.step = 0
		m.over |= 1
	}
}

func (m *machine) outputs() cycle.Outputs {
	return cycle.Outputs{Ready: cycle.Bit(m.held < 2), Valid: cycle.Bit(m.spill > 0),
		Busy: m.moves() && (m.chain != 0 || m.over != 0 || m.full())}
}

// Registers implements cycle.Machine.
func (m *machine) Registers(state []int64) []int64 {
	return append(state, int64(m.beat), int64(m.held), int64(m.over), int64(m.step), int64(m.chain), int64(m.spill))
}
