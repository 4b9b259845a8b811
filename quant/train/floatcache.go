package train

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/data"
	"github.com/a2qgen/a2qgen/quant/nn"
)

// floatPart returns s with everything at its default that the float phase does not
// depend on. A new field of Spec belongs to the float phase until it is named here,
// which costs a sweep time but never a wrong network. Data and Start are compared
// by content, not by name.
func floatPart(s *Spec) Spec {
	f, d := *s, DefaultSpec()
	f.Layers = s.Layers.clone()
	f.Layers.dropQuantisers()
	f.Name, f.Data, f.Start, f.Super.Test = d.Name, d.Data, d.Start, d.Super.Test
	f.WeightBits, f.ActBits, f.ActScale = d.WeightBits, d.ActBits, d.ActScale
	f.FirstWeightBits, f.LastWeightBits = d.FirstWeightBits, d.LastWeightBits
	f.Method, f.Rule, f.AccBits, f.Regulariser = d.Method, d.Rule, d.AccBits, d.Regulariser
	f.DepthwiseMethod, f.ShrinkWeights = d.DepthwiseMethod, d.ShrinkWeights
	f.FirstAccBits, f.LastAccBits = d.FirstAccBits, d.LastAccBits
	f.Taps, f.FirstTaps, f.LastTaps = d.Taps, d.FirstTaps, d.LastTaps
	f.Distil, f.QAT = d.Distil, d.QAT
	return f
}

// dropQuantisers takes what layers say about their quantisers from them, and their
// names. l must not be shared with a spec that is used: see clone.
func (l Layers) dropQuantisers() {
	for i := range l {
		s := &l[i]
		s.Name, s.Method, s.WeightBits, s.ActBits, s.AccBits, s.Taps = "", "", 0, 0, 0, quant.Taps{}
		s.Body.dropQuantisers()
		s.Shortcut.dropQuantisers()
		for _, b := range s.Branches {
			b.dropQuantisers()
		}
	}
}

// findFloat sets the file of r's float phase in the cache, if there is one. Its
// name is a hash of the spec's float part, the numbers that the network starts
// from, the samples, and all that decides how floats are rounded: the program
// itself and, for OpenBLAS, the threads that it uses.
func (r *run) findFloat() error {
	if r.opts.FloatCache == "" || r.spec.Float.Epochs == 0 {
		return nil
	}
	program, err := programSum()
	if err != nil {
		return fmt.Errorf("train: float cache: %w", err)
	}
	spec := floatPart(r.spec)
	text, err := json.Marshal(&spec)
	if err != nil {
		return fmt.Errorf("train: float cache: %w", err)
	}
	h := sha256.New()
	fmt.Fprintf(h, "%d %s %x %x %s\n", checkpointVersion, text, r.train.sum(), program, blasBuild())
	for _, v := range r.net.state() {
		// The starting numbers stand for seed and Start alike.
		binary.Write(h, binary.LittleEndian, v) // a hash takes everything
	}
	r.floatFile = filepath.Join(r.opts.FloatCache, fmt.Sprintf("float-%x.ckpt", h.Sum(nil)[:12]))
	return nil
}

// loadFloat takes a float phase that the cache holds. No file is no error: the
// phase is then run.
func (r *run) loadFloat() error {
	if r.floatFile == "" {
		return nil
	}
	c, err := readCheckpoint(r.floatFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	// restore compares specs field by field, and the file is of a run with other
	// methods or widths.
	if c.Spec, err = json.Marshal(r.spec); err != nil {
		return fmt.Errorf("train: float cache: %w", err)
	}
	if err := r.restore(c); err != nil {
		return fmt.Errorf("train: float cache %s: %w", r.floatFile, err)
	}
	r.floatCached = true
	return nil
}

// saveFloat keeps a float phase that has just ended. Two runs that end the same
// phase at once write the same bytes, each to a temporary file of its own.
func (r *run) saveFloat() error {
	if r.floatFile == "" || r.phase != FloatPhase || r.epoch < r.spec.Float.Epochs {
		return nil
	}
	err := os.MkdirAll(r.opts.FloatCache, 0o755)
	if err == nil {
		err = r.save(r.floatFile)
	}
	if err != nil {
		return fmt.Errorf("train: float cache: %w", err)
	}
	return nil
}

// Fingerprint identifies what the result of a run depends on beside its spec: this
// program, how it rounds matrix products, and the samples of the sets at the spec's
// input_bits. A nil set counts as none. The sets' codes are compared, so another
// file with the same samples counts as the same.
func Fingerprint(spec *Spec, sets ...*data.Set) (string, error) {
	program, err := programSum()
	if err != nil {
		return "", fmt.Errorf("train: checksum of the program: %w", err)
	}
	h := sha256.New()
	fmt.Fprintf(h, "%x %s\n", program, blasBuild())
	for _, set := range sets {
		if set == nil {
			continue
		}
		set, err := spec.Samples(set)
		if err != nil {
			return "", err
		}
		t, err := newTable(set.Name, set, spec.inputCoding())
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%d %x\n", t.n, t.sum())
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:12]), nil
}

// programSum is the checksum of the running program. Another compiler may round a
// fused product otherwise, so equal sources are not enough.
var programSum = sync.OnceValues(func() ([]byte, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return nil, err
	}
	return h.Sum(nil), nil
})

// blasBuild names what besides the program decides the bits of a matrix
// product: nothing for gonum; for OpenBLAS, which picks its kernels by the
// processor and splits sums by thread, the machine's threads and the settings
// that change them.
func blasBuild() string {
	if !nn.OpenBLAS {
		return "gonum"
	}
	return fmt.Sprintf("openblas %d %q %q %q", runtime.NumCPU(),
		os.Getenv("OPENBLAS_NUM_THREADS"), os.Getenv("OMP_NUM_THREADS"), os.Getenv("OPENBLAS_CORETYPE"))
}
