package linebuffer

import (
	"math/bits"
)

// walk is what the loops of a specification come to in beats, where beat 0 of a frame is that of its
// first position, and positions of the border have the numbers that they would have in an endless
// image of the frame's width.
type walk struct {
	loops []loop   // of more than one turn, the innermost first; one of a single turn where there is no other
	next  loop     // the step to the next frame
	reads []offset // what leaves at once, from the position on
	start int      // the first position of a frame
	frame int      // beats of a frame
	// border of an image of rows x columns, where there is one, in which the first row and column
	// are top and left before those of the image. The first read of a frame then waits for its first
	// beat: reads of the border alone would run ahead of the frame.
	border        bool
	rows, columns int
	top, left     int
	depth         int  // beats to be kept
	inside        bool // some read is of the image
	lowest, ahead int  // the least of behind; how many beats are free, at most, that never came
}

// loop is a loop in beats: what a step of it moves by, when all inside it begin again.
type loop struct {
	count                     int
	step, stepDown, stepRight int // of itself
	jump, down, right, free   int
}

// offset is where a read lies, from the first of those at once on: in beats, and in rows and columns of
// the image.
type offset struct{ beats, down, right int }

// newWalk returns the walk of a specification.
func newWalk(s Spec) *walk {
	perPixel := s.Shape.C / s.Input.Lanes
	w := &walk{frame: s.Shape.Positions() * perPixel, rows: s.Shape.H, columns: s.Shape.W}
	if b := s.Border; b != nil {
		w.border, w.top, w.left = true, b.Top, b.Left
	}
	w.start = -(w.top*s.Shape.W + w.left) * perPixel
	for i := len(s.Loops) - 1; i >= 0; i-- {
		l := s.Loops[i]
		if l.Count > 1 {
			w.loops = append(w.loops, loop{count: l.Count, stepDown: l.Rows, stepRight: l.Columns,
				step: (l.Rows*s.Shape.W+l.Columns)*perPixel + l.Channels/s.Input.Lanes})
		}
	}
	// A frame of one read has no loop of more turns, and the Verilog wants one.
	if len(w.loops) == 0 {
		w.loops = []loop{{count: 1}}
	}
	w.reads = []offset{{}}
	for _, l := range s.AtOnce {
		w.reads = repeated(w.reads, l.Count, offset{beats: (l.Rows*s.Shape.W+l.Columns)*perPixel +
			l.Channels/s.Input.Lanes, down: l.Rows, right: l.Columns})
	}
	w.jumps()
	w.frees()
	w.measure()
	return w
}

// repeated returns each of all count times, one step further each time.
func repeated(all []offset, count int, step offset) []offset {
	var out []offset
	for _, o := range all {
		for k := range count {
			out = append(out, offset{o.beats + k*step.beats, o.down + k*step.down, o.right + k*step.right})
		}
	}
	return out
}

// jumps sets what the position moves by when each loop takes a step.
func (w *walk) jumps() {
	back := loop{}
	for i := range w.loops {
		l := &w.loops[i]
		l.jump, l.down, l.right = l.step-back.step, l.stepDown-back.stepDown, l.stepRight-back.stepRight
		turns := l.count - 1
		back.step, back.stepDown = back.step+turns*l.step, back.stepDown+turns*l.stepDown
		back.stepRight += turns * l.stepRight
	}
	w.next.jump, w.next.down, w.next.right = w.frame-back.step, -back.stepDown, -back.stepRight
}

// frees sets what is free when each loop takes a step.
//
// Behind the outermost loops, as many as never go back, lies the first position of what is inside
// them: all before it has been read for the last time. Where even the outermost goes back from frame
// to frame, a border is wider than the window, and a frame is free as a whole.
func (w *walk) frees() {
	for inner := range len(w.loops) + 1 {
		back, falls := 0, false
		for i := inner; i < len(w.loops); i++ {
			l := &w.loops[i]
			l.free = l.step - back
			falls = falls || l.free < 0
			back += (l.count - 1) * l.step
		}
		w.next.free = w.frame - back
		if !falls && w.next.free >= 0 {
			for i := range inner {
				w.loops[i].free = 0
			}
			return
		}
	}
}

// beats returns those of a frame that leave.
func (w *walk) beats() int {
	n := 1
	for _, l := range w.loops {
		n *= l.count
	}
	return n
}

// of returns a number of each loop, the innermost first, and of the next frame.
func (w *walk) of(number func(loop) int) []int {
	var all []int
	for _, l := range w.loops {
		all = append(all, number(l))
	}
	return append(all, number(w.next))
}

// ofReads returns a number of each of the reads at once.
func (w *walk) ofReads(number func(offset) int) []int {
	var all []int
	for _, o := range w.reads {
		all = append(all, number(o))
	}
	return all
}

