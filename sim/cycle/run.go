package cycle

import (
	"fmt"
	"slices"
	"strings"
)

// Timing is what a run took. Cycles are counted from 0, the first after reset.
type Timing struct {
	Cycles int64
	// FrameEnds holds the cycle in which each frame's last output beat was taken, at the
	// last of the sinks.
	FrameEnds []int64
	// SinkEnds holds the same of each sink alone: one that is ahead may have more frames.
	SinkEnds [][]int64
	// FirstInput is the cycle in which the first input beat was taken.
	FirstInput int64
}

// Latency returns the cycles from the first input beat to the end of the first
// frame, both counted.
func (t *Timing) Latency() int64 { return t.FrameEnds[0] - t.FirstInput + 1 }

// Interval returns the cycles between the ends of the last two frames, or 0 with
// fewer than two.
func (t *Timing) Interval() int64 { return interval(t.FrameEnds) }

// SinkLatency is Latency to the end of the first frame at sink i, SinkInterval is Interval there.
func (t *Timing) SinkLatency(i int) int64 { return t.SinkEnds[i][0] - t.FirstInput + 1 }

// SinkInterval implements what SinkLatency says.
func (t *Timing) SinkInterval(i int) int64 { return interval(t.SinkEnds[i]) }

func interval(ends []int64) int64 {
	n := len(ends)
	if n < 2 {
		return 0
	}
	return ends[n-1] - ends[n-2]
}

// Run drives frames through the graph until the last beats of input and output are taken, and tail
// cycles more. visit, where not nil, sees every cycle before it ends; an error of its
// ends the run. Without visit and without pauses, a run that repeats itself is continued
// by arithmetic. A design that can never move again is a *Deadlock.
func (e *Engine) Run(frames int, pauses Pauses, tail int64, visit func(*Run) error) (*Timing, error) {
	r := e.Start(frames, pauses)
	if visit == nil && pauses == nil {
		r.repeats = newRepeats()
	}
	for ; r.unfinished() || tail > 0; r.Step() {
		if !r.unfinished() {
			tail--
		}
		if visit != nil {
			if err := visit(r); err != nil {
				return nil, err
			}
		}
		if r.unfinished() && r.stuck() {
			return nil, r.deadlock()
		}
		if r.repeats != nil && r.frameStarts() {
			r.skip()
		}
	}
	r.timing.Cycles = r.Cycle
	return &r.timing, nil
}

// unfinished says that a frame's results are still to come, or beats of one that no result needs:
// a window may leave out the last rows of an image.
func (r *Run) unfinished() bool {
	return r.framesLeft > 0 || slices.ContainsFunc(r.sources, func(s source) bool { return s.left > 0 })
}

// stuck says that nothing can ever move again: no beat passes, no machine moves by
// itself, and no end of the design holds anything back that it could give later. Then
// every register stays, and so does every handshake.
func (r *Run) stuck() bool {
	if r.paused || r.moves {
		return false
	}
	for _, w := range r.busy {
		if w != 0 {
			return false
		}
	}
	return true
}

// Deadlock is a design that can never move again, although frames are under way.
type Deadlock struct {
	Cycle int64
	// Blocked are the streams whose writer offers a beat that the reader does not take,
	// Starved those whose reader waits for a beat.
	Blocked, Starved []string
	// Deepen are the blocked streams into a block that waits for another one: queues on them
	// would let that one come.
	Deepen []string
}

// Error implements error.
func (d *Deadlock) Error() string {
	return fmt.Sprintf("cycle: deadlock in cycle %d: blocked %s; starved %s", d.Cycle,
		strings.Join(d.Blocked, ", "), strings.Join(d.Starved, ", "))
}

func (r *Run) deadlock() *Deadlock {
	d := &Deadlock{Cycle: r.Cycle}
	for i, name := range r.e.graph.Streams {
		switch {
		case r.Valid(i):
			d.Blocked = append(d.Blocked, name)
		case r.Ready(i):
			d.Starved = append(d.Starved, name)
		}
	}
	for _, n := range r.e.graph.Nodes {
		starves := slices.ContainsFunc(n.In, func(s int) bool { return !r.Valid(s) && r.Ready(s) })
		for _, s := range n.In {
			if starves && r.Valid(s) && !r.Ready(s) {
				d.Deepen = append(d.Deepen, r.e.graph.Streams[s])
			}
		}
	}
	return d
}
