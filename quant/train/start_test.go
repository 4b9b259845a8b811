package train

import (
	"bytes"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
	"github.com/a2qgen/a2qgen/quant/qonnx"
)

// floatModel draws a network 20-12-10-8-4 as small has it; norms says which of
// its hidden layers have batch norm, and all have biases.
func floatModel(rng *rand.Rand, norms [3]bool) *nn.Model {
	m := &nn.Model{Name: "given", InputShape: []int{20}}
	in := 20
	for i, out := range []int{12, 10, 8, 4} {
		l := nn.Layer{Name: "g" + string(rune('1'+i)), Kind: quant.Linear, In: in, Out: out,
			Weights: randoms(rng, in*out), Bias: randoms(rng, out), Relu: i < 3}
		if i < 3 && norms[i] {
			l.BatchNorm = &nn.BatchNorm{Gamma: randoms(rng, out), Beta: randoms(rng, out), Mean: randoms(rng, out),
				Var: make([]float32, out), Epsilon: 1e-3}
			for c := range l.BatchNorm.Var {
				l.BatchNorm.Var[c] = rng.Float32() + 0.1
			}
		}
		m.Layers = append(m.Layers, l)
		in = out
	}
	return m
}

// infer computes a chain of linear layers by their definition, in float64.
func infer(m *nn.Model, x []float64) []float64 {
	for _, l := range m.Layers {
		y := make([]float64, l.Out)
		for c := range y {
			for i, v := range x {
				y[c] += float64(l.Weights[c*l.In+i]) * v
			}
			y[c] += float64(l.Bias[c])
			if b := l.BatchNorm; b != nil {
				y[c] = (y[c]-float64(b.Mean[c]))/math.Sqrt(float64(b.Var[c])+float64(b.Epsilon))*float64(b.Gamma[c]) +
					float64(b.Beta[c])
			}
			if l.Relu {
				y[c] = max(y[c], 0)
			}
		}
		x = y
	}
	return x
}

