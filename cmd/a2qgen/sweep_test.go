package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a2qgen/a2qgen/cmd/a2qgen/study"
)

// TestSweep trains two methods at one width and two seeds, and base, and finds
// the runs again the second time.
func TestSweep(t *testing.T) {
	spec := filepath.Join(t.TempDir(), "net.yaml")
	writeFile(t, spec, []byte("layers: [8, 8]\nfloat: {epochs: 1}\nqat: {epochs: 1}\nbatch: 512\n"))
	dir := t.TempDir()
	args := []string{"sweep", spec, "--data", "drawn", "--acc", "9", "--methods", "base,a2q+,budget/split", "--seeds",
		"2", "--out", dir, "--json"}
	var first, second study.SweepReport
	if err := json.Unmarshal([]byte(succeed(t, args...).out), &first); err != nil {
		t.Fatal(err)
	}
	if len(first.Results) != 3 || len(first.Results[1].Runs) != 2 || first.Results[2].Mean <= 10 {
		t.Fatalf("got %+v", first)
	}
	for _, name := range []string{"results.json", "results.csv", "results.md", "results.svg"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	run := filepath.Join(dir, "runs", "a2q+-p9-s1.json")
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(run, old, old); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(succeed(t, args...).out), &second); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(run); err != nil || time.Since(info.ModTime()) < time.Minute {
		t.Errorf("the run was trained again: %v", err)
	}
	if second.Results[1].Mean != first.Results[1].Mean {
		t.Errorf("the second sweep has another mean: %v, %v", second.Results[1].Mean, first.Results[1].Mean)
	}
}

// TestSweepLUT: designs are estimated, and those within so many LUT stay there.
func TestSweepLUT(t *testing.T) {
	spec, dir := specFile(t, lutSpec), t.TempDir()
	args := []string{"sweep", spec, "--data", "drawn", "--acc", "8,10", "--methods", "base,budget/shifted",
		"--seeds", "1",
		"--out", dir, "--fps", "1000000", "--json"}
	var wide, doc study.SweepReport
	if err := json.Unmarshal([]byte(succeed(t, args...).out), &wide); err != nil {
		t.Fatal(err)
	}
	most := wide.Results[2].Runs[0].LUT // P=10
	if wide.Results[0].LUTMean <= 0 || most <= 0 {
		t.Fatalf("got %+v", wide)
	}
	limit := most - 100
	if err := json.Unmarshal([]byte(succeed(t, append(args, "--lut", jsonText(t, limit))...).out), &doc); err != nil {
		t.Fatal(err)
	}
	r := doc.Results[3].Runs[0]
	if r.LUTLimit != limit || r.AccBits != 10 || len(r.Widths) != 2 || r.LUT > limit*21/20 {
		t.Errorf("within %d LUT: %+v", limit, r)
	}
	text, err := os.ReadFile(filepath.Join(dir, "results.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| method | P=10 | P=8 | " + jsonText(t, limit) + " LUT |",
		"![accuracy over LUT](lut.svg)", "P and M by layer"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("results.md lacks %q:\n%s", want, text)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "lut.svg")); err != nil {
		t.Error(err)
	}
}

func TestSweepRefuses(t *testing.T) {
	spec := filepath.Join(t.TempDir(), "net.yaml")
	writeFile(t, spec, []byte("layers: [8, 8]\n"))
	foreign := t.TempDir()
	writeFile(t, filepath.Join(foreign, "thesis.tex"), nil)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--methods", "a3q"}, "a3q"},
		{[]string{"--methods", "budget/half"}, "half"},
		{[]string{"--methods", "a2q/split"}, `--methods is "a2q/split", want a list with commas of base`},
		{[]string{"--seeds", "0"}, "--seeds is 0, want 1..100"},
		{[]string{"--acc", "2"}, "acc_bits"},
		{[]string{"--lut", "0"}, `--lut is "0"`},
		{[]string{"--lut", "900,x"}, `--lut is "900,x"`},
		{[]string{"--fold", "fc1=3,1", "--data", "drawn"}, "PE is 3, want a divisor of its 8 outputs"},
		{[]string{"--fps", "1e300", "--data", "drawn"}, "--fps is 1e+300, want more than 0 and at most 2e+09"},
		{[]string{"--out", foreign, "--data", "drawn"}, "is not empty and holds no sweep"},
		{[]string{"--out", filepath.Dir(spec), "--data", "drawn"}, "is written anew and holds the input"},
	} {
		o := command(t, append([]string{"sweep", spec, "--out", t.TempDir()}, c.args...)...)
		if o.status == 0 || !strings.Contains(o.errors, c.want) {
			t.Errorf("%v: status %d, %q, want %q", c.args, o.status, o.errors, c.want)
		}
	}
}

// TestSweepLUTList: what the help says, a list with commas, and the flag repeated.
func TestSweepLUTList(t *testing.T) {
	luts, err := parseLUTs([]string{"26900,27800", "30000"})
	if err != nil || !slices.Equal(luts, []int{26900, 27800, 30000}) {
		t.Errorf("got %v, %v", luts, err)
	}
	if luts, err := parseLUTs(nil); err != nil || len(luts) != 0 {
		t.Errorf("no --lut: got %v, %v", luts, err)
	}
}
