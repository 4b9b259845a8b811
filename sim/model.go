// Package sim is the cross-check of a planned design: its cycle model, with values, against
// Verilog simulators.
//
// Control does not depend on data, so the engine (sim/cycle) runs timing state machines
// cycle by cycle, and this package attaches values that the integer executor computed
// frame by frame: a cycle costs O(blocks), not O(multiplications), and is still exact.
package sim

import (
	"fmt"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/sim/cycle"
)

// Model is the cycle model of one design. It is not safe for concurrent use.
type Model struct {
	design *hwgen.Design
	engine *cycle.Engine
}

// maxStreams bounds a design: one bit a stream in the words of a comparison, and one for
// the output port.
const maxStreams = 63

// NewModel returns the model of d. Designs of more than 62 blocks are an error.
func NewModel(d *hwgen.Design) (*Model, error) {
	if len(d.Streams) > maxStreams {
		return nil, fmt.Errorf("sim: design has %d streams, the model takes at most %d", len(d.Streams), maxStreams)
	}
	e, err := cycle.New(d.Graph())
	if err != nil {
		return nil, err
	}
	return &Model{d, e}, nil
}

// Signals are the handshakes of one cycle: bit i belongs to stream i of the design.
type Signals struct {
	Valid, Ready uint64
}

// Fired returns the streams on which a beat is transferred.
func (s Signals) Fired() uint64 { return s.Valid & s.Ready }

// Run drives frames through the model under the stimulus until the last output beat is
// taken and tail cycles more (see cycle.Engine.Run).
func (m *Model) Run(frames int, st *Stimulus, tail int64, visit func(cycle int64, s Signals) error) (*cycle.Timing, error) {
	var see func(*cycle.Run) error
	if visit != nil {
		see = func(r *cycle.Run) error { return visit(r.Cycle, signals(r)) }
	}
	return m.engine.Run(frames, st.pauses(), tail, see)
}

func signals(r *cycle.Run) Signals {
	var s Signals
	for i := range r.Streams() {
		s.Valid |= bit(r.Valid(i)) << i
		s.Ready |= bit(r.Ready(i)) << i
	}
	return s
}

// pauses gives the stimulus to the engine; none where there are no pauses at all.
func (s *Stimulus) pauses() cycle.Pauses {
	if s.quiet() {
		return nil
	}
	return func(n int64) (gaps, stalls uint64) {
		if n >= int64(len(s.bits)) {
			s.grow(n + 1)
		}
		b := uint64(s.bits[n])
		return b & 1, b >> 1
	}
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
