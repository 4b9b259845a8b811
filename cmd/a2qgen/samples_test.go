package main

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/cmd/a2qgen/study"
	"github.com/a2qgen/a2qgen/hwgen/emit"
	"github.com/a2qgen/a2qgen/internal/tooltest"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/data"
	"github.com/a2qgen/a2qgen/quant/nn"
	"github.com/a2qgen/a2qgen/quant/qonnx"
)

func testdata(name string) string { return filepath.Join("testdata", name) }

// pair returns IMAGES,LABELS of testdata.
func pair(images, labels string) string { return testdata(images) + "," + testdata(labels) }

// evalOf evaluates and returns the document.
func evalOf(t *testing.T, args ...string) evalReport {
	t.Helper()
	var doc evalReport
	o := succeed(t, append([]string{"eval", "--json"}, args...)...)
	if err := json.Unmarshal([]byte(o.out), &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// Samples of a network's size but not of its shape are refused with both shapes and
// the flag that moves the axes; with it they are right. Figures: testdata/README.md.
func TestEvalShape(t *testing.T) {
	net := testdata("nchw_input.onnx")
	if doc := evalOf(t, net, "--data", pair("nchw_input_x.npy", "nchw_input_y.npy")); doc.Correct != 60 ||
		doc.Total != 60 {
		t.Errorf("channels first: %d of %d right, want 60 of 60", doc.Correct, doc.Total)
	}
	last := pair("nchw_input_xt.npy", "nchw_input_y.npy")
	command(t, "eval", net, "--data", last).wantOneLine(t, "eval", statusFailed, "nchw_input_xt.npy", "[6 6 3]",
		"[3 6 6]", "--layout nhwc")
	if doc := evalOf(t, net, "--data", last, "--layout", "nhwc"); doc.Correct != 60 ||
		doc.Input.Reshaped != "[6 6 3] read as [3 6 6]" {
		t.Errorf("--layout nhwc: %d of 60 right, %q", doc.Correct, doc.Input.Reshaped)
	}
	command(t, "eval", net, "--data", last, "--layout", "hwc").wantOneLine(t, "eval", statusUsage, "--layout",
		"nchw or nhwc")
	command(t, "eval", net, "--data", last, "--scale", "0").wantOneLine(t, "eval", statusUsage, "--scale is 0")
	// The same at a calibration: project --repair reads samples too.
	out := filepath.Join(t.TempDir(), "out.onnx")
	command(t, "project", net, "--repair", "--acc", "20", "--data", last, "--out", out).
		wantOneLine(t, "project --repair", statusFailed, "[6 6 3]", "[3 6 6]", "--layout nhwc")
	succeed(t, "project", net, "--repair", "--acc", "20", "--data", last, "--layout", "nhwc", "--out", out)
	// And a projection, of the float weights under the file's quantisers.
	float := []string{"project", net, "--acc", "20", "--data", last, "--out", out, "--samples", "32"}
	command(t, float...).wantOneLine(t, "project", statusFailed, "[6 6 3]", "[3 6 6]", "--layout nhwc")
	succeed(t, append(float, "--layout", "nhwc")...)
	// An image of one channel needs no axis for it.
	if doc := evalOf(t, tinyNetwork(t), "--data", tinyData(t, 9)); doc.Input.Reshaped != "" {
		t.Errorf("[2 2] for [1 2 2]: %q", doc.Input.Reshaped)
	}
}

// Values beyond what an assumed input holds are refused; with the range they are
// read. Of an input that the file quantises the share is reported.
func TestEvalRange(t *testing.T) {
	net, set := testdata("no_input_quant.onnx"), pair("normalised_x.npy", "normalised_y.npy")
	command(t, "eval", net, "--data", set).wantOneLine(t, "eval", statusFailed,
		"normalised_x.npy", "lie outside 0..1", "8-bit pixels", "--input-range -3.9:4")
	for _, typ := range []string{"INT12", "INT16"} {
		doc := evalOf(t, net, "--data", set, "--input-range", "-3.9:4", "--input", typ)
		if doc.Correct != 59 || doc.Input.Assumed || doc.Input.SaturatedPercent != 0 {
			t.Errorf("%s: %d of 60 right, input %+v; want 59", typ, doc.Correct, doc.Input)
		}
	}
	// Pixels are taken as such, and the report says that this is assumed.
	if doc := evalOf(t, net, "--data", set, "--scale", "1e-9"); !doc.Input.Assumed || doc.Input.SaturatedPercent != 0 {
		t.Errorf("values near 0: input %+v, want one that is assumed", doc.Input)
	}
	text := succeed(t, "eval", net, "--data", set, "--scale", "1e-9").out
	if !strings.Contains(text, "assumed: the file does not quantise it") {
		t.Errorf("text is %q", text)
	}
	// 9.12 % of 60 x 108 values of nchw_input_x lie beyond the INT8 of that file.
	o := succeed(t, "eval", testdata("nchw_input.onnx"), "--data", pair("nchw_input_x.npy", "nchw_input_y.npy"))
	if !strings.Contains(o.errors, "warning: ") || !strings.Contains(o.errors, "saturate") || !strings.Contains(o.out,
		"% of them beyond") {
		t.Errorf("saturation: stdout %q, stderr %q", o.out, o.errors)
	}
}

// Of an input that is only assumed not one value is cut off unsaid: how many, where
// the first is, what was wanted and what was there.
func TestEvalOutsideAssumed(t *testing.T) {
	const pixels = 3 * 6 * 6 // of testdata's no_input_quant
	var b strings.Builder
	for sample := range 120 {
		fmt.Fprint(&b, 0) // its label
		for k := range pixels {
			// 3 of 12960 values are outside, in two samples.
			switch {
			case sample == 7 && (k == 11 || k == 12):
				fmt.Fprint(&b, ",1.25")
			case sample == 9 && k == 0:
				fmt.Fprint(&b, ",-0.5")
			default:
				fmt.Fprint(&b, ",1.001") // rounds to 255/255: within half a step
			}
		}
		fmt.Fprintln(&b)
	}
	path := filepath.Join(t.TempDir(), "few.csv")
	writeFile(t, path, []byte(b.String()))
	o := succeed(t, "eval", testdata("no_input_quant.onnx"), "--data", path)
	if want := "values of -0.5..1.25, wanted 0..1, and what lies outside counts as 0 or 1 (3 of 2 samples; the first is " +
		"element 11 of sample 7, 1.25)"; !strings.Contains(o.errors, want) {
		t.Errorf("stderr %q, want %q", o.errors, want)
	}
	doc := evalOf(t, testdata("no_input_quant.onnx"), "--data", path)
	want := &study.Outside{Sample: 7, Element: 11, Value: 1.25}
	if in := doc.Input; in.Outside != 3 || in.OutsideSamples != 2 || !reflect.DeepEqual(in.FirstOutside, want) {
		t.Errorf("input %+v, want 3 of 2 samples, first %v", in, want)
	}
	// An input that is told holds them.
	told := succeed(t, "eval", testdata("no_input_quant.onnx"), "--data", path, "--input", "INT16:10")
	if strings.Contains(told.errors, "warning") && strings.Contains(told.errors, "outside") {
		t.Errorf("told its type: stderr %q", told.errors)
	}
}

// A network with an output for each position has no accuracy by one label of a sample.
func TestEvalOfPositions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rows.csv")
	writeFile(t, path, []byte("0"+strings.Repeat(",1", 4*6*6)+"\n"))
	net := "../../quant/qonnx/testdata/cases/move_argmax_seg.onnx"
	command(t, "eval", net, "--data", path).wantOneLine(t, "eval", statusFailed, "gives an image of 6x6x5",
		"no accuracy by the labels")
}

// TYPE:F is TYPE in units of 2^-F, in every command that reads a network.
func TestFixedPointInput(t *testing.T) {
	net := testdata("qkeras_input.onnx")
	for _, c := range []struct{ fixed, scale string }{
		{"INT16:6", "0.015625"}, {"UINT8:0", "1"}, {"INT8:-2", "4"}, {"INT4", "1"},
	} {
		typ, _, _ := strings.Cut(c.fixed, ":")
		a := succeed(t, "inspect", net, "--input", c.fixed, "--json").out
		b := succeed(t, "inspect", net, "--input-type", typ, "--input-scale", c.scale, "--json").out
		if a != b {
			t.Errorf("--input %s is not %s in units of %s:\n%s\n%s", c.fixed, typ, c.scale, a, b)
		}
	}
	dir := t.TempDir()
	succeed(t, "generate", net, "--out", filepath.Join(dir, "design"), "--input", "INT16:6")
	succeed(t, "estimate", net, "--acc", "20", "--input", "INT16:6")
	repaired := filepath.Join(dir, "net.onnx")
	succeed(t, "project", net, "--repair", "--acc", "30", "--out", repaired, "--input", "INT16:6")
	// The repaired file holds the type itself.
	if text := succeed(t, "inspect", repaired).out; !strings.Contains(text, "INT16, -512..512") {
		t.Errorf("the repaired network's input: %s", text)
	}
	for _, c := range []struct{ args, want string }{
		{"inspect --input INT16:6 --input-scale 2", "--input-scale does not go with the fraction bits of --input INT16:6"},
		{"inspect --input INT16:6 --input-range -1:1", "--input-range does not go with the fraction bits"},
		{"project --acc 12 --input INT16:6", "--input wants --repair"},
	} {
		args := strings.Fields(c.args)
		command(t, slices.Insert(args, 1, net)...).wantOneLine(t, c.args, statusUsage, c.want)
	}
	command(t, "inspect", tinyNetwork(t), "--input", "INT16:6").wantOneLine(t, "told twice", statusFailed,
		"quantises its input itself")
}

// The one sample of normalised_x that is not labelled as the file says is a tie:
// no range can make it another.
func TestNormalisedTie(t *testing.T) {
	typ := quant.DataType{Bits: 16, Signed: true}
	file, err := qonnx.ReadFile(testdata("no_input_quant.onnx"), qonnx.Told{Type: &qonnx.InputType{Type: typ,
		Scale: float64(quant.RangeScale(typ, -3.9, 4))}})
	if err != nil {
		t.Fatal(err)
	}
	net := file.Network
	set, err := data.Open(pair("normalised_x.npy", "normalised_y.npy"), false)
	if err != nil {
		t.Fatal(err)
	}
	var tr quant.Trace
	e, raw, x := quant.NewExecutor(net), make([]float32, set.Size()), make([]int32, set.Size())
	for i, want := range set.Labels {
		set.Sample(i, raw)
		net.Input.Apply(raw, x)
		e.Run(x, &tr)
		if tr.Label[0] != int(want) && (i != 37 || tr.Scores[0][want] != slices.Max(tr.Scores[0])) {
			t.Errorf("sample %d: label %d, scores %v, want %d", i, tr.Label[0], tr.Scores[0], want)
		}
	}
}

// What is generated holds the type that was given: planned again from the directory
// alone it is the same design, and its network the same network.
func TestInputTypeIsKept(t *testing.T) {
	net, dir := testdata("qkeras_input.onnx"), filepath.Join(t.TempDir(), "design")
	command(t, "generate", net, "--out", dir).wantOneLine(t, "generate", statusFailed, "MatMul_6", "is not quantised",
		"(--input INT8:4, its type")
	succeed(t, "generate", net, "--out", dir, "--input", "INT8", "--input-scale", "0.0078125")
	d, err := readDesign(dir)
	if err != nil {
		t.Fatal(err)
	}
	q := &d.Network.Input
	// fixed<8,1>: 2^-7 each, rounded half to even, from -128 to 127.
	for v, want := range map[float64]int32{0: 0, 0.5: 64, -1: -128, -2: -128, 1: 127, 2.5 / 128: 2, 3.5 / 128: 4} {
		if got := q.Quantize(3, v); got != want {
			t.Errorf("input of %v is %d, want %d", v, got, want)
		}
	}
	succeed(t, "estimate", dir, "--acc", "14")
	command(t, "estimate", dir, "--input-range", "-1:1").wantOneLine(t, "estimate", statusUsage,
		"is a generated design")
	succeed(t, "estimate", net, "--acc", "14", "--input-range", "-1:1")
	// A file that quantises its input keeps that.
	command(t, "inspect", tinyNetwork(t), "--input-range", "0:1").wantOneLine(t, "inspect", statusFailed,
		"quantises its input itself, to UINT2")
}

// A design without an input's quantiser says what it takes its input for.
func TestGenerateSaysAssumed(t *testing.T) {
	text := succeed(t, "inspect", testdata("no_input_quant.onnx")).out
	if !strings.Contains(text, "input: UINT8, 0..1, assumed") {
		t.Errorf("inspect: %s", text)
	}
	dir := filepath.Join(t.TempDir(), "design")
	text = succeed(t, "generate", testdata("qkeras_input.onnx"), "--out", dir, "--input-range", "-1:1").out
	if !strings.Contains(text, "input     INT8, -1.008..1\n") { // 1/127 each
		t.Errorf("generate: %s", text)
	}
	r := generateReport{Input: study.Input{Type: "UINT8", Assumed: true}}
	var b strings.Builder
	r.print(&b)
	if !strings.Contains(b.String(), "input     UINT8, assumed: the file does not quantise it") {
		t.Errorf("generate with an assumed input: %s", b.String())
	}
}

func TestInputFlags(t *testing.T) {
	net := testdata("qkeras_input.onnx")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--input-range", "1:2"}, "numbers with 0 between them"},
		{[]string{"--input-range", "-1"}, "want LO:HI"},
		{[]string{"--input-range", "0:0"}, "want LO:HI"},
		{[]string{"--input-range", "0:NaN"}, "want LO:HI"},
		{[]string{"--input-range", "-1:1", "--input", "UINT4"}, "negative values, which UINT4 has not"},
		{[]string{"--input-range", "-1:1", "--input", "FLOAT"}, "want INT2..INT16, UINT1..UINT16 or BIPOLAR"},
		{[]string{"--input-range", "-1:1", "--input", "INT17"}, "want INT2..INT16"},
		{[]string{"--input-scale", "0.1"}, "--input-scale wants --input"},
		{[]string{"--input-zero", "3"}, "--input-zero wants --input"},
		{[]string{"--input-zero", "3", "--input-range", "0:1"}, "--input-zero does not go with --input-range"},
		{[]string{"--input-scale", "-1", "--input", "INT8"}, "want more than 0"},
		{[]string{"--input-scale", "1", "--input-range", "0:1"}, "--input-scale does not go with --input-range"},
	} {
		command(t, append([]string{"inspect", net}, c.args...)...).wantOneLine(t, strings.Join(c.args, " "),
			statusUsage,
			c.want)
	}
}

