package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/internal/tooltest"
)

// files returns the names in the current folder.
func files(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// dumpLines returns the lines of a dump below its head.
func dumpLines(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	head, rest, _ := strings.Cut(string(text), "\n")
	if err != nil || head != "frame,beat,cycle,rtl_cycle,lane,layer,holds,element,expected,rtl" {
		t.Fatalf("%s begins %q, %v", file, head, err)
	}
	return strings.Split(strings.TrimSpace(rest), "\n")
}

// TestSimDebug: a threshold of fc1's row 1 gets the sign bit, so that every accumulator is
// above it. The report names row and accumulator, and shows five cycles; what
// the streams carried is in the files, and nothing else is left behind.
func TestSimDebug(t *testing.T) {
	tooltest.Need(t, "iverilog", "vvp")
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Chdir(t.TempDir())
	dir := foldedDesign(t)
	// Row 1 is PE 1 of fold 0, whose 15 bits begin at bit 15 of word 0: bit 29 is the sign.
	edit(t, dir, "rtl/fc1_thresholds_0.mem", `^(\w*)0(\w{7})\n`, "${1}2${2}\n")
	args := []string{"sim", dir, "--edited", "--frames", "12", "--simulator", "icarus", "--dump", "fc1_mvau",
		"--dump", "m_axis=out.csv", "--dump", "source=in.csv"}
	o := command(t, args...)
	t.Log(o.out)
	for _, want := range []string{"first mismatch: stream fc1_mvau, cycle ",
		"\n  carries      output 1 of layer \"fc1\", in bits 7:4, unsigned\n", "\n  expected     ",
		"\n  Verilog had  ", "\n  accumulator  ", "(thresholds of row 1)", "\n  > ",
		"dumped    m_axis to out.csv"} {
		if !strings.Contains(o.out, want) {
			t.Errorf("no %q in\n%s", want, o.out)
		}
	}
	if got := files(t); o.status != statusFailed || !slices.Equal(got, []string{"fc1_mvau.csv", "in.csv", "out.csv"}) {
		t.Errorf("status %d, files %q", o.status, got)
	}
	// 20 frames, the drawn ones included, of 8 outputs in 2 beats, and of 24 inputs; m_axis has
	// label and score.
	for file, want := range map[string]int{"fc1_mvau.csv": 20 * 8, "in.csv": 20 * 24, "out.csv": 20 * 2} {
		if got := dumpLines(t, file); len(got) != want {
			t.Errorf("%s: %d lines, want %d", file, len(got), want)
		}
	}
	for _, line := range dumpLines(t, "fc1_mvau.csv") {
		c := strings.Split(line, ",")
		if c[8] != c[9] && c[7] != "1" || c[2] != c[3] {
			t.Errorf("%s: want element 1 alone to differ", line)
		}
	}

	doc := command(t, append(args, "--json")...).document(t)
	m := doc["mismatch"].(map[string]any)
	wantKeys(t, "mismatch", m, "stream", "cycle", "what", "frame", "beat", "element", "cycles")
	wantKeys(t, "element", m["element"], "lane", "bit", "bits", "signed", "lanes_wrong", "layer", "holds", "index", "row",
		"position", "expected", "had", "activation")
	if len(m["cycles"].([]any)) != 5 || m["what"] != "data" {
		t.Errorf("mismatch %v", m)
	}
	if d := first(t, doc["dumps"]).(map[string]any); d["stream"] != "fc1_mvau" || d["file"] != "fc1_mvau.csv" {
		t.Errorf("dumps %v", doc["dumps"])
	}
}

// TestSimStopped: where a check of the design stops the run, the difference before it is
// reported all the same, with what streams carried until then.
func TestSimStopped(t *testing.T) {
	tooltest.Need(t, "iverilog", "vvp")
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Chdir(t.TempDir())
	// A queue that the user asks for, so that there is one whatever the planner needs.
	dir, folding := filepath.Join(t.TempDir(), "design"), filepath.Join(t.TempDir(), "fold.yaml")
	writeFile(t, folding, []byte("fc1: {pe: 4, simd: 1}\nfc2: {pe: 1, simd: 2, fifo: 2}\n"))
	succeed(t, "generate", writeModel(t, foldedModel()), "--out", dir, "--folding", folding)
	edit(t, dir, "rtl/fifo.v", `assign s_ready = [^;]*;`, "assign s_ready = 1'b1;")
	args := []string{"sim", dir, "--edited", "--frames", fewFrames, "--stall", "0.3", "--simulator", "icarus", "--dump",
		"source"}
	o := command(t, args...)
	if !strings.Contains(o.out, "\n  differs      valid or ready\n") || len(dumpLines(t, "source.csv")) < 24 {
		t.Errorf("%s", o.out)
	}
	o.out = ""
	o.wantOneLine(t, "stopped", statusFailed, "ERROR ", "_fifo", "places in use; the first of ", "valid/ready is ")
	doc := command(t, append(args, "--json")...).document(t)
	if text, ok := doc["stopped"].(string); !ok || !strings.Contains(text, "ERROR ") || doc["mismatch"] == nil {
		t.Errorf("stopped %v, mismatch %v", doc["stopped"], doc["mismatch"])
	}
}

// TestDumpRefused: wrong usage leaves every file as it is.
func TestDumpRefused(t *testing.T) {
	dir := tinyDesign(t)
	t.Chdir(filepath.Dir(dir))
	writeFile(t, "source.csv", []byte("mine"))
	manifest := filepath.Join(dir, "manifest.json")
	for line, want := range map[string]string{
		"sim design --dump source --dump nosuch":             `no stream "nosuch" of this design, want one of source, fc1_`,
		"sim design --dump source=design/rtl/fifo.v":         "--dump source design/rtl/fifo.v lies in the generated design",
		"sim design --dump source=design/new.csv":            "lies in the generated design",
		"sim design --dump source=design/manifest.json":      "lies in the generated design",
		"sim design --dump source --dump label=./source.csv": "--dump label ./source.csv is --dump source too",
		"sim design --dump label=w.vcd --vcd w.vcd":          "--dump label w.vcd is --vcd too",
		"sim design --data source.csv --dump source":         "--dump source source.csv is --data too",
	} {
		keeps(t, manifest, want, strings.Fields(line)...)
		keeps(t, "source.csv", want, strings.Fields(line)...)
	}
	command(t, "sim", "design", "--dump", "source=absent/x.csv").wantOneLine(t, "no folder", statusFailed,
		"--dump source absent/x.csv cannot be written")
	if got := files(t); !slices.Equal(got, []string{"design", "source.csv"}) {
		t.Errorf("files %q", got)
	}
}
