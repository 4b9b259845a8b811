package train

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
)

// floatFiles returns the files of a cache.
func floatFiles(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "float-*.ckpt"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestFloatCache: runs that differ in QAT only share a float phase and give
// the bytes of runs that trained it themselves.
func TestFloatCache(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "cache")
	for i, change := range []func(s *Spec){
		func(*Spec) {},
		func(s *Spec) { s.AccBits = 14 },
		func(s *Spec) { s.Method, s.ActBits, s.WeightBits = quant.A2Q, 3, 5 },
		func(s *Spec) { s.Method, s.FirstWeightBits, s.LastWeightBits = quant.Base, 6, 7 },
		func(s *Spec) { s.QAT.Epochs, s.QAT.LR, s.QAT.Optimiser = 3, 3e-4, SGD },
		func(s *Spec) { s.Name, s.Regulariser = "other", 0.1 },
		func(s *Spec) { s.Layers[1].WeightBits, s.Layers[1].AccBits, s.Layers[2].Name = 3, 12, "last" },
		func(s *Spec) { s.Method, s.FirstAccBits, s.ShrinkWeights = quant.Budget, 14, new(false) },
		func(s *Spec) { s.Distil.Weight, s.QAT.Average, s.QAT.ClipNorm = 0.5, 0.9, 1 },
	} {
		s := small()
		s.Validation = 0.2
		change(s)
		alone, want := mustRun(t, s, Options{})
		epochs := 0
		r, got := mustRun(t, s, Options{FloatCache: cache, Progress: func(e Event) {
			if e.Done && e.Phase == FloatPhase {
				epochs++
			}
		}})
		if !bytes.Equal(got, want) || r.FloatAccuracy != alone.FloatAccuracy || len(r.History) != len(alone.History) {
			t.Errorf("run %d: another network than without a cache", i)
		}
		if cached := i > 0; r.FloatCached != cached || cached != (epochs == 0) {
			t.Errorf("run %d: cached is %v after %d float epochs, want %v", i, r.FloatCached, epochs, cached)
		}
	}
	if n := len(floatFiles(t, cache)); n != 1 {
		t.Errorf("%d float phases in the cache, want 1", n)
	}
}

// TestFloatCacheMisses: whatever the float phase depends on makes another one.
func TestFloatCacheMisses(t *testing.T) {
	cache := t.TempDir()
	changes := []func(s *Spec){
		func(*Spec) {},
		func(s *Spec) { s.Seed = 2 },
		func(s *Spec) { s.Batch = 33 },
		func(s *Spec) { s.Validation = 0.3 },
		func(s *Spec) { s.InputBits = 7 },
		func(s *Spec) { s.Float.Epochs = 3 },
		func(s *Spec) { s.Float.LR = 2e-3 },
		func(s *Spec) { s.Float.Schedule = Step },
		func(s *Spec) { s.Float.Average = 0.9 },
		func(s *Spec) { s.Float.WeightDecay = 0.1 },
		func(s *Spec) { s.LabelSmoothing = 0.1 },
		func(s *Spec) { s.Float.Optimiser = SGD },
		func(s *Spec) { s.Float.Momentum = 0.5 },
		func(s *Spec) { s.Float.ClipNorm = 0.5 },
		func(s *Spec) { s.Float.WarmUp = 1 },
	}
	for i, change := range changes {
		s := small()
		change(s)
		if r, _ := mustRun(t, s, Options{FloatCache: cache}); r.FloatCached {
			t.Errorf("change %d was not noticed", i)
		}
	}
	if n := len(floatFiles(t, cache)); n != len(changes) {
		t.Errorf("%d float phases in the cache, want %d", n, len(changes))
	}
}

// TestFloatCacheAugment: augmentation of the float phase makes another one, that
// of QAT does not.
func TestFloatCacheAugment(t *testing.T) {
	cache := t.TempDir()
	for i, c := range []struct {
		change func(s *Spec)
		cached bool
	}{
		{func(*Spec) {}, false},
		{func(s *Spec) { s.QAT.Augment = Augment{Flip: true} }, true},
		{func(s *Spec) { s.Float.Augment = Augment{Flip: true} }, false},
	} {
		s := small()
		c.change(s)
		r, err := Run(t.Context(), s, images(321, 5, 4, 1), nil, Options{FloatCache: cache})
		if err != nil {
			t.Fatal(err)
		}
		if r.FloatCached != c.cached {
			t.Errorf("change %d: from the cache: %v, want %v", i, r.FloatCached, c.cached)
		}
	}
}

// TestFloatCacheResume: a run resumed in its QAT phase does not ask the cache.
func TestFloatCacheResume(t *testing.T) {
	out, cache := filepath.Join(t.TempDir(), "net.onnx"), t.TempDir()
	_, want := mustRun(t, small(), Options{Out: out, FloatCache: cache})
	for _, f := range floatFiles(t, cache) {
		if err := os.WriteFile(f, []byte("broken"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, got := mustRun(t, small(), Options{Out: out, FloatCache: cache, Resume: true}); !bytes.Equal(got, want) {
		t.Error("the resumed run gave another network")
	}
	_, err := Run(t.Context(), small(), smallSet(), nil, Options{FloatCache: cache})
	if err == nil || !strings.Contains(err.Error(), "not readable") {
		t.Errorf("broken cache: error %v, want one with %q", err, "not readable")
	}
}
