package emit_test

import (
	"bytes"
	"context"
	"flag"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/emit"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/internal/tooltest"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/quanttest"
	"github.com/a2qgen/a2qgen/templates"
	"github.com/a2qgen/a2qgen/verilator"
)

var update = flag.Bool("update", false, "rewrite testdata/golden from what is emitted now")

// goldens are six designs: the smallest there is, a usual one, one whose sizes share no factor,
// one with a layer of taps, one with a layer of adders of its own, and one with two outputs.
func goldens(t *testing.T) map[string]struct {
	n *quant.Network
	o hwgen.Options
} {
	return map[string]struct {
		n *quant.Network
		o hwgen.Options
	}{
		"minimal": {quanttest.Drawn(1, 1, 1), hwgen.Options{Unit: "dense"}},
		"typical": {quanttest.Drawn(2, 16, 8, 4), hwgen.Options{Folding: hwgen.Folding{"fc1": {PE: 2, SIMD: 4},
			"fc2": {PE: 1, SIMD: 4}}}},
		"primes": {quanttest.Drawn(3, 13, 7, 11, 3), hwgen.Options{Folding: hwgen.Folding{"fc1": {PE: 7, SIMD: 1},
			"fc2": {PE: 1, SIMD: 7}, "fc3": {PE: 3, SIMD: 11}}}},
		"taps": {quanttest.Drawn(2, 16, 8, 4), hwgen.Options{Folding: hwgen.Folding{
			"fc1": {Unit: "tap_unit", PE: 2, SIMD: 2, Lanes: 4}, "fc2": {Unit: "dense"}}}},
		"hardwired": {quanttest.Drawn(2, 6, 5, 4), hwgen.Options{Folding: hwgen.Folding{
			"fc1": {Unit: "hardwired"}, "fc2": {Unit: "dense"}}}},
		"outputs": {twoOutputs(t), hwgen.Options{Folding: hwgen.Folding{"fc1": {PE: 2, SIMD: 3},
			"fc2": {PE: 2, SIMD: 4}}}},
	}
}

// twoOutputs is a classifier whose hidden activations are an output too.
func twoOutputs(t *testing.T) *quant.Network {
	t.Helper()
	n := *quanttest.Drawn(5, 6, 4, 2)
	n.Outputs = []quant.Output{{Name: "logits", Layer: 1}, {Name: "/fc1/act:0", Layer: 0,
		Dequantize: func(_ int, v int64) float64 { return 0.25 * float64(v) }}}
	checked, err := quant.NewNetwork(n)
	if err != nil {
		t.Fatal(err)
	}
	return checked
}

