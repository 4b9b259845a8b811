package sim

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/emit"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/quanttest"
	"github.com/a2qgen/a2qgen/verilator"
)

// drawnDesign draws chains and, every third, residual networks.
func drawnDesign(t *testing.T, seed uint64) *hwgen.Design {
	t.Helper()
	if seed%3 != 2 {
		return design(t, seed)
	}
	rng := rand.New(rand.NewPCG(seed, 4))
	d, err := plan.Plan(quanttest.RandomResidual(rng, 12, 0), hwgen.Options{FPS: 1e6})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestDescribeData flips the low bit of one lane in one beat of every stream of random
// designs, and of the port: the report names where, which element, and for an output the
// accumulator and thresholds that the definition gives.
func TestDescribeData(t *testing.T) {
	holds := map[string]int{}
	seeds := uint64(30)
	if testing.Short() {
		seeds = 15
	}
	for seed := range seeds {
		d := drawnDesign(t, seed)
		top, r := topOf(t, d), record(t, d, 4, 0.2)
		for i := range len(StreamNames(d)) {
			c := newComparison(r.model, r.values, r.st, &Result{Frames: 4})
			lanes := c.lanes(i)
			lane := int(seed) % len(lanes)
			n := r.someBeat(i)
			at := lanes[lane].at
			got := r.compare(r.changed(n, func(v *verilator.Cycle) { v.Data[i][at/8] ^= 1 << (at % 8) }))
			m := got.first
			if got.result.Mismatches != 1 || m == nil || m.Element == nil ||
				m.Cycle != int64(n) || m.Stream != c.name(i) || m.What != DiffersData ||
				m.Element.Lane != lane || m.Element.LanesWrong != 1 {
				t.Fatalf("seed %d, stream %s, cycle %d, lane %d: %+v", seed, c.name(i), n, lane, m)
			}
			checkEnds(t, d, top, c.stream(i), m)
			holds[m.Element.Holds]++
			checkElement(t, fmt.Sprintf("seed %d, %v", seed, m), r, m)
			checkCycles(t, r, i, m)
		}
	}
	for _, h := range []string{hwgen.HoldsInputs, hwgen.HoldsOutputs, hwgen.HoldsAccumulators, hwgen.HoldsLabel} {
		if holds[h] < 5 {
			t.Errorf("%s: %d tried, want 5", h, holds[h])
		}
	}
}

// TestDescribeLanes flips all lanes of a beat: the first is described, the others counted.
func TestDescribeLanes(t *testing.T) {
	for seed := range uint64(5) {
		d := design(t, seed)
		r := record(t, d, 2, 0)
		for i := range len(StreamNames(d)) {
			lanes := newComparison(r.model, r.values, r.st, &Result{Frames: 2}).lanes(i)
			m := r.compare(r.changed(r.someBeat(i), func(v *verilator.Cycle) {
				for _, l := range lanes {
					v.Data[i][l.at/8] ^= 1 << (l.at % 8)
				}
			})).first
			if m == nil || m.Element == nil || m.Element.Lane != 0 || m.Element.LanesWrong != len(lanes) {
				t.Errorf("seed %d, stream %d of %d lanes: %+v", seed, i, len(lanes), m)
			}
		}
	}
}

// topOf returns the text of the top module.
func topOf(t *testing.T, d *hwgen.Design) string {
	t.Helper()
	files, err := emit.Files(d, nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(files[slices.IndexFunc(files, func(f emit.File) bool { return f.Path == "rtl/"+d.Name+".v" })].Data)
}

// checkEnds compares the ends of a stream with the instances of the top module.
func checkEnds(t *testing.T, d *hwgen.Design, top string, stream int, m *Mismatch) {
	t.Helper()
	name := regexp.MustCompile(`\b` + d.Streams[stream].Name + `_data\b`)
	for _, c := range []struct{ end, port string }{{m.Writer, "m_data"}, {m.Reader, "s_data"}} {
		if isSink := func(p hwgen.Port) bool { return p.Name == c.end }; c.end == d.Sources[0].Name ||
			slices.ContainsFunc(d.Sinks, isSink) {
			continue // an assignment
		}
		head := regexp.MustCompile(`(?s) u_` + c.end + ` \(.*?\);`).FindString(top)
		at := strings.Index(head, "."+c.port+"(")
		if at < 0 {
			t.Fatalf("no instance %q with %s", c.end, c.port)
		}
		line, _, _ := strings.Cut(head[at:], "\n")
		if !name.MatchString(line) {
			t.Errorf("stream %s is not at %s of %s: %s", d.Streams[stream].Name, c.port, c.end, line)
		}
	}
}

// someBeat returns a cycle amid the run in which stream i passes a beat.
func (r *recorded) someBeat(i int) int {
	var all []int
	for n := range r.cycles {
		if r.cycles[n].Fires(i) {
			all = append(all, n)
		}
	}
	return all[len(all)/2]
}

// checkElement compares an element with the definition.
func checkElement(t *testing.T, what string, r *recorded, m *Mismatch) {
	t.Helper()
	n, e := r.model.design.Network, m.Element
	x := r.samples[m.Frame]
	acc, out := naive(n, x)
	at := layerOf(n, e.Tensor)
	want := map[string]func() int64{
		hwgen.HoldsInputs:       func() int64 { return int64(x[e.Index]) },
		hwgen.HoldsOutputs:      func() int64 { return out[at][e.Index] },
		hwgen.HoldsAccumulators: func() int64 { return acc[at][e.Index] },
		hwgen.HoldsLabel:        func() int64 { return int64(r.values.labels[n.OutputOf(at)][m.Frame]) },
	}[e.Holds]
	if e.Holds == hwgen.HoldsScore {
		return
	}
	flipped := uint64(e.Expected^e.Had) << (64 - e.Bits) >> (64 - e.Bits) // of one bit that is a sign 0 becomes -1
	if e.Expected != want() || e.Row != e.Index || e.Position != 0 || flipped != 1 {
		t.Errorf("%s: %+v, want %d and another low bit", what, e, want())
	}
	if (e.Activation != nil) != (e.Holds == hwgen.HoldsOutputs) || (e.Scores != nil) != (e.Holds == hwgen.HoldsLabel) {
		t.Errorf("%s: activation %v, scores %v", what, e.Activation, e.Scores)
	}
	if e.Activation != nil {
		checkActivation(t, what, n.Layers[at].Thresholds, e, acc[at][e.Index])
	}
}

// checkActivation: both pairs of thresholds are those between which an accumulator gives what
// was expected, and what was had, one step beyond either of which it does not.
func checkActivation(t *testing.T, what string, th *quant.Thresholds, e *Element, acc int64) {
	t.Helper()
	a := e.Activation
	if a.Accumulator != acc || a.Inverted != (th.Inverted != nil && th.Inverted[e.Row]) {
		t.Errorf("%s: %v, want %d", what, a, acc)
	}
	for _, c := range []struct {
		above, upTo *Threshold
		y           int64
	}{{a.Above, a.UpTo, e.Expected}, {a.HadAbove, a.HadUpTo, e.Had}} {
		levels := th.Channel(e.Row)
		for _, x := range []*Threshold{c.above, c.upTo} {
			if x != nil && levels[x.Index] != x.Value {
				t.Errorf("%s: threshold %d is %d, want %d", what, x.Index, x.Value, levels[x.Index])
			}
		}
		// Equal thresholds leave outputs out, which no accumulator gives.
		if c.above != nil && c.upTo != nil && c.above.Value == c.upTo.Value {
			continue
		}
		if c.above != nil && naiveOutput(th, e.Row, c.above.Value+1) != c.y ||
			c.upTo != nil && naiveOutput(th, e.Row, c.upTo.Value) != c.y {
			t.Errorf("%s: %+v does not enclose the accumulators of %d", what, a, c.y)
		}
		if c.above == nil && c.upTo == nil {
			t.Errorf("%s: no thresholds around %d", what, c.y)
		}
	}
}

// checkCycles: the cycles are five, or fewer at the ends of the run, and show what was
// recorded, the Verilog's fault in the cycle of the difference alone.
func checkCycles(t *testing.T, r *recorded, i int, m *Mismatch) {
	t.Helper()
	from, to := max(0, int(m.Cycle)-2), min(len(r.cycles), int(m.Cycle)+3)
	if len(m.Cycles) != to-from {
		t.Fatalf("%v: %d cycles, want %d", m, len(m.Cycles), to-from)
	}
	for k, v := range m.Cycles {
		rec := &r.cycles[from+k]
		want := Shown{Valid: rec.IsValid(i), Ready: rec.IsReady(i)}
		if want.Valid {
			want.Data = hex(rec.Data[i])
		}
		model, rtl := v.Model, *v.Verilog
		if (model.Element != nil) != (want.Valid && m.Element != nil) {
			t.Errorf("%v: cycle %d: element %v", m, v.Cycle, model.Element)
		}
		model.Element, rtl.Element = nil, nil
		if v.Cycle != int64(from+k) || model != want || (rtl != want) != (v.Cycle == m.Cycle) {
			t.Errorf("%v: cycle %d is %+v and %+v, want %+v in cycle %d", m, v.Cycle, model, rtl, want, from+k)
		}
	}
}

// TestDescribeHandshake: a ready or valid that is wrong in one cycle, at the start of the run,
// within it and at its end, shows with the cycles around it.
func TestDescribeHandshake(t *testing.T) {
	r := record(t, design(t, 1), 4, 0.2)
	last := len(r.cycles) - 1
	for i := range len(StreamNames(r.model.design)) {
		for _, n := range []int{0, 1, last / 2, last - 1, last} {
			for _, ready := range []bool{false, true} {
				m := r.compare(r.changed(n, func(v *verilator.Cycle) {
					set := v.Valid
					if ready {
						set = v.Ready
					}
					set[i/8] ^= 1 << (i % 8)
				})).first
				if m == nil || m.What != DiffersHandshake || m.Cycle != int64(n) || m.Element != nil {
					t.Fatalf("stream %d, cycle %d: %+v", i, n, m)
				}
				checkCycles(t, r, i, m)
				was := &r.cycles[n]
				text := fmt.Sprintf("valid/ready is %d/%d, want %d/%d", bit(was.IsValid(i) != !ready),
					bit(was.IsReady(i) != ready), bit(was.IsValid(i)), bit(was.IsReady(i)))
				if !strings.HasSuffix(m.String(), text) {
					t.Errorf("%q, want %q", m, text)
				}
			}
		}
	}
}

// TestDescribePort: bits of the output port that are no element's.
func TestDescribePort(t *testing.T) {
	tried := map[string]bool{}
	for seed := range uint64(20) {
		d := design(t, seed)
		r := record(t, d, 2, 0)
		port, content := len(d.Streams), d.Sink(0).Content
		n := slices.IndexFunc(r.cycles, func(v verilator.Cycle) bool { return v.Fires(port) })
		used := 0
		for _, p := range content {
			used = (used+7)/8*8 + p.Lanes*p.Bits
		}
		for at, what := range map[int]string{used: DiffersPadding, content.PortBits(): DiffersLast} {
			if what == DiffersPadding && used == content.PortBits() {
				continue // whole bytes
			}
			tried[what] = true
			m := r.compare(r.changed(n, func(v *verilator.Cycle) { v.Data[port][at/8] ^= 1 << (at % 8) })).first
			if m == nil || m.What != what || m.Stream != d.Sinks[0].Name || m.Element != nil ||
				!strings.Contains(m.String(), what+" in 0x") {
				t.Errorf("seed %d, bit %d: %+v, want %s", seed, at, m, what)
			}
		}
	}
	if len(tried) != 2 {
		t.Errorf("tried %v", tried)
	}
}

// TestDescribeLate: a beat too many and an unknown bit, and that a run which ends at its first
// difference still has the cycles after it.
func TestDescribeLate(t *testing.T) {
	d := design(t, 2)
	r := record(t, d, 3, 0)
	n := len(r.cycles) - 3
	m := r.compare(r.changed(n, func(v *verilator.Cycle) {
		v.Valid[0] |= 1
		v.Data[0] = make([]byte, (d.Streams[0].Bits+7)/8)
	})).first
	if m == nil || m.Frame != 3 || m.Beat != 0 || m.Cycles[2].Model.Data != "" || m.Cycles[2].Verilog.Data == "" {
		t.Errorf("a beat too many: %+v", m)
	}

	c := newComparison(r.model, r.values, r.st, &Result{Frames: 3})
	for k := range 5 {
		c.cycle(k, &r.cycles[k])
	}
	c.unknown(&verilator.UnknownError{Stream: d.Streams[1].Name, What: "data", Bit: 'x', Cycle: 5})
	if m := c.first; len(m.Cycles) != 3 || m.Cycles[2].Verilog != nil || m.Stream != d.Streams[1].Name ||
		!strings.Contains(m.String(), "cycle 5,") || !strings.Contains(m.String(), "data is unknown") {
		t.Errorf("an unknown bit: %v, %+v", m, m)
	}

	all := r.changed(n/2, func(v *verilator.Cycle) { v.Ready[0] ^= 1 })
	whole, cut := r.compare(all), newComparison(r.model, r.values, r.st, &Result{Frames: 3})
	cut.firstOnly = true
	visited := 0
	for k := range all {
		visited++
		if cut.cycle(k, &all[k]) != nil {
			break
		}
	}
	if visited != n/2+3 || !cmp.Equal(cut.first, whole.first) {
		t.Errorf("%d cycles, want %d: %s", visited, n/2+3, cmp.Diff(whole.first, cut.first))
	}
}

// TestElementName: the words for every kind of tensor; rows and positions where an image's
// elements are more than a row each.
func TestElementName(t *testing.T) {
	for _, c := range []struct {
		layer, holds         string
		index, row, position int
		want                 string
	}{
		{"", hwgen.HoldsInputs, 7, 7, 0, "input 7 of the network"},
		{"fc1", hwgen.HoldsOutputs, 5, 5, 0, `output 5 of layer "fc1"`},
		{"fc1", hwgen.HoldsAccumulators, 0, 0, 0, `accumulator 0 of layer "fc1"`},
		{"fc2", hwgen.HoldsLabel, 0, 0, 0, `label of layer "fc2"`},
		{"fc2", hwgen.HoldsScore, 0, 0, 0, `score of layer "fc2"`},
		// 8 channels: 26 = 3*8 + 2.
		{"conv", hwgen.HoldsOutputs, 26, 2, 3, `output 26 of layer "conv" (row 2 at position 3)`},
	} {
		e := Element{Tensor: hwgen.Tensor{Layer: c.layer, Holds: c.holds},
			Index: c.index, Row: c.row, Position: c.position}
		if got := e.Name(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
