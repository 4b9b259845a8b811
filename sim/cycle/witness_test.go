package cycle_test

import (
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block/fifo"
	labelselect "github.com/a2qgen/a2qgen/hwgen/block/label_select"
	"github.com/a2qgen/a2qgen/hwgen/block/mvau"
	replaybuffer "github.com/a2qgen/a2qgen/hwgen/block/replay_buffer"
	widthconverter "github.com/a2qgen/a2qgen/hwgen/block/width_converter"
)

// witness computes in which cycle each beat passes each stream, by recurrences over beats
// instead of cycles: an account of the blocks that shares nothing with their machines.
//
// A beat passes when its writer has it, its reader has room and the beat before it is a
// cycle back. Each side gives the earliest cycle, from beats that passed before (derived
// from the registers of the Verilog, see each unit).
type witness struct {
	beats   [][]int64 // of each stream; notYet where not computed
	writers []unit    // of stream i; nil for the source
	readers []unit    // of stream i; nil for the sink
}

// unit is a block as the witness sees it, between one stream in and one out.
type unit interface {
	// offers returns the first cycle in which output beat n is valid.
	offers(n int) int64
	// takes returns the first cycle, from t on, in which input beat n may be taken.
	takes(n int, t int64) int64
}

const notYet = -1

// newWitness returns the witness of frames frames of d, without pauses.
func newWitness(d *hwgen.Design, frames int) *witness {
	w := &witness{writers: make([]unit, len(d.Streams)), readers: make([]unit, len(d.Streams))}
	for _, s := range d.Streams {
		beats := make([]int64, s.Beats*frames)
		for i := range beats {
			beats[i] = notYet
		}
		w.beats = append(w.beats, beats)
	}
	for _, node := range d.Nodes {
		in, out := node.In[0], node.Out[0]
		e := ends{in: func(n int) int64 { return w.passes(in, n) }, out: func(n int) int64 { return w.passes(out, n) }}
		var u unit
		switch b := node.Block.(type) {
		case *fifo.Block:
			u = &queue{e, b.Depth}
		case *replaybuffer.Block:
			u = &replay{ends: e, length: b.Length, repeats: b.Repeats, slots: b.Slots()}
		case *widthconverter.Block:
			if b.Out > b.In {
				u = &gather{e, b.Out / b.In}
			} else {
				u = &split{ends: e, ratio: b.In / b.Out}
			}
		case *mvau.Block:
			u = &line{ends: e, stages: b.Stages(), period: b.SF()}
		case *labelselect.Block:
			u = &line{ends: e, stages: b.Stages(), period: b.Folds()}
		}
		w.readers[in], w.writers[out] = u, u
	}
	return w
}

// passes returns the cycle in which beat n passes a stream.
func (w *witness) passes(stream, n int) int64 {
	if n < 0 {
		return notYet
	}
	at := &w.beats[stream][n]
	if *at != notYet {
		return *at
	}
	t := w.passes(stream, n-1) + 1
	if u := w.writers[stream]; u != nil {
		t = max(t, u.offers(n))
	}
	if u := w.readers[stream]; u != nil {
		t = u.takes(n, t)
	}
	*at = t
	return t
}

// ends are the cycles in which beats pass at the two sides of a unit.
type ends struct{ in, out func(n int) int64 }

// queue is a FIFO: its beats are seen a cycle later, a slot is free a cycle after its beat left.
type queue struct {
	ends
	depth int
}

func (q *queue) offers(n int) int64         { return q.in(n) + 1 }
func (q *queue) takes(n int, t int64) int64 { return max(t, q.out(n-q.depth)+1) }

// gather joins ratio parts; the last of them waits until the beat before has left.
type gather struct {
	ends
	ratio int
}

func (g *gather) offers(n int) int64 { return g.in((n+1)*g.ratio-1) + 1 }

func (g *gather) takes(n int, t int64) int64 {
	if n%g.ratio != g.ratio-1 {
		return t
	}
	return max(t, g.out(n/g.ratio-1)+1)
}

// split holds a beat that it gives in ratio parts, and one that waits.
type split struct {
	ends
	ratio int
}

// loaded returns the cycle in which input beat n becomes the one that is given.
func (s *split) loaded(n int) int64 { return max(s.in(n), s.out(n*s.ratio-1)) }

func (s *split) offers(n int) int64 { return s.loaded(n/s.ratio) + 1 }

func (s *split) takes(n int, t int64) int64 {
	if n == 0 {
		return t
	}
	return max(t, s.loaded(n-1)+1)
}

// replay reads each vector of length beats repeats times through an output register.
type replay struct {
	ends
	length, repeats, slots int
	reads                  []int64
}

// read returns the cycle of memory read n: after the one before, with the register free,
// and in a first pass after its beat came.
func (r *replay) read(n int) int64 {
	if n < 0 {
		return notYet
	}
	for k := len(r.reads); k <= n; k++ {
		t := max(r.out(k-1), 0)
		if k > 0 {
			t = max(t, r.reads[k-1]+1)
		}
		if vector := k / (r.length * r.repeats); k%(r.length*r.repeats) < r.length {
			t = max(t, r.in(vector*r.length+k%r.length)+1)
		}
		if k == len(r.reads) { // not read meanwhile, on behalf of out
			r.reads = append(r.reads, t)
		}
	}
	return r.reads[n]
}

func (r *replay) offers(n int) int64 { return r.read(n) + 1 }

// takes: the slot of beat n is that of beat n-slots, free after its last read.
func (r *replay) takes(n int, t int64) int64 {
	before := n - r.slots
	if before < 0 {
		return t
	}
	last := before/r.length*r.length*r.repeats + (r.repeats-1)*r.length + before%r.length
	return max(t, r.read(last)+1)
}

// line is a pipeline that halts as a whole: a result that stands at its end stops all
// behind it until the spill register has room.
type line struct {
	ends
	stages, period int
	stands, leaves []int64 // cycles in which each result comes to the end, and leaves it
}

// result computes when result n stands at the end and when it leaves it.
func (l *line) result(n int) (stands, leaves int64) {
	for k := len(l.stands); k <= n; k++ {
		came := l.in((k+1)*l.period - 1)
		stands := came + int64(l.stages)
		for j := k - 1; j >= 0 && l.stands[j] > came; j-- {
			stands += l.leaves[j] - l.stands[j] // it stood in the way meanwhile
		}
		leaves := max(stands, l.out(k-2)+1)
		if k == len(l.stands) {
			l.stands, l.leaves = append(l.stands, stands), append(l.leaves, leaves)
		}
	}
	return l.stands[n], l.leaves[n]
}

func (l *line) offers(n int) int64 {
	_, leaves := l.result(n)
	return leaves + 1
}

func (l *line) takes(n int, t int64) int64 {
	before := n / l.period // results whose beats have all come
	for k := max(0, before-l.stages-2); k < before; k++ {
		if stands, leaves := l.result(k); stands <= t && t < leaves {
			t = leaves
		}
	}
	return t
}
