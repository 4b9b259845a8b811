// Package sim is the cross-check of a planned design: its cycle model, with values, against
// Verilog simulators.
//
// Control does not depend on data, so the engine (sim/cycle) runs timing state machines
// cycle by cycle, and this package attaches values that the integer executor computed
// frame by frame: a cycle costs O(blocks), not O(multiplications), and is still exact.
package sim

import (
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/sim/cycle"
)

// Model is the cycle model of one design. It is not safe for concurrent use.
type Model struct {
	design *hwgen.Design
	engine *cycle.Engine
}

// NewModel returns the model of d.
func NewModel(d *hwgen.Design) (*Model, error) {
	e, err := cycle.New(d.Graph())
	if err != nil {
		return nil, err
	}
	return &Model{d, e}, nil
}

// Run drives frames through the model under the stimulus until the last output beat is
// taken and tail cycles more (see cycle.Engine.Run).
func (m *Model) Run(frames int, st *Stimulus, tail int64, visit func(*cycle.Run) error) (*cycle.Timing, error) {
	return m.engine.Run(frames, st.pauses(), tail, visit)
}

// pauses gives the stimulus to the engine; none where there are no pauses at all.
func (s *Stimulus) pauses() cycle.Pauses {
	if s.quiet() {
		return nil
	}
	return s.At
}
