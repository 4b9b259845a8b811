package train

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/data"
)

// small is a spec that trains in milliseconds; its batches do not divide the
// samples and leave a last batch of 1.
func small() *Spec {
	s := DefaultSpec()
	s.Layers, s.Batch, s.AccBits = Linears(12, 10, 8), 32, 10
	s.Float.Epochs, s.QAT.Epochs = 2, 2
	return s
}

// rich is small with everything on that a run remembers from step to step.
func rich() *Spec {
	s := small()
	s.Validation, s.LabelSmoothing, s.Distil = 0.2, 0.1, Distil{Weight: 0.4, Temperature: 3}
	s.ShrinkWeights, s.Layers[1].Relu = new(false), new(false)
	for _, p := range []*Phase{&s.Float, &s.QAT} {
		p.Average, p.WeightDecay, p.ClipNorm, p.WarmUp, p.Schedule = 0.95, 0.01, 0.5, 1, CosineStep
	}
	return s
}

func smallSet() *data.Set { return blobs(321, 20, 4, 1) }

// mustRun trains and returns the file written.
func mustRun(t *testing.T, s *Spec, opts Options) (*Result, []byte) {
	t.Helper()
	if opts.Out == "" {
		opts.Out = filepath.Join(t.TempDir(), "net.onnx")
	}
	r, err := Run(context.Background(), s, smallSet(), blobs(200, 20, 4, 2), opts)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(opts.Out)
	if err != nil {
		t.Fatal(err)
	}
	return r, file
}

func TestLearns(t *testing.T) {
	for _, method := range []quant.Method{quant.Base, quant.A2Q, quant.A2QPlus} {
		for _, optimiser := range []string{Adam, SGD} {
			s := small()
			s.Method = method
			s.Float.Epochs, s.QAT.Epochs = 6, 6
			for _, p := range []*Phase{&s.Float, &s.QAT} {
				p.Optimiser, p.LR = optimiser, 0.01
			}
			r, _ := mustRun(t, s, Options{})
			if r.FloatAccuracy < 0.95 || r.QATAccuracy < 0.9 {
				t.Errorf("%s, %s: accuracy %.3f float, %.3f quantised, want 0.95 and 0.9",
					method, optimiser, r.FloatAccuracy, r.QATAccuracy)
			}
		}
	}
}

func TestHistoryAndProgress(t *testing.T) {
	s := small()
	s.Validation = 0.25
	steps, done := 0, 0
	r, _ := mustRun(t, s, Options{Progress: func(e Event) {
		if e.Done {
			done++
		} else {
			steps++
		}
	}})
	// 321 samples: 80 held out, 241 to train on, 7 batches of 32 and one of 17.
	if done != 4 || steps != 4*8 || len(r.History) != 4 {
		t.Fatalf("%d epochs, %d steps, history of %d, want 4, 32, 4", done, steps, len(r.History))
	}
	for i, e := range r.History {
		if e.Steps != 8 || e.Step != 8 || e.Epochs != 2 || e.Epoch != i%2+1 ||
			e.Validation == 0 || e.SamplesPerSecond <= 0 {
			t.Errorf("history %d: %+v", i, e)
		}
	}
	if r.History[1].Phase != FloatPhase || r.History[2].Phase != QATPhase {
		t.Error("phases are not float, float, qat, qat")
	}
}

func TestDeterministic(t *testing.T) {
	_, a := mustRun(t, small(), Options{})
	_, b := mustRun(t, small(), Options{})
	if !bytes.Equal(a, b) {
		t.Error("two runs of one spec gave different files")
	}
	s := small()
	s.Seed = 2
	if _, c := mustRun(t, s, Options{}); bytes.Equal(a, c) {
		t.Error("another seed gave the same file")
	}
}

