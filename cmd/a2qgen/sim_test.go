package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/internal/tooltest"
	"github.com/a2qgen/a2qgen/quant/qonnx"
)

// tinyDesign generates the tiny network in a folder of its own.
func tinyDesign(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "design")
	succeed(t, "generate", tinyNetwork(t), "--out", dir, "--fold", "fc1=2,2", "--fold", "fc2=1,3")
	return dir
}

var simKeys = []string{"frames", "beats_compared", "mismatches", "cycles_model", "cycles_rtl", "interval_cycles",
	"latency_cycles", "model_seconds", "rtl_seconds", "build_seconds", "correct", "total", "data", "gap", "stall",
	"simulator", "speed_ratio", "frames_compared", "data_frames", "drawn_frames", "distinct_data_frames",
	"distinct_frames", "streams",
	"pressure", "warnings"}

func TestSimIcarus(t *testing.T) {
	tooltest.Need(t, "iverilog", "vvp")
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	dir, set, vcd := tinyDesign(t), tinyData(t, 7), filepath.Join(t.TempDir(), "waves.vcd")
	doc := succeed(t, "sim", dir, "--frames", "10", "--gap", "0.2", "--stall", "0.3", "--simulator", "icarus",
		"--data", set, "--vcd", vcd, "--json").document(t)
	wantKeys(t, "sim", doc, simKeys...)
	if doc["mismatches"] != 0.0 || doc["cycles_model"] != doc["cycles_rtl"] || doc["frames"] != 10.0 ||
		doc["total"] != 10.0 {
		t.Errorf("sim: %v", doc)
	}
	// The labels are those of eval: 7 samples, the first three again.
	eval := succeed(t, "eval", filepath.Join(dir, "network.onnx"), "--data", set, "--json").document(t)
	if c, e := doc["correct"].(float64), eval["correct"].(float64); c < e || c > e+3 {
		t.Errorf("sim finds %v of 10 right, eval %v of 7", c, e)
	}
	if info, err := os.Stat(vcd); err != nil || info.Size() == 0 {
		t.Errorf("no waves: %v", err)
	}
	// Beside the 10 samples there are 8 drawn frames. The data has 7, of which numbers 3 and
	// 6 are alike in 2 bits: 250 first, and below 32 (0.5 steps of 0.25 * 255) the rest.
	if doc["data_frames"] != 10.0 || doc["distinct_data_frames"] != 6.0 ||
		doc["drawn_frames"] != 8.0 || doc["frames_compared"] != 18.0 {
		t.Errorf("frames: %v", doc)
	}
	// Without --data all frames are drawn, whatever data sets are installed.
	doc = succeed(t, "sim", dir, "--frames", "3", "--stall", "0.5", "--period", "4", "--simulator", "icarus",
		"--json").document(t)
	if doc["total"] != 0.0 || doc["data"] != "no data set" || doc["data_frames"] != 0.0 ||
		doc["drawn_frames"] != 11.0 || doc["frames"] != 3.0 {
		t.Errorf("sim without data: %v", doc)
	}
}

// A changed weight is refused and, with --edited, a mismatch: a JSON document, one line
// with the first difference, status 1.
func TestSimFindsFault(t *testing.T) {
	tooltest.Need(t, "iverilog", "vvp")
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	dir := tinyDesign(t)
	path := filepath.Join(dir, "rtl", "fc1_weights.mem")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		if line != "" && !strings.HasPrefix(line, "//") {
			lines[i] = strings.Repeat("0", len(line))
		}
	}
	writeFile(t, path, []byte(strings.Join(lines, "\n")))
	command(t, "sim", dir).wantOneLine(t, "refused", statusFailed, "rtl/fc1_weights.mem: line 1 is",
		`want "`, "--edited")
	o := command(t, "sim", dir, "--edited", "--frames", "4", "--simulator", "icarus", "--json")
	doc := o.document(t)
	if doc["mismatches"].(float64) < 1 {
		t.Errorf("no mismatch: %v", doc)
	}
	if e := first(t, doc["edited"]).(map[string]any); e["file"] != "rtl/fc1_weights.mem" || e["line"] != 1.0 {
		t.Errorf("edited: %v", doc["edited"])
	}
	o.out = ""
	o.wantOneLine(t, "fault", statusFailed, "mismatches", "first: stream", "cycle ", "want ")
}

// A directory whose network or manifest was changed is refused.
func TestSimRefusesAlteredDesign(t *testing.T) {
	dir := tinyDesign(t)
	m := tinyModel()
	m.Layers[0].Weights[3] = -m.Layers[0].Weights[3]
	if err := qonnx.Write(filepath.Join(dir, "network.onnx"), m); err != nil {
		t.Fatal(err)
	}
	command(t, "sim", dir).wantOneLine(t, "other network", statusFailed, dir, "altered")

	dir = tinyDesign(t)
	manifest := filepath.Join(dir, "manifest.json")
	text, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, manifest, []byte(strings.Replace(string(text), `"simd": 3`, `"simd": 2`, 1)))
	command(t, "sim", dir).wantOneLine(t, "other folding", statusFailed, dir, "altered")
	writeFile(t, manifest, text[:len(text)/2])
	command(t, "sim", dir).wantOneLine(t, "truncated manifest", statusFailed, manifest)
	writeFile(t, manifest, text)
	writeFile(t, filepath.Join(dir, "network.onnx"), nil)
	command(t, "sim", dir).wantOneLine(t, "empty network", statusFailed, "network.onnx")
}

