package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What a training would end in after its last epoch is said before its first, and
// nothing is written.
func TestTrainRefusedAtOnce(t *testing.T) {
	dir, set := t.TempDir(), tinyData(t, 12)
	long := strings.Repeat("n", 300) + ".onnx"
	spec := specFile(t, tinySpec)
	if err := os.MkdirAll(filepath.Join(dir, "c.metrics.csv"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		args []string
		want []string
	}{
		{"a convolution on rows", []string{testdata("conv_on_rows.yaml"), "--data", testdata("flat.csv"), "--out",
			filepath.Join(dir, "a.onnx")},
			[]string{"layers[0].conv: reads a row of 4 numbers", "want an image"}},
		{"a long --out", []string{spec, "--data", set, "--out", filepath.Join(dir, long)}, []string{"--out",
			"cannot be written"}},
		{"a long --float-out", []string{spec, "--data", set, "--out", filepath.Join(dir, "a.onnx"), "--float-out",
			filepath.Join(dir, long)},
			[]string{"--float-out", "cannot be written"}},
		{"--out too long with .ckpt", []string{spec, "--data", set, "--out", filepath.Join(dir, long[:232])},
			[]string{"--out's checkpoint", "its name has "}},
		{"--out too long with .metrics.csv", []string{spec, "--data", set, "--out", filepath.Join(dir, long[:226])},
			[]string{"--out's epochs", "its name has "}},
		{"a seed too long", []string{spec, "--data", set, "--out", filepath.Join(dir, long[:216]+".o"), "--seeds", "2",
			"--seed", "99999"},
			[]string{"for seed 100000", "its name has "}},
		{"a folder where metrics go", []string{spec, "--data", set, "--out", filepath.Join(dir, "c.onnx")},
			[]string{"--out's epochs", "is a folder"}},
	} {
		o := command(t, append([]string{"train"}, c.args...)...)
		o.wantOneLine(t, c.name, statusFailed, c.want...)
		if left, err := os.ReadDir(dir); err != nil || len(left) != 1 || strings.Contains(o.errors, "loss ") {
			t.Errorf("%s: %d files left, %v; stderr %q", c.name, len(left)-1, err, o.errors)
		}
	}
	// A projection takes its time too.
	command(t, "project", tinyNetwork(t), "--acc", "8", "--data", set, "--out", filepath.Join(dir, long)).
		wantOneLine(t, "project", statusFailed, "--out", "cannot be written")
}

// The rows of flat.csv are images of 2 x 2 when the spec says so.
func TestTrainOnRows(t *testing.T) {
	text, err := os.ReadFile(testdata("conv_on_rows.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "net.onnx")
	o := succeed(t, "train", specFile(t, string(text)+"shape: [2, 2]\n"), "--data", testdata("flat.csv"), "--out", out)
	if !strings.Contains(o.out, "6 training, 6 test samples, 2 classes") || !strings.Contains(o.errors, "2 classes") {
		t.Errorf("stdout %q, stderr %q", o.out, o.errors)
	}
	if doc := evalOf(t, out, "--data", testdata("flat.csv")); doc.Total != 6 ||
		doc.Input.Reshaped != "[4] read as [1 2 2]" {
		t.Errorf("eval: %+v", doc)
	}
}

// Training on images that have their channels last: refused where that is a guess,
// trained with the layout, to the very network of the same images channels first.
func TestTrainLayout(t *testing.T) {
	spec := specFile(t, "layers: [{conv: {out: 4, kernel: 3}}]\nbatch: 8\n"+
		"float: {epochs: 1}\nqat: {epochs: 1}\ninput_range: [-2, 2]\n")
	last, first := pair("nchw_input_xt.npy", "nchw_input_y.npy"), pair("nchw_input_x.npy", "nchw_input_y.npy")
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.onnx"), filepath.Join(dir, "b.onnx")
	command(t, "train", spec, "--data", last, "--out", a).wantOneLine(t, "train", statusFailed, "[6 6 3]",
		"--layout nhwc")
	succeed(t, "train", spec, "--data", last, "--layout", "nhwc", "--out", a)
	succeed(t, "train", spec, "--data", first, "--out", b)
	x, errX := os.ReadFile(a)
	y, errY := os.ReadFile(b)
	if errX != nil || errY != nil || string(x) != string(y) {
		t.Errorf("channels last, moved first, train another network than channels first (%v, %v)", errX, errY)
	}
	command(t, "train", spec, "--data", last, "--layout", "chw", "--out", a).wantOneLine(t, "train", statusUsage,
		"--layout is \"chw\", want nchw or nhwc")
}
