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

	"github.com/a2qgen/a2qgen/cmd/a2qgen/study"
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

// TestEpochTable: the columns of each task, and an empty cell where no samples are held out.
func TestEpochTable(t *testing.T) {
	e := train.Event{Phase: train.QATPhase, Epoch: 2, Loss: 0.5, Accuracy: 0.875, PSNR: 31.25, Rate: 1e-3,
		SamplesPerSecond: 41234.4}
	held := e
	held.Validation = 0.75
	for _, c := range []struct {
		task string
		e    train.Event
		want string
	}{
		{train.Classify, e, "phase,epoch,loss,accuracy_percent,validation,rate,samples_per_second\n" +
			"qat,2,0.500000,87.5000,,0.001,41234\n"},
		{train.Classify, held, "phase,epoch,loss,accuracy_percent,validation,rate,samples_per_second\n" +
			"qat,2,0.500000,87.5000,75.0000,0.001,41234\n"},
		{train.Regress, held, "phase,epoch,loss,psnr_db,validation,rate,samples_per_second\n" +
			"qat,2,0.500000,31.2500,0.7500,0.001,41234\n"},
	} {
		var b bytes.Buffer
		err := epochTable(c.task, study.Epochs(c.task, []train.Event{c.e})).WriteCSV(&b)
		if err != nil || b.String() != c.want {
			t.Errorf("got %q, %v, want %q", b.String(), err, c.want)
		}
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
	if got := study.NewSpread(accuracies); got != *doc.IntegerAccuracyPercent {
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
	w := trainWatcher{con: &console{}, progress: (&console{}).progress(), out: "net.onnx"}
	if got := w.advise(err).Error(); strings.Contains(got, "ckpt") {
		t.Errorf("no checkpoint: got %q", got)
	}
	w.saved = true
	if got := w.advise(err).Error(); !strings.Contains(got, "net.onnx.ckpt holds the last whole epoch") {
		t.Errorf("a checkpoint: got %q", got)
	}
}
