package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/cmd/a2qgen/study"
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/internal/tooltest"
	"github.com/a2qgen/a2qgen/quant/qonnx"
)

// rows returns (acc_bits, safe) of an estimate.
func rows(t *testing.T, doc map[string]any) (out [][2]any) {
	t.Helper()
	for _, r := range doc["rows"].([]any) {
		wantKeys(t, "row", r, "acc_bits", "safe", "lut", "ff", "bram36", "dsp", "layers")
		row := r.(map[string]any)
		out = append(out, [2]any{row["acc_bits"], row["safe"]})
	}
	return out
}

func TestEstimate(t *testing.T) {
	net, dir := tinyNetwork(t), filepath.Join(t.TempDir(), "design")
	needed := float64(wantTiny(tinyModel())[1].AccBitsNeeded) // only fc2 declares a width
	doc := succeed(t, "estimate", net, "--acc", "5:7,32", "--fold", "fc1=3,4", "--json").document(t)
	wantKeys(t, "estimate", doc, "family", "rows")
	var want [][2]any
	for _, p := range []float64{5, 6, 7, 32} {
		want = append(want, [2]any{p, p >= needed})
	}
	if d := cmp.Diff(want, rows(t, doc)); d != "" {
		t.Errorf("rows (-want +got):\n%s", d)
	}
	// A directory keeps its folding: the same numbers as with the same flags.
	succeed(t, "generate", net, "--out", dir, "--fold", "fc1=3,4")
	if d := cmp.Diff(doc, succeed(t, "estimate", dir, "--acc", "5:7,32", "--json").document(t)); d != "" {
		t.Errorf("estimate of the directory (-file +directory):\n%s", d)
	}
	other := succeed(t, "estimate", dir, "--acc", "5:7,32", "--fold", "fc1=1,1", "--json").document(t)
	if cmp.Equal(doc["rows"], other["rows"]) {
		t.Error("--fold does not change the estimate of a directory")
	}
	text := succeed(t, "estimate", net, "--acc", "2,12").out
	for _, w := range []string{"UNSAFE", "safe", "not fitted to", "xc7"} {
		if !strings.Contains(text, w) {
			t.Errorf("text lacks %q:\n%s", w, text)
		}
	}
}

// TestEstimateUnknownLayer: a fold of no layer is refused, of a network's file and of a
// generated directory alike, which has folds of its own to lie over.
func TestEstimateUnknownLayer(t *testing.T) {
	net, dir := tinyNetwork(t), tinyDesign(t)
	file := filepath.Join(t.TempDir(), "fold.yaml")
	writeFile(t, file, []byte("fc1: {pe: 1, simd: 1}\nnosuch: {pe: 1, simd: 1}\n"))
	for _, source := range []string{net, dir} {
		for _, flag := range []string{"--fold=nosuch=1,1", "--folding=" + file} {
			for _, more := range []string{"--acc=12", "--fps=1000"} { // --fps clears the directory's folds
				command(t, "estimate", source, flag, more).wantOneLine(t, source+" "+flag+" "+more, statusFailed,
					`no layer "nosuch" in the network`)
			}
		}
	}
}

// TestSaving: the widest row is the one of most bits, wherever it stands. 30 LUT are 50 %
// more than 20, 12 FF 20 % more than 10.
func TestSaving(t *testing.T) {
	narrow := plan.Row{AccBits: 8, Resources: boards.Resources{LUT: 20, FF: 10}}
	wide := plan.Row{AccBits: 32, Resources: boards.Resources{LUT: 30, FF: 12}}
	const want = "xc7, P=8: 20 LUT, 10 FF; P=32: 30 LUT (+50.0 %), 12 FF (+20.0 %)"
	for _, rows := range [][]plan.Row{{narrow, wide}, {wide, narrow}} {
		if got := (&estimateReport{Prices: &study.Prices{Family: "xc7", Rows: rows}}).saving(8); got != want {
			t.Errorf("%v: %q, want %q", rows, got, want)
		}
	}
}

