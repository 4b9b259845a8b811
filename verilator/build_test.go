package verilator

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/internal/tooltest"
)

func TestCache(t *testing.T) {
	wantTools(t, Icarus)
	dir, cache := mutated(t, "rtl/skid.v", "TRAP", "TRAP"), t.TempDir()
	again := func(b Bench, want bool) {
		t.Helper()
		bin, err := Build(context.Background(), b, Icarus, false, cache)
		if err != nil {
			t.Fatal(err)
		}
		if bin.Cached != want {
			t.Errorf("cached: want %v, have %v", want, bin.Cached)
		}
	}
	b := skidBench(dir)
	again(b, false)
	again(b, true)
	again(skidBench("testdata/skid"), true) // the folder does not count, its contents do
	b.Hash = "other"
	again(b, false)
	again(skidBench(mutated(t, "rtl/skid.v", "8'hEE", "8'hED")), false)
	again(skidBench(mutated(t, "rtl/key.mem", "ff", "fe")), true) // read at run time
	left, err := fs.Glob(os.DirFS(cache), "build-*")
	if err != nil || len(left) != 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
}

// TestBuildTogether has several goroutines build one design in one cache.
func TestBuildTogether(t *testing.T) {
	wantTools(t, Icarus)
	cache, results := t.TempDir(), make(chan error)
	for range 4 {
		go func() {
			bin, err := Build(context.Background(), skidBench("testdata/skid"), Icarus, false, cache)
			if err == nil {
				_, err = bin.Run(context.Background(), onlyCycles(9), RunOptions{}, nil)
			}
			results <- err
		}()
	}
	for range 4 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

func TestBuildErrors(t *testing.T) {
	for _, sim := range simulators {
		t.Run(string(sim), func(t *testing.T) {
			wantTools(t, sim)
			_, err := Build(context.Background(), skidBench(mutated(t, "rtl/skid.v", "assign level", "asign level")),
				sim, false, cacheDir)
			if err == nil || !strings.Contains(err.Error(), "rtl/skid.v:") {
				t.Errorf("want the place of the syntax error, have %v", err)
			}
			if !errors.As(err, new(*BuildError)) {
				t.Errorf("error of type %T, want a BuildError", err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			_, err = Build(ctx, skidBench(mutated(t, "rtl/skid.v", "8'hEE", "8'hE0")), sim, false, cacheDir)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("want the context's error, have %v", err)
			}
		})
	}
}

func TestLint(t *testing.T) {
	tooltest.Need(t, "verilator")
	ctx := context.Background()
	if err := Lint(ctx, "testdata/skid/bench/bench.v", "testdata/skid/rtl/skid.v"); err != nil {
		t.Error(err)
	}
	if err := Lint(ctx, "testdata/skid/rtl/skid.v"); err != nil {
		t.Error(err)
	}
	bad := mutated(t, "rtl/skid.v", "[  1:0] level", "[  2:0] level")
	err := Lint(ctx, filepath.Join(bad, "rtl/skid.v"))
	if err == nil || !strings.Contains(err.Error(), "%Warning-WIDTH: ") {
		t.Errorf("want the width warning, have %v", err)
	}
}

func TestMissingTools(t *testing.T) {
	t.Setenv("PATH", "")
	for sim, want := range map[Simulator]string{
		Verilator: `verilator: "verilator" not found: apt-get install verilator`,
		Icarus:    `verilator: "iverilog" not found: apt-get install iverilog`,
		"vcs":     `verilator: simulator: want "verilator" or "icarus", have "vcs"`,
	} {
		_, err := Build(context.Background(), skidBench("testdata/skid"), sim, false, cacheDir)
		if err == nil || err.Error() != want {
			t.Errorf("want %s, have %v", want, err)
		}
	}
	var missing MissingTool
	if err := Lint(context.Background(), "x.v"); !errors.As(err, &missing) || missing.Tool != "verilator" {
		t.Errorf("lint: %v", err)
	}
}