// Scales by hand: the larger of lo/min and hi/max.
func TestRangeScale(t *testing.T) {
	for _, c := range []struct {
		typ    quant.DataType
		lo, hi float64
		want   float64
	}{
		{quant.DataType{Bits: 8}, 0, 1, 1.0 / 255},
		{quant.DataType{Bits: 8, Signed: true}, -1, 1, 1.0 / 127},
		{quant.DataType{Bits: 8, Signed: true}, -4, 1, 4.0 / 128},
		{quant.DataType{Bits: 4, Signed: true}, -8, 7, 1},
	} {
		got := float64(quant.RangeScale(c.typ, c.lo, c.hi))
		if math.Abs(got-c.want) > 0x1p-23*c.want || got*float64(c.typ.Max()) < c.hi {
			t.Errorf("%v for %v..%v: %v, want %v, rounded up", c.typ, c.lo, c.hi, got, c.want)
		}
	}
}

// The emitted network is the file that was read, where nothing was added to it.
func TestGenerateCopiesTheFile(t *testing.T) {
	net, dir := tinyNetwork(t), filepath.Join(t.TempDir(), "design")
	succeed(t, "generate", net, "--out", dir)
	m, err := emit.ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	a, errA := os.ReadFile(net)
	b, errB := os.ReadFile(filepath.Join(dir, m.Network))
	if errA != nil || errB != nil || string(a) != string(b) {
		t.Errorf("the network in the directory is another file (%v, %v)", errA, errB)
	}
}