// TestEstimateBesideYosys: what is safe is synthesised, what is not is left out; the counts are
// those of the tool, to which the estimate of so small a design comes within a fifth.
func TestEstimateBesideYosys(t *testing.T) {
	tooltest.Need(t, "yosys")
	net := tinyNetwork(t)
	doc := succeed(t, "estimate", net, "--acc", "2,12", "--yosys", "--json").document(t)
	rows, counts := doc["rows"].([]any), doc["yosys"].([]any)
	if counts[0] != nil {
		t.Errorf("P=2 overflows, and was synthesised: %v", counts[0])
	}
	estimate, yosys := rows[1].(map[string]any), counts[1].(map[string]any)
	for _, key := range []string{"lut", "ff"} {
		got, want := estimate[key].(float64), yosys[key].(float64)
		if want == 0 || math.Abs(got-want) > want/5 {
			t.Errorf("%s: estimate %g, Yosys %g", key, got, want)
		}
	}
	// A directory of its own widths is what generate says of it.
	dir := filepath.Join(t.TempDir(), "own")
	made := succeed(t, "generate", net, "--out", dir, "--board", "pynq-z1", "--json").document(t)
	own := succeed(t, "estimate", dir, "--acc", "own", "--json").document(t)["rows"].([]any)[0].(map[string]any)
	if want := made["resources"].(map[string]any)["lut"]; own["lut"] != want {
		t.Errorf("own widths: %v LUT, want %v as generate says", own["lut"], want)
	}
	text := succeed(t, "estimate", net, "--acc", "12", "--yosys").out
	if !strings.Contains(text, fmt.Sprintf("  %g  ", yosys["lut"])) || !strings.Contains(text, "Yosys LUT") {
		t.Errorf("the table lacks Yosys' %g LUT:\n%s", yosys["lut"], text)
	}
}

// TestEstimateFamily: an ECP5 has LUTs of four inputs, so a design takes more of them, and block
// RAM in EBR; a directory is estimated for its own family, or for that which serves it, and one
// without formulas for xc7. All families there are estimates for are named.
func TestEstimateFamily(t *testing.T) {
	net := tinyNetwork(t)
	luts := func(args ...string) (family string, lut float64) {
		doc := succeed(t, append(args, "--acc", "12", "--json")...).document(t)
		return doc["family"].(string), doc["rows"].([]any)[0].(map[string]any)["lut"].(float64)
	}
	_, six := luts("estimate", net)
	if _, four := luts("estimate", net, "--family", "ecp5"); four <= six {
		t.Errorf("%g LUTs of four inputs, %g of six", four, six)
	}
	text := succeed(t, "estimate", net, "--acc", "12", "--family", "ecp5").out
	if !strings.Contains(text, "family ecp5") || !strings.Contains(text, "EBR18") || strings.Contains(text, "BRAM36") {
		t.Errorf("estimate for ecp5:\n%s", text)
	}
	for own, want := range map[string]string{"ecp5": "ecp5", "xcup": "xc7", "gowin": "xc7"} {
		dir := filepath.Join(t.TempDir(), own)
		succeed(t, "generate", net, "--out", dir, "--family", own)
		if family, _ := luts("estimate", dir); family != want {
			t.Errorf("a design for %s is estimated for %s, want %s", own, family, want)
		}
	}
	command(t, "estimate", net, "--family", "gowin").wantOneLine(t, "no formulas", statusUsage, "gowin", "ecp5", "xc7")
}

func TestBoards(t *testing.T) {
	doc := succeed(t, "boards", "--json").document(t)
	list := doc["boards"].([]any)
	if len(list) != len(boards.List()) {
		t.Errorf("%d boards, want %d", len(list), len(boards.List()))
	}
	wantKeys(t, "board", list[0], "name", "family", "part", "resources", "clock", "sources")
	if text := succeed(t, "boards").out; !strings.Contains(text, "pynq-z1") {
		t.Errorf("text lacks pynq-z1:\n%s", text)
	}
}

