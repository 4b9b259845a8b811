// Package sim is the cycle model of a planned design and its cross-check with
// Verilog simulators.
//
// Control does not depend on data, so the model runs timing state machines cycle by
// cycle and attaches values that the integer executor computed frame by frame: a
// cycle costs O(blocks), not O(multiplications), and is still exact.
package sim

import (
	"fmt"
	"math/bits"
	"slices"

	"github.com/a2qgen/a2qgen/hwgen"
)

// block is the cycle model of a hardware block, seen from its two streams. Every
// output of a block is a register, so a cycle has two phases that cannot disturb
// each other: read ready and valid of all blocks, then step all blocks.
type block interface {
	// step ends a cycle in which a beat came in, went out, or neither.
	step(in, out bool) outputs
	// reset returns the block to its state after reset.
	reset() outputs
	// registers appends the block's state: equal states have equal futures.
	registers(state []int64) []int64
}

// outputs are what a block shows in the next cycle: ready of its input, valid of its
// output; and whether it moves by itself, even if no beat passes.
type outputs struct {
	ready, valid, busy bool
}

// Model is the cycle model of one design. It is not safe for concurrent use.
type Model struct {
	design *hwgen.Design
	blocks []block
	order  []int // in which blocks are stepped, any order gives the same; nil for theirs
}

// maxStreams bounds a design: one bit a stream in the state words, and one for the
// output port in a comparison.
const maxStreams = 63

// NewModel returns the model of d. Designs of more than 62 blocks are an error.
func NewModel(d *hwgen.Design) (*Model, error) {
	if len(d.Streams) > maxStreams {
		return nil, fmt.Errorf("sim: design has %d streams, the model takes at most %d", len(d.Streams), maxStreams)
	}
	m := &Model{design: d}
	for _, b := range d.Blocks {
		m.blocks = append(m.blocks, newBlock(b))
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
		return &replayBuffer{length: b.Length, repeats: b.Repeats, slots: b.Slots()}
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
// error of its ends the run. Without visit and without pauses, a run that repeats
// itself frame by frame is continued by arithmetic.
func (m *Model) Run(frames int, st *Stimulus, tail int64, visit func(cycle int64, s Signals) error) (*Timing, error) {
	r := m.start(frames, st)
	r.forward = visit == nil && st.quiet()
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
		if quiet++; fired != 0 {
			quiet = 0
		} else if quiet > patience {
			return nil, fmt.Errorf("sim: no beat moved for %d cycles: the design is stuck", patience)
		}
		if r.forward && fired&1 != 0 && r.sourceLeft%int64(m.design.Streams[0].Beats) == 0 {
			r.fastForward()
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
	busy         uint64 // blocks that move by themselves
	sourceLeft   int64  // input beats still to send
	pending      bool   // the source has raised valid and waits
	outBeats     int    // output beats of a frame
	outBeat      int    // output beat under way
	endsLeft     int    // frames whose end is still to come
	timing       Timing

	forward    bool    // fastForward is allowed
	frameState []int64 // state at the start of the frame before
	frameCycle int64   // its cycle
	frameEnds  int     // frames that had ended by then
}

func (m *Model) start(frames int, st *Stimulus) *run {
	streams := m.design.Streams
	last := len(streams) - 1
	r := &run{m: m, st: st, endsLeft: frames, sourceLeft: int64(frames) * int64(streams[0].Beats),
		outBeats: streams[last].Beats}
	r.timing.FirstInput = -1
	r.timing.FrameEnds = make([]int64, 0, frames)
	for i, b := range m.blocks {
		r.show(i, b.reset())
	}
	return r
}

// show sets the register bits of block i.
func (r *run) show(i int, o outputs) {
	r.ready = r.ready&^(1<<i) | bit(o.ready)<<i
	r.valid = r.valid&^(2<<i) | bit(o.valid)<<(i+1)
	r.busy = r.busy&^(1<<i) | bit(o.busy)<<i
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

// step ends the cycle. Blocks that neither pass a beat nor move by themselves stay
// as they are.
func (r *run) step(s Signals, fired uint64) {
	blocks := r.m.blocks
	active := (fired | fired>>1 | r.busy) & (1<<len(blocks) - 1)
	if r.m.order == nil {
		for ; active != 0; active &= active - 1 {
			i := bits.TrailingZeros64(active)
			r.show(i, blocks[i].step(fired>>i&1 != 0, fired>>(i+1)&1 != 0))
		}
	}
	for _, i := range r.m.order {
		if active>>i&1 != 0 {
			r.show(i, blocks[i].step(fired>>i&1 != 0, fired>>(i+1)&1 != 0))
		}
	}
	r.pending = s.Valid&1 != 0
	if fired&1 != 0 {
		r.pending = false
		r.sourceLeft--
		if r.timing.FirstInput < 0 {
			r.timing.FirstInput = r.cycle
		}
	}
	if fired>>len(blocks)&1 != 0 {
		if r.outBeat++; r.outBeat == r.outBeats {
			r.outBeat = 0
			r.endsLeft--
			r.timing.FrameEnds = append(r.timing.FrameEnds, r.cycle)
		}
	}
}

// fastForward compares the state at the start of a frame with that at the start of
// the frame before. If they are equal, and one frame ended in between, the future
// repeats that stretch until the source runs dry: all frames but the last are
// skipped, their ends following at the same distance.
func (r *run) fastForward() {
	state := []int64{int64(r.valid), int64(r.ready), int64(r.outBeat)}
	for _, b := range r.m.blocks {
		state = b.registers(state)
	}
	ends, period := len(r.timing.FrameEnds), r.cycle-r.frameCycle
	if slices.Equal(state, r.frameState) && ends == r.frameEnds+1 {
		beats := int64(r.m.design.Streams[0].Beats)
		skip := r.sourceLeft/beats - 1
		for range skip {
			r.timing.FrameEnds = append(r.timing.FrameEnds, r.timing.FrameEnds[len(r.timing.FrameEnds)-1]+period)
		}
		r.sourceLeft -= skip * beats
		r.endsLeft -= int(skip)
		r.cycle += skip * period
		r.forward = false
	}
	r.frameState, r.frameCycle, r.frameEnds = state, r.cycle, ends
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
