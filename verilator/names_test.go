package verilator

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// oddNames are names of folders that patterns, shells, make, flags and plusargs take
// for something else than a name.
var oddNames = []string{
	"a[b]c", "g*x", "what?", `back\slash`, "a blank", " ", "it's", `"quoted"`, "$HOME", "$(shell false)", "#hash",
	"-dash", "--help",
	"naïve-名", "new\nline", "tab\tbed", "semi;colon", "amper&sand", "colon:", "100%", "~", "`id`", "{a,b}",
	"+plus=", "@at", "a=b",
	strings.Repeat("long", 60), // 240 bytes of 255
}

// TestOddDesignFolder builds and runs a design in folders of every odd name, each
// beside a folder that the name would match as a pattern, with Verilog that compiles
// in no simulator.
func TestOddDesignFolder(t *testing.T) {
	for _, sim := range simulators {
		t.Run(string(sim), func(t *testing.T) {
			want := trace(t, build(t, skidBench("testdata/skid"), sim, false), onlyCycles(9), RunOptions{})
			parent := t.TempDir()
			for _, sibling := range []string{"gax", "gbx", "b", "c", "abc", "whatX"} {
				decoy := filepath.Join(parent, sibling, "rtl")
				if err := os.MkdirAll(decoy, 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(decoy, "skid.v"), []byte("not Verilog"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			for _, name := range oddNames {
				dir := filepath.Join(parent, name)
				if err := os.CopyFS(dir, os.DirFS("testdata/skid")); err != nil {
					t.Fatal(err)
				}
				bin := build(t, skidBench(dir), sim, false)
				if !bin.Cached { // the same sources in the same order, whatever the name
					t.Errorf("%q: built again", name)
				}
				got := trace(t, bin, onlyCycles(9), RunOptions{})
				if strings.Join(got, "\n") != strings.Join(want, "\n") {
					t.Errorf("%q: the trace is\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
			}
		})
	}
}

// TestOddCacheFolder builds below a cache folder of every odd name: as one path, since
// a build with Verilator takes seconds, and with Icarus each by itself.
func TestOddCacheFolder(t *testing.T) {
	check := func(t *testing.T, sim Simulator, cache, temp string) {
		t.Helper()
		if err := os.MkdirAll(temp, 0o755); err != nil {
			t.Fatal(err)
		}
		t.Setenv("TMPDIR", temp) // a run's own files lie there
		bin, err := Build(context.Background(), skidBench("testdata/skid"), sim, true, cache)
		if err != nil {
			t.Fatalf("%q: %v", cache, err)
		}
		if lines := trace(t, bin, onlyCycles(9), RunOptions{VCD: filepath.Join(temp, "waves.vcd")}); len(lines) != 9 {
			t.Errorf("%q: %d cycles", cache, len(lines))
		}
	}
	t.Run("icarus", func(t *testing.T) {
		wantTools(t, Icarus)
		for _, name := range oddNames {
			dir := t.TempDir()
			check(t, Icarus, filepath.Join(dir, "cache", name), filepath.Join(dir, "temp", name))
		}
	})
	t.Run("verilator", func(t *testing.T) {
		wantTools(t, Verilator)
		dir := t.TempDir()
		all := filepath.Join(append([]string{dir}, oddNames[:len(oddNames)-1]...)...) // PATH_MAX holds no more
		check(t, Verilator, all, all)
	})
}
