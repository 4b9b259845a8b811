package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/internal/tooltest"
	"github.com/a2qgen/a2qgen/quant/nn"
)

// foldedModel is a small network with the demo's blocks: four layers with folded rows and
// columns, so that there are queues, replay buffers and converters of both directions, and
// a classifier that gives one beat per frame: its source starves before its sink blocks.
func foldedModel() *nn.Model {
	act, scale := &nn.ActQuant{Scale: 4, Bits: 4}, []float32{1}
	return &nn.Model{Name: "folded", InputShape: []int{24}, Input: &nn.ActQuant{Scale: 1. / 255, Bits: 8},
		Layers: []nn.Layer{
			{Name: "fc1", In: 24, Out: 8, Weights: ramp(24*8, 5), WeightScale: scale, WeightBits: 4, Relu: true,
				Act: &nn.ActQuant{Scale: 0.5, Bits: 4}},
			{Name: "fc2", In: 8, Out: 8, Weights: ramp(8*8, 3), WeightScale: scale, WeightBits: 4,
				Relu: true, Act: act},
			{Name: "fc3", In: 8, Out: 6, Weights: ramp(8*6, 3), WeightScale: scale, WeightBits: 4,
				Relu: true, Act: act},
			{Name: "fc4", In: 6, Out: 5, Weights: ramp(6*5, 7), WeightScale: scale, WeightBits: 4, Bias: ramp(5, 4)},
		}}
}

// foldedDesign generates it: fc1 in 48 cycles per frame, the others in 32, 24 and 30. As in
// the demo the first layer is the slowest, so that without a sink that pauses for long
// nothing behind it is ever blocked.
func foldedDesign(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "design")
	// The rate takes no queue here: one is asked for, so that every kind of block is there.
	folding := filepath.Join(t.TempDir(), "folding.yaml")
	writeFile(t, folding, []byte("fc1: {pe: 4, simd: 1}\nfc2: {pe: 1, simd: 2, fifo: 4}\n"+
		"fc3: {pe: 1, simd: 2}\nfc4: {pe: 1, simd: 1, fifo: 3}\n"))
	succeed(t, "generate", writeModel(t, foldedModel()), "--out", dir, "--folding", folding)
	return dir
}

// edit replaces the first match of a pattern in a file of a design; $1 stands for its
// first group.
func edit(t *testing.T, dir, file, pattern, with string) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(file))
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	re := regexp.MustCompile(pattern)
	at := re.FindSubmatchIndex(text)
	if at == nil {
		t.Fatalf("%s has no match of %s", file, pattern)
	}
	writeFile(t, path, slices.Concat(text[:at[0]], re.Expand(nil, []byte(with), text, at), text[at[1]:]))
}

// wantCaught checks that sim found a fault: that it counted mismatches, or that a check of
// the design stopped the simulation. A mutant that does not compile is not caught.
func (o outcome) wantCaught(t *testing.T) {
	t.Helper()
	found := regexp.MustCompile(`sim: (layer "\w+" alone: )?\d+ mismatches|verilator: simulation: ERROR `)
	if o.status != statusFailed || !found.MatchString(o.errors) {
		t.Errorf("status %d, %q, want mismatches or a stop by a check", o.status, o.errors)
	}
}

// tied are handshakes with an enable, a ready or m_ready tied to 1, in every block and in
// the top module. With one pattern for source and sink, and no long pauses, sim --stall 0.3
// (200 frames) saw 7 of the 18, and neither of the first two.
var tied = []struct{ name, file, pattern, with string }{
	{"enable of mvau", "rtl/mvau.v", `wire en = [^;]*;`, "wire en = 1'b1 || spill_ready;"},
	{"read of replay buffer", "rtl/replay_buffer.v", `wire read +=[^;]*;`, "wire read = available;"},
	{"enable of label select", "rtl/label_select.v", `wire en = [^;]*;`, "wire en = 1'b1 || spill_ready;"},
	{"ready of mvau", "rtl/mvau.v", `assign s_ready = en;`, "assign s_ready = 1'b1;"},
	{"ready of label select", "rtl/label_select.v", `assign s_ready = en;`, "assign s_ready = 1'b1;"},
	{"ready of replay buffer", "rtl/replay_buffer.v", `assign s_ready = [^;]*;`, "assign s_ready = 1'b1;"},
	{"ready of spill register", "rtl/spill_register.v", `assign s_ready = [^;]*;`, "assign s_ready = 1'b1;"},
	{"m_ready of spill register", "rtl/spill_register.v", `wire free +=[^;]*;`, "wire free = 1'b1 || m_ready;"},
	{"ready of queue", "rtl/fifo.v", `assign s_ready = [^;]*;`, "assign s_ready = 1'b1;"},
	{"m_ready of queue", "rtl/fifo.v", `wire m_fire = [^;]*;`, "wire m_fire = m_valid || m_ready;"},
	{"ready of widening converter", "rtl/width_converter.v", `assign s_ready = !at_last[^;]*;`,
		"assign s_ready = 1'b1;"},
	{"ready of narrowing converter", "rtl/width_converter.v", `assign s_ready = !next_valid_q;`,
		"assign s_ready = 1'b1;"},
	{"m_ready of converter", "rtl/width_converter.v", `wire m_fire = [^;]*;`, "wire m_fire = m_valid || m_ready;"},
	{"enable of thresholds", "rtl/mvau.v", `(u_thresholds \([^;]*?\.en +\()en\)`, "${1}1'b1)"},
	{"sink of the top", "rtl/accelerator.v", `assign label_ready = [^;]*;`,
		"assign label_ready = 1'b1 || m_axis_tready;"},
	{"source of the top", "rtl/accelerator.v", `assign s_axis_tready = [^;]*;`, "assign s_axis_tready = 1'b1;"},
	{"m_ready of an instance", "rtl/accelerator.v", `\.m_ready\(fc2_mvau_ready\)`, ".m_ready(1'b1 || fc2_mvau_ready)"},
	{"m_ready of the label", "rtl/accelerator.v", `\.m_ready\(label_ready\)`, ".m_ready(1'b1 || label_ready)"},
}