func emitted(t *testing.T, n *quant.Network, o hwgen.Options) []emit.File {
	t.Helper()
	d, err := plan.Plan(n, o)
	if err != nil {
		t.Fatal(err)
	}
	files, err := emit.Files(d, []byte("network\n"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestGolden: what is emitted is what is committed, file by file, none missing and
// none too many. Library modules are in templates/ already and not repeated.
func TestGolden(t *testing.T) {
	for name, g := range goldens(t) {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join("testdata", "golden", name)
			want := map[string][]byte{}
			for _, f := range emitted(t, g.n, g.o) {
				if !isLibrary(f.Path) {
					want[f.Path] = f.Data
				}
			}
			if *update {
				rewrite(t, dir, want)
			}
			for path, data := range want {
				got, err := os.ReadFile(filepath.Join(dir, path))
				if err != nil || !bytes.Equal(got, data) {
					t.Errorf("%s differs from what is emitted (%v): go test ./hwgen/emit -run Golden -args -update",
						path, err)
				}
			}
			for _, path := range tree(t, dir) {
				if want[path] == nil {
					t.Errorf("%s is not emitted any more", path)
				}
			}
		})
	}
}

func isLibrary(path string) bool {
	for _, m := range templates.Modules() {
		if path == "rtl/"+m+".v" {
			return true
		}
	}
	return false
}

func rewrite(t *testing.T, dir string, files map[string][]byte) {
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for path, data := range files {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func tree(t *testing.T, dir string) []string {
	var paths []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			paths = append(paths, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// TestSameBytes: the same input gives the same files.
func TestSameBytes(t *testing.T) {
	g := goldens(t)["typical"]
	a, b := emitted(t, g.n, g.o), emitted(t, g.n, g.o)
	for i := range a {
		if a[i].Path != b[i].Path || !bytes.Equal(a[i].Data, b[i].Data) {
			t.Errorf("%s differs between two runs", a[i].Path)
		}
	}
}

// TestWriteDirLink: a link stays, and its target is replaced.
func TestWriteDirLink(t *testing.T) {
	files := []emit.File{{Path: "a", Data: []byte("x")}}
	dir := t.TempDir()
	link, to := filepath.Join(dir, "link"), filepath.Join(dir, "to")
	if err := os.Symlink(to, link); err != nil {
		t.Skip(err)
	}
	if err := emit.WriteDir(link, files); err == nil || !strings.Contains(err.Error(), "a link to nothing") {
		t.Errorf("dangling: got %v", err)
	}
	if err := os.Mkdir(to, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := emit.WriteDir(link, files); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Readlink(link); err != nil {
		t.Errorf("the link was replaced: %v", err)
	}
	if _, err := os.Stat(filepath.Join(to, "a")); err != nil {
		t.Error(err)
	}
}

// TestPlanAgain: planning with the manifest's options gives the manifest's design.
func TestPlanAgain(t *testing.T) {
	for name, g := range goldens(t) {
		dir := filepath.Join(t.TempDir(), name)
		if err := emit.WriteDir(dir, emitted(t, g.n, g.o)); err != nil {
			t.Fatal(err)
		}
		m, err := emit.ReadManifest(dir)
		if err != nil {
			t.Fatal(err)
		}
		d, err := plan.Plan(g.n, m.Plan())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := emit.Files(d, nil); err != nil {
			t.Fatal(err)
		}
		if d.Hash != m.Hash {
			t.Errorf("%s: hash %s, want %s", name, d.Hash, m.Hash)
		}
	}
}

// TestLint: what is emitted passes verilator -Wall, the bench with the design in it. The
// library's modules by themselves are linted in package templates.
func TestLint(t *testing.T) {
	tooltest.Need(t, "verilator")
	if testing.Short() {
		t.Skip("starts verilator for every file")
	}
	ctx := context.Background()
	cases := goldens(t)
	cases["shifted"] = struct {
		n *quant.Network
		o hwgen.Options
	}{quanttest.Shifted(), hwgen.Options{}}
	for seed := range uint64(12) {
		rng := rand.New(rand.NewPCG(seed, 11))
		n := quanttest.RandomNetwork(rng, quanttest.RandomSpec{})
		cases[string(rune('a'+seed))] = struct {
			n *quant.Network
			o hwgen.Options
		}{n, hwgen.Options{FPS: float64(int64(1) << (10 + seed))}}
	}
	for name, g := range cases {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "d")
			if err := emit.WriteDir(dir, emitted(t, g.n, g.o)); err != nil {
				t.Fatal(err)
			}
			top := filepath.Join(dir, "rtl", "accelerator.v")
			if err := verilator.Lint(ctx, top); err != nil {
				t.Error(err)
			}
			if err := verilator.Lint(ctx, filepath.Join(dir, "bench", "bench.v"), top); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestHouseRules: no line beyond 100 columns, no implicit nets, nothing left open.
func TestHouseRules(t *testing.T) {
	files := map[string][]byte{}
	for _, m := range templates.Modules() {
		files[m+".v"] = templates.Module(m)
	}
	for name, g := range goldens(t) {
		for _, f := range emitted(t, g.n, g.o) {
			if strings.HasSuffix(f.Path, ".v") {
				files[name+"/"+f.Path] = f.Data
			}
		}
	}
	for name, text := range files {
		for i, line := range strings.Split(string(text), "\n") {
			if len(line) > 100 {
				t.Errorf("%s:%d: %d columns, want at most 100", name, i+1, len(line))
			}
			if strings.Contains(line, "lint_off") {
				t.Errorf("%s:%d: a waiver", name, i+1)
			}
		}
		if !bytes.Contains(text, []byte("`default_nettype none\n")) ||
			!bytes.HasSuffix(text, []byte("`default_nettype wire\n")) {
			t.Errorf("%s: default_nettype is not none at the top and wire at the end", name)
		}
	}
}

// TestSlowestFold: however few frames are wanted, the fold is the smallest there is.
func TestSlowestFold(t *testing.T) {
	for _, fps := range []float64{1, 1e-9, 1e-20, 1e-300} {
		d, err := plan.Plan(quanttest.Drawn(2, 16, 8, 4), hwgen.Options{FPS: fps})
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range d.Layers {
			if l.Fold.PE != 1 || l.Fold.SIMD != 1 {
				t.Errorf("%g frames/s: layer %s has PE %d, SIMD %d, want 1, 1", fps, l.Layer.Name, l.Fold.PE,
					l.Fold.SIMD)
			}
		}
	}
}

// TestForeignDirectory: a directory that is not ours stays as it is.
func TestForeignDirectory(t *testing.T) {
	g := goldens(t)["minimal"]
	dir := t.TempDir()
	keep := filepath.Join(dir, "thesis.tex")
	if err := os.WriteFile(keep, []byte("years of work"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := emit.WriteDir(dir, emitted(t, g.n, g.o)); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("got %v", err)
	}
	if got := tree(t, dir); len(got) != 1 || got[0] != "thesis.tex" {
		t.Errorf("directory holds %v", got)
	}
}

// TestOwnFiles: a file that somebody put into a generated directory is not lost.
func TestOwnFiles(t *testing.T) {
	g := goldens(t)["minimal"]
	dir := filepath.Join(t.TempDir(), "design")
	files := emitted(t, g.n, g.o)
	for range 2 { // a design alone is replaced
		if err := emit.WriteDir(dir, files); err != nil {
			t.Fatal(err)
		}
	}
	keep := filepath.Join(dir, "rtl", "waves.vcd")
	if err := os.WriteFile(keep, []byte("$date"), 0o644); err != nil {
		t.Fatal(err)
	}
	err := emit.WriteDir(dir, files)
	if err == nil || !strings.Contains(err.Error(), filepath.Join("rtl", "waves.vcd")) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(keep); err != nil {
		t.Error(err)
	}
}

// TestBadPlans: what cannot be built names the layer, what was wanted and what was had.
func TestBadPlans(t *testing.T) {
	n := quanttest.Drawn(2, 16, 8, 4)
	for _, c := range []struct {
		name string
		o    hwgen.Options
		want string
	}{
		{"PE", hwgen.Options{Folding: hwgen.Folding{"fc1": {PE: 3, SIMD: 4}}},
			`layer "fc1": PE is 3, want a divisor of its 8 outputs`},
		{"SIMD", hwgen.Options{Folding: hwgen.Folding{"fc2": {PE: 1, SIMD: 5}}}, `layer "fc2": SIMD is 5`},
		{"unknown layer", hwgen.Options{Folding: hwgen.Folding{"fc9": {PE: 1, SIMD: 1}}}, `no layer "fc9"`},
		{"P", hwgen.Options{AccBits: 4}, `layer "fc1"`},
		{"clock", hwgen.Options{ClockMHz: -1}, "clock is -1 MHz"},
		{"fps", hwgen.Options{FPS: 1e12}, "fps is 1e+12"},
		{"top", hwgen.Options{Name: "1st"}, `"1st" is no Verilog name`},
	} {
		_, err := plan.Plan(n, c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

func TestBadFoldings(t *testing.T) {
	for text, want := range map[string]string{
		"fc1: {pe: 1, channels: 2}":                "field fc1.channels not found",
		"fc1: {pe: 1.5}":                           "pe is 1.5, want a whole number",
		"fc1: {simd: four}":                        "simd is four, want a whole number",
		"fc1: {pe: 99999999999999999999}":          "want a whole number",
		"fc1: 4":                                   "want lines such as",
		"fc1: {pe: 1, pe: 2}":                      "pe",
		"fc1: {pe: 1}\n---\nfc2: {pe: 2, simd: 1}": "more than one document",
	} {
		if _, err := hwgen.ParseFolding([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
	for text, want := range map[string]int{"": 0, "# nothing": 0, "fc1: {pe: 2, simd: 4, acc: 9, fifo: 3}": 1} {
		if f, err := hwgen.ParseFolding([]byte(text)); err != nil || len(f) != want {
			t.Errorf("%q: got %v, %v", text, f, err)
		}
	}
}

// FuzzParseFolding: no panic, and what parses is planned or refused.
func FuzzParseFolding(f *testing.F) {
	f.Add([]byte("fc1: {pe: 2, simd: 4}\nfc2: {pe: 1, simd: 4, acc: 14, fifo: 16}\n"))
	f.Add([]byte("fc1: {acc: 64}"))
	f.Add([]byte("fc1: &a {pe: 1, simd: 1}\nfc2: *a\n"))
	f.Add([]byte("fc1: {pe: -9223372036854775808, fifo: -1}"))
	f.Add([]byte("fc1: {pe: 1, lanes: 2}"))
	f.Add([]byte("{"))
	n := quanttest.Drawn(2, 16, 8, 4)
	f.Fuzz(func(t *testing.T, data []byte) {
		folding, err := hwgen.ParseFolding(data)
		if err != nil {
			return
		}
		d, err := plan.Plan(n, hwgen.Options{Folding: folding})
		if (d == nil) == (err == nil) {
			t.Errorf("design %v and error %v", d, err)
		}
	})
}
