package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/a2qgen/a2qgen/examples"
	"github.com/a2qgen/a2qgen/internal/tooltest"
	"github.com/a2qgen/a2qgen/quant/train"
)

// The demo on a data set of a few pixels: every step, both reports.
func TestDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a bench")
	}
	tooltest.Need(t, "verilator", "make", "g++")
	out := filepath.Join(t.TempDir(), "demo")
	o := succeed(t, "demo", "--data", tinyData(t, 300), "--epochs", "2", "--frames", "5", "--out", out, "--json")
	doc := o.document(t)
	wantKeys(t, "demo", doc, "limits", "acc_bits", "inspect", "eval", "sim", "seconds")
	limits := doc["limits"].([]any)
	if len(limits) != len(demoLimits) {
		t.Fatalf("%d limits, want %d", len(limits), len(demoLimits))
	}
	for i, l := range limits {
		wantKeys(t, "limit", l, "acc_bits", "acc_bits_needed", "hidden_units", "hidden_luts", "lut_per_mfps", "train",
			"generate", "sim")
		row := l.(map[string]any)
		if got := row["acc_bits"]; got != float64(demoLimits[i].bits) {
			t.Errorf("limit %d is P=%v, want %d", i, got, demoLimits[i].bits)
		}
		wantKeys(t, "sim", row["sim"], simKeys...)
		if n := row["sim"].(map[string]any)["mismatches"]; n != 0. {
			t.Errorf("P=%v: %v mismatches", row["acc_bits"], n)
		}
	}
	wantKeys(t, "sim", doc["sim"], simKeys...)
	text, err := os.ReadFile(filepath.Join(out, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	var saved map[string]any
	if err := json.Unmarshal(text, &saved); err != nil || !cmp.Equal(saved, doc) {
		t.Errorf("report.json is not what --json printed (%v)", err)
	}
	page, err := os.ReadFile(filepath.Join(out, "report.html"))
	if err != nil || strings.Count(string(page), "<svg") != 2 || !strings.Contains(string(page), "<th>taps</th>") {
		t.Errorf("report.html: %v, %d plots", err, strings.Count(string(page), "<svg"))
	}
	// The design is one that the other commands take.
	succeed(t, "estimate", filepath.Join(out, "p8", "design"), "--acc", "12")
	if figure, err := os.ReadFile(filepath.Join(out, "units.svg")); err != nil ||
		!strings.Contains(string(page), string(figure)) {
		t.Errorf("units.svg (%v) is not on the page", err)
	}
}

// The built-in specs are legal, the demo's among them.
func TestExamples(t *testing.T) {
	entries, err := examples.Specs.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, e := range entries {
		found = found || e.Name() == demoSpec
		text, err := examples.Specs.ReadFile(e.Name())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := train.ParseSpec(text); err != nil {
			t.Errorf("%s: %v", e.Name(), err)
		}
	}
	if !found {
		t.Errorf("no %s among the examples", demoSpec)
	}
}
