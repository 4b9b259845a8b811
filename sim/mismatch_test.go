package sim_test

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/internal/tooltest"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/sim"
	"github.com/a2qgen/a2qgen/verilator"
)

// faulty is a network in which a memory has one wrong bit, evaluated by the definition.
type faulty struct {
	net   *quant.Network
	holds string
	layer int
	index int   // of the wrong integer in its array
	value int64 // that it is
}

// outputs returns accumulators and outputs of all layers for x, with the wrong integer.
func (f *faulty) outputs(x []int32) (acc, out [][]int64) {
	n := *f.net
	n.Layers = slices.Clone(n.Layers)
	l := &n.Layers[f.layer]
	if f.holds == hwgen.HoldsWeights {
		l.Weights = slices.Clone(l.Weights)
		l.Weights[f.index] = int32(f.value)
		return sim.Naive(&n, x)
	}
	// The hardware searches by halves: with a threshold out of order that is no count.
	acc, out = sim.Naive(&n, x)
	for row := range l.Out {
		out[f.layer][row] = f.search(l.Thresholds, row, acc[f.layer][row])
	}
	return acc, out
}

// search is the binary search of templates/thresholds.v: each stage compares with the middle
// of what is left.
func (f *faulty) search(t *quant.Thresholds, row int, acc int64) int64 {
	levels := slices.Clone(t.Channel(row))
	if f.index/t.Levels() == row {
		levels[f.index%t.Levels()] = f.value
	}
	found := int64(0)
	for half := int64(1) << t.Output.Bits / 2; half > 0; half /= 2 {
		if acc > levels[(2*found+1)*half-1] {
			found = 2*found + 1
		} else {
			found *= 2
		}
	}
	if t.Inverted != nil && t.Inverted[row] {
		return t.Output.Max() - found
	}
	return t.Output.Min() + found
}

// wrong returns the network with bit of memory m inverted, counted from bit 0 of word 0.
func wrong(d *hwgen.Design, m hwgen.Memory, bit int) *faulty {
	f := &faulty{net: d.Network, holds: m.Layout.Holds, index: m.Layout.First}
	f.layer = slices.IndexFunc(d.Network.Layers, func(l quant.Layer) bool { return l.Name == m.Layout.Layer })
	width := m.Layout.FieldBits
	field, inField := bit/m.Bits*(m.Bits/width)+bit%m.Bits/width, bit%m.Bits%width
	for _, loop := range slices.Backward(m.Layout.Order) {
		f.index += field % loop.Count * loop.Step
		field /= loop.Count
	}
	l := &d.Network.Layers[f.layer]
	if f.holds == hwgen.HoldsWeights {
		f.value = int64(l.Weights[f.index])
	} else {
		f.value = l.Thresholds.Values[f.index]
	}
	f.value = (f.value ^ 1<<inField) << (64 - width) >> (64 - width)
	return f
}

// first returns the first element of the layer that the fault changes: its frame, row and
// both values; ok says that there is one.
func (f *faulty) first(samples [][]int32) (frame, row int, want, had, acc int64, ok bool) {
	scores := f.net.Layers[f.layer].Thresholds == nil
	for frame, x := range samples {
		acc, out := sim.Naive(f.net, x)
		wrongAcc, wrongOut := f.outputs(x)
		right, bad := out[f.layer], wrongOut[f.layer]
		if scores {
			right, bad = acc[f.layer], wrongAcc[f.layer]
		}
		for row := range right {
			if right[row] != bad[row] {
				return frame, row, right[row], bad[row], acc[f.layer][row], true
			}
		}
	}
	return 0, 0, 0, 0, 0, false
}

// TestFaultsAreNamed: one wrong bit of a weight or threshold, the first of its memory that
// the frames show at all. The report names the layer, row, values and accumulator that the
// definition gives.
func TestFaultsAreNamed(t *testing.T) {
	tooltest.Need(t, "iverilog", "vvp")
	d, samples := mutationTarget(t)
	for _, file := range []string{"fc1_weights.mem", "fc2_thresholds_0.mem", "fc1_thresholds_1.mem", "fc2_weights.mem",
		"fc3_weights.mem"} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			i := slices.IndexFunc(d.Memories(), func(m hwgen.Memory) bool { return m.File == file })
			m := d.Memories()[i]
			bit := 0
			// From the middle of the memory: not row 0 alone.
			for bit = m.Bits * len(m.Words) / 2; ; bit++ {
				if _, _, _, _, _, ok := wrong(d, m, bit).first(samples); ok {
					break
				}
			}
			f := wrong(d, m, bit)
			frame, row, want, had, acc, _ := f.first(samples)
			dir := emitDir(t, d)
			flip(t, dir, m, bit)
			r, err := sim.CrossCheck(t.Context(), d, dir, samples, sim.Options{Simulator: verilator.Icarus,
				CacheDir: benches, Seed: 2, Stall: sim.Pattern{Probability: 0.2}})
			if err != nil || r.Mismatch == nil || r.Mismatch.Element == nil {
				t.Fatalf("%+v, %v", r, err)
			}
			layer := m.Layout.Layer
			got, e := r.Mismatch, r.Mismatch.Element
			t.Log(r.First)
			if got.Stream != layer+"_mvau" || got.Frame != int64(frame) || e.Layer != layer || e.Row != row || e.Index != row ||
				e.Expected != want || e.Had != had {
				t.Errorf("%s\nwant frame %d, row %d of %s: %d, had %d", r.First, frame, row, layer, want, had)
			}
			if a := e.Activation; (a != nil) != (f.net.Layers[f.layer].Thresholds != nil) || a != nil && a.Accumulator != acc {
				t.Errorf("accumulator %v, want %d", e.Activation, acc)
			}
			if !strings.Contains(r.First, fmt.Sprintf("%d of layer %q is %d, want %d", row, layer, had, want)) {
				t.Errorf("%q", r.First)
			}
			wantPicture(t, got, 5)
		})
	}
}

