package sim_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen/emit"
	"github.com/a2qgen/a2qgen/sim"
)

// TestDifferences changes one thing in an emitted directory at a time.
func TestDifferences(t *testing.T) {
	d, _ := mutationTarget(t)
	files, err := emit.Files(d, []byte("no network"))
	if err != nil {
		t.Fatal(err)
	}
	change := func(old, new string) func(string) error {
		return func(path string) error {
			text, err := os.ReadFile(path)
			if err != nil || !strings.Contains(string(text), old) {
				t.Fatalf("%s holds no %q, %v", path, old, err)
			}
			return os.WriteFile(path, []byte(strings.Replace(string(text), old, new, 1)), 0o644)
		}
	}
	create := func(path string) error { return os.WriteFile(path, nil, 0o644) }
	for _, c := range []struct {
		name, file string
		do         func(path string) error
		want       string // "" for no difference
	}{
		{"nothing", "rtl/fifo.v", func(string) error { return nil }, ""},
		{"parameter of the top", "rtl/accelerator.v", change(".MW(12),", ".MW(13),"),
			`rtl/accelerator.v: line N is ".MW(13),", want ".MW(12),"`},
		{"module", "rtl/mvau.v", change("LAST_BEAT = SF - 1", "LAST_BEAT = SF - 2"),
			`rtl/mvau.v: line N is "localparam integer LAST_BEAT = SF - 2;", want "localparam integer ` +
				`LAST_BEAT = SF - 1;"`},
		{"bench", "bench/bench.v", change("module bench", "module  bench"),
			`bench/bench.v: line N is "module  bench (", want "module bench ("`},
		{"manifest", "manifest.json", change(`"top": "accelerator"`, `"top": "a"`),
			`manifest.json: line N is "\"top\": \"a\",", want "\"top\": \"accelerator\","`},
		{"word of a memory", "rtl/label_bias.mem", change("\n", "0\n"), "rtl/label_bias.mem: line 1 is "},
		{"end of a file", "rtl/rom.v", change("`default_nettype wire\n", "`default_nettype wire\n\n"),
			`rtl/rom.v: line N is "", want ""`},
		{"missing memory", "rtl/fc1_weights.mem", os.Remove, "rtl/fc1_weights.mem is missing"},
		{"missing module", "rtl/fifo.v", os.Remove, "rtl/fifo.v is missing"},
		{"module too many", "rtl/mine.v", create, "rtl/mine.v is no file of the design"},
		{"memory too many", "rtl/mine.mem", create, "rtl/mine.mem is no file of the design"},
		{"bench too many", "bench/mine.v", create, "bench/mine.v is no file of the design"},
		{"waves", "rtl/waves.vcd", create, ""},
	} {
		dir := emitDir(t, d)
		if err := c.do(filepath.Join(dir, c.file)); err != nil {
			t.Fatal(err)
		}
		found, err := sim.Differences(dir, files)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case c.want == "" && len(found) > 0 || c.want != "" && len(found) != 1:
			t.Errorf("%s: found %v, want %q", c.name, found, c.want)
		case c.want != "" && !strings.HasPrefix(withoutLine(found[0].String(), c.want), c.want):
			t.Errorf("%s: found %q, want %q", c.name, found[0], c.want)
		}
	}
}

// withoutLine puts N for the number after "line ", where want has it so.
func withoutLine(text, want string) string {
	before, after, ok := strings.Cut(text, ": line ")
	if !ok || !strings.Contains(want, ": line N ") {
		return text
	}
	_, after, _ = strings.Cut(after, " ")
	return before + ": line N " + after
}

// TestLongLines: of a word with thousands of digits the place that differs is shown.
func TestLongLines(t *testing.T) {
	d, _ := mutationTarget(t)
	files, err := emit.Files(d, nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := emitDir(t, d)
	long := strings.Repeat("0", 3000)
	for i := range files {
		if files[i].Path == "rtl/rom.v" {
			files[i].Data = []byte(long + "1" + long)
		}
		if err := os.WriteFile(filepath.Join(dir, files[i].Path), files[i].Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "rtl", "rom.v"), []byte(long+"2"+long), 0o644); err != nil {
		t.Fatal(err)
	}
	found, err := sim.Differences(dir, files)
	if err != nil || len(found) != 1 || len(found[0].String()) > 160 || !strings.Contains(found[0].Has, "02") ||
		!strings.Contains(found[0].Wants, "01") {
		t.Errorf("found %v, %v", found, err)
	}
}
