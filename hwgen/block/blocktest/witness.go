package blocktest

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
	"github.com/a2qgen/a2qgen/hwgen/block/kinds"
	"github.com/a2qgen/a2qgen/sim/cycle"
)

// witness computes in which cycle each beat passes each stream, by recurrences over beats
// instead of cycles: an account of the blocks that shares nothing with their machines, not even
// their geometry, for units read the parameters of the Verilog.
//
// A beat passes when its writer has it, its reader has room and the beat before it is a
// cycle back. Each side gives the earliest cycle, from beats that passed before.
type witness struct {
	beats [][]int64 // of each stream; block.NotYet where not computed
	// writers and readers are the ends of each stream.
	writers, readers []port
}

// port is a port of a unit.
type port struct {
	block.Unit
	index int
}

// newWitness returns the witness of frames frames of d, or an error that names a module that
// has no unit.
func newWitness(d *hwgen.Design, frames int, pauses cycle.Pauses) (*witness, error) {
	w := &witness{writers: make([]port, len(d.Streams)), readers: make([]port, len(d.Streams))}
	for _, s := range d.Streams {
		beats := make([]int64, s.Beats*frames)
		// 0 is a cycle, so what is not known needs a mark of its own.
		for i := range beats {
			beats[i] = block.NotYet
		}
		w.beats = append(w.beats, beats)
	}
	if pauses == nil {
		pauses = func(int64) (gaps, stalls uint64) { return 0, 0 }
	}
	for i, p := range d.Sources {
		w.writers[p.Stream] = port{&source{w.ends(nil, []int{p.Stream}), i, pauses}, 0}
	}
	for i, p := range d.Sinks {
		w.readers[p.Stream] = port{&sink{i, pauses}, 0}
	}
	for _, n := range d.Nodes {
		k := slices.IndexFunc(kinds.All, func(k block.Kind) bool { return k.Name == hwgen.KindOf(n.Block) })
		if k < 0 || kinds.All[k].Witness == nil {
			return nil, fmt.Errorf("blocktest: module %q has no witness", hwgen.KindOf(n.Block))
		}
		u := kinds.All[k].Witness(numbers(n.Parameters()), n.Memories(), w.ends(n.In, n.Out))
		for i, s := range n.In {
			w.readers[s] = port{u, i}
		}
		for i, s := range n.Out {
			w.writers[s] = port{u, i}
		}
	}
	return w, nil
}

// numbers returns the parameters that are numbers, by name; number k of an array is NAME[k].
func numbers(all []hwgen.Parameter) map[string]int {
	numbers := map[string]int{}
	for _, p := range all {
		for k, v := range p.Values {
			numbers[fmt.Sprintf("%s[%d]", p.Name, k)] = v
		}
		// Names of files and of styles are left out: timing depends on numbers.
		if v, err := strconv.Atoi(p.Value); err == nil {
			numbers[p.Name] = v
		}
	}
	return numbers
}

// ends returns the ends of a unit that reads the streams in and writes out.
func (w *witness) ends(in, out []int) block.Ends {
	return block.Ends{In: func(port, n int) int64 { return w.passes(in[port], n) },
		Out: func(port, n int) int64 { return w.passes(out[port], n) }}
}

// passes returns the cycle in which beat n passes a stream.
func (w *witness) passes(stream, n int) int64 {
	// Before the first beat: units ask for the beat before theirs without a case for the first.
	if n < 0 {
		return block.NotYet
	}
	at := &w.beats[stream][n]
	// Each is computed once: recurrences meet again at every fork of their arguments.
	if *at != block.NotYet {
		return *at
	}
	writer, reader := w.writers[stream], w.readers[stream]
	t := max(w.passes(stream, n-1)+1, writer.Offers(writer.index, n))
	*at = reader.Takes(reader.index, n, t)
	return *at
}

// Witness runs frames frames of d through the engine and returns what it takes, or the first
// beat that does not pass in the cycle that the recurrences say.
func Witness(d *hwgen.Design, frames int, pauses cycle.Pauses) (*cycle.Timing, error) {
	w, err := newWitness(d, frames, pauses)
	if err != nil {
		return nil, err
	}
	// The engine, which is judged; w knows nothing of it.
	e, err := cycle.New(d.Graph())
	if err != nil {
		return nil, err
	}
	sent := make([]int, len(d.Streams))
	timing, err := e.Run(frames, pauses, 0, func(r *cycle.Run) error { return w.compare(d, r, sent) })
	if err != nil {
		return nil, err
	}
	for i, s := range d.Streams {
		// The end of a run: a beat that never passes differs from no recurrence.
		if sent[i] != frames*s.Beats {
			return nil, fmt.Errorf("blocktest: stream %q: %d beats have passed, want %d",
				s.Name, sent[i], frames*s.Beats)
		}
	}
	return timing, nil
}

// compare holds the beats that pass in a cycle against the witness; sent counts them.
func (w *witness) compare(d *hwgen.Design, r *cycle.Run, sent []int) error {
	for i, s := range d.Streams {
		if !r.Fired(i) {
			continue
		}
		if sent[i] == len(w.beats[i]) {
			return fmt.Errorf("blocktest: stream %q: a beat too many passes in cycle %d", s.Name, r.Cycle)
		}
		if at := w.passes(i, sent[i]); at != r.Cycle {
			return fmt.Errorf("blocktest: stream %q, beat %d: passes in cycle %d, want %d",
				s.Name, sent[i], r.Cycle, at)
		}
		sent[i]++
	}
	return nil
}

// source is a port that feeds a stream: a beat is offered from the first cycle without a gap on
// that follows the beat before it.
type source struct {
	block.Ends
	index  int
	pauses cycle.Pauses
}

// Offers implements Unit.
func (s *source) Offers(_, n int) int64 {
	t := s.Out(0, n-1) + 1
	for ; ; t++ {
		if gaps, _ := s.pauses(t); gaps>>s.index&1 == 0 {
			return t
		}
	}
}

// Takes implements Unit; a source has no input.
func (s *source) Takes(int, int, int64) int64 { panic("blocktest: a source takes nothing") }

// sink is a port that empties a stream, in any cycle without a stall.
type sink struct {
	index  int
	pauses cycle.Pauses
}

// Offers implements Unit; a sink has no output.
func (s *sink) Offers(int, int) int64 { panic("blocktest: a sink offers nothing") }

// Takes implements Unit.
func (s *sink) Takes(_, _ int, t int64) int64 {
	for ; ; t++ {
		if _, stalls := s.pauses(t); stalls>>s.index&1 == 0 {
			return t
		}
	}
}
