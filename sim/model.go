// Package sim is the cycle model of a planned design and its cross-check with
// Verilog simulators.
//
// Control does not depend on data, so the model runs timing state machines cycle by
// cycle and attaches values that the integer executor computed frame by frame: a
// cycle costs O(blocks), not O(multiplications), and is still exact.
package sim

import (
	"fmt"

	"github.com/a2qgen/a2qgen/hwgen"
)

// block is the cycle model of a hardware block, seen from its two streams. Every
// output of a block is a register, so a cycle has two phases that cannot disturb
// each other: read ready and valid of all blocks, then step all blocks.
type block interface {
	// step ends a cycle in which a beat came in, went out, or neither, and returns
	// ready of the input and valid of the output in the next cycle.
	step(in, out bool) (ready, valid bool)
	// reset returns the block to its state after reset.
	reset() (ready, valid bool)
}

// Model is the cycle model of one design. It is not safe for concurrent use.
type Model struct {
	design *hwgen.Design
	blocks []block
	order  []int // in which blocks are stepped; any order gives the same
}

// maxStreams bounds a design: one bit a stream in the state words.
const maxStreams = 64

// NewModel returns the model of d. Designs of more than 63 blocks are an error.
func NewModel(d *hwgen.Design) (*Model, error) {
	if len(d.Streams) > maxStreams {
		return nil, fmt.Errorf("sim: design has %d streams, the model takes at most %d", len(d.Streams), maxStreams)
	}
	m := &Model{design: d}
	for i, b := range d.Blocks {
		m.blocks = append(m.blocks, newBlock(b))
		m.order = append(m.order, i)
	}
	return m, nil
}

func newBlock(b hwgen.Block) block {
	switch b := b.(type) {
	case *hwgen.MVAU:
		return newPipeline(b.Stages(), b.SF())
	case *hwgen.LabelSelect:
		return newPipeline(b.Stages(), b.Folds())
	case *hwgen.ReplayBuffer:
		return &replayBuffer{length: b.Length, repeats: b.Repeats}
	case *hwgen.FIFO:
		return &fifo{depth: b.Depth}
	case *hwgen.WidthConverter:
		return newWidthConverter(b.In, b.Out)
	}
	panic(fmt.Sprintf("sim: no model of module %q", b.Module()))
}

// Signals are the handshakes of one cycle: bit i belongs to stream i of the design.
type Signals struct {
	Valid, Ready uint64
}

// Fired returns the streams on which a beat is transferred.
func (s Signals) Fired() uint64 { return s.Valid & s.Ready }

// Timing is what a run took. Cycles are counted from 0, the first after reset.
type Timing struct {
	Cycles int64
	// FrameEnds holds the cycle in which each frame's last output beat was taken.
	FrameEnds []int64
	// FirstInput is the cycle in which the first input beat was taken.
	FirstInput int64
}

// Latency returns the cycles from the first input beat to the end of the first
// frame, both counted.
func (t *Timing) Latency() int64 { return t.FrameEnds[0] - t.FirstInput + 1 }

// Interval returns the cycles between the ends of the last two frames, or 0 with
// fewer than two.
func (t *Timing) Interval() int64 {
	n := len(t.FrameEnds)
	if n < 2 {
		return 0
	}
	return t.FrameEnds[n-1] - t.FrameEnds[n-2]
}

// patience is the number of cycles without a transfer after which a run with
// neither gap nor stall left is a deadlock.
const patience = 1 << 20

// Run drives frames through the model under the stimulus until the last output
// beat is taken and tail cycles more. visit, where not nil, sees every cycle; an
// error of its ends the run.
func (m *Model) Run(frames int, st *Stimulus, tail int64, visit func(cycle int64, s Signals) error) (*Timing, error) {
	r := m.start(frames, st)
	quiet := 0
	for r.cycle = 0; r.endsLeft > 0 || tail > 0; r.cycle++ {
		if r.endsLeft == 0 {
			tail--
		}
		s := r.signals()
		if visit != nil {
			if err := visit(r.cycle, s); err != nil {
				return nil, err
			}
		}
		fired := s.Fired()
		if fired == 0 {
			if quiet++; quiet > patience {
				return nil, fmt.Errorf("sim: no beat moved for %d cycles: the design is stuck", patience)
			}
		} else {
			quiet = 0
		}
		r.step(s, fired)
	}
	r.timing.Cycles = r.cycle
	return &r.timing, nil
}

// run is the state of a model under way.
type run struct {
	m            *Model
	st           *Stimulus
	cycle        int64
	valid, ready uint64 // of the blocks' registers
	sourceLeft   int64  // input beats still to send
	pending      bool   // the source has raised valid and waits
	outBeats     int    // output beats of a frame
	outBeat      int    // output beat under way
	endsLeft     int    // frames whose end is still to come
	timing       Timing
}

func (m *Model) start(frames int, st *Stimulus) *run {
	streams := m.design.Streams
	last := len(streams) - 1
	r := &run{m: m, st: st, endsLeft: frames, sourceLeft: int64(frames) * int64(streams[0].Beats),
		outBeats: streams[last].Beats}
	r.timing.FirstInput = -1
	r.timing.FrameEnds = make([]int64, 0, frames)
	for i, b := range m.blocks {
		r.set(i, b.reset)
	}
	return r
}

func (r *run) set(i int, f func() (bool, bool)) {
	ready, valid := f()
	r.ready |= bit(ready) << i
	r.valid |= bit(valid) << (i + 1)
}

// signals returns the handshakes of this cycle: the blocks' registers, the source
// (which never drops a raised valid) and the sink.
func (r *run) signals() Signals {
	gap, stall := r.st.At(r.cycle)
	s := Signals{r.valid, r.ready}
	if r.sourceLeft > 0 && (r.pending || !gap) {
		s.Valid |= 1
	}
	if !stall {
		s.Ready |= 1 << len(r.m.blocks)
	}
	return s
}

func (r *run) step(s Signals, fired uint64) {
	var ready, valid uint64
	for _, i := range r.m.order {
		rd, vd := r.m.blocks[i].step(fired>>i&1 != 0, fired>>(i+1)&1 != 0)
		ready |= bit(rd) << i
		valid |= bit(vd) << (i + 1)
	}
	r.ready, r.valid = ready, valid
	r.pending = s.Valid&1 != 0
	if fired&1 != 0 {
		r.pending = false
		r.sourceLeft--
		if r.timing.FirstInput < 0 {
			r.timing.FirstInput = r.cycle
		}
	}
	if fired>>len(r.m.blocks)&1 != 0 {
		if r.outBeat++; r.outBeat == r.outBeats {
			r.outBeat = 0
			r.endsLeft--
			r.timing.FrameEnds = append(r.timing.FrameEnds, r.cycle)
		}
	}
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
