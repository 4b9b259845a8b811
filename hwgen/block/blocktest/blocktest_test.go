package blocktest

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block/fifo"
	"github.com/a2qgen/a2qgen/hwgen/block/kinds"
	"github.com/a2qgen/a2qgen/internal/tooltest"
	"github.com/a2qgen/a2qgen/sim/cycle"
	"github.com/a2qgen/a2qgen/verilator"
)

// TestWitnesses: every kind of block has its recurrences.
func TestWitnesses(t *testing.T) {
	for _, k := range kinds.All {
		if k.Witness == nil {
			t.Errorf("%s has no recurrences", k.Name)
		}
	}
}

// queueCase is a queue of four places and frames of three beats, which nothing is wrong with.
func queueCase() Case {
	n, content := DrawWords(rand.New(rand.NewPCG(1, 1)), 3, 2, 3)
	return Case{Name: "queue", Block: &fifo.Block{Layer: "fc", Width: 6, Depth: 4, Beats: 3}, Network: n,
		Inputs: []hwgen.Content{content}, Latency: 4}
}

// wrong is a block that says something else than it is.
type wrong struct {
	hwgen.Block
	machine cycle.Machine
	cycles  int
	carries func(hwgen.Content) hwgen.Content
}

// Machine implements hwgen.Block.
func (w *wrong) Machine() cycle.Machine {
	if w.machine != nil {
		return w.machine
	}
	return w.Block.Machine()
}

// Cycles implements hwgen.Block.
func (w *wrong) Cycles() int {
	if w.cycles != 0 {
		return w.cycles
	}
	return w.Block.Cycles()
}

// Carries implements hwgen.Block.
func (w *wrong) Carries(in []hwgen.Content) []hwgen.Content {
	if w.carries != nil {
		return []hwgen.Content{w.carries(in[0])}
	}
	return in
}

// TestCheckFinds: a block whose machine, contents or formulas are not those of its Verilog fails,
// at the witness too where that can tell.
func TestCheckFinds(t *testing.T) {
	tooltest.Need(t, "iverilog")
	reversed := func(c hwgen.Content) hwgen.Content {
		return c.Each(func(p *hwgen.Part) { p.Order = hwgen.Nest(2, 1, 3, 2) })
	}
	for _, c := range []struct {
		name             string
		latency          int
		wrong            wrong
		machine, verilog string // what the errors say
	}{
		{name: "right", latency: 4},
		{name: "deeper machine", latency: 4, wrong: wrong{machine: (&fifo.Block{Depth: 5}).Machine()},
			machine: "passes in cycle", verilog: "valid/ready is"},
		{name: "other contents", latency: 4, wrong: wrong{carries: reversed}, verilog: "of the network is"},
		{name: "latency", latency: 5, machine: "formulas 3 and 5", verilog: "want 3 and 5"},
		{name: "cycles", latency: 4, wrong: wrong{cycles: 2}, machine: "formulas 2 and 4", verilog: "want 2 and 4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := queueCase()
			q.Latency, c.wrong.Block = c.latency, q.Block
			q.Block = &c.wrong
			says := func(err error, want string) {
				t.Helper()
				if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q", err, want)
				}
			}
			says(q.checkMachine(1), c.machine)
			says(q.check(t.Context(), t.TempDir(), t.TempDir(), 1), c.verilog)
		})
	}
}

// TestMutants: a fault is caught, one that changes nothing is not, and one that does not compile
// or has nothing to change is an error.
func TestMutants(t *testing.T) {
	tooltest.Need(t, "iverilog")
	targets, err := newTargets([]Case{queueCase()}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		mutation     Mutation
		shows, error bool
	}{
		{mutation: Replace("a fault", "fifo.v", "level_q != FULL", "level_q == FULL"), shows: true},
		{mutation: Replace("a check that stops", "fifo.v", "assign s_ready = level_q != FULL", "assign s_ready = 1'b1"),
			shows: true},
		{mutation: Replace("a comment", "fifo.v", "// First-in", "// Last-in")},
		{mutation: Replace("the same otherwise", "fifo.v", "level_q != FULL", "!(level_q == FULL)")},
		{mutation: Replace("no Verilog", "fifo.v", "assign s_ready", "asign s_ready"), error: true},
		{mutation: Replace("no such text", "fifo.v", "assign s_steady", "assign s_ready"), error: true},
		{mutation: Replace("no such file", "filo.v", "assign s_ready", "assign s_ready"), error: true},
	} {
		t.Run(c.mutation.name, func(t *testing.T) {
			shows, err := targets.show(t.Context(), c.mutation, t.TempDir)
			if (shows != "") != c.shows || (err != nil) != c.error {
				t.Errorf("shows %q, error %v", shows, err)
			}
			if c.mutation.name == "no Verilog" && !errors.As(err, new(*verilator.BuildError)) {
				t.Errorf("%T: %v, want a BuildError", err, err)
			}
		})
	}
}

// TestFlipMiddle: of five words of two digits the third one changes, by its lowest bit.
func TestFlipMiddle(t *testing.T) {
	got, err := flipMiddle([]byte("00\n11\n2f\n33\n44\n"))
	if want := "00\n11\n2e\n33\n44\n"; err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}