// TestTestSetDecidesNothing: with another test set, or none, the network is the
// same to the byte.
func TestTestSetDecidesNothing(t *testing.T) {
	var first []byte
	for i, test := range []*data.Set{blobs(200, 20, 4, 2), nil, blobs(77, 20, 4, 3)} {
		out := filepath.Join(t.TempDir(), "net.onnx")
		if _, err := Run(t.Context(), rich(), smallSet(), test, Options{Out: out}); err != nil {
			t.Fatal(err)
		}
		file, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = file
		} else if !bytes.Equal(file, first) {
			t.Errorf("test set %d gave another network", i)
		}
	}
}

// TestTops: activations are calibrated on the part of their values that the
// constant says, of the largest tensor that shares a quantiser.
func TestTops(t *testing.T) {
	r, err := newRun(small(), smallSet(), nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := r.net.tops(r.train)
	for i, node := range r.net.nodes[:len(got)] {
		var values []float64
		for at := range r.train.n {
			r.train.gatherRange(at, at+1, r.net.x)
			r.net.evaluate(1)
			for _, v := range node.out.v[:node.step.out.Size()] {
				values = append(values, math.Abs(float64(v)))
			}
		}
		above := 0
		for _, v := range values {
			if v > float64(got[i]) {
				above++
			}
		}
		if part := float64(above) / float64(len(values)); part > 0.001 || part < 0.0003 {
			t.Errorf("layer %q: %.4f of the values lie above %g, want 0.001", node.Name, part, got[i])
		}
	}
}

// TestResume stops at several steps, on and off the ends of epochs and of the
// float phase, and wants the bytes of the run that nobody stopped. 321 samples
// make 10 steps per epoch, 257 make 8 and a lone sample; 4 epochs.
func TestResume(t *testing.T) {
	for name, c := range map[string]struct {
		spec  *Spec
		stops []int
	}{
		"plain": {small(), []int{10, 13, 20, 27, 30, 39}},
		"rich":  {rich(), []int{8, 11, 16, 22, 24, 31}},
		"taps":  {tapped(), []int{27, 30}},
		"dq":    {direct(), []int{16, 22, 31}},
	} {
		t.Run(name, func(t *testing.T) {
			whole, want := mustRun(t, c.spec, Options{})
			for _, stop := range c.stops {
				out := stopAt(t, c.spec, stop)
				r, got := mustRun(t, c.spec, Options{Out: out, Resume: true})
				if !bytes.Equal(got, want) {
					t.Errorf("resumed after step %d: file differs from the uninterrupted run's", stop)
				}
				if len(r.History) != 4 || r.QATAccuracy != whole.QATAccuracy {
					t.Errorf("resumed after step %d: %d epochs of history, accuracy %g, want 4 and %g",
						stop, len(r.History), r.QATAccuracy, whole.QATAccuracy)
				}
			}
		})
	}
}

// stopAt trains, stops after a step and returns the path of the network that
// was not written.
func stopAt(t *testing.T, s *Spec, stop int) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "net.onnx")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	steps := 0
	_, err := Run(ctx, s, smallSet(), nil, Options{Out: out, Progress: func(e Event) {
		if !e.Done {
			steps++
		}
		if steps == stop {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("stop at step %d: error %v, want context.Canceled", stop, err)
	}
	if steps != stop {
		t.Errorf("stopped after step %d, want %d", steps, stop)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a stopped run wrote its network")
	}
	return out
}

// TestFeaturesMatter: each setting that TestResume turns on changes the result.
func TestFeaturesMatter(t *testing.T) {
	_, plain := mustRun(t, small(), Options{})
	for name, set := range map[string]func(s *Spec){
		"label_smoothing": func(s *Spec) { s.LabelSmoothing = 0.1 },
		"distil":          func(s *Spec) { s.Distil.Weight = 0.5 },
		"average":         func(s *Spec) { s.QAT.Average = 0.9 },
		"weight_decay":    func(s *Spec) { s.QAT.WeightDecay = 0.1 },
		"clip_norm":       func(s *Spec) { s.QAT.ClipNorm = 0.01 },
		"warm_up":         func(s *Spec) { s.QAT.WarmUp = 1 },
		"schedule":        func(s *Spec) { s.QAT.Schedule = CosineStep },
	} {
		s := small()
		set(s)
		if _, got := mustRun(t, s, Options{}); bytes.Equal(got, plain) {
			t.Errorf("%s changed nothing", name)
		}
	}
}

func TestResumeWhenDone(t *testing.T) {
	out := filepath.Join(t.TempDir(), "net.onnx")
	_, a := mustRun(t, small(), Options{Out: out})
	_, b := mustRun(t, small(), Options{Out: out, Resume: true,
		Progress: func(e Event) { t.Errorf("trained: %+v", e) }})
	if !bytes.Equal(a, b) {
		t.Error("resuming a finished run changed its file")
	}
}

func TestResumeRefuses(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "net.onnx.ckpt")
	mustRun(t, small(), Options{Checkpoint: path})
	tapsPath, retapped := filepath.Join(dir, "taps.ckpt"), tapped()
	mustRun(t, tapped(), Options{Checkpoint: tapsPath})
	retapped.FirstTaps.Cap = 1
	junk := filepath.Join(dir, "junk.ckpt")
	if err := os.WriteFile(junk, []byte("not a checkpoint"), 0o644); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(dir, "cut.ckpt")
	if err := os.WriteFile(cut, whole[:len(whole)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	flipped := filepath.Join(dir, "flipped.ckpt")
	damaged := slices.Clone(whole)
	damaged[len(damaged)/2] ^= 1
	if err := os.WriteFile(flipped, damaged, 0o644); err != nil {
		t.Fatal(err)
	}
	other := small()
	other.AccBits = 11
	slower := small()
	slower.QAT.LR = 1e-4
	wider := small()
	wider.Layers[1].Out = 11
	relabelled := smallSet()
	relabelled.Labels[5] ^= 1
	for _, c := range []struct {
		path string
		spec *Spec
		set  *data.Set
		want string
	}{
		{path, wider, smallSet(), "layers was [12,10,8], is now [12,11,8]"},
		{path, other, smallSet(), "acc_bits was 10, is now 11"},
		{path, slower, smallSet(), "qat was"},
		{tapsPath, retapped, smallSet(), `first_taps was {"cap":2,"lanes":4}, is now {"cap":1,"lanes":4}`},
		{path, small(), blobs(321, 20, 4, 7), "other data"},
		{path, small(), relabelled, "other data"},
		{junk, small(), smallSet(), "not readable"},
		{cut, small(), smallSet(), "not readable"},
		{flipped, small(), smallSet(), "not readable: damaged"},
		{filepath.Join(dir, "none"), small(), smallSet(), "no checkpoint to resume from"},
		{"", small(), smallSet(), "needs a checkpoint path"},
	} {
		_, err := Run(context.Background(), c.spec, c.set, nil, Options{Checkpoint: c.path, Resume: true})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want one with %q", err, c.want)
		}
	}
}

// TestDiverges breaks a weight in the second epoch: the run ends with the step
// and the first epoch's checkpoint stays.
func TestDiverges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	r, err := newRun(small(), smallSet(), nil, Options{Checkpoint: path})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	if err := errors.Join(r.trainEpoch(ctx), r.endEpoch()); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r.opts.Progress = func(e Event) {
		if e.Step == 3 {
			r.net.nodes[1].w.parameters().w.v[0] = float32(math.NaN())
		}
	}
	err = r.trainEpoch(ctx)
	if !errors.Is(err, ErrDiverged) || !strings.Contains(err.Error(), "float epoch 2, step 4") {
		t.Errorf("error %v, want ErrDiverged at float epoch 2, step 4", err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("checkpoint changed: %v", err)
	}
}

// TestDivergesAtTheEnd: weights that the last step broke are not saved.
func TestDivergesAtTheEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	r, err := newRun(small(), smallSet(), nil, Options{Checkpoint: path})
	if err != nil {
		t.Fatal(err)
	}
	r.net.nodes[0].norm.mean[0] = float32(math.Inf(1))
	if err := r.endEpoch(); !errors.Is(err, ErrDiverged) {
		t.Errorf("error %v, want ErrDiverged", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("broken weights were saved")
	}
}

func TestRunRefuses(t *testing.T) {
	bad := small()
	bad.Batch = 0
	empty := smallSet()
	empty.Labels, empty.Bytes = nil, nil
	one := smallSet()
	one.Classes = 1
	loud := &data.Set{Shape: []int{1}, Floats: []float32{0, 2}, Labels: []uint8{0, 1}, Classes: 2, Scale: 1}
	for _, c := range []struct {
		spec        *Spec
		train, test *data.Set
		want        string
	}{
		{bad, smallSet(), nil, "batch is 0"},
		{small(), nil, nil, "no training set"},
		{small(), empty, nil, "training set is empty"},
		{small(), one, nil, "1 classes, want at least 2"},
		{small(), smallSet(), blobs(10, 21, 4, 1), "21 elements, the network wants 20"},
		{small(), smallSet(), blobs(90, 20, 5, 1), "want labels below 4"},
		{small(), loud, nil, "sample 1: value 0 is 2, want 0..1: only unsigned bytes are divided by 255, " +
			"and these are no bytes; input_range: [0, 2]"},
		{small(), smallSet().Slice(0, 1), nil, "1 training samples"},
	} {
		_, err := Run(context.Background(), c.spec, c.train, c.test, Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want one with %q", err, c.want)
		}
	}
	_, err := Run(context.Background(), small(), smallSet(), nil,
		Options{Out: filepath.Join(t.TempDir(), "none", "net.onnx")})
	if err == nil {
		t.Error("no error for a folder that is missing")
	}
}

// TestTableOfFloats: bytes and the same values as floats give the same codes.
func TestTableOfFloats(t *testing.T) {
	set := smallSet()
	floats := &data.Set{Shape: set.Shape, Labels: set.Labels, Classes: set.Classes, Scale: 1}
	row := make([]float32, set.Size())
	for i := range set.Len() {
		set.Sample(i, row)
		floats.Floats = append(floats.Floats, row...)
	}
	a, err := newTable("a", set, unitCoding(8))
	if err != nil {
		t.Fatal(err)
	}
	b, err := newTable("b", floats, unitCoding(8))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.codes, b.codes) || a.sum() != b.sum() {
		t.Error("codes of bytes and of floats differ")
	}
	c, err := newTable("c", set, unitCoding(2))
	if err != nil {
		t.Fatal(err)
	}
	for i, code := range c.codes {
		if want := uint8(math.RoundToEven(float64(set.Bytes[i]) / 85)); code != want {
			t.Fatalf("2 bits: code of byte %d is %d, want %d", set.Bytes[i], code, want)
		}
	}
}

// TestStepAllocates nothing (products too small for gonum to spread over
// goroutines, which would allocate a few kilobytes per step).
func TestStepAllocates(t *testing.T) {
	for _, c := range []struct {
		spec *Spec
		set  *data.Set
	}{{small(), smallSet()}, {rich(), smallSet()}, {augmented(), images(321, 5, 4, 1)}, {coder(), smallSet()}} {
		r, err := newRun(c.spec, c.set, nil, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, phase := range []string{FloatPhase, QATPhase} {
			if phase == QATPhase {
				r.epoch = r.spec.Float.Epochs
				if err := r.turn(); err != nil {
					t.Fatal(err)
				}
			}
			r.shuffle()
			if n := testing.AllocsPerRun(10, func() { r.step(r.order[:32], 1e-3) }); n != 0 {
				t.Errorf("%s: %v allocations per step, want 0", phase, n)
			}
		}
	}
}
