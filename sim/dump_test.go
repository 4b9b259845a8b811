package sim

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/verilator"
)

// dumped runs the recorded cycles with a dump of every stream and returns their lines.
func (r *recorded) dumped(t *testing.T, cycles []verilator.Cycle) map[string][][]string {
	t.Helper()
	c := newComparison(r.model, r.values, r.st, &Result{Frames: len(r.samples)})
	files := map[string]*bytes.Buffer{}
	for _, name := range StreamNames(r.model.design) {
		files[name] = &bytes.Buffer{}
		d, err := c.newDumper(Dump{name, files[name]})
		if err != nil {
			t.Fatal(err)
		}
		c.dumps = append(c.dumps, d)
	}
	for n := range cycles {
		visited := cycles[n]
		visited.Data = slices.Clone(visited.Data)
		for i := range visited.Data {
			visited.Data[i] = bytes.Clone(visited.Data[i])
		}
		if err := c.cycle(n, &visited); err != nil {
			t.Fatal(err)
		}
		for _, data := range visited.Data { // as a reader does that uses its buffer again
			for k := range data {
				data[k] = 0xa5
			}
		}
	}
	if err := c.endDumps(); err != nil {
		t.Fatal(err)
	}
	lines := map[string][][]string{}
	for name, file := range files {
		all, err := csv.NewReader(file).ReadAll()
		const head = "frame,beat,cycle,rtl_cycle,lane,layer,holds,element,expected,rtl"
		if err != nil || strings.Join(all[0], ",") != head {
			t.Fatalf("%s: %v, %v", name, all[0], err)
		}
		lines[name] = all[1:]
	}
	return lines
}

// TestDump: of random designs, every element of every beat of every stream is there in its
// order, with the values of the definition and the cycles of the recording.
func TestDump(t *testing.T) {
	seeds := uint64(12)
	if testing.Short() {
		seeds = 4
	}
	for seed := range seeds {
		const frames = 3
		d := drawnDesign(t, seed)
		r := record(t, d, frames, 0.3)
		dumps := r.dumped(t, r.cycles)
		all := slices.Clone(d.Streams)
		for k := range d.Sinks {
			all = append(all, d.Sink(k))
		}
		for i, s := range all {
			name := StreamNames(d)[i]
			var want [][]string
			beat := 0
			for n := range r.cycles {
				if !r.cycles[n].Fires(i) {
					continue
				}
				lane := 0
				for _, p := range s.Content {
					for k := range p.Lanes {
						e := p.Element(beat%s.Beats, k)
						value := r.definition(p.Tensor, beat/s.Beats, e)
						want = append(want, strings.Split(fmt.Sprintf("%d,%d,%d,%d,%d,%s,%s,%d,%d,%[9]d", beat/s.Beats,
							beat%s.Beats, n, n, lane, p.Layer, p.Holds, e, value), ","))
						lane++
					}
				}
				beat++
			}
			if got := dumps[name]; beat != frames*s.Beats || !slices.EqualFunc(got, want, slices.Equal) {
				t.Fatalf("seed %d, %s: %d lines, want %d:\n%v\n%v", seed, name, len(got), len(want), got[0], want[0])
			}
		}
	}
}

// definition returns an element of a tensor of a frame, as naive computes it.
func (r *recorded) definition(tensor hwgen.Tensor, frame, e int) int64 {
	n := r.model.design.Network
	acc, out := naive(n, r.samples[frame])
	at := layerOf(n, tensor)
	switch tensor.Holds {
	case hwgen.HoldsInputs:
		return int64(r.samples[frame][e])
	case hwgen.HoldsOutputs:
		return out[at][e]
	case hwgen.HoldsAccumulators:
		return acc[at][e]
	}
	// The largest score, the first of equals; of one alone, whether it is above 0.
	best, label := acc[at][0]*n.Layers[at].Score.Gain[0]+n.Layers[at].Score.Bias[0], 0
	for c, a := range acc[at] {
		if v := a*n.Layers[at].Score.Gain[c] + n.Layers[at].Score.Bias[c]; v > best {
			best, label = v, c
		}
	}
	switch {
	case tensor.Holds == hwgen.HoldsScore:
		return best
	case len(acc[at]) == 1:
		return int64(bit(best > n.Outputs[n.OutputOf(at)].Boundary))
	}
	return int64(label)
}

// TestDumpOfFault: where the Verilog gives its last beat never, or one too many, the other
// side's cell is empty; a beat that comes later has its own cycle.
func TestDumpOfFault(t *testing.T) {
	d := design(t, 1)
	r := record(t, d, 3, 0)
	name := StreamNames(d)[0]
	var fires []int
	for n := range r.cycles {
		if r.cycles[n].Fires(0) {
			fires = append(fires, n)
		}
	}
	last := fires[len(fires)-1]
	lost := r.dumped(t, r.changed(last, func(c *verilator.Cycle) { c.Ready[0] &^= 1 }))[name]
	if l := lost[len(lost)-1]; l[2] != fmt.Sprint(last) || l[3] != "" || l[8] == "" || l[9] != "" {
		t.Errorf("a lost beat: %v", l)
	}
	more := r.dumped(t, r.changed(last+1, func(c *verilator.Cycle) {
		c.Valid[0] |= 1
		c.Ready[0] |= 1
		c.Data[0] = make([]byte, (d.Streams[0].Bits+7)/8)
	}))[name]
	if l := more[len(more)-1]; l[0] != "3" || l[1] != "0" || l[2] != "" || l[3] != fmt.Sprint(last+1) || l[8] != "" ||
		l[9] != "0" {
		t.Errorf("a beat too many: %v", l)
	}
	first := fires[0]
	late := r.dumped(t, r.changed(first, func(c *verilator.Cycle) { c.Ready[0] &^= 1 }))[name]
	if l := late[0]; l[2] != fmt.Sprint(first) || l[3] != fmt.Sprint(fires[1]) {
		t.Errorf("a late beat: %v, want %d and %d", l, first, fires[1])
	}
}

// TestDumpErrors: a stream that is not there, and a file that takes nothing.
func TestDumpErrors(t *testing.T) {
	r := record(t, design(t, 1), 3, 0)
	c := newComparison(r.model, r.values, r.st, &Result{Frames: 3})
	_, err := c.newDumper(Dump{"nosuch", io.Discard})
	if err == nil || !strings.Contains(err.Error(), `no stream "nosuch", want one of source, `) {
		t.Errorf("got %v", err)
	}
	full := errors.New("full")
	d, err := c.newDumper(Dump{"source", failing{full}})
	if err != nil {
		t.Fatal(err)
	}
	c.dumps = []*dumper{d}
	for n := range r.cycles {
		c.cycle(n, &r.cycles[n])
	}
	if err := c.endDumps(); !errors.Is(err, full) || !strings.Contains(err.Error(), `stream "source"`) {
		t.Errorf("got %v, want %v", err, full)
	}
}

type failing struct{ error }

func (f failing) Write([]byte) (int, error) { return 0, f.error }
