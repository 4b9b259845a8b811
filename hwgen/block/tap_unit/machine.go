package tapunit

import (
	"math/bits"

	"github.com/a2qgen/a2qgen/sim/cycle"
)

// machine is the control of tap_unit.v: a step per cycle of a whole vector into a pipeline, of which
// those that end rows come out.
type machine struct {
	feed
	end  uint64 // the bit of the pipeline's last stage
	ends []bool // of the steps: whether rows end there
	step int
	// chain has bit i set while stage i holds a step that ends rows; spill counts results behind.
	chain uint64
	spill int
}

// feed is where vectors come from.
type feed interface {
	reset()
	// take notes a beat that came in, ready says whether there is room for one.
	take()
	ready() bool
	// whole says that the vector at hand is there.
	whole() bool
	// move ends a cycle in which the pipeline moved: where last, the last step of a vector began.
	move(last bool)
	// reading says that reads are on their way whose end frees something.
	reading() bool
	registers(state []int64) []int64
}

// Reset implements cycle.Machine.
func (m *machine) Reset() cycle.Outputs {
	m.step, m.chain, m.spill = 0, 0, 0
	m.reset()
	return m.outputs()
}

// moves says whether the pipeline moves: it halts with a result at its end that has no place.
func (m *machine) moves() bool { return m.chain&m.end == 0 || m.spill < 2 }

// Step implements cycle.Machine.
func (m *machine) Step(in, out uint64) cycle.Outputs {
	moves, whole := m.moves(), m.whole()
	m.spill -= int(out)
	if moves {
		m.shift(whole)
	}
	if in != 0 {
		m.take()
	}
	return m.outputs()
}

// shift ends a cycle of the pipeline, in which a step began where the vector is whole.
func (m *machine) shift(whole bool) {
	if m.chain&m.end != 0 {
		m.spill++
	}
	m.chain = m.chain &^ m.end << 1
	last := false
	if whole {
		if m.ends[m.step] {
			m.chain |= 1
		}
		if m.step++; m.step == len(m.ends) {
			m.step, last = 0, true
		}
	}
	m.move(last)
}

func (m *machine) outputs() cycle.Outputs {
	return cycle.Outputs{Ready: cycle.Bit(m.ready()), Valid: cycle.Bit(m.spill > 0),
		Busy: m.moves() && (m.chain != 0 || m.reading() || m.whole())}
}

// Registers implements cycle.Machine.
func (m *machine) Registers(state []int64) []int64 {
	return m.registers(append(state, int64(m.step), int64(m.chain), int64(m.spill)))
}

// halves are the registers of tap_buffer.v: a vector of so many beats in each half, which is free reads
// cycles after its last step.
type halves struct {
	beats, reads int

	beat int // beats of the vector that comes in
	// held counts halves that are whole and not free; over are those of them that are read to
	// their end, whose reads are still on their way: bit i since i+1 moves.
	held int
	over uint64
}

func (h *halves) reset() { h.beat, h.held, h.over = 0, 0, 0 }

func (h *halves) take() {
	if h.beat++; h.beat == h.beats {
		h.beat = 0
		h.held++
	}
}

func (h *halves) ready() bool { return h.held < 2 }

// whole: halves take turns, and one that is over is never met again before it is free, as a vector
// takes reads steps or more: so one that is over and one that is whole are two.
func (h *halves) whole() bool { return h.held > bits.OnesCount64(h.over) }

func (h *halves) move(last bool) {
	if h.over>>(h.reads-1)&1 != 0 {
		h.held--
	}
	h.over = h.over << 1 & (1<<h.reads - 1)
	if last {
		h.over |= 1
	}
}

func (h *halves) reading() bool { return h.over != 0 }

func (h *halves) registers(state []int64) []int64 {
	return append(state, int64(h.beat), int64(h.held), int64(h.over))
}

// lines are the registers of tap_window.v: elements that have come beyond the window at hand, and in
// use.
type lines struct {
	*window
	reads        int
	behind, used int
	column, row  int
	moves        []int // what the last steps on their way free, that of the latest first
}

func (l *lines) reset() {
	l.behind, l.used, l.column, l.row = -l.span, -l.depth, 0, 0
	clear(l.moves)
}

func (l *lines) take() { l.behind, l.used = l.behind+1, l.used+1 }

func (l *lines) ready() bool { return l.used < 0 }

func (l *lines) whole() bool { return l.behind >= 0 }

func (l *lines) move(last bool) {
	l.used -= l.moves[l.reads-1]
	copy(l.moves[1:], l.moves)
	l.moves[0] = 0
	if !last {
		return
	}
	by := l.right
	if l.column++; l.column == l.columns {
		l.column, by = 0, l.down
		if l.row++; l.row == l.rows {
			l.row, by = 0, l.next
		}
	}
	l.behind -= by
	l.moves[0] = by
}

func (l *lines) reading() bool {
	for _, by := range l.moves {
		if by != 0 {
			return true
		}
	}
	return false
}

func (l *lines) registers(state []int64) []int64 {
	state = append(state, int64(l.behind), int64(l.used), int64(l.column), int64(l.row))
	for _, by := range l.moves {
		state = append(state, int64(by))
	}
	return state
}
