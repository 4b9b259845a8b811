package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/a2qgen/a2qgen/cmd/a2qgen/study"
	"github.com/a2qgen/a2qgen/quant/nn"
)

func TestInspect(t *testing.T) {
	path := tinyNetwork(t)
	o := succeed(t, "inspect", path, "--json")
	if before := succeed(t, "inspect", "--json", path); before != o {
		t.Errorf("flags before the argument: %+v, after it: %+v", before, o)
	}
	var got inspectReport
	if err := json.Unmarshal([]byte(o.out), &got); err != nil {
		t.Fatal(err)
	}
	// By hand, from ramp: inputs are 0..3, so a range is 3 times the sums of the
	// negative and of the positive weights of the worst channels (MATH 1).
	low, high := 0.0, 0.75 // the scale is 1/4
	want := inspectReport{&study.Inspection{Name: "tiny",
		Input:  study.Input{Shape: [3]int{1, 1, 4}, Bits: 2, Type: "UINT2", Low: &low, High: &high},
		Layers: wantTiny(tinyModel()), Others: []study.Other{}, Order: []string{"fc1", "fc2", "fc3"},
		Outputs: []study.OutputInfo{{Name: "output", Layer: "fc3", Shape: [3]int{1, 1, 3}, Ranked: true}}}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("inspect (-want +got):\n%s", d)
	}
	layer := first(t, o.document(t)["layers"])
	wantKeys(t, "layer", layer, "name", "kind", "weight_bits", "input_bits", "input_signed", "acc_bits",
		"acc_bits_needed", "acc_min", "acc_max", "l1_max", "sparsity")
	text := succeed(t, "inspect", path).out
	for _, w := range []string{"UINT2", "fc2: certified", "fc1: no accumulator limit"} {
		if !strings.Contains(text, w) {
			t.Errorf("text lacks %q:\n%s", w, text)
		}
	}
}

// wantTiny computes the report of a model with inputs 0..3 the long way.
func wantTiny(m *nn.Model) []study.Bounds {
	var out []study.Bounds
	reads := "input"
	for _, l := range m.Layers {
		r := study.Bounds{Name: l.Name, Kind: "linear", Reads: []string{reads}, In: l.In, Out: l.Out,
			Shape:      [3]int{1, 1, l.Out},
			WeightBits: 3, InputBits: 2, InputType: "UINT2", AccBits: l.AccBits, AccStart: "zero"}
		reads = l.Name
		zeros := 0
		for c := range l.Out {
			var pos, neg int64
			taps := 0
			for _, w := range l.Weights[c*l.In : (c+1)*l.In] {
				switch {
				case w > 0:
					pos += int64(w)
				case w < 0:
					neg -= int64(w)
				default:
					zeros++
					continue
				}
				taps++
			}
			r.AccMin, r.AccMax = min(r.AccMin, -3*neg), max(r.AccMax, 3*pos)
			r.L1Max, r.TapsMax = max(r.L1Max, pos+neg), max(r.TapsMax, taps)
		}
		for r.AccBitsNeeded = 1; -1<<(r.AccBitsNeeded-1) > r.AccMin || 1<<(r.AccBitsNeeded-1)-1 < r.AccMax; {
			r.AccBitsNeeded++
		}
		r.Sparsity = float64(zeros) / float64(len(l.Weights))
		out = append(out, r)
	}
	return out
}

func TestEval(t *testing.T) {
	path, set := tinyNetwork(t), tinyData(t, 30)
	doc := succeed(t, "eval", path, "--data", set, "--json").document(t)
	wantKeys(t, "eval", doc, "correct", "total", "accuracy_percent", "seconds")
	if doc["total"] != 30.0 || doc["accuracy_percent"] != 100*doc["correct"].(float64)/30 {
		t.Errorf("eval: %v", doc)
	}
	// With all inputs scaled away, every sample gets the label of the zero input:
	// the largest bias, class 1, which a third of the samples have.
	doc = succeed(t, "eval", path, "--scale", "1e-9", "--data", set, "--json").document(t)
	if doc["correct"] != 10.0 {
		t.Errorf("eval --scale 1e-9: %v right, want 10", doc["correct"])
	}
	if text := succeed(t, "eval", path, "--data", set).out; !strings.Contains(text, "of 30 right") {
		t.Errorf("text is %q", text)
	}
}

