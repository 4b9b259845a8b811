package cycle

import "math/bits"

// Engine runs a graph. It is not safe for concurrent use, and its machines are the
// graph's own: one run at a time.
//
// A cycle works on words of bits, one bit per slot. Slots are the sources, nodes and
// sinks, ordered so that most streams lead from a slot to the next one: those streams, all
// between first ports, pass their beats by one shift and two ands. The others are links,
// looked at one by one.
type Engine struct {
	graph Graph
	slots []slot
	// next has the bit of a slot whose first input comes from the slot before; links are
	// all other streams.
	next  []uint64
	links []link
	// plain has the bits of nodes with one input and one output.
	plain []uint64
	wide  []int // slots of more than one input or output
	// writer and reader are the ends of each stream.
	writer, reader []end
	order          []int // of slots, in which nodes are stepped; nil for theirs: any gives the same
}

// slot is a node, or a source or sink (which have no machine).
type slot struct {
	Machine
	wide bool // it has more than one input or output
}

// end is a port of a slot.
type end struct{ slot, port int }

// link is a stream that does not lead from a slot's first output to the next one's first input.
type link struct{ from, to end }

// New returns an engine for g, or what Graph.Check finds.
func New(g Graph) (*Engine, error) {
	if err := g.Check(); err != nil {
		return nil, err
	}
	e := &Engine{graph: g, writer: make([]end, len(g.Streams)), reader: make([]end, len(g.Streams))}
	// Sources, nodes in the caller's order, sinks: a chain of blocks then lies in one row, each
	// stream from a slot to the next, and costs no link at all.
	for _, p := range g.Sources {
		e.writer[p.Stream] = e.add(slot{})
	}
	for _, n := range g.Nodes {
		at := e.add(slot{n.Machine, len(n.In) > 1 || len(n.Out) > 1})
		for port, s := range n.In {
			e.reader[s] = end{at.slot, port}
		}
		for port, s := range n.Out {
			e.writer[s] = end{at.slot, port}
		}
	}
	for _, p := range g.Sinks {
		e.reader[p.Stream] = e.add(slot{})
	}
	e.join()
	return e, nil
}

// add returns port 0 of the new slot: sources and sinks have no other.
func (e *Engine) add(s slot) end {
	e.slots = append(e.slots, s)
	return end{slot: len(e.slots) - 1}
}

// join sorts the streams into those that lead to the next slot and links.
func (e *Engine) join() {
	e.next, e.plain = words(len(e.slots)), words(len(e.slots))
	for i, s := range e.slots {
		put(e.plain, i, Bit(s.Machine != nil && !s.wide))
		if s.wide {
			e.wide = append(e.wide, i)
		}
	}
	for s := range e.graph.Streams {
		from, to := e.writer[s], e.reader[s]
		// Ports above 0 have no bit in the words: forks and joins pay for theirs alone.
		if from.port == 0 && to.port == 0 && from.slot+1 == to.slot {
			put(e.next, to.slot, 1)
		} else {
			e.links = append(e.links, link{from, to})
		}
	}
}

// Pauses says at which ends of the design the world pauses in a cycle: bit i of gaps
// that source i has nothing to offer, bit i of stalls that sink i takes nothing. Nil
// never pauses.
type Pauses func(cycle int64) (gaps, stalls uint64)

// Run is a run under way, between two cycles. Cycles are counted from 0, the first
// after reset.
type Run struct {
	e      *Engine
	pauses Pauses
	Cycle  int64
	// valid and ready have the bit of a slot whose first output offers, whose first input
	// takes a beat; in and out of one where a beat passes there. busy slots move by themselves.
	valid, ready, in, out, busy []uint64
	// wide has the same for all ports of the slots that have more than one; else it is 0.
	wide []ports
	// moves says that some beat passes in this cycle, paused that an end of the design pauses.
	moves, paused bool
	sources       []source
	sinks         []sink
	framesLeft    int // whose last output beat is still to come
	timing        Timing
	repeats       *repeats
}

// ports are the handshakes of a slot, bit i for port i. Bit 0 of in and out is not used.
type ports struct{ valid, ready, in, out uint64 }

// source is an end of the design that sends.
type source struct {
	slot    int
	beats   int64 // beats per frame
	left    int64 // beats still to send
	pending bool  // it has raised valid and waits
}