func TestGenerateForBoard(t *testing.T) {
	net, dir := tinyNetwork(t), filepath.Join(t.TempDir(), "design")
	// target_mhz of the files
	for name, clock := range map[string]float64{"pynq-z1": 100, "ulx3s-85f": 50, "zcu104": 200} {
		doc := succeed(t, "generate", net, "--out", dir, "--board", name, "--json").document(t)
		if doc["clock_mhz"] != clock {
			t.Errorf("%s: clock %v, want %v", name, doc["clock_mhz"], clock)
		}
		wantKeys(t, "generate", doc, "board", "resources")
	}
	doc := succeed(t, "generate", net, "--out", dir, "--board", "zcu104", "--clock", "150", "--json").document(t)
	if doc["clock_mhz"] != 150.0 {
		t.Errorf("--clock 150: clock %v", doc["clock_mhz"])
	}
	command(t, "generate", net, "--out", dir, "--board", "ice40-hx8k-b-evn").
		wantOneLine(t, "no formulas", statusFailed, "ice40", strings.Join(checkedFamilies(), ", "), "--family ice40")
	text := succeed(t, "generate", net, "--out", dir, "--board", "ulx3s-85f").out
	if !strings.Contains(text, "of 83640 LUT") || !strings.Contains(text, "of 208 EBR18") {
		t.Errorf("generate for an ECP5 board:\n%s", text)
	}
	command(t, "generate", net, "--out", dir, "--board", "pynq-z1", "--family", "ice40").
		wantOneLine(t, "two families", statusUsage, "ice40", "pynq-z1", "xc7")
	command(t, "generate", net, "--out", dir, "--family", "abacus").wantOneLine(t, "no such family", statusUsage,
		"abacus", "gowin")
}

// A design that is larger than the part is refused, with the excess.
func TestDoesNotFit(t *testing.T) {
	net, err := qonnx.Read(tinyNetwork(t))
	if err != nil {
		t.Fatal(err)
	}
	d, err := plan.Plan(net, hwgen.Options{FPS: 1e8})
	if err != nil {
		t.Fatal(err)
	}
	b := boards.Board{Name: "thimble", Part: "xc7tiny", Family: boards.XC7,
		Resources: boards.Resources{LUT: 10, FF: 10}}
	_, err = fits(&b, d)
	if err == nil || !strings.Contains(err.Error(), "thimble") || !strings.Contains(err.Error(), "too many") {
		t.Errorf("error %v", err)
	}
}

// TestOutOfReach: generate and estimate say which layer keeps a design from its rate, people and programs.
func TestOutOfReach(t *testing.T) {
	net, dir := tinyNetwork(t), filepath.Join(t.TempDir(), "design")
	line := []string{"--fps", "1e8", "--clock", "100", "--fold", "fc1=1,1"}
	for _, command := range [][]string{{"estimate", net}, {"generate", net, "--out", dir}} {
		args := append(command, line...)
		if out := succeed(t, args...).out; !strings.Contains(out, `layer "fc1" takes`) ||
			!strings.Contains(out, "with everything unfolded 100000000 frames/s could be reached") {
			t.Errorf("%v: %s", args, out)
		}
		reach := succeed(t, append(args, "--json")...).document(t)["out_of_reach"].(map[string]any)
		if l := reach["limits"].([]any)[0].(map[string]any); l["layer"] != "fc1" || reach["fps_unfolded"] != 1e8 {
			t.Errorf("%v: %v", args, reach)
		}
	}
	if doc := succeed(t, "estimate", net, "--json").document(t); doc["out_of_reach"] != nil {
		t.Errorf("%v, want nothing out of reach", doc)
	}
}

// TestFoldingOut: a folding that is written is read again by the flag that reads foldings, in either form, to the
// same design; what FINN has no node for is a warning.
func TestFoldingOut(t *testing.T) {
	net, dir := tinyNetwork(t), t.TempDir()
	hash := func(args ...string) any {
		all := append([]string{"generate", net, "--out", filepath.Join(dir, "design"), "--json"}, args...)
		return succeed(t, all...).document(t)["hash"]
	}
	for _, name := range []string{"f.yaml", "f.json"} {
		file := filepath.Join(dir, name)
		want := hash("--unit", "dense", "--fps", "1e7", "--folding-out", file)
		if got := hash("--folding", file); got != want {
			text, _ := os.ReadFile(file)
			t.Errorf("%s: %v, want %v\n%s", name, got, want, text)
		}
	}
	o := succeed(t, "estimate", net, "--unit", "tap", "--folding-out", filepath.Join(dir, "tap.json"), "--json")
	if w := o.document(t)["warnings"]; w == nil || !strings.Contains(o.errors, "FINN has no unit such as") {
		t.Errorf("warnings %v, %s", w, o.errors)
	}
	if o := command(t, "estimate", net, "--folding-out", filepath.Join(dir, "f.txt")); o.status != 2 {
		t.Errorf("f.txt: status %d, want 2", o.status)
	}
}