// read is a beat that leaves: its position, the beat that has to be there, and the beats that are
// free before it; outside where all of it is of the border.
type read struct {
	position, needs, free int
	outside               bool
	row, column           int
}

// none is what a read needs that waits for no beat: one that was there before all others.
const none = -1 << 40

// each calls f for the reads of so many frames.
func (w *walk) each(frames int, f func(read)) {
	turns := make([]int, len(w.loops))
	r := read{position: w.start, free: w.start, row: -w.top, column: -w.left}
	for n := range frames * w.beats() {
		behind, inside := w.last(r.row, r.column)
		r.needs, r.outside = none, !inside
		if inside {
			r.needs = r.position + behind
		}
		if w.border && n%w.beats() == 0 {
			r.needs = max(r.needs, r.position+w.begun())
		}
		f(r)
		l := w.step(turns)
		r.position, r.free, r.row, r.column = r.position+l.jump, r.free+l.free, r.row+l.down, r.column+l.right
	}
}

// last returns how many beats behind the position the last one lies that a read at a row and column is
// of, and whether any is of the image.
func (w *walk) last(row, column int) (behind int, inside bool) {
	for _, o := range w.reads {
		if !w.outside(row+o.down, column+o.right) {
			behind, inside = max(behind, o.beats), true
		}
	}
	return behind, inside
}

// outside says that a row and column are of the border.
func (w *walk) outside(row, column int) bool {
	return w.border && (row < 0 || row >= w.rows || column < 0 || column >= w.columns)
}

// step takes a step of the loops, of which turns are those so far, and returns the one that it is of.
func (w *walk) step(turns []int) *loop {
	for i := range turns {
		if turns[i]++; turns[i] < w.loops[i].count {
			return &w.loops[i]
		}
		turns[i] = 0
	}
	return &w.next
}

// measure finds how many beats have to be kept, and the ends of all numbers.
func (w *walk) measure() {
	reads := make([]read, 0, 2*w.beats())
	w.each(2, func(r read) { reads = append(reads, r) })
	there := 0 // beats that have come for certain
	for _, r := range reads {
		w.lowest, w.ahead = min(w.lowest, there-r.position-1), max(w.ahead, r.free-there)
		// To read it, it has to be there together with all that is not free.
		w.depth, there = max(w.depth, r.needs+1-r.free), max(there, r.needs+1)
		w.inside = w.inside || !r.outside
	}
	if w.beats() >= w.frame {
		w.keepReading(reads)
	} else {
		w.keepWriting(reads)
	}
	w.depth = max(w.depth, 2)
}

// keepReading raises the depth until a beat can leave in every cycle: each read needs its beat, the
// one before it one less, as a beat comes per cycle at most, and a beat may come while those that
// are not free are fewer than the depth.
func (w *walk) keepReading(reads []read) {
	needed := -w.frame * 2
	for i := len(reads) - 1; i > 0; i-- {
		needed = max(needed-1, reads[i].needs+1)
		// It comes in the cycle of the read before, at the latest, when what that frees is not free yet.
		w.depth = max(w.depth, needed-reads[i-1].free)
	}
}

// keepWriting raises the depth until a beat can come in every cycle, where fewer leave: read as soon
// as it is there, it frees others a cycle later.
func (w *walk) keepWriting(reads []read) {
	cycle := 0
	for _, r := range reads {
		cycle = max(cycle+1, r.needs+1)
		// Beats that have come until the next read's cycle, less those that are free by then.
		w.depth = max(w.depth, cycle-r.free+1)
	}
}

// countBits returns the bits of a signed number that holds all that behind and used become.
func (w *walk) countBits(depth int) int {
	// behind is less than what is kept, and used at most 0; begun is compared with it.
	// So are the distances of the reads at once, of which the last one's is the largest.
	low, high := min(w.lowest, -depth-w.ahead), max(depth-1, w.begun(), w.reads[len(w.reads)-1].beats)
	return 1 + max(bits.Len(uint(high)), bits.Len(uint(-low-1)))
}

// begun returns what behind is at least when a frame has begun, the first read of which, in the border,
// is so many beats before its first: a power of two, which is simple to see, unless so many beats are
// more than a frame.
func (w *walk) begun() int {
	if power := 1 << bits.Len(uint(max(0, -w.start-1))); power+w.start < w.frame {
		return power
	}
	return -w.start
}

// places returns the places of a memory that holds what has to be kept: the next power of two where
// that takes no more of the memory, since positions then wrap by themselves.
func (w *walk) places(width int, blockRAM bool) int {
	power := 1 << bits.Len(uint(w.depth-1))
	// What a family's smallest memory holds, in bits: half a block of 36 kbit, or 32 words in LUTs.
	size := func(depth int) int {
		if blockRAM {
			return max(1, (depth*width+18431)/18432)
		}
		return (depth + 31) / 32
	}
	if size(power) <= size(w.depth) {
		return power
	}
	return w.depth
}