// sink is an end of the design that takes.
type sink struct {
	slot   int
	beats  int // beats per frame
	beat   int // beat of the frame that comes next
	frames int // frames taken whole
}

// Start resets the machines and returns a run of frames frames.
func (e *Engine) Start(frames int, pauses Pauses) *Run {
	n := len(e.slots)
	r := &Run{e: e, pauses: pauses, framesLeft: frames, valid: words(n), ready: words(n), in: words(n), out: words(n),
		busy: words(n), wide: make([]ports, n)}
	for _, p := range e.graph.Sources {
		r.sources = append(r.sources, source{slot: e.writer[p.Stream].slot,
			beats: int64(p.Beats), left: int64(p.Beats) * int64(frames)})
	}
	for _, p := range e.graph.Sinks {
		r.sinks = append(r.sinks, sink{slot: e.reader[p.Stream].slot, beats: p.Beats})
	}
	r.timing.SinkEnds = make([][]int64, len(r.sinks))
	// No cycle yet; 0 is one that a first beat may come in.
	r.timing.FirstInput = -1
	// Reset, not new machines: an engine is run many times, one run after the other.
	for i, s := range e.slots {
		if s.Machine != nil {
			r.show(i, s.Reset())
		}
	}
	r.showEnds(0, 0)
	r.look()
	return r
}

// show takes over what slot i shows.
func (r *Run) show(i int, o Outputs) {
	put(r.ready, i, o.Ready&1)
	put(r.valid, i, o.Valid&1)
	put(r.busy, i, Bit(o.Busy))
	if r.e.slots[i].wide {
		r.wide[i].ready, r.wide[i].valid = o.Ready, o.Valid
	}
}

// look finds the handshakes of the cycle: beside the machines' registers the sources
// (which never drop a raised valid) and the sinks. Without pauses both stay as they are.
func (r *Run) look() {
	if r.pauses != nil {
		gaps, stalls := r.pauses(r.Cycle)
		r.paused = gaps|stalls != 0
		r.showEnds(gaps, stalls)
	}
	r.pass()
}

// showEnds sets what sources and sinks show.
func (r *Run) showEnds(gaps, stalls uint64) {
	for i := range r.sources {
		s := &r.sources[i]
		// AXI4-Stream: a master that has raised valid keeps it until the beat is taken, gap or
		// not. The harness's source does the same (verilator/harness).
		put(r.valid, s.slot, Bit(s.left > 0 && (s.pending || gaps>>i&1 == 0)))
	}
	for i := range r.sinks {
		put(r.ready, r.sinks[i].slot, ^stalls>>i&1)
	}
}

// pass finds the streams on which beats pass.
func (r *Run) pass() {
	var some, below uint64
	next, ready, ins, outs := r.e.next, r.ready, r.in, r.out
	// Slot i-1 offers to slot i: valid moves up by one bit, the top one into the next word.
	// A beat that comes in at i went out of i-1, so out is in, one down.
	for w, valid := range r.valid {
		in := (valid<<1 | below) & ready[w] & next[w]
		ins[w], outs[w] = in, in>>1
		if w > 0 {
			outs[w-1] |= in << 63
		}
		below = valid >> 63
		some |= in
	}
	r.moves = some != 0
	for i := range r.e.links {
		r.passLink(&r.e.links[i])
	}
}

func (r *Run) passLink(l *link) {
	passes := r.offers(l.from) & r.takes(l.to)
	r.moves = r.moves || passes != 0
	if l.from.port == 0 {
		put(r.out, l.from.slot, passes)
	} else {
		putBit(&r.wide[l.from.slot].out, l.from.port, passes)
	}
	if l.to.port == 0 {
		put(r.in, l.to.slot, passes)
	} else {
		putBit(&r.wide[l.to.slot].in, l.to.port, passes)
	}
}

// offers returns 1 if the output offers a beat, takes 1 if the input takes one.
func (r *Run) offers(e end) uint64 {
	if e.port == 0 {
		return get(r.valid, e.slot)
	}
	return r.wide[e.slot].valid >> e.port & 1
}

func (r *Run) takes(e end) uint64 {
	if e.port == 0 {
		return get(r.ready, e.slot)
	}
	return r.wide[e.slot].ready >> e.port & 1
}

