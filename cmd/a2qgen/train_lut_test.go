package main

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/cmd/a2qgen/study"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/qonnx"
)

// lutSpec has two layers whose widths --lut chooses.
const lutSpec = "layers: [12, 16, 16]\nmethod: budget\nacc_bits: 10\nfloat: {epochs: 1}\nqat: {epochs: 1}\nbatch: 256\n"

// pictures writes images of 28 x 28 in ten classes, each bright in a band of its own: as large as the
// drawn digits, and few.
func pictures(t *testing.T) string {
	t.Helper()
	const n, size = 400, 28 * 28
	pixels, labels := make([]byte, n*size), make([]byte, n)
	for i := range n {
		labels[i] = byte(i % 10)
		for k := range size {
			v := i * (k + 3) * 7 % 90
			if k/78 == i%10 {
				v += 150
			}
			pixels[i*size+k] = byte(v)
		}
	}
	x, y := filepath.Join(t.TempDir(), "x.idx"), filepath.Join(t.TempDir(), "y.idx")
	writeFile(t, x, idx(pixels, n, 28, 28))
	writeFile(t, y, idx(labels, n))
	return x + "," + y
}

// TestTrainLUT: the choice stays within the limit, costs what estimate says of
// such a network before training, and its layers are certified at their P. The ends have none.
func TestTrainLUT(t *testing.T) {
	spec, out := specFile(t, lutSpec), filepath.Join(t.TempDir(), "net.onnx")
	train := func(lut string) *trainReport {
		o := succeed(t, "train", spec, "--data", pictures(t), "--out", out, "--lut", lut, "--fps", "1000000",
			"--first-acc", "0", "--last-acc", "0", "--json")
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

// TestTrainLUTChoosesUnits: with taps and units to choose a design fits into what no dense one does,
// and generate builds what was planned: layers by their taps, in time, at the P that was chosen.
func TestTrainLUTChoosesUnits(t *testing.T) {
	// Few widths of weights: each is a design to plan.
	spec := specFile(t, lutSpec+"weight_bits: 2\nfirst_weight_bits: 2\nlast_weight_bits: 3\n")
	out := filepath.Join(t.TempDir(), "net.onnx")
	args := []string{"train", spec, "--data", pictures(t), "--out", out, "--lut", "1500", "--fps", "1000000"}
	if o := command(t, append(args, "--unit", "dense")...); o.status == 0 ||
		!strings.Contains(o.errors, "the limit is 1500 LUT, want at least") {
		t.Errorf("dense units: status %d, %q, want a refusal", o.status, o.errors)
	}
	o := succeed(t, append(args, "--json")...)
	var doc trainReport
	if err := json.Unmarshal([]byte(o.out), &doc); err != nil {
		t.Fatal(err)
	}
	a := doc.Allocation
	if len(a.Layers) != 4 || a.LUT > 1500 || a.LUTTrained > 1500*21/20 {
		t.Fatalf("%+v, want four layers within 1500 LUT", a)
	}
	for _, want := range []string{"first layer: P of at most 16 by default; --first-acc 0",
		"last layer: P of at most 14 by default; --last-acc 0"} {
		if !strings.Contains(o.errors, want) {
			t.Errorf("says %q, want %q", o.errors, want)
		}
	}
	net, err := qonnx.Read(out)
	if err != nil {
		t.Fatal(err)
	}
	bounded := 0
	for i, l := range a.Layers {
		q := &net.Layers[i]
		if q.Name != l.Name || q.AccBits != l.AccBits || q.L1Max() > int64(l.Taps.MaxUnits()) && l.Taps.Any() {
			t.Errorf("chose %+v, %s has P=%d and %d units in a row", l, q.Name, q.AccBits, q.L1Max())
		}
		if l.Taps.Lanes == 0 {
			continue
		}
		bounded++
		if peak := q.BankPeak(l.Taps.Lanes); peak > int64(l.Taps.Cap) || l.Unit != "tap_unit" {
			t.Errorf("chose %+v, %d units in a bank", l, peak)
		}
	}
	if bounded == 0 {
		t.Errorf("no layer has taps: %+v, want the first at least", a.Layers)
	}
	var built generateReport
	o = succeed(t, "generate", out, "--fps", "1000000", "--out", filepath.Join(t.TempDir(), "d"), "--json")
	if err := json.Unmarshal([]byte(o.out), &built); err != nil {
		t.Fatal(err)
	}
	if built.IntervalCycles > 100 {
		t.Errorf("%d cycles per frame, want at most 100", built.IntervalCycles)
	}
	for i, l := range built.Layers {
		if c := a.Layers[i]; c.Taps.Any() && l.Unit != "tap_unit" || l.AccBits != c.AccBits {
			t.Errorf("chose %+v, built %+v", c, l)
		}
	}
}

// TestTrainRate: at a rate layers get the taps that keep up with it, and the ends a budget that a
// flag takes off. P=6 has 4 units of 4-bit inputs; 100 cycles are six per row of 16, so that a lane
// does them. The ends have 32 units of 8-bit pixels (P=13), of which 784 come 8 at a time, and 136 of
// activations (P=11), of which twelve lanes do 120 in the ten cycles of each of ten rows.
func TestTrainRate(t *testing.T) {
	spec, set := specFile(t, lutSpec), pictures(t)
	for _, c := range []struct {
		args []string
		want []study.BoundLayer
	}{
		{nil, []study.BoundLayer{
			{Name: "fc1", AccBits: 13, Default: "first-acc", Units: 32, Taps: quant.Taps{Lanes: 8, Cap: 8, Units: 32}},
			{Name: "fc2", AccBits: 6, Units: 4, Taps: quant.Taps{Lanes: 1, Cap: 4}},
			{Name: "fc3", AccBits: 6, Units: 4, Taps: quant.Taps{Lanes: 1, Cap: 4}},
			{Name: "fc4", AccBits: 11, Default: "last-acc", Units: 136, Taps: quant.Taps{Lanes: 12, Cap: 10}},
		}},
		{[]string{"--first-acc", "12", "--last-acc", "0"}, []study.BoundLayer{
			{Name: "fc1", AccBits: 12, Units: 16, Taps: quant.Taps{Lanes: 8, Cap: 8, Units: 16}},
			{Name: "fc2", AccBits: 6, Units: 4, Taps: quant.Taps{Lanes: 1, Cap: 4}},
			{Name: "fc3", AccBits: 6, Units: 4, Taps: quant.Taps{Lanes: 1, Cap: 4}},
		}},
		{[]string{"--first-acc", "0", "--last-acc", "0", "--taps", "2,1"}, nil},
		// 273 units (P=12) of 12 and 16 inputs are more work than two and three products at once.
		{[]string{"--first-acc", "0", "--last-acc", "0", "--acc", "12"}, []study.BoundLayer{
			{Name: "fc2", AccBits: 12, Units: 273}, {Name: "fc3", AccBits: 12, Units: 273}}},
		// Dense units have no lanes, and keep their ends.
		{[]string{"--unit", "dense"}, []study.BoundLayer{
			{Name: "fc2", AccBits: 6, Units: 4}, {Name: "fc3", AccBits: 6, Units: 4}}},
	} {
		out := filepath.Join(t.TempDir(), "net.onnx")
		o := succeed(t, append([]string{"train", spec, "--data", set, "--out", out, "--acc", "6", "--epochs", "1", "--fps",
			"1000000", "--json"}, c.args...)...)
		var doc trainReport
		if err := json.Unmarshal([]byte(o.out), &doc); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(doc.Bounds, c.want) {
			t.Errorf("%v: bounds\n%+v, want\n%+v", c.args, doc.Bounds, c.want)
		}
		net, err := qonnx.Read(out)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range doc.Bounds {
			if b.Default != "" && !strings.Contains(o.errors, "--"+b.Default+" 0") {
				t.Errorf("%v: %q does not say how %s goes without", c.args, o.errors, b.Name)
			}
			for i := range net.Layers {
				l := &net.Layers[i]
				if l.Name == b.Name && b.Taps.Lanes > 0 && l.BankPeak(b.Taps.Lanes) > int64(b.Taps.Cap) {
					t.Errorf("%v: %s has %d units in a bank, want %v", c.args, l.Name, l.BankPeak(b.Taps.Lanes), b.Taps)
				}
			}
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
	set := pictures(t)
	conv := strings.Replace(lutSpec, "[12, 16, 16]",
		"[{conv: {out: 2, kernel: 3, stride: 4}}, {conv: {out: 2, kernel: 3, stride: 2}}]", 1)
	for _, c := range []struct {
		spec string
		args []string
		want string
	}{
		{lutSpec, []string{"--lut", "10", "--first-acc", "0", "--last-acc", "0"}, "the limit is 10 LUT, want at least"},
		{lutSpec, []string{"--lut", "0"}, "--lut is 0, want at least 1"},
		{lutSpec, []string{"--fps", "1000", "--method", "a2q+"}, "--fps wants --lut or method budget or dq, which have taps"},
		{lutSpec, []string{"--unit", "tap"}, "want --fps or --lut"},
		{lutSpec, []string{"--clock", "50"}, "want --fps or --lut"},
		{lutSpec, []string{"--fps", "1000", "--unit", "wired"}, "--unit is \"wired\", want"},
		{lutSpec, []string{"--fps", "1000", "--first-acc", "33"}, "--first-acc is 33, want 0..32"},
		{lutSpec, []string{"--fps", "1000", "--first-acc", "5"}, "first_acc_bits is 5, want 8..32"},
		{conv, []string{"--fps", "1000"}, "--fps wants linear layers"},
		{lutSpec, []string{"--lut", "5000", "--fold", "fc2=5,4"}, "PE is 5, want a divisor of its"},
		{lutSpec, []string{"--fps", "5000", "--fold", "fc2=5,4"}, "PE is 5, want a divisor of its"},
		{lutSpec, []string{"--lut", "5000", "--seeds", "2"}, "--seeds asks for 2"},
		{lutSpec, []string{"--lut", "5000", "--method", "base"}, "not base"},
		{conv, []string{"--lut", "5000"}, "--lut wants linear layers"},
	} {
		out := filepath.Join(t.TempDir(), "net.onnx")
		o := command(t, append([]string{"train", specFile(t, c.spec), "--data", set, "--out", out}, c.args...)...)
		if o.status == 0 || !strings.Contains(o.errors, c.want) {
			t.Errorf("%v: status %d, %q, want %q", c.args, o.status, o.errors, c.want)
		}
	}
}
