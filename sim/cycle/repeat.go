package cycle

import "encoding/binary"

// repeats finds a run that repeats itself: the state whenever source 0 begins a frame.
// Without pauses the future depends on the state alone, so from two equal ones on the run
// is periodic until a source runs dry.
type repeats struct {
	seen    map[string]moment
	period  Period
	scratch []int64
	key     []byte
}

// moment is when a state was first seen.
type moment struct {
	cycle   int64
	started int64 // frames that source 0 had still to begin
	ended   int   // frames that had ended
}

// Period is the steady state of a run: Frames frames take Cycles cycles, again and again.
// Both are 0 where none was found.
type Period struct {
	Cycles, Frames int64
}

// maxMoments bounds the memory of a search: periods of so many frames are found.
const maxMoments = 1 << 14

func newRepeats() *repeats { return &repeats{seen: map[string]moment{}} }

// frameStarts says that source 0 sends the first beat of a frame in this cycle.
func (r *Run) frameStarts() bool {
	s := &r.sources[0]
	return get(r.out, s.slot) != 0 && s.left%s.beats == 0
}

// state returns all that the future depends on, but for how much the sources have left.
// What machines show follows from their registers.
func (r *Run) state() []int64 {
	state := r.repeats.scratch[:0]
	first := r.sources[0].left
	for _, s := range r.sources {
		// Sources may run ahead of each other: their distance counts, in beats of a frame.
		state = append(state, s.left%s.beats, s.left/s.beats-first/r.sources[0].beats, int64(Bit(s.pending)))
	}
	for _, s := range r.sinks {
		state = append(state, int64(s.beat), int64(s.frames-r.sinks[0].frames))
	}
	for i := range r.e.graph.Nodes {
		state = r.e.graph.Nodes[i].Machine.Registers(state)
	}
	r.repeats.scratch = state
	return state
}

// find looks the state up among those seen before, and says whether it was there.
func (r *Run) find() bool {
	p := r.repeats
	p.key = p.key[:0]
	for _, v := range r.state() {
		p.key = binary.AppendVarint(p.key, v)
	}
	now := moment{r.Cycle, r.sources[0].left / r.sources[0].beats, len(r.timing.FrameEnds)}
	// By value, not by hash: a collision would be a wrong interval, printed as exact.
	before, found := p.seen[string(p.key)]
	if !found {
		if len(p.seen) == maxMoments {
			clear(p.seen) // a run that is not periodic yet: forget its start
		}
		p.seen[string(p.key)] = now
		return false
	}
	p.period = Period{Cycles: now.cycle - before.cycle, Frames: before.started - now.started}
	return int64(now.ended-before.ended) == p.period.Frames && p.period.Frames > 0
}

// skip continues a run that repeats itself by arithmetic: as many whole periods as leave
// every source a frame to send, their frames ending at the same distances.
func (r *Run) skip() {
	if !r.find() {
		return
	}
	p := r.repeats.period
	r.repeats = nil // one skip is all
	left := r.sources[0].left / r.sources[0].beats
	for _, s := range r.sources[1:] {
		left = min(left, s.left/s.beats)
	}
	periods := max(0, (left-1)/p.Frames)
	ends := r.timing.FrameEnds
	// Each frame ends a period after the one that is Frames before it.
	for range periods * p.Frames {
		ends = append(ends, ends[len(ends)-int(p.Frames)]+p.Cycles)
	}
	r.timing.FrameEnds = ends
	for i := range r.sources {
		r.sources[i].left -= periods * p.Frames * r.sources[i].beats
	}
	for i := range r.sinks {
		r.sinks[i].frames += int(periods * p.Frames)
	}
	r.framesLeft -= int(periods * p.Frames)
	r.Cycle += periods * p.Cycles
}

// Steady is what a design does for ever when the world never pauses.
type Steady struct {
	// Latency is that of the first frame, in cycles (Timing.Latency).
	Latency int64
	Period
}

// Steady runs the design, without pauses, until it repeats itself: that is the period for
// ever, exactly. A design that has not by limit cycles (a deep queue that fills by a beat
// in a frame) gets the mean of the later half of at least four frames. A deadlock is an
// error.
func (e *Engine) Steady(limit int64) (Steady, error) {
	r := e.Start(1<<40, nil)
	r.repeats = newRepeats()
	for ; r.Cycle < limit || len(r.timing.FrameEnds) < 4; r.Step() {
		if r.stuck() {
			return Steady{}, r.deadlock()
		}
		if r.frameStarts() && r.find() {
			return Steady{r.timing.Latency(), r.repeats.period}, nil
		}
	}
	ends := r.timing.FrameEnds
	last, middle := len(ends)-1, len(ends)/2
	return Steady{r.timing.Latency(), Period{ends[last] - ends[middle], int64(last - middle)}}, nil
}
