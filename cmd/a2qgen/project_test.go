package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/quant/qonnx"
)

// floatNetwork trains a tiny network and returns its float phase, its data and a
// folder.
func floatNetwork(t *testing.T) (float, set, dir string) {
	t.Helper()
	dir, set = t.TempDir(), tinyData(t, 96)
	float = filepath.Join(dir, "float.onnx")
	succeed(t, "train", specFile(t, tinySpec), "--data", set, "--out", filepath.Join(dir, "net.onnx"),
		"--float-out", float)
	return float, set, dir
}

func TestProject(t *testing.T) {
	float, set, dir := floatNetwork(t)
	out := filepath.Join(dir, "p.onnx")
	for _, c := range []struct {
		method string
		more   []string
	}{
		{"rtn", nil}, {"ep", nil}, {"axe", []string{"--equalize=false"}}, {"budget", nil},
		{"budget", []string{"--rule", "shifted"}}, {"budget", []string{"--tile", "3", "--samples", "50"}},
	} {
		args := append([]string{"project", float, "--data", set, "--out", out, "--acc", "8", "--method", c.method,
			"--json"}, c.more...)
		doc := succeed(t, args...).document(t)
		wantKeys(t, "project", doc, "out", "float_network", "method", "rule", "acc_bits", "weight_bits", "act_bits",
			"data", "samples",
			"equalised_pairs", "float_accuracy_percent", "integer_accuracy_percent", "seconds", "layers")
		hidden := doc["layers"].([]any)[1].(map[string]any)
		wantKeys(t, "layer", hidden, "name", "acc_bits", "acc_bits_needed", "relative_loss", "l1_max")
		if hidden["acc_bits_needed"].(float64) > hidden["acc_bits"].(float64) {
			t.Errorf("%s %v: layer %v", c.method, c.more, hidden)
		}
		t.Logf("%s %v: float %.2f, integer %.2f", c.method, c.more, doc["float_accuracy_percent"],
			doc["integer_accuracy_percent"])
		inspected := succeed(t, "inspect", out)
		if !strings.Contains(inspected.out, "certified") || strings.Contains(inspected.out, "UNSAFE") {
			t.Errorf("%s %v: inspect prints\n%s", c.method, c.more, inspected.out)
		}
	}
	if o := succeed(t, "project", float, "--data", set, "--out", out, "--acc", "8",
		"--tile", "3"); !strings.Contains(o.out, "every 3 inputs: certified: 8 bits") {
		t.Errorf("tiles are not reported:\n%s", o.out)
	}
}

func TestProjectRepair(t *testing.T) {
	dir := t.TempDir()
	net, out := tinyNetwork(t), filepath.Join(dir, "r.onnx")
	doc := succeed(t, "project", net, "--repair", "--acc", "5", "--data", tinyData(t, 60), "--out", out,
		"--json").document(t)
	wantKeys(t, "repair", doc, "network", "out", "acc_bits", "data", "accuracy_before_percent",
		"accuracy_after_percent", "layers", "all_layers")
	layer := first(t, doc["layers"]).(map[string]any)
	wantKeys(t, "layer", layer, "name", "rule", "needed_before", "needed_after", "weights_changed", "units_changed",
		"relative_loss")
	if layer["name"] != "fc2" || layer["needed_after"].(float64) > 5 || len(doc["layers"].([]any)) != 1 {
		t.Errorf("repaired %v", doc["layers"])
	}
	o := succeed(t, "project", net, "--repair", "--acc", "4", "--layer", "fc1", "--layer", "fc3", "--rule", "shifted",
		"--out", out)
	for _, want := range []string{"all inputs count alike", "fc1: certified", "fc3: certified",
		"from its start values"} {
		if !strings.Contains(o.out, want) {
			t.Errorf("repair prints no %q:\n%s", want, o.out)
		}
	}
	if o := succeed(t, "project", net, "--repair", "--acc", "30",
		"--out", out); !strings.Contains(o.out, "nothing changed") {
		t.Errorf("repair of a network that fits prints\n%s", o.out)
	}
}

