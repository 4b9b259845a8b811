package sim_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/internal/tooltest"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/quanttest"
	"github.com/a2qgen/a2qgen/sim"
	"github.com/a2qgen/a2qgen/verilator"
)

// mutation is a single fault of the emitted Verilog: in file, the first old becomes new.
type mutation struct{ name, file, old, new string }

// mutations are those of the top module and what it holds beside blocks; each must make the
// cross-check fail. Those of a block are in its own test (hwgen/block/blocktest).
var mutations = []mutation{
	{"output port is always valid", "accelerator.v", "assign m_axis_tvalid = ", "assign m_axis_tvalid = 1'b1 || "},
	{"output port inverts its data", "accelerator.v", "assign m_axis_tdata = {", "assign m_axis_tdata = ~{"},
	{"frame never ends", "accelerator.v", ".last(m_axis_tlast)\n    );",
		".last()\n    );\n    assign m_axis_tlast = 1'b0;"},
	{"input port is never ready", "accelerator.v", "assign s_axis_tready = ", "assign s_axis_tready = 1'b0 && "},
	{"frame is a beat short", "frame_counter.v", "LAST_BEAT = BEATS - 1", "LAST_BEAT = BEATS - 2"},
}

// caught says whether a cross-check found a fault: by a difference, or by a check of the
// design that stopped the simulation. Any other error fails the test: the mutant never ran.
func caught(t *testing.T, r *sim.Result, err error) bool {
	t.Helper()
	if check := new(verilator.CheckError); errors.As(err, &check) {
		t.Log("caught:", check.Line)
		return true
	}
	if err != nil {
		t.Fatalf("the mutant never ran: %v", err)
	}
	if r.Mismatches > 0 {
		t.Log("caught:", r.First)
	}
	return r.Mismatches > 0
}

// mutate replaces the first old of a file in the emitted rtl folder by new.
func mutate(t *testing.T, dir, file, old, new string) {
	t.Helper()
	path := filepath.Join(dir, "rtl", file)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), old) {
		t.Fatalf("%s does not contain %q", file, old)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), old, new, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// mutationTarget is a network with every kind of block: folded rows and columns,
// both directions of width conversion, a queue, thresholds, ties among scores.
func mutationTarget(t *testing.T) (*hwgen.Design, [][]int32) {
	rng := rand.New(rand.NewPCG(5, 5))
	in, mid := quant.DataType{Bits: 3}, quant.DataType{Bits: 2}
	layer := func(name string, in, out int, x quant.DataType) quant.Layer {
		l := quant.Layer{Name: name, In: in, Out: out, Input: x, WeightBits: 3, Weights: make([]int32, in*out)}
		for i := range l.Weights {
			l.Weights[i] = int32(rng.IntN(8)) - 4
		}
		l.AccBits, _ = l.NeededBits()
		return l
	}
	stairs := func(l quant.Layer) quant.Layer {
		t := &quant.Thresholds{Output: mid, Inverted: make([]bool, l.Out)}
		for c := range l.Out {
			t.Values = append(t.Values, int64(rng.IntN(5))-9, int64(rng.IntN(4))-3, int64(rng.IntN(6))+2)
			t.Inverted[c] = c%5 == 3
		}
		l.Thresholds = t
		return l
	}
	last := layer("fc3", 12, 10, mid)
	last.Score = &quant.Score{Gain: make([]int64, 10), Bias: make([]int64, 10)}
	for c := range 10 {
		last.Score.Gain[c], last.Score.Bias[c] = 2, int64(c%3)*14-14
	}
	for _, c := range []int{2, 3, 4, 8} { // tie, within a beat, with the next beat and with a later one
		copy(last.Weights[12*c:12*(c+1)], last.Weights[12*2:12*3])
		last.Score.Bias[c] = 18
	}
	n, err := quant.NewNetwork(quant.Network{Name: "target", InputShape: []int{12},
		Input:  quant.InputQuantizer{Type: in, Quantize: func(_ int, v float64) int32 { return int32(v) }},
		Layers: []quant.Layer{stairs(layer("fc1", 12, 12, in)), stairs(layer("fc2", 12, 12, mid)), last}})
	if err != nil {
		t.Fatal(err)
	}
	d, err := plan.Plan(n, hwgen.Options{Folding: hwgen.Folding{"fc1": {PE: 2, SIMD: 6},
		"fc2": {PE: 6, SIMD: 4, FIFO: hwgen.Depths{3}}, "fc3": {PE: 2, SIMD: 3}}})
	if err != nil {
		t.Fatal(err)
	}
	samples := make([][]int32, 24)
	for i := range samples {
		samples[i] = quanttest.RandomInput(rng, n)
	}
	return d, samples
}

// TestMutations: every fault fails the cross-check, and no fault passes it.
func TestMutations(t *testing.T) {
	tooltest.Need(t, "iverilog")
	d, samples := mutationTarget(t)
	check := func(dir string) (r *sim.Result, err error) {
		// A sink that hardly takes anything fills every register and queue; the
		// other stimulus lets them run dry.
		for _, st := range []struct{ gap, stall sim.Pattern }{
			{sim.Pattern{}, sim.Pattern{Probability: 0.99, Period: 100}},
			{sim.Pattern{Probability: 0.5}, sim.Pattern{Probability: 0.4}},
		} {
			r, err = sim.CrossCheck(context.Background(), d, dir, samples,
				sim.Options{Simulator: verilator.Icarus, Seed: 3, Gap: st.gap, Stall: st.stall, CacheDir: benches,
					FirstOnly: true})
			if err != nil || r.Mismatches > 0 {
				break
			}
		}
		return r, err
	}
	if r, err := check(emitDir(t, d)); err != nil || r.Mismatches > 0 {
		t.Fatalf("unmutated: %+v, %v", r, err)
	}
	for _, m := range mutations {
		t.Run(strings.ReplaceAll(m.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			dir := emitDir(t, d)
			mutate(t, dir, m.file, m.old, m.new)
			if r, err := check(dir); !caught(t, r, err) {
				t.Error("passes the cross-check")
			}
		})
	}
}

// TestMutantThatDoesNotCompile: it is told from one that was caught.
func TestMutantThatDoesNotCompile(t *testing.T) {
	tooltest.Need(t, "iverilog")
	d, samples := mutationTarget(t)
	dir := emitDir(t, d)
	mutate(t, dir, "fifo.v", "assign s_ready", "asign s_ready")
	_, err := sim.CrossCheck(t.Context(), d, dir, samples, sim.Options{Simulator: verilator.Icarus,
		CacheDir: benches})
	if !errors.As(err, new(*verilator.BuildError)) || errors.As(err, new(*verilator.CheckError)) {
		t.Errorf("%T: %v, want a BuildError and no CheckError", err, err)
	}
}
