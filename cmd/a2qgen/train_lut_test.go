package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

// lutSpec has two layers whose widths --lut chooses.
const lutSpec = "layers: [12, 16, 16]\nmethod: budget\nacc_bits: 10\nfloat: {epochs: 1}\nqat: {epochs: 1}\nbatch: 256\n"

// TestTrainLUT: the choice stays within the limit, costs what estimate says of
// such a network before training, and its layers are certified at their P.
func TestTrainLUT(t *testing.T) {
	spec, out := specFile(t, lutSpec), filepath.Join(t.TempDir(), "net.onnx")
	train := func(lut string) *trainReport {
		o := succeed(t, "train", spec, "--data", "drawn", "--out", out, "--lut", lut, "--fps", "1000000", "--json")
		var doc trainReport
		if err := json.Unmarshal([]byte(o.out), &doc); err != nil {
			t.Fatal(err)
		}
		return &doc
	}
	wide := train("100000000000").Allocation // no limit, and no table of so many columns
	if wide == nil || len(wide.Layers) != 2 {
		t.Fatalf("allocation %+v", wide)
	}
	for _, l := range wide.Layers {
		if l.AccBits != 10 && l.Loss > 0 || l.LUT <= 0 {
			t.Errorf("without need: %+v", l)
		}
	}
	limit := wide.LUT - 50
	doc := train(jsonText(t, limit))
	a := doc.Allocation
	if a.LUT > limit || a.Limit != limit || a.LUTTrained <= 0 || a.LUTTrained > limit*21/20 {
		t.Errorf("%+v, want at most %d LUT before training", a, limit)
	}
	for i, l := range a.Layers {
		if r := doc.Layers[1+i]; r.Name != l.Name || r.AccBits != l.AccBits || r.WeightBits > l.WeightBits ||
			r.AccBitsNeeded > l.AccBits {
			t.Errorf("chose %+v, the network has %+v", l, r)
		}
	}
}

func jsonText(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTrainLUTRefuses(t *testing.T) {
	conv := strings.Replace(lutSpec, "[12, 16, 16]",
		"[{conv: {out: 2, kernel: 3, stride: 4}}, {conv: {out: 2, kernel: 3, stride: 2}}]", 1)
	for _, c := range []struct {
		spec string
		args []string
		want string
	}{
		{lutSpec, []string{"--lut", "10"}, "the limit is 10 LUT, want at least"},
		{lutSpec, []string{"--lut", "0"}, "--lut is 0, want at least 1"},
		{lutSpec, []string{"--fps", "1000"}, "want --lut"},
		{lutSpec, []string{"--lut", "5000", "--fold", "fc2=5,4"}, "PE is 5, want a divisor of its"},
		{lutSpec, []string{"--lut", "5000", "--seeds", "2"}, "--seeds asks for 2"},
		{lutSpec, []string{"--lut", "5000", "--method", "base"}, "not base"},
		{conv, []string{"--lut", "5000"}, "--lut wants linear layers"},
	} {
		out := filepath.Join(t.TempDir(), "net.onnx")
		o := command(t, append([]string{"train", specFile(t, c.spec), "--data", "drawn", "--out", out}, c.args...)...)
		if o.status == 0 || !strings.Contains(o.errors, c.want) {
			t.Errorf("%v: status %d, %q, want %q", c.args, o.status, o.errors, c.want)
		}
	}
}
