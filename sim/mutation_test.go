package sim_test

import (
	"bytes"
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

// mutations must each make the cross-check fail; lint would pass most of them.
var mutations = []mutation{
	{"accumulator never restarts", "accumulator.v", "kept = first ? start : acc", "kept = acc"},
	{"accumulator forgets the sum so far", "accumulator.v", "{~kept, 1'b1}", "{~{ACC_BITS{1'b0}}, 1'b1}"},
	{"accumulator ignores valid", "accumulator.v", "if (en && valid) acc <= next", "if (en) acc <= next"},
	{"sum is zero-extended", "accumulator.v", "{(ACC_BITS-SUM_BITS){sum[SUM_BITS-1]}}", "{(ACC_BITS-SUM_BITS){1'b0}}"},
	{"products are one bit short", "dot_product.v", "PRODUCT = (FULL < ACC_BITS) ? FULL : ACC_BITS",
		"PRODUCT = (FULL < ACC_BITS) ? FULL - 1 : ACC_BITS"},
	{"tree nodes do not grow", "dot_product.v", "full[BITS-1:0];", "{full[BITS-2], full[BITS-2:0]};"},
	{"weights are unsigned", "product.v", "{(EXTRA+1){w[WEIGHT_BITS-1]}}", "{(EXTRA+1){1'b0}}"},
	{"inputs are signed", "product.v", "(INPUT_SIGNED != 0) && factor[INPUT_BITS-1]", "factor[INPUT_BITS-1]"},
	{"carry of a negative digit is lost", "product.v", "~{row, high}", "~{row, 1'b0}"},
	{"lanes are swapped", "dot_product.v", "inputs[lane*INPUT_BITS", "inputs[(SIMD-1-lane)*INPUT_BITS"},
	{"PEs are swapped", "mvau.v", "weights[pe*SIMD*WEIGHT_BITS", "weights[(PE-1-pe)*SIMD*WEIGHT_BITS"},
	{"weight address runs one ahead", "mvau.v", "word_q  <= {ADDR_BITS{1'b0}};\n            beat_q",
		"word_q  <= {{(ADDR_BITS-1){1'b0}}, 1'b1};\n            beat_q"},
	{"pipeline ignores the stall", "mvau.v", "wire en = !valid_q[AT_END] || spill_ready",
		"wire en = 1'b1 || spill_ready"},
	{"ready in spite of a stall", "mvau.v", "assign s_ready = en", "assign s_ready = 1'b1"},
	{"fold ends a beat early", "mvau.v", "LAST_BEAT = SF - 1", "LAST_BEAT = SF - 2"},
	{"one pipeline stage less for valid", "mvau.v", "AT_SUM = DIGITS + TREE;", "AT_SUM = DIGITS + TREE - 1;"},
	{"threshold compares with >=", "threshold_stage.v", ") > (threshold_q", ") >= (threshold_q"},
	{"threshold compares unsigned", "threshold_stage.v", "(acc_wide ^ SIGN) > (threshold_q ^ SIGN)",
		"acc_wide > threshold_q"},
	{"search takes the wrong branch", "threshold_stage.v", "{found_q, bit_q}", "{found_q, !bit_q}"},
	{"threshold of the next fold", "mvau.v", ".fold(fold_sum_q)", ".fold(fold_q)"},
	{"spill register drops a beat", "spill_register.v", "data_q <= spill_valid_q ? spill_q : s_data",
		"data_q <= s_data"},
	{"spill register repeats a beat", "spill_register.v", "!free && (s_fire || spill_valid_q)",
		"spill_valid_q || (!free && s_fire)"},
	{"queue writes into a full memory", "fifo.v", "assign s_ready = level_q != FULL", "assign s_ready = 1'b1"},
	{"queue is one deeper", "fifo.v", "FULL = DEPTH[LEVEL_BITS-1:0]", "FULL = DEPTH[LEVEL_BITS-1:0] + 1'b1"},
	{"replay frees a slot a pass early", "replay_buffer.v", "LAST_PASS = REPEATS - 1", "LAST_PASS = REPEATS - 2"},
	{"replay reads what is not written", "replay_buffer.v", "wire available  = !first_pass ||",
		"wire available  = 1'b1 ||"},
	{"converter swaps its parts", "width_converter.v", "shifted = {s_data, held_q}", "shifted = {held_q, s_data}"},
	{"converter loses the waiting beat", "width_converter.v", "data_q <= next_valid_q ? next_q : s_data",
		"data_q <= s_data"},
	{"label takes the last of equal neighbours", "label_select.v", "over_beat_q <= score > ",
		"over_beat_q <= score >= "},
	{"label compares with the wrong best", "label_select.v", "taken_q ? over_beat_q : over_best_q",
		"taken_q ? over_best_q : over_beat_q"},
	{"label forgets whether it took a beat", "label_select.v", "taken_q     <= take", "taken_q     <= 1'b0"},
	{"label takes the last of equals", "label_select.v", "over_best_q <= score > ", "over_best_q <= score >= "},
	{"match takes the last of equals", "label_select.v", "wire right_wins = (right[PAIR-1:LABEL_BITS] ^ SIGN)" +
		"\n                                        > ", "wire right_wins = (right[PAIR-1:LABEL_BITS] ^ SIGN)" +
		"\n                                        >= "},
	{"label without gains", "label_select.v", "wide <<< GAIN_SHIFT", "wide"},
	{"label without biases", "label_select.v", "score_q <= scaled + bias", "score_q <= scaled"},
	{"label compares unsigned", "label_select.v", "SIGN = ONES ^ (ONES >> 1)", "SIGN = ONES ^ ONES"},
	{"output port is always valid", "accelerator.v", "assign m_axis_tvalid = ", "assign m_axis_tvalid = 1'b1 || "},
	{"output port inverts its data", "accelerator.v", "assign m_axis_tdata = {", "assign m_axis_tdata = ~{"},
	{"frame never ends", "accelerator.v", ".last(m_axis_tlast)\n    );",
		".last()\n    );\n    assign m_axis_tlast = 1'b0;"},
}

// busyMutations show only where every stage holds a vector of its own while the sink stalls.
var busyMutations = []mutation{
	{"best row ignores the stall", "label_select.v", "if (en && take) best_q", "if (take) best_q"},
	{"match ignores the stall", "label_select.v", "if (en) winner_q <= right_wins", "winner_q <= right_wins"},
	{"bye ignores the stall", "label_select.v", "if (en) winner_q <= left", "winner_q <= left"},
	{"rows of products ignore the stall", "product.v", "if (en) sum_q <= {added", "sum_q <= {added"},
	{"factors ignore the stall", "product.v", "if (en) begin\n                        bits_q",
		"begin\n                        bits_q"},
	{"operands of scores ignore the stall", "label_select.v", "if (en) accs_q", "accs_q"},
	{"comparisons ignore the stall", "label_select.v", "if (en) begin\n            beat_q",
		"begin\n            beat_q"},
	{"scores ignore the stall", "label_select.v", "if (en) score_q", "score_q"},
	{"single sums ignore the stall", "accumulator.v", "if (en) acc <= start", "acc <= start"},
	{"products ignore the stall", "product.v", "if (en) sum_q <= row", "sum_q <= row"},
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

// busyTarget is one layer in a single beat (SF = NF = 1) and its label: a vector per cycle.
func busyTarget(t *testing.T) (*hwgen.Design, [][]int32) {
	rng := rand.New(rand.NewPCG(6, 5))
	l := quant.Layer{Name: "fc1", In: 4, Out: 5, Input: quant.DataType{Bits: 3}, WeightBits: 3,
		Weights: make([]int32, 4*5)}
	for i := range l.Weights {
		l.Weights[i] = int32(rng.IntN(8)) - 4
	}
	n := bare(t, l)
	d, err := plan.Plan(n, hwgen.Options{Folding: hwgen.Folding{"fc1": {PE: 5, SIMD: 4}}})
	if err != nil {
		t.Fatal(err)
	}
	samples := make([][]int32, 60)
	for i := range samples {
		samples[i] = quanttest.RandomInput(rng, n)
	}
	return d, samples
}

// TestMutations: every fault fails the cross-check, and no fault passes it.
func TestMutations(t *testing.T) {
	d, samples := mutationTarget(t)
	checkMutations(t, d, samples, mutations)
}

// TestBusyMutations: so do those that need a vector per cycle.
func TestBusyMutations(t *testing.T) {
	d, samples := busyTarget(t)
	checkMutations(t, d, samples, busyMutations)
}

func checkMutations(t *testing.T, d *hwgen.Design, samples [][]int32, rows []mutation) {
	t.Helper()
	tooltest.Need(t, "iverilog")
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
	if testing.Short() {
		rows = rows[:4]
	}
	for _, m := range rows {
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

// TestMutatedMemories: one wrong bit in any kind of memory fails the cross-check.
func TestMutatedMemories(t *testing.T) {
	if testing.Short() {
		t.Skip("simulates 600 frames ten times")
	}
	tooltest.Need(t, "iverilog")
	d, samples := mutationTarget(t)
	for len(samples) < 600 { // a threshold that is off by one shows only at one value
		samples = append(samples, quanttest.RandomInput(rand.New(rand.NewPCG(9, uint64(len(samples)))), d.Network))
	}
	for _, file := range []string{"fc1_weights.mem", "fc2_thresholds_0.mem", "fc2_thresholds_1.mem",
		"fc1_thresholds_invert.mem", "label_bias.mem"} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			check := func(dir string, samples [][]int32) (*sim.Result, error) {
				return sim.CrossCheck(context.Background(), d, dir, samples,
					sim.Options{Simulator: verilator.Icarus, CacheDir: benches, FirstOnly: true})
			}
			dir := emitDir(t, d)
			path := filepath.Join(dir, "rtl", file)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			first := bytes.IndexByte(text, '\n')
			digit := &text[first+bytes.IndexByte(text[first+1:], '\n')] // of PE 0 in the second word
			*digit = map[bool]byte{true: '0', false: '5'}[*digit == '5']
			if err := os.WriteFile(path, text, 0o644); err != nil {
				t.Fatal(err)
			}
			if r, err := check(dir, samples); !caught(t, r, err) {
				t.Error("a wrong bit passes the cross-check")
			}
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if r, err := check(dir, samples[:2]); !caught(t, r, err) {
				t.Error("a missing memory file passes")
			}
		})
	}
}