// TestStartFrom: a network that starts from a model computes what the model
// does, with batch norm in all, some or no layers, and in the last as well.
func TestStartFrom(t *testing.T) {
	for _, norms := range [][3]bool{{true, true, true}, {false, true, false}, {}} {
		rng := rand.New(rand.NewPCG(8, 1))
		m := floatModel(rng, norms)
		m.Layers[3].BatchNorm = &nn.BatchNorm{Gamma: randoms(rng, 4), Beta: randoms(rng, 4), Mean: randoms(rng, 4),
			Var: []float32{1, 2, 0.5, 0}, Epsilon: 1e-2}
		r, err := newRun(small(), smallSet(), nil, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.startFrom(m); err != nil {
			t.Fatal(err)
		}
		r.net.prepare()
		rows := r.train.gatherRange(0, 32, r.net.x)
		got := append([]float32(nil), r.net.evaluate(rows)...)
		for i := range rows {
			x := make([]float64, 20)
			for k := range x {
				x[k] = float64(r.net.x[i*20+k])
			}
			for c, want := range infer(m, x) {
				if v := float64(got[i*4+c]); math.Abs(v-want) > 1e-4*(1+math.Abs(want)) {
					t.Fatalf("batch norms %v: sample %d, output %d is %g, want %g", norms, i, c, v, want)
				}
			}
		}
		if norms == [3]bool{} {
			startsTraining(t, r, got)
		}
	}
}

// startsTraining: with the whole calibration as one batch, training's first
// forward pass gives about what evaluation gave, although it normalises.
func startsTraining(t *testing.T, r *run, want []float32) {
	t.Helper()
	s := small()
	s.Batch = 321
	whole, err := newRun(s, smallSet(), nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !fill(whole.net.state(), r.net.state()) {
		t.Fatal("states differ in size")
	}
	rows := whole.train.gatherRange(0, 321, whole.net.x)
	got := whole.net.forward(rows, 0)
	for i, v := range want {
		if d := math.Abs(float64(got[i] - v)); d > 1e-2*(1+math.Abs(float64(v))) {
			t.Fatalf("output %d in training is %g, in evaluation %g", i, got[i], v)
		}
	}
}

// TestStartWithoutFloat: with no float epochs QAT starts from the model, and the
// float accuracy is the model's; a start is part of what the float cache knows.
func TestStartWithoutFloat(t *testing.T) {
	trained, _ := mustRun(t, small(), Options{})
	m := trained.Model()
	s := small()
	s.Float.Epochs = 0
	r, _ := mustRun(t, s, Options{Start: m})
	if r.FloatAccuracy < 0.5 || r.QATAccuracy < 0.5 {
		t.Errorf("accuracy %.2f float, %.2f quantised, from a trained network", r.FloatAccuracy, r.QATAccuracy)
	}
	cache := t.TempDir()
	mustRun(t, small(), Options{FloatCache: cache})
	if r, _ := mustRun(t, small(), Options{FloatCache: cache, Start: m}); r.FloatCached {
		t.Error("another start took the float phase from the cache")
	}
	if r, _ := mustRun(t, small(), Options{FloatCache: cache, Start: m}); !r.FloatCached {
		t.Error("the same start did not")
	}
}

func TestStartRefuses(t *testing.T) {
	for want, change := range map[string]func(m *nn.Model){
		`network "given" has 3 layers with weights, the spec has 4`: func(m *nn.Model) { m.Layers = m.Layers[:3] },
		`layer "g2" of network "given" does not fit layers[1].linear, layer "fc2": ` +
			`its weights are 9 x 12, want 10 x 12`: func(m *nn.Model) {
			r := rand.New(rand.NewPCG(8, 2))
			for i, size := range [][2]int{1: {12, 9}, 2: {9, 8}} {
				if l := &m.Layers[i]; i > 0 {
					l.In, l.Out, l.Weights = size[0], size[1], randoms(r, size[0]*size[1])
					l.Bias, l.BatchNorm = l.Bias[:size[1]], nil
				}
			}
		},
		"it is a conv, want a linear": func(m *nn.Model) {
			m.InputShape, m.Layers[0].Kind, m.Layers[0].Window = []int{20, 1, 1}, quant.Conv, quant.Window{H: 1, W: 1}
		},
		`layer "g3": has 3 biases, want 8`: func(m *nn.Model) { m.Layers[2].Bias = m.Layers[2].Bias[:3] },
		`layer "g1": has 1 batch-norm means, want 12`: func(m *nn.Model) {
			m.Layers[0].BatchNorm.Mean = []float32{1}
		},
		`layer "g4": channel 0: weight 3 is NaN`: func(m *nn.Model) {
			m.Layers[3].Weights[3] = float32(math.NaN())
		},
		`layer "g2": channel 0: batch-norm variance is -1`: func(m *nn.Model) { m.Layers[1].BatchNorm.Var[0] = -1 },
		"batch-norm epsilon is -0.5, want at least 0":      func(m *nn.Model) { m.Layers[1].BatchNorm.Epsilon = -0.5 },
	} {
		m := floatModel(rand.New(rand.NewPCG(8, 1)), [3]bool{true, true, true})
		change(m)
		r, err := newRun(small(), smallSet(), nil, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.startFrom(m); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// TestStartFromFile: the spec names the file; a network that was trained here
// starts another one with its own float weights.
func TestStartFromFile(t *testing.T) {
	first, _ := mustRun(t, small(), Options{})
	path := filepath.Join(t.TempDir(), "first.onnx")
	if err := qonnx.Write(path, first.Model()); err != nil {
		t.Fatal(err)
	}
	s := small()
	s.Float.Epochs, s.Start, s.Distil.Weight = 0, path, 0.5
	byFile, a := mustRun(t, s, Options{})
	if byFile.FloatAccuracy < 0.5 {
		t.Errorf("accuracy %.2f before QAT", byFile.FloatAccuracy)
	}
	model, err := qonnx.ReadModel(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, b := mustRun(t, s, Options{Start: model}); !bytes.Equal(a, b) {
		t.Error("the file and its model give other networks")
	}
	s.Start = filepath.Join(t.TempDir(), "absent.onnx")
	if _, err := Run(t.Context(), s, smallSet(), nil, Options{}); err == nil ||
		!strings.Contains(err.Error(), "absent.onnx") {
		t.Errorf("error %v, want one of absent.onnx", err)
	}
}

// TestStartConvolution: weights of a convolution keep their places: exported,
// read back and started from, a network computes what it did.
func TestStartConvolution(t *testing.T) {
	s := small()
	s.Layers = Layers{
		{Kind: ConvLayer, Out: 6, Kernel: Both(3), Stride: Both(2), Pad: Both(1), Dilation: Both(1), Groups: 1},
		{Kind: DepthwiseLayer, Kernel: Both(3), Stride: Both(1), Pad: Both(1), Dilation: Both(1)},
		{Kind: LinearLayer, Out: 9},
	}
	set := blobs(160, 2*6*5, 3, 1)
	set.Shape = []int{2, 6, 5}
	path := filepath.Join(t.TempDir(), "first.onnx")
	if _, err := Run(t.Context(), s, set, nil, Options{Out: path}); err != nil {
		t.Fatal(err)
	}
	trained, err := newRun(s, set, nil, Options{Checkpoint: path + ".ckpt", Resume: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := trained.start(); err != nil {
		t.Fatal(err)
	}
	m, err := qonnx.ReadModel(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := newRun(s, set, nil, Options{Start: m})
	if err != nil {
		t.Fatal(err)
	}
	trained.net.prepare()
	for i, n := range r.net.weighted() {
		want := trained.net.weighted()[i].w.parameters().matrix()
		for k, v := range n.w.parameters().w.v {
			if v != want[k] {
				t.Fatalf("layer %d: weight %d is %g, want %g", i, k, v, want[k])
			}
		}
		if n.norm != nil && !slices.Equal(n.norm.mean, trained.net.weighted()[i].norm.mean) {
			t.Errorf("layer %d: other means", i)
		}
	}
}