// binaryData writes n samples of the network binary_sigmoid as CSV, labelled by the
// sign of the sum of its integers: it has one positive scale and no bias, and
// sigmoid(v) > 0.5 is v > 0. ones counts those of class 1.
func binaryData(t *testing.T, n int) (path string, ones int) {
	t.Helper()
	net, err := qonnx.Read(testdata("binary_sigmoid.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	rng := rand.New(rand.NewPCG(13, 1))
	for i := range n {
		sum, row := 0, ""
		for _, w := range net.Layers[0].Weights {
			x := rng.IntN(7) - 3
			if i == 0 {
				x = 0 // a sum of 0: class 0
			}
			sum += int(w) * x
			row += fmt.Sprintf(",%g", 0.1*float64(x)) // an integer of the input is worth 0.1
		}
		label := 0
		if sum > 0 {
			label = 1
			ones++
		}
		fmt.Fprintf(&b, "%d%s\n", label, row)
	}
	path = filepath.Join(t.TempDir(), "binary.csv")
	writeFile(t, path, []byte(b.String()))
	return path, ones
}

// A network with one output tells two classes apart by the sign of its logit: eval,
// and in the Verilog, whose labels are compared beat by beat.
func TestBinary(t *testing.T) {
	net := testdata("binary_sigmoid.onnx")
	set, ones := binaryData(t, 50)
	if doc := evalOf(t, net, "--data", set); doc.Correct != 50 || doc.Total != 50 || doc.Warning != "" {
		t.Errorf("%d of %d right, want all 50", doc.Correct, doc.Total)
	}
	// Samples that are all called 0 are right as often as the network says 0.
	text, err := os.ReadFile(set)
	if err != nil {
		t.Fatal(err)
	}
	zeros := filepath.Join(t.TempDir(), "zeros.csv")
	writeFile(t, zeros, []byte(strings.ReplaceAll("\n"+string(text), "\n1,", "\n0,")[1:]))
	o := succeed(t, "eval", net, "--data", zeros, "--json")
	if doc := o.document(t); doc["correct"] != float64(50-ones) || !strings.Contains(doc["warning"].(string),
		"all 50 labels") ||
		!strings.Contains(o.errors, "warning: all 50 labels of") {
		t.Errorf("all labels 0: %v, %q; want %d right", doc, o.errors, 50-ones)
	}
	three := filepath.Join(t.TempDir(), "three.csv")
	writeFile(t, three, []byte("2,0,0,0,0,0,0,0,0\n0,0,0,0,0,0,0,0,0\n"))
	command(t, "eval", net, "--data", three).wantOneLine(t, "eval", statusFailed,
		"label 2 of sample 0, want labels below 2")

	dir := filepath.Join(t.TempDir(), "design")
	said := succeed(t, "generate", net, "--out", dir).out
	if !strings.Contains(said, "output    one score for two classes: the label is 1 where it is above 0") {
		t.Errorf("generate says %q", said)
	}
	tooltest.Need(t, "iverilog", "vvp")
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	doc := succeed(t, "sim", dir, "--data", set, "--frames", "50", "--simulator", "icarus", "--json").document(t)
	if doc["mismatches"] != 0.0 || doc["correct"] != 50.0 || doc["total"] != 50.0 {
		t.Errorf("sim: %v mismatches, %v of %v right", doc["mismatches"], doc["correct"], doc["total"])
	}
}

// A single output that ends in a Quant has no label in hardware: generate says which
// integers mean class 1, and the labels that sim counts are those of eval.
func TestBinaryEndsInQuant(t *testing.T) {
	m := &nn.Model{Name: "binary", InputShape: []int{4}, Input: &nn.ActQuant{Scale: 0.25, Bits: 4, Signed: true},
		Layers: []nn.Layer{{Name: "fc1", In: 4, Out: 1, Weights: []float32{1, -2, 3, 1}, WeightScale: []float32{1},
			WeightBits: 3,
			Act:        &nn.ActQuant{Scale: 1, Bits: 4, Signed: true}}}}
	net, dir := writeModel(t, m), filepath.Join(t.TempDir(), "design")
	var b strings.Builder
	for i := range 40 {
		x := [4]int{i%5 - 2, i%7 - 3, i%3 - 1, i % 2}
		label := 0
		// The output is round(sum/4), halves to even: above 0 from a sum of 3 on.
		if x[0]-2*x[1]+3*x[2]+x[3] >= 3 {
			label = 1
		}
		fmt.Fprintf(&b, "%d,%g,%g,%g,%g\n", label, float64(x[0])/4, float64(x[1])/4, float64(x[2])/4, float64(x[3])/4)
	}
	set := filepath.Join(t.TempDir(), "binary.csv")
	writeFile(t, set, []byte(b.String()))
	if doc := evalOf(t, net, "--data", set); doc.Correct != 40 {
		t.Errorf("%d of %d right, want 40", doc.Correct, doc.Total)
	}
	said := succeed(t, "generate", net, "--out", dir).out
	if !strings.Contains(said, "output    one integer and no label: class 1 is where it is above 0") {
		t.Errorf("generate says %q", said)
	}
	tooltest.Need(t, "iverilog", "vvp")
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	doc := succeed(t, "sim", dir, "--data", set, "--frames", "40", "--simulator", "icarus", "--json").document(t)
	if doc["mismatches"] != 0.0 || doc["correct"] != 40.0 {
		t.Errorf("sim: %v mismatches, %v right", doc["mismatches"], doc["correct"])
	}
}