func TestSimVerilator(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a bench")
	}
	tooltest.Need(t, "verilator", "make", "g++")
	dir, set := tinyDesign(t), tinyData(t, 9)
	o := succeed(t, "sim", dir, "--data", set, "--frames", "20", "--stall", "0.7", "--seed", "3")
	for _, want := range []string{"20 frames, 8 different", "8 frames drawn over UINT2",
		"0 mismatches", "of 20 right", "blocked", "starved"} {
		if !strings.Contains(o.out, want) {
			t.Errorf("text lacks %q:\n%s", want, o.out)
		}
	}
}

// A network that divides by 255 itself, on samples that are divided already: every input
// is 0 or, at scale 1, what the bytes say.
func TestSimScale(t *testing.T) {
	tooltest.Need(t, "iverilog", "vvp")
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	m := tinyModel()
	m.Input.Scale = 85 // 0..3 for 0..255
	dir := filepath.Join(t.TempDir(), "design")
	succeed(t, "generate", writeModel(t, m), "--out", dir)
	for _, c := range []struct {
		scale    []string
		distinct float64
		warning  string // "" for none
	}{
		{nil, 1, "every input of every data frame is 0: is --scale right?"},
		{[]string{"--scale", "1"}, 3, ""}, // the bright pixel of three classes: 250 is 3, up to 59 is 1 or 0
	} {
		args := append([]string{"sim", dir, "--data", tinyData(t, 20), "--frames", "20", "--simulator", "icarus",
			"--json"}, c.scale...)
		doc := succeed(t, args...).document(t)
		if n := doc["distinct_data_frames"].(float64); n < c.distinct || c.distinct == 1 && n > 1 {
			t.Errorf("%v: %v different frames, want %v", c.scale, n, c.distinct)
		}
		warnings := doc["warnings"].([]any)
		if c.warning == "" && len(warnings) > 0 || c.warning != "" &&
			(len(warnings) == 0 || warnings[len(warnings)-1] != c.warning) {
			t.Errorf("%v: warnings %v, want %q", c.scale, warnings, c.warning)
		}
		// The drawn frames use the whole type all the same: 0..3.
		if s := first(t, doc["streams"]).(map[string]any); s["name"] != "source" || s["values"] != 4.0 {
			t.Errorf("%v: source %v, want 4 values", c.scale, s)
		}
	}
}

// A run with pauses that is too short to fill the design says so, stream by stream.
func TestSimWarnsOfShortRuns(t *testing.T) {
	tooltest.Need(t, "iverilog", "vvp")
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	dir := filepath.Join(t.TempDir(), "design")
	m := foldedModel()
	succeed(t, "generate", writeModel(t, m), "--out", dir, "--fold", "fc1=1,1", "--fold", "fc2=8,8",
		"--fold", "fc3=6,8", "--fold", "fc4=5,6")
	doc := succeed(t, "sim", dir, "--frames", "1", "--stall", "0.1", "--simulator", "icarus", "--json").document(t)
	warnings := doc["warnings"].([]any)
	if len(warnings) == 0 || !strings.HasPrefix(warnings[0].(string), "never blocked: ") ||
		!strings.Contains(warnings[0].(string), "too few frames, the design alone holds ") {
		t.Errorf("warnings %q", warnings)
	}
}

// TestProveDepths: the depths that a plan finds are the least, one of its user's that is a beat deeper is
// named, with exit status 1; and flags of a simulation are refused.
func TestProveDepths(t *testing.T) {
	net, dir := tinyNetwork(t), filepath.Join(t.TempDir(), "design")
	succeed(t, "generate", net, "--out", dir, "--fold", "fc1=2,2", "--fold", "fc2=1,1")
	doc := succeed(t, "sim", dir, "--prove-depths", "--json").document(t)
	for _, d := range doc["depths"].([]any) {
		if least := d.(map[string]any)["least"]; least != true {
			t.Errorf("%v", d)
		}
	}
	folding := filepath.Join(t.TempDir(), "deep.yaml")
	text := "fc1: {pe: 2, simd: 2}\nfc2: {pe: 1, simd: 1, fifo: 40}\n"
	if err := os.WriteFile(folding, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	succeed(t, "generate", net, "--out", dir, "--folding", folding)
	r := command(t, "sim", dir, "--prove-depths")
	if r.status != 1 || !strings.Contains(r.out, "NOT LEAST") || !strings.Contains(r.errors, "fc2_fifo keeps 40 beats") {
		t.Errorf("exit %d, %s, %s; want 1 and the queue's name", r.status, r.out, r.errors)
	}
	if r := command(t, "sim", dir, "--prove-depths", "--frames", "3"); r.status != 2 {
		t.Errorf("with --frames: exit %d, want 2", r.status)
	}
}
