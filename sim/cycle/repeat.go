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
	late    int64 // by how much source 0 was late (KeepsUp)
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

// before returns the moment in which the state was seen, with the same extra number, or keeps now as
// such a moment.
func (r *Run) before(extra int64, now moment) (moment, bool) {
	p := r.repeats
	p.key = binary.AppendVarint(p.key[:0], extra)
	for _, v := range r.state() {
		p.key = binary.AppendVarint(p.key, v)
	}
	// By value, not by hash: a collision would be a wrong interval, printed as exact.
	before, found := p.seen[string(p.key)]
	if found {
		return before, true
	}
	if len(p.seen) == maxMoments {
		clear(p.seen) // a run that is not periodic yet: forget its start
	}
	p.seen[string(p.key)] = now
	return moment{}, false
}

// find looks the state up among those seen before, and says whether it was there.
func (r *Run) find() bool {
	now := moment{cycle: r.Cycle, started: r.sources[0].left / r.sources[0].beats, ended: len(r.timing.FrameEnds)}
	before, found := r.before(0, now)
	if !found {
		return false
	}
	p := r.repeats
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
	r.timing.FrameEnds = p.continued(r.timing.FrameEnds, periods)
	// A sink that is ahead is so by as much in either state.
	for i, ends := range r.timing.SinkEnds {
		r.timing.SinkEnds[i] = p.continued(ends, periods)
	}
	for i := range r.sources {
		r.sources[i].left -= periods * p.Frames * r.sources[i].beats
	}
	for i := range r.sinks {
		r.sinks[i].frames += int(periods * p.Frames)
	}
	r.framesLeft -= int(periods * p.Frames)
	r.Cycle += periods * p.Cycles
}

// continued appends the ends of so many periods: each frame ends a period after the one that is
// Frames before it.
func (p Period) continued(ends []int64, periods int64) []int64 {
	for range periods * p.Frames {
		ends = append(ends, ends[len(ends)-int(p.Frames)]+p.Cycles)
	}
	return ends
}

// Steady is what a design does for ever when the world never pauses.
type Steady struct {
	// Latency is that of the first frame, in cycles (Timing.Latency), Latencies are those at
	// each sink (Timing.SinkLatency).
	Latency   int64
	Latencies []int64
	Period
}

// steady returns what a run tells that has a frame at each sink.
func (r *Run) steady(p Period) Steady {
	s := Steady{Latency: r.timing.Latency(), Period: p}
	for i := range r.sinks {
		s.Latencies = append(s.Latencies, r.timing.SinkLatency(i))
	}
	return s
}

// Steady runs the design, without pauses, until it repeats itself: that is the period for
// ever, exactly. A design that has not by limit cycles (a deep queue that fills by a beat
// in a frame) gets the mean of the later half of at least four frames. A deadlock is an
// error.
func (e *Engine) Steady(limit int64) (Steady, error) {
	r := e.Start(endlessFrames, nil)
	r.repeats = newRepeats()
	for ; r.Cycle < limit || len(r.timing.FrameEnds) < 4; r.Step() {
		if r.stuck() {
			return Steady{}, r.deadlock()
		}
		if r.frameStarts() && r.find() {
			return r.steady(r.repeats.period), nil
		}
	}
	ends := r.timing.FrameEnds
	last, middle := len(ends)-1, len(ends)/2
	return r.steady(Period{ends[last] - ends[middle], int64(last - middle)}), nil
}

// KeepsUp says whether the design keeps up with sources that offer a frame per interval, for ever. They are
// late by some cycles where it cannot take a frame at its time: it keeps up where it comes back to a state
// by as much late as it was, and falls behind where it does by more. A run that does neither in limit
// cycles has not kept up. cycles are those that it took to see it. visit, where not nil, sees every cycle
// before it ends. A deadlock is an error.
func (e *Engine) KeepsUp(interval Period, limit int64, visit func(*Run)) (keeps bool, cycles int64, err error) {
	var r *Run
	r = e.Start(endlessFrames, func(c int64) (gaps, stalls uint64) {
		for i := range r.started() {
			gaps |= Bit(r.late(i, c, interval) < 0) << i
		}
		return gaps, 0
	})
	r.repeats = newRepeats()
	for ; r.Cycle < limit; r.Step() {
		if r.stuck() {
			return false, r.Cycle, r.deadlock()
		}
		if visit != nil {
			visit(r)
		}
		if !r.frameStarts() {
			continue
		}
		// A source that is late by a cycle or more does not wait: how late it is makes no difference then.
		late := r.late(0, r.Cycle, interval)
		before, found := r.before(min(late, interval.Frames), moment{cycle: r.Cycle, late: late})
		if found && late >= before.late {
			return late == before.late, r.Cycle, nil
		}
	}
	return false, r.Cycle, nil
}

// started returns the sources of a run that has begun.
func (r *Run) started() []source {
	if r == nil {
		return nil // the first cycle, in which nobody waits
	}
	return r.sources
}

// late returns by how much a cycle is behind the one in which source i is to begin the frame that it sends,
// in cycles times interval.Frames.
func (r *Run) late(i int, cycle int64, interval Period) int64 {
	s := &r.sources[i]
	return cycle*interval.Frames - (endlessFrames-(s.left+s.beats-1)/s.beats)*interval.Cycles
}

// endlessFrames are more than any run sees the end of.
const endlessFrames = 1 << 30
