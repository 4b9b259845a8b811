package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/quant/qonnx"
	"github.com/a2qgen/a2qgen/verilator/tooltest"
)

// tinyDesign generates the tiny network in a folder of its own.
func tinyDesign(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "design")
	succeed(t, "generate", tinyNetwork(t), "--out", dir, "--fold", "fc1=2,2", "--fold", "fc2=1,3")
	return dir
}

var simKeys = []string{"frames", "beats_compared", "mismatches", "cycles_model", "cycles_rtl", "interval_cycles",
	"latency_cycles", "model_seconds", "rtl_seconds", "build_seconds", "correct", "total"}

func TestSimIcarus(t *testing.T) {
	tooltest.Need(t, "iverilog", "vvp")
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	dir, set, vcd := tinyDesign(t), tinyData(t, 7), filepath.Join(t.TempDir(), "waves.vcd")
	doc := succeed(t, "sim", dir, "--frames", "10", "--stall", "0.3", "--simulator", "icarus", "--data", set, "--vcd", vcd, "--json").document(t)
	wantKeys(t, "sim", doc, simKeys...)
	if doc["mismatches"] != 0.0 || doc["cycles_model"] != doc["cycles_rtl"] || doc["frames"] != 10.0 || doc["total"] != 10.0 {
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
	// Without --data the default set, of 784 elements, does not fit.
	doc = succeed(t, "sim", dir, "--frames", "3", "--stall", "0.5", "--period", "4", "--simulator", "icarus", "--json").document(t)
	if doc["total"] != 0.0 || !strings.Contains(doc["data"].(string), "random inputs") {
		t.Errorf("sim without data: %v", doc)
	}
}

// A changed weight is a mismatch: a JSON document, one line with the first
// difference, status 1.
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
	o := command(t, "sim", dir, "--frames", "4", "--simulator", "icarus", "--json")
	if doc := o.document(t); doc["mismatches"].(float64) < 1 {
		t.Errorf("no mismatch: %v", doc)
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
	for _, want := range []string{"20 frames", "0 mismatches", "of 20 right"} {
		if !strings.Contains(o.out, want) {
			t.Errorf("text lacks %q:\n%s", want, o.out)
		}
	}
}