// fewFrames of a simulation find every mutant here: a tenth of the default, since the
// simulator runs all of them even where the first differs.
const fewFrames = "20"

// TestTiedHandshakes: each is caught by the command line alone, and without --edited the
// directory is refused before anything is simulated.
func TestTiedHandshakes(t *testing.T) {
	tooltest.Need(t, "iverilog", "vvp")
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	rows := tied
	if testing.Short() {
		rows = rows[:2]
	}
	for _, m := range rows {
		t.Run(strings.ReplaceAll(m.name, " ", "_"), func(t *testing.T) {
			dir := foldedDesign(t)
			edit(t, dir, m.file, m.pattern, m.with)
			command(t, "sim", dir, "--edited", "--stall", "0.3", "--frames", fewFrames, "--simulator", "icarus").
				wantCaught(t)
			command(t, "sim", dir, "--simulator", "icarus").wantOneLine(t, m.name, statusFailed, m.file,
				"line ", "--edited")
		})
	}
	t.Run("none", func(t *testing.T) {
		dir := foldedDesign(t)
		doc := succeed(t, "sim", dir, "--edited", "--stall", "0.3", "--simulator", "icarus", "--json").document(t)
		if w := doc["warnings"].([]any); len(w) > 0 {
			t.Errorf("warnings about a run with pauses: %v", w)
		}
		for _, s := range doc["streams"].([]any) {
			if s := s.(map[string]any); s["blocked_cycles"] == 0.0 || s["starved_cycles"] == 0.0 ||
				s["values"].(float64) < 2 {
				t.Errorf("stream %v", s)
			}
		}
	})
}

// TestDroppedBits: numbers that frames of the whole design hardly show are refused without
// --edited; with it the layer alone shows them at its certified extremes.
func TestDroppedBits(t *testing.T) {
	tooltest.Need(t, "iverilog", "vvp")
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	for _, m := range []struct{ name, file, pattern, with, want string }{
		// Each layer has the bits that it needs, so that one bit less overflows.
		{"bit of fc2", "rtl/accelerator.v", `ACC_BITS\(9\)([^;]*u_fc2_mvau)`, "ACC_BITS(8)${1}", "overflows 8 bits"},
		{"bit of fc3", "rtl/accelerator.v", `ACC_BITS\(9\)([^;]*u_fc3_mvau)`, "ACC_BITS(8)${1}", "overflows 8 bits"},
		{"top bit of the label's accumulators", "rtl/label_select.v", `= (\w+)\[pe\*ACC_BITS \+: ACC_BITS\]`,
			"= {${1}[pe*ACC_BITS+ACC_BITS-2], ${1}[pe*ACC_BITS +: ACC_BITS-1]}", `stream "label"`},
	} {
		dir := foldedDesign(t)
		edit(t, dir, m.file, m.pattern, m.with)
		command(t, "sim", dir).wantOneLine(t, m.name, statusFailed, m.file, "line ", "--edited")
		o := command(t, "sim", dir, "--edited", "--frames", fewFrames, "--simulator", "icarus")
		o.wantCaught(t)
		if !strings.Contains(o.errors, " alone: ") || !strings.Contains(o.errors, m.want) {
			t.Errorf("%s: %q, want the layer alone and %q", m.name, o.errors, m.want)
		}
		// A stop by a check has no frames to look at.
		if !strings.Contains(m.want, "overflows") &&
			!strings.Contains(o.out, "\nlayer fc4 alone, where a frame is a vector:\nfirst mismatch: stream label, ") {
			t.Errorf("%s: the report does not show the mismatch:\n%s", m.name, o.out)
		}
	}
}
