package emit_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/emit"
	"github.com/a2qgen/a2qgen/internal/tooltest"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/quanttest"
)

// allMemories returns a network whose design has a memory of every kind: start values,
// inverted channels, and gains that differ.
func allMemories(t *testing.T) *quant.Network {
	t.Helper()
	n := *quanttest.Shifted()
	n.Layers = slices.Clone(n.Layers)
	th, sc := *n.Layers[0].Thresholds, *n.Layers[1].Score
	th.Inverted = make([]bool, n.Layers[0].Out)
	sc.Gain = slices.Clone(sc.Gain)
	for c := range th.Inverted {
		th.Inverted[c] = c%3 == 1
	}
	for c := range sc.Gain {
		sc.Gain[c] = int64(2*c + 1)
	}
	n.Layers[0].Thresholds, n.Layers[1].Score = &th, &sc
	checked, err := quant.NewNetwork(n)
	if err != nil {
		t.Fatal(err)
	}
	return checked
}

// memoryKinds are the files of that design, one of every $readmemh.
var memoryKinds = []string{"fc1_weights.mem", "fc1_start.mem", "fc1_thresholds_0.mem", "fc1_thresholds_1.mem",
	"fc1_thresholds_invert.mem", "label_bias.mem", "label_gain.mem"}

// memoryFaults are what may be wrong with a memory file, "" where it is missing.
var memoryFaults = map[string]func(text string) string{
	"missing":         func(string) string { return "" },
	"a word short":    func(s string) string { return s[strings.Index(s, "\n")+1:] },
	"a digit short":   func(s string) string { return s[:len(s)-2] + "\n" },
	"a word too many": func(s string) string { return s + s[:strings.Index(s, "\n")+1] },
}

// byHand is a user's own bench: a design that nobody drives, for a moment.
const byHand = `module by_hand;
    accelerator u_dut ();
    initial #1 $finish;
endmodule
`

// TestMemoryFiles: in a simulator run by hand, without the harness, a memory file that is
// missing or not as long as its memory ends the run with an exit status and is named.
func TestMemoryFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("builds two simulators")
	}
	folds := []hwgen.Folding{
		{"fc1": {PE: 2, SIMD: 4}, "fc2": {PE: 2, SIMD: 4}},
		{"fc1": {PE: 8, SIMD: 16}, "fc2": {PE: 4, SIMD: 8}}, // one word each, but for thresholds
	}
	t.Run("icarus", func(t *testing.T) {
		tooltest.Need(t, "iverilog", "vvp")
		for _, f := range folds {
			checkMemoryFiles(t, f, memoryKinds, []string{"vvp", "design"}, "iverilog", "-g2005", "-s", "by_hand",
				"-o", "design")
		}
	})
	t.Run("verilator", func(t *testing.T) {
		tooltest.Need(t, "verilator", "make", "g++")
		checkMemoryFiles(t, folds[0], memoryKinds[3:5], []string{"obj_dir/Vby_hand"}, "verilator", "--binary", "-O0",
			"-CFLAGS", "-O0", "-Wno-fatal", "--top-module", "by_hand")
	})
}

// checkMemoryFiles builds a design with a command that takes its modules, and runs it with
// every fault of every file.
func checkMemoryFiles(t *testing.T, f hwgen.Folding, names, run []string, build ...string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "design")
	if err := emit.WriteDir(dir, emitted(t, allMemories(t), hwgen.Options{Folding: f})); err != nil {
		t.Fatal(err)
	}
	rtl := filepath.Join(dir, "rtl")
	if err := os.WriteFile(filepath.Join(rtl, "by_hand.v"), []byte(byHand), 0o644); err != nil {
		t.Fatal(err)
	}
	modules, err := filepath.Glob(filepath.Join(rtl, "*.v"))
	if err != nil {
		t.Fatal(err)
	}
	if out, err := inDir(rtl, append(build, modules...)); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := inDir(rtl, run); err != nil {
		t.Fatalf("the design as it is: %v\n%s", err, out)
	}
	for _, name := range names {
		for fault, change := range memoryFaults {
			if out, err := runWith(t, filepath.Join(rtl, name), change, run); err == nil || !namesFile(out, name) {
				t.Errorf("%s, %s: %v\n%s", name, fault, err, out)
			}
		}
	}
}

// namesFile says whether memory_file.v names the file; of one that is too long Verilator
// says it first, and stops.
func namesFile(out []byte, name string) bool {
	for line := range bytes.Lines(out) {
		ours := bytes.HasPrefix(line, []byte("ERROR ")) && bytes.Contains(line, []byte(": memory file ")) &&
			bytes.Contains(line, []byte(name))
		if ours || bytes.HasPrefix(line, []byte("%Error: "+name+":")) {
			return true
		}
	}
	return false
}

// runWith runs a simulator with a changed memory file, and puts the file back.
func runWith(t *testing.T, path string, change func(string) string, run []string) ([]byte, error) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if changed := change(string(text)); changed != "" {
		err = os.WriteFile(path, []byte(changed), 0o644)
	} else {
		err = os.Remove(path)
	}
	if err != nil {
		t.Fatal(err)
	}
	out, failure := inDir(filepath.Dir(path), run)
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return out, failure
}

func inDir(dir string, command []string) ([]byte, error) {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir = dir
	return cmd.CombinedOutput()
}