// Valid, Ready and Fired say what stream i shows in this cycle: a beat is offered, would
// be taken, passes.
func (r *Run) Valid(i int) bool { return r.offers(r.e.writer[i]) != 0 }

// Ready implements what Valid says.
func (r *Run) Ready(i int) bool { return r.takes(r.e.reader[i]) != 0 }

// Fired implements what Valid says.
func (r *Run) Fired(i int) bool { return r.Valid(i) && r.Ready(i) }

// Moves says whether a beat passes on any stream in this cycle.
func (r *Run) Moves() bool { return r.moves }

// Handshakes writes what all streams show into sets of bits: bit i%64 of word i/64 for
// stream i.
func (r *Run) Handshakes(valid, ready []uint64) {
	for i := range r.e.writer {
		put(valid, i, r.offers(r.e.writer[i]))
		put(ready, i, r.takes(r.e.reader[i]))
	}
}

// Step ends the cycle: machines that neither pass a beat nor move by themselves stay as
// they are.
func (r *Run) Step() {
	// Any order gives the same: a step reads the handshakes of this cycle, which look has
	// found, and writes those of the next. Tests step in drawn orders to hold that.
	if r.e.order == nil {
		r.stepSlots()
	}
	for _, i := range r.e.order {
		r.stepSlot(i)
	}
	r.stepSources()
	r.stepSinks()
	r.Cycle++
	r.look()
}

func (r *Run) stepSlots() {
	for w, plain := range r.e.plain {
		in, out := r.in[w], r.out[w]
		moved := (in | out | r.busy[w]) & plain
		slots := r.e.slots[w<<6:]
		// Most machines of most cycles stand still: only those that pass a beat or move inside
		// are stepped, found by their bits. What they show is put in place once per word.
		var ready, valid, busy uint64
		for left := moved; left != 0; left &= left - 1 {
			b := bits.TrailingZeros64(left) & 63
			o := slots[b].Step(in>>b&1, out>>b&1)
			ready |= o.Ready << b
			valid |= o.Valid << b
			busy |= Bit(o.Busy) << b
		}
		r.ready[w] = r.ready[w]&^moved | ready
		r.valid[w] = r.valid[w]&^moved | valid
		r.busy[w] = r.busy[w]&^moved | busy
	}
	for _, i := range r.e.wide {
		r.stepSlot(i)
	}
}

func (r *Run) stepSlot(i int) {
	// wide is 0 for slots of one input and output, so that both kinds are one expression.
	in, out := get(r.in, i)|r.wide[i].in, get(r.out, i)|r.wide[i].out
	if s := &r.e.slots[i]; s.Machine != nil && in|out|get(r.busy, i) != 0 {
		r.show(i, s.Step(in, out))
	}
}

func (r *Run) stepSources() {
	for i := range r.sources {
		s := &r.sources[i]
		// It has offered in this cycle; if that was not taken it must offer again.
		s.pending = get(r.valid, s.slot) != 0
		if get(r.out, s.slot) == 0 {
			continue
		}
		s.pending = false
		// Without pauses showEnds is not called again, so the last beat ends valid here.
		if s.left--; s.left == 0 {
			put(r.valid, s.slot, 0)
		}
		if r.timing.FirstInput < 0 {
			r.timing.FirstInput = r.Cycle
		}
	}
}

// stepSinks counts output beats. A frame ends with its last beat at the last of the sinks.
func (r *Run) stepSinks() {
	ended := false
	for i := range r.sinks {
		s := &r.sinks[i]
		if get(r.in, s.slot) == 0 {
			continue
		}
		if s.beat++; s.beat == s.beats {
			s.beat = 0
			s.frames++
			r.timing.SinkEnds[i] = append(r.timing.SinkEnds[i], r.Cycle)
			ended = true
		}
	}
	if !ended {
		return
	}
	// A frame is whole when its slowest sink has it: several outputs may be frames apart.
	whole := r.sinks[0].frames
	for _, s := range r.sinks[1:] {
		whole = min(whole, s.frames)
	}
	for len(r.timing.FrameEnds) < whole {
		r.timing.FrameEnds = append(r.timing.FrameEnds, r.Cycle)
		r.framesLeft--
	}
}
