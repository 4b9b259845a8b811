package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/quant/train"
)

// TestTrainMetrics: a CSV with one line per epoch and a plot stand beside the
// network.
func TestTrainMetrics(t *testing.T) {
	spec, set, dir := specFile(t, tinySpec+"validation: 0.25\n"), tinyData(t, 96), t.TempDir()
	doc := succeed(t, "train", spec, "--data", set, "--out", filepath.Join(dir, "a.b.onnx"), "--json").document(t)
	table, err := os.ReadFile(filepath.Join(dir, "a.b.metrics.csv"))
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(strings.TrimSpace(string(table)), "\n"); len(lines) != 5 ||
		!strings.HasPrefix(lines[4], "qat,2,") {
		t.Errorf("metrics:\n%s", table)
	}
	plot, err := os.ReadFile(filepath.Join(dir, "a.b.metrics.svg"))
	if err != nil || !bytes.HasPrefix(plot, []byte("<svg")) || !bytes.Contains(plot, []byte("held out")) ||
		!bytes.Contains(plot, []byte(`xmlns="http://www.w3.org/2000/svg"`)) {
		t.Errorf("plot: %v, %.200q", err, plot)
	}
	if m := doc["metrics"].([]any); len(m) != 2 || m[0] != filepath.Join(dir, "a.b.metrics.csv") {
		t.Errorf("metrics are %v", m)
	}
	last := doc["history"].([]any)[3].(map[string]any)
	if last["validation_percent"] == nil || last["rate"] == nil {
		t.Errorf("last epoch is %v", last)
	}
}