// wantPicture checks that the cycles are so many in a row, the first two the same on both
// sides, and that the cycle of the difference shows it.
func wantPicture(t *testing.T, m *sim.Mismatch, count int) {
	t.Helper()
	if len(m.Cycles) != count {
		t.Fatalf("%d cycles, want %d: %+v", len(m.Cycles), count, m.Cycles)
	}
	for i, v := range m.Cycles {
		same := v.Verilog != nil && v.Model.Valid == v.Verilog.Valid && v.Model.Ready == v.Verilog.Ready &&
			v.Model.Data == v.Verilog.Data
		if v.Cycle != m.Cycle-2+int64(i) || i < 2 && !same || i == 2 && same {
			t.Errorf("cycle %d: %+v and %+v", v.Cycle, v.Model, v.Verilog)
		}
	}
}

// TestTiedReadyIsShown: a ready that is tied to 1 shows as a handshake of the stream that
// leads into that block, in the cycle in which it should have been 0, although the queue's
// own check stops the run later.
func TestTiedReadyIsShown(t *testing.T) {
	tooltest.Need(t, "iverilog", "vvp")
	d, samples := mutationTarget(t)
	dir := emitDir(t, d)
	mutate(t, dir, "fifo.v", "assign s_ready = level_q != FULL", "assign s_ready = 1'b1")
	r, err := sim.CrossCheck(t.Context(), d, dir, samples, sim.Options{Simulator: verilator.Icarus,
		CacheDir: benches, Seed: 2, Stall: sim.Pattern{Probability: 0.9}})
	if !caught(t, r, err) || r.Mismatch == nil {
		t.Fatalf("%+v, %v", r, err)
	}
	m := r.Mismatch
	t.Log(r.First, len(m.Cycles))
	if m.What != sim.DiffersHandshake || m.Element != nil || !strings.HasSuffix(r.First, "/1, want "+
		fmt.Sprintf("%d/0", map[bool]int{true: 1}[m.Cycles[2].Model.Valid])) {
		t.Errorf("%s", r.First)
	}
	wantPicture(t, m, len(m.Cycles))
	if len(m.Cycles) < 3 {
		t.Errorf("%d cycles, want the two before and its own", len(m.Cycles))
	}
}

// TestUnknownIsShown: a register without a reset is a difference of its own kind in Icarus.
func TestUnknownIsShown(t *testing.T) {
	tooltest.Need(t, "iverilog", "vvp")
	d, samples := mutationTarget(t)
	dir := emitDir(t, d)
	// Its valid never gets a value.
	mutate(t, dir, "accelerator.v", "assign m_axis_tvalid = ", "assign m_axis_tvalid = 1'bx && ")
	r, err := sim.CrossCheck(t.Context(), d, dir, samples, sim.Options{Simulator: verilator.Icarus, CacheDir: benches})
	if err != nil || r.Mismatches != 1 || r.Mismatch.What != sim.DiffersUnknown || r.Mismatch.Unknown != "valid" ||
		r.Mismatch.Stream != d.Sinks[0].Name || !strings.HasSuffix(r.First, "valid is unknown, want a known value") {
		t.Fatalf("%+v, %v", r, err)
	}
	if last := r.Mismatch.Cycles[len(r.Mismatch.Cycles)-1]; last.Cycle != r.Mismatch.Cycle || last.Verilog != nil {
		t.Errorf("cycles %+v", r.Mismatch.Cycles)
	}
}

// TestMismatchIsDocumented: docs/simulation.md names every key of a mismatch's JSON.
func TestMismatchIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/simulation.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "`mismatch` of `--json`")
	section, _, _ = strings.Cut(section, "\n## ")
	seen := map[reflect.Type]bool{}
	var walk func(typ reflect.Type)
	walk = func(typ reflect.Type) {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || seen[typ] {
			return
		}
		seen[typ] = true
		for i := range typ.NumField() {
			f := typ.Field(i)
			key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if !f.Anonymous && (key == "" || !strings.Contains(section, "`"+key+"`")) {
				t.Errorf("%v.%s: docs/simulation.md does not say what %q is", typ, f.Name, key)
			}
			walk(f.Type)
		}
	}
	walk(reflect.TypeFor[sim.Mismatch]())
	if len(seen) < 8 {
		t.Errorf("only %d types", len(seen))
	}
}
