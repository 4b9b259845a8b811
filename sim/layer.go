package sim

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/emit"
)

// LayerResult is what a layer did when it stood alone.
type LayerResult struct {
	Layer string `json:"layer"`
	Coverage
	BeatsCompared int64 `json:"beats_compared"`
	Mismatches    int64 `json:"mismatches"`
	// First and Mismatch describe the first difference as those of Result do; its frames are
	// the vectors.
	First    string    `json:"first_mismatch,omitempty"`
	Mismatch *Mismatch `json:"mismatch,omitempty"`
}

// CheckLayers simulates each layer of d alone, as the directory has it, and compares it
// with the model. What a layer reads in the whole design comes through those before it
// and reaches few of its values; alone it is driven to the certified extremes of every
// channel and to both sides of every threshold that some input reaches.
//
// The modules and memories are the directory's, and so are module and parameters of each
// block, from its top module; only what connects them is new. A mismatch is a result, a
// check that stops a simulation an error that wraps the verilator.CheckError.
func CheckLayers(ctx context.Context, d *hwgen.Design, dir string, o Options) ([]LayerResult, error) {
	results := make([]LayerResult, len(d.Layers))
	group, ctx := errgroup.WithContext(ctx)
	// Verilator's compiler takes a core each; more at once would only take more memory.
	group.SetLimit(runtime.NumCPU())
	for i := range d.Layers {
		group.Go(func() error {
			var err error
			results[i], err = CheckLayer(ctx, d, i, dir, o)
			return err
		})
	}
	return results, group.Wait()
}

// CheckLayer is CheckLayers for layer i.
func CheckLayer(ctx context.Context, d *hwgen.Design, i int, dir string, o Options) (LayerResult, error) {
	out, err := checkLayer(ctx, d, i, dir, o)
	if err != nil {
		err = fmt.Errorf("sim: layer %q alone: %w", out.Layer, err)
	}
	return out, err
}

func checkLayer(ctx context.Context, d *hwgen.Design, i int, dir string, o Options) (LayerResult, error) {
	// The name first: an error is reported with it too.
	out := LayerResult{Layer: d.Layers[i].Layer.Name}
	alone, err := layerDesign(d, i)
	if errors.Is(err, errWide) {
		return out, nil // no vectors: the report says so
	}
	if err != nil {
		return out, err
	}
	bench, err := layerDirectory(alone, dir)
	if err != nil {
		return out, err
	}
	// The compiled bench is in the cache by now, its memories were read during the run.
	defer os.RemoveAll(bench)
	// The interval alone bounds the vectors, so that a slow fold is not driven for minutes.
	var vectors [][]int32
	vectors, out.Coverage = probeVectors(alone.Network, alone.IntervalCycles(), o.Seed)
	// No pauses: handshakes are what the frames through the whole design are for. A layer
	// without them takes NF*SF cycles per vector, so that more vectors fit in the time.
	r, err := CrossCheck(ctx, alone, bench, vectors, Options{Simulator: o.Simulator, Seed: o.Seed,
		CacheDir: o.CacheDir, FirstOnly: o.FirstOnly})
	if err != nil {
		return out, err
	}
	out.BeatsCompared, out.Mismatches = r.BeatsCompared, r.Mismatches
	out.First, out.Mismatch = r.First, r.Mismatch
	return out, nil
}

// layerDirectory makes a temporary directory with the bench of a layer alone: the files of
// dir, but for the top module and the bench, which are the layer's own with the heads of
// the instances from dir's top module.
func layerDirectory(alone *hwgen.Design, dir string) (string, error) {
	top, bench, err := layerTexts(alone, dir)
	if err != nil {
		return "", err
	}
	// A directory of its own: the user's is never written to by a simulation.
	tmp, err := os.MkdirTemp("", "a2qgen-layer-")
	if err != nil {
		return "", err
	}
	// Links, not copies: weights may be large. The top is left out, since the bench's own
	// takes its name.
	err = errors.Join(linkFiles(filepath.Join(dir, "rtl"), filepath.Join(tmp, "rtl"), alone.Name+".v"),
		os.Mkdir(filepath.Join(tmp, "bench"), 0o755))
	if err == nil {
		err = errors.Join(os.WriteFile(filepath.Join(tmp, "rtl", alone.Name+".v"), []byte(top), 0o644),
			os.WriteFile(filepath.Join(tmp, "bench", "bench.v"), bench, 0o644))
	}
	if err != nil {
		os.RemoveAll(tmp)
	}
	return tmp, err
}

// layerTexts returns the top module and the bench of a layer alone.
func layerTexts(alone *hwgen.Design, dir string) (top string, bench []byte, err error) {
	path := filepath.Join(dir, "rtl", alone.Name+".v")
	edited, err := os.ReadFile(path)
	if err != nil {
		return "", nil, err
	}
	// The same templates as for the whole design, so that the bench reads and writes alike.
	files, err := emit.Files(alone, nil)
	if err != nil {
		return "", nil, err
	}
	for _, f := range files {
		switch f.Path {
		case "rtl/" + alone.Name + ".v":
			top = string(f.Data)
		case "bench/bench.v":
			bench = f.Data
		}
	}
	// Whoever edits a width edits it in the top, so the heads must be the user's. What connects
	// the blocks is new, and the block of a name is found by that name alone.
	for _, b := range alone.Nodes {
		if top, err = replaceHead(top, string(edited), "u_"+b.Name()); err != nil {
			return "", nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return top, bench, nil
}

// linkFiles makes a folder of links to the files of another, but for one name.
func linkFiles(from, to, but string) error {
	// A link is read from where it lies: a relative target would be looked for there.
	from, err := filepath.Abs(from)
	if err != nil {
		return err
	}
	// What is there, not what the manifest lists: a file that was added belongs to the edit.
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	if err := os.Mkdir(to, 0o755); err != nil {
		return err
	}
	for _, e := range entries {
		// Editors' backup files and tools' folders are no part of the design.
		if e.Name() == but || e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if err := os.Symlink(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil {
			return err
		}
	}
	return nil
}