// TestTaps: train, project and repair bound the units of rows and banks; the files say so.
func TestTaps(t *testing.T) {
	float, set, dir := floatNetwork(t)
	out, net := filepath.Join(dir, "taps.onnx"), filepath.Join(dir, "net.onnx")
	spec := specFile(t, tinySpec+"method: budget\nrule: shifted\n")
	for _, args := range []string{
		"train " + spec + " --data " + set + " --taps 4,1",
		"project " + float + " --data " + set + " --acc 8 --taps 4,1",
		"project " + net + " --repair --taps 4,1,4",
		"project " + net + " --repair --taps 4,1 --acc 6 --data " + set + " --layer fc2",
	} {
		succeed(t, append(strings.Fields(args), "--out", out)...)
		n, err := qonnx.Read(out)
		if err != nil {
			t.Fatal(err)
		}
		// fc2 is the hidden layer, of 8 inputs; the ends have no bound.
		if l := &n.Layers[1]; l.BankPeak(4) > 1 || n.Layers[0].BankPeak(4) <= 1 {
			t.Errorf("%s: banks of %s have %d units, of %s %d", args, l.Name, l.BankPeak(4), n.Layers[0].Name,
				n.Layers[0].BankPeak(4))
		}
	}
	o := succeed(t, "project", out, "--repair", "--taps", "4,1", "--out", net)
	if want := "keeps taps of 4 lanes of 1, 4 units: nothing changed"; !strings.Contains(o.out, want) {
		t.Errorf("repair of a network that keeps its taps prints no %q:\n%s", want, o.out)
	}
	doc := succeed(t, "project", float, "--data", set, "--acc", "8", "--taps", "4,1", "--out", out,
		"--json").document(t)
	if got := fmt.Sprint(doc["taps"]); got != "map[cap:1 lanes:4]" {
		t.Errorf("taps are %v", got)
	}
	command(t, "train", specFile(t, tinySpec), "--taps", "4,1").wantOneLine(t, "a2q+", statusUsage,
		"taps is 4 lanes of 1, 4 units, want none without method budget")
}

// TestUnsuitableTestPart: a test part of another shape than the training part's is found
// before anything is written.
func TestUnsuitableTestPart(t *testing.T) {
	float, _, dir := floatNetwork(t)
	set, out := partsData(t, 12, 2, 3), filepath.Join(dir, "out.onnx")
	for _, args := range [][]string{
		{"project", tinyNetwork(t), "--repair", "--acc", "5"}, {"project", float, "--acc", "8"},
		{"train", specFile(t, tinySpec)},
	} {
		o := command(t, append(args, "--data", set, "--out", out)...)
		o.wantOneLine(t, strings.Join(args, " "), statusFailed, "[2 3]", "2 2]")
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%v: %s was left behind", args, out)
		}
	}
	sweep := filepath.Join(dir, "sweep")
	command(t, "sweep", specFile(t, tinySpec), "--acc", "8", "--data", set, "--out", sweep).
		wantOneLine(t, "sweep", statusFailed, "[2 3]", "2 2]")
	if _, err := os.Stat(sweep); err == nil {
		t.Errorf("%s was left behind", sweep)
	}
}

// TestStoppedWhileScored: a projection or repair that is stopped while its result is scored
// leaves no file. The warning that all labels are alike comes just before the scoring.
func TestStoppedWhileScored(t *testing.T) {
	float, _, dir := floatNetwork(t)
	set, out := partsData(t, 12, 2, 2), filepath.Join(dir, "out.onnx")
	for _, args := range [][]string{
		{"project", tinyNetwork(t), "--repair", "--acc", "5"}, {"project", float, "--acc", "8"},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		errs := &stopAfter{line: "warning: all 2 labels", stop: cancel}
		status := run(ctx, append(args, "--data", set, "--out", out), io.Discard, errs)
		if status != statusFailed || !strings.Contains(errs.String(), "scoring: stopped") {
			t.Errorf("%v: status %d, %s", args, status, errs.String())
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%v: %s was left behind", args, out)
		}
	}
}

// partsData writes n training samples of 2 x 2 and two test samples of h x w and class 1,
// in the files of Fashion-MNIST, and returns their folder.
func partsData(t *testing.T, n, h, w int) string {
	t.Helper()
	dir := t.TempDir()
	images, labels, _ := strings.Cut(tinyData(t, n), ",")
	for from, to := range map[string]string{images: "train-images-idx3-ubyte", labels: "train-labels-idx1-ubyte"} {
		if err := os.Rename(from, filepath.Join(dir, to)); err != nil {
			t.Fatal(err)
		}
	}
	writeFile(t, filepath.Join(dir, "t10k-images-idx3-ubyte"), idx(make([]byte, 2*h*w), 2, h, w))
	writeFile(t, filepath.Join(dir, "t10k-labels-idx1-ubyte"), idx([]byte{1, 1}, 2))
	return dir
}

// TestProjectNegativeScale: the input that a projection chooses holds the samples of either
// sign, bytes of 0..1 as UINT8, of 0..-1 as INT8: none of them saturates.
func TestProjectNegativeScale(t *testing.T) {
	float, set, dir := floatNetwork(t)
	out := filepath.Join(dir, "p.onnx")
	for scale, signed := range map[string]bool{"0.00392": false, "-0.00392": true} { // 1/255
		var doc projectReport
		o := succeed(t, "project", float, "--acc", "9", "--data", set, "--scale", scale, "--out", out, "--json")
		if err := json.Unmarshal([]byte(o.out), &doc); err != nil {
			t.Fatal(err)
		}
		if first := &doc.Layers[0]; first.InputSigned != signed || first.InputBits != 8 {
			t.Errorf("--scale %s: bytes are read as %v", scale, first.InputType)
		}
		eval := evalOf(t, out, "--data", set, "--scale", scale)
		if eval.Input.SaturatedPercent != 0 || eval.AccuracyPercent != *doc.IntegerAccuracyPercent {
			t.Errorf("--scale %s: eval %+v, project %v %%", scale, eval, *doc.IntegerAccuracyPercent)
		}
	}
}