func TestGenerate(t *testing.T) {
	path, dir := tinyNetwork(t), filepath.Join(t.TempDir(), "a", "out")
	doc := succeed(t, "generate", path, "--out", dir, "--fold", "fc1=2,4", "--fold", "fc2=4,3", "--json").document(t)
	wantKeys(t, "generate", doc, "top", "files", "interval_cycles", "latency_cycles", "layers")
	layer := first(t, doc["layers"])
	wantKeys(t, "layer", layer, "name", "pe", "simd", "cycles")
	if l := layer.(map[string]any); l["pe"] != 2.0 || l["simd"] != 4.0 || l["cycles"] != 3.0 {
		t.Errorf("fc1 is folded %v, want PE 2, SIMD 4, 3 cycles", l)
	}
	for _, f := range doc["files"].([]any) {
		if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(f.(string)))); err != nil {
			t.Error(err)
		}
	}
	// The folding of a file, and a flag over it.
	folding := filepath.Join(t.TempDir(), "fold.yaml")
	writeFile(t, folding, []byte("fc1: {pe: 1, simd: 2}\nfc2: {pe: 2, simd: 6}\n"))
	doc = succeed(t, "generate", path, "--out", dir, "--folding", folding, "--fold", "fc1=6,1", "--acc", "9",
		"--json").document(t)
	layers := doc["layers"].([]any)
	got := [][3]any{}
	for _, l := range layers[:2] {
		l := l.(map[string]any)
		got = append(got, [3]any{l["pe"], l["simd"], l["acc_bits"]})
	}
	if d := cmp.Diff([][3]any{{6.0, 1.0, layers[0].(map[string]any)["acc_bits_needed"]}, {2.0, 6.0, 9.0}},
		got); d != "" {
		t.Errorf("folding (-want +got):\n%s", d)
	}
}

func TestTrain(t *testing.T) {
	spec, set, out := specFile(t, tinySpec), tinyData(t, 96), filepath.Join(t.TempDir(), "net.onnx")
	o := succeed(t, "train", spec, "--data", set, "--out", out, "--json")
	doc := o.document(t)
	wantKeys(t, "train", doc, "out", "method", "acc_bits", "float_accuracy_percent", "integer_accuracy_percent",
		"epochs", "samples_per_second", "seconds", "data", "layers")
	if doc["epochs"] != 4.0 || doc["acc_bits"] != 7.0 || doc["method"] != "a2q+" {
		t.Errorf("train: %v epochs, P %v, method %v", doc["epochs"], doc["acc_bits"], doc["method"])
	}
	if n := strings.Count(o.errors, "epoch "); n != 4 {
		t.Errorf("%d lines of epochs, want 4:\n%s", n, o.errors)
	}
	// The accuracy is that of the file, by eval.
	eval := succeed(t, "eval", out, "--data", set, "--json").document(t)
	if eval["accuracy_percent"] != doc["integer_accuracy_percent"] {
		t.Errorf("eval finds %v %%, train %v %%", eval["accuracy_percent"], doc["integer_accuracy_percent"])
	}
	// Flags win over the spec.
	doc = succeed(t, "train", "--epochs", "1", "--method", "base", spec, "--seed", "5", "--data", set, "--out", out,
		"--json").document(t)
	if doc["method"] != "base" || doc["epochs"] != 1.0 || doc["seed"] != 5.0 || doc["float_accuracy_percent"] != 0.0 {
		t.Errorf("with flags: %v", doc)
	}
}

func TestTrainStopsAndResumes(t *testing.T) {
	spec, set, dir := specFile(t, tinySpec), tinyData(t, 96), t.TempDir()
	whole, parts := filepath.Join(dir, "whole.onnx"), filepath.Join(dir, "parts.onnx")
	succeed(t, "train", spec, "--data", set, "--out", whole)

	ctx, cancel := context.WithCancel(t.Context())
	errs := &stopAfter{line: "float epoch 2", stop: cancel}
	var out strings.Builder
	status := run(ctx, []string{"train", spec, "--data", set, "--out", parts}, &out, errs)
	if status != statusFailed || !strings.Contains(errs.String(), "--resume") {
		t.Fatalf("interrupted: status %d, stderr %s", status, errs.String())
	}
	if _, err := os.Stat(parts); err == nil {
		t.Error("an interrupted run left a network behind")
	}
	succeed(t, "train", spec, "--data", set, "--out", parts, "--resume")
	a, errA := os.ReadFile(whole)
	b, errB := os.ReadFile(parts)
	if errA != nil || errB != nil || string(a) != string(b) {
		t.Errorf("resumed network differs from the whole run's (%v, %v)", errA, errB)
	}
}

// stopAfter is a stderr that calls stop when a line has appeared.
type stopAfter struct {
	strings.Builder
	line string
	stop func()
}

func (s *stopAfter) Write(p []byte) (int, error) {
	if strings.Contains(string(p), s.line) {
		s.stop()
	}
	return s.Builder.Write(p)
}