// TestTrainSeeds: each seed's network is the one that it gives alone, and the
// spread is that of the runs.
func TestTrainSeeds(t *testing.T) {
	spec, set, dir := specFile(t, tinySpec), tinyData(t, 96), t.TempDir()
	out := filepath.Join(dir, "net.onnx")
	o := succeed(t, "train", spec, "--data", set, "--out", out, "--seed", "4", "--seeds", "3", "--json")
	var doc seedsReport
	if err := json.Unmarshal([]byte(o.out), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Seeds != 3 || len(doc.Runs) != 3 || doc.Runs[2].Seed != 6 ||
		doc.Runs[2].Out != filepath.Join(dir, "net.s6.onnx") {
		t.Fatalf("seeds: %+v", doc)
	}
	var accuracies []float64
	for _, r := range doc.Runs {
		accuracies = append(accuracies, r.IntegerAccuracyPercent)
	}
	if got := newSpread(accuracies); got != *doc.IntegerAccuracyPercent {
		t.Errorf("spread %v, want %v", *doc.IntegerAccuracyPercent, got)
	}
	alone := filepath.Join(dir, "alone.onnx")
	succeed(t, "train", spec, "--data", set, "--out", alone, "--seed", "5")
	a, errA := os.ReadFile(alone)
	b, errB := os.ReadFile(filepath.Join(dir, "net.s5.onnx"))
	if errA != nil || errB != nil || !bytes.Equal(a, b) {
		t.Errorf("seed 5 alone gives another network (%v, %v)", errA, errB)
	}
	text := succeed(t, "train", spec, "--data", set, "--out", out, "--seeds", "2", "--epochs", "1").out
	for _, w := range []string{"2 seeds from 1", "net.s1.onnx", "net.s2.onnx", "deviation"} {
		if !strings.Contains(text, w) {
			t.Errorf("text lacks %q:\n%s", w, text)
		}
	}
}

// TestTrainRegress: an autoencoder has a PSNR and no accuracy, and integers do
// what training computed: the output's quantiser is the same, so the two differ
// by float sums next to a rounding boundary at most.
func TestTrainRegress(t *testing.T) {
	spec := specFile(t,
		"task: regress\nlayers: [8, 4]\nbatch: 16\nvalidation: 0.25\nfloat: {epochs: 2}\nqat: {epochs: 2}\n")
	set, out := tinyData(t, 96), filepath.Join(t.TempDir(), "net.onnx")
	o := succeed(t, "train", spec, "--data", set, "--out", out, "--json")
	doc := o.document(t)
	integer, qat := doc["integer_psnr_db"].(float64), doc["qat_psnr_db"].(float64)
	if math.Abs(integer-qat) > 0.01 || integer < 3 || doc["integer_accuracy_percent"] != 0.0 {
		t.Errorf("PSNR %v with integers, %v in training, accuracy %v", integer, qat, doc["integer_accuracy_percent"])
	}
	if n := strings.Count(o.errors, "PSNR"); n != 4 || strings.Contains(o.errors, "accuracy") {
		t.Errorf("progress:\n%s", o.errors)
	}
	text := succeed(t, "train", spec, "--data", set, "--out", out, "--seeds", "2").out
	if !strings.Contains(text, "PSNR on the test samples, dB") {
		t.Errorf("text is\n%s", text)
	}
}

// TestTrainSuper: super-resolution from images that a2qgen draws, in colour.
func TestTrainSuper(t *testing.T) {
	spec := specFile(t, `task: regress
super: {factor: 2, patch: 8, stride: 64, channels: 3}
layers: [{conv: {out: 12, kernel: 3, pad: 1}}, {pixel_shuffle: 2}]
batch: 8
float: {epochs: 1}
qat: {epochs: 1}
`)
	doc := succeed(t, "train", spec, "--data", "drawn", "--out", filepath.Join(t.TempDir(), "n.onnx"),
		"--json").document(t)
	integer, qat := doc["integer_psnr_db"].(float64), doc["qat_psnr_db"].(float64)
	if math.Abs(integer-qat) > 0.01 || integer < 5 {
		t.Errorf("PSNR %v with integers, %v in training", integer, qat)
	}
}

// TestSamplePSNR: two channels of two pixels, in the order of outputs 1 5 2 6,
// and one error of 0.2 in four numbers: 10 log10(4/0.04) = 20 dB.
func TestSamplePSNR(t *testing.T) {
	want := []float32{1, 2, 5, 6}
	if v := samplePSNR([]float64{1, 5, 2, 6.2}, want, []int{2, 1, 2}); math.Abs(v-20) > 1e-5 {
		t.Errorf("PSNR %v, want 20", v)
	}
	if v := samplePSNR([]float64{1, 2, 5, 6}, want, []int{4}); v != bestPSNR {
		t.Errorf("PSNR %v without any error, want %v", v, bestPSNR)
	}
}

// TestLargeSeed: a spec takes the seeds that --seed takes, to the digit: 2^63 + 1 is no
// float64.
func TestLargeSeed(t *testing.T) {
	const seed = "9223372036854775809"
	set, out := tinyData(t, 48), filepath.Join(t.TempDir(), "net.onnx")
	named := specFile(t, tinySpec+"seed: "+seed+"\n")
	for _, args := range [][]string{{named}, {specFile(t, tinySpec), "--seed", seed}} {
		o := succeed(t, append([]string{"train", "--data", set, "--epochs", "1", "--out", out, "--json"}, args...)...)
		if !strings.Contains(o.out, `"seed": `+seed) {
			t.Errorf("%v: another seed in\n%s", args, o.out)
		}
	}
}

// TestSpread: 2, 4, 4, 4, 5, 5, 7, 9 has mean 5 and squares of 32 about it.
func TestSpread(t *testing.T) {
	got := newSpread([]float64{2, 4, 4, 4, 5, 5, 7, 9})
	if got.Mean != 5 || got.Min != 2 || got.Max != 9 || math.Abs(got.Deviation-math.Sqrt(32.0/7)) > 1e-12 {
		t.Errorf("spread %v", got)
	}
	if one := newSpread([]float64{3}); one != (spread{Mean: 3, Min: 3, Max: 3}) {
		t.Errorf("spread of one number: %v", one)
	}
}

// TestTrainStart: a run starts from another one's network.
func TestTrainStart(t *testing.T) {
	spec, set, dir := specFile(t, tinySpec), tinyData(t, 96), t.TempDir()
	first, out := filepath.Join(dir, "first.onnx"), filepath.Join(dir, "second.onnx")
	succeed(t, "train", spec, "--data", set, "--out", first)
	doc := succeed(t, "train", spec, "--data", set, "--out", out, "--start", first, "--epochs", "1",
		"--json").document(t)
	if doc["float_accuracy_percent"].(float64) < 50 {
		t.Errorf("float accuracy %v %% of a trained network", doc["float_accuracy_percent"])
	}
	other := command(t, "train", specFile(t, strings.Replace(tinySpec, "[8, 8]", "[8, 9]", 1)), "--data", set, "--out",
		out, "--start", first)
	if other.status != statusFailed || !strings.Contains(other.errors, "want 9 x 8") {
		t.Errorf("other layers: status %d: %s", other.status, other.errors)
	}
}

// TestTrainCache: another P takes the float phase from the cache.
func TestTrainCache(t *testing.T) {
	spec, set, dir := specFile(t, tinySpec), tinyData(t, 96), t.TempDir()
	cache, out := filepath.Join(dir, "cache"), filepath.Join(dir, "n.onnx")
	for i, acc := range []string{"7", "8"} {
		doc := succeed(t, "train", spec, "--data", set, "--out", out, "--acc", acc, "--cache", cache,
			"--json").document(t)
		if cached := doc["float_cached"] == true; cached != (i == 1) {
			t.Errorf("P=%s: float_cached is %v", acc, doc["float_cached"])
		}
	}
}

// A run that diverges before its first checkpoint points at none.
func TestDivergedWithoutCheckpoint(t *testing.T) {
	err := fmt.Errorf("step 3: %w", train.ErrDiverged)
	var w trainWatcher
	if got := w.advise(err, "net.onnx").Error(); strings.Contains(got, "ckpt") {
		t.Errorf("no checkpoint: got %q", got)
	}
	w.saved = true
	if got := w.advise(err, "net.onnx").Error(); !strings.Contains(got, "net.onnx.ckpt holds the last whole epoch") {
		t.Errorf("a checkpoint: got %q", got)
	}
}