func TestProjectTable(t *testing.T) {
	float, set, dir := floatNetwork(t)
	prefix := filepath.Join(dir, "table")
	o := succeed(t, "project", float, float, "--data", set, "--table", "8:9", "--results", prefix, "--fps", "1000")
	for _, want := range []string{"float ", "budget/shifted", "none", "9", "cross-entropy", "LUT at 1000 frames/s"} {
		if !strings.Contains(o.out, want) {
			t.Errorf("the table lacks %q:\n%s", want, o.out)
		}
	}
	for name, lines := range map[string]int{".csv": 1 + 3*5*2, ".md": 3 + 2 + 3 + 2*(3+2+3)} {
		text, err := os.ReadFile(prefix + name)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(string(text), "\n"); got != lines {
			t.Errorf("%s has %d lines, want %d:\n%s", name, got, lines, text)
		}
	}
}

func TestProjectWrongUse(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"project", "FLOAT.onnx is missing"},
		{"project --table 8:9", "FLOAT.onnx is missing"},
		{"project a", "--acc P is missing"},
		{"project a --taps 4,2", "--acc P is missing"},
		{"project a --acc 9 --taps 4", `--taps is "4", want LANES,CAP`},
		{"project a --acc 9 --taps 4,2 --tile 3", "--tile does not go with --taps"},
		{"project a --acc 64", "--acc is 64, want 1..63"},
		{"project a --acc 9 --method magic", "want rtn, ep, axe, budget"},
		{"project a --acc 9 --set damping=-1", `damping is "-1", want a number from 1e-06 to 100`},
		{"project a --acc 9 --set tau=1", `method budget has no option "tau"`},
		{"project a --acc 9 --set damping", `--set is "damping", want OPTION=VALUE`},
		{"project a --acc 9 --set order=columns --set order=importance", "--set gives order twice"},
		{"project a --acc 9 --methods axe", "--methods wants --table"},
		{"project a --table 9 --methods axe,magic", `--methods is "axe,magic"`},
		{"project a --table 9 --set order=columns", "does not go with --acc"},
		{"project a --acc 9 --rule fair", "want split or shifted"},
		{"project a --acc 9 --weights 1", "--weights is 1, want 2..16"},
		{"project a --acc 9 --acts 17", "--acts is 17, want 1..16"},
		{"project a --acc 9 --samples 0", "--samples is 0"},
		{"project a --acc 9 --tile -1", "--tile is -1"},
		{"project a --acc 9 --layer fc1", "--layer wants --repair"},
		{"project a --acc 9 --results x", "--results wants --table"},
		{"project a --acc 9 --method axe --rule shifted", "--rule is shifted with --method axe, want --method budget"},
		{"project a --acc 9 --repair --method rtn", "--method does not go with --repair"},
		{"project a --table 9:8", `--table is "9:8"`},
		{"project a --table 64", `--table is "64"`},
		{"project a --table 64,8", `--table is "64,8", want P, FROM:TO or a list of them, 1..63`},
		{"project a --table 9 --acc 9", "does not go with --acc"},
	} {
		command(t, strings.Fields(c.args)...).wantOneLine(t, c.args, statusUsage, c.want)
	}
}

func TestProjectBadInput(t *testing.T) {
	float, set, dir := floatNetwork(t)
	out := filepath.Join(dir, "p.onnx")
	text := filepath.Join(dir, "text.onnx")
	writeFile(t, text, []byte("hello"))
	for _, c := range []struct {
		name string
		args []string
		want []string
	}{
		{"no network", []string{"absent.onnx", "--acc", "9"}, []string{"absent.onnx"}},
		{"not ONNX", []string{text, "--acc", "9"}, []string{"text.onnx"}},
		{"no data", []string{float, "--acc", "9", "--data", "absent"}, []string{"absent"}},
		{"other data", []string{float, "--acc", "9", "--data", "drawn"}, []string{"float.onnx",
			"the network wants 4, [1 2 2]"}},
		{"P too small", []string{float, "--acc", "2", "--data", set}, []string{`"fc2"`, "2 bits", "no room"}},
		{"unwritable", []string{float, "--acc", "9", "--data", set, "--out", filepath.Join(text, "x")},
			[]string{"text.onnx"}},
		{"float to repair", []string{float, "--repair", "--acc", "9"}, []string{"float.onnx", "not quantised"}},
		{"repair an unknown layer", []string{filepath.Join(dir, "net.onnx"), "--repair", "--acc", "6", "--layer",
			"fc9"}, []string{`"fc9"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := append([]string{"project"}, c.args...)
			if c.name != "unwritable" {
				args = append(args, "--out", out)
			}
			command(t, args...).wantOneLine(t, c.name, statusFailed, c.want...)
			if _, err := os.Stat(out); err == nil {
				t.Errorf("%s was left behind", out)
			}
		})
	}
}
