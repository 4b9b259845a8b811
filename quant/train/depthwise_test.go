package train

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/a2qgen/a2qgen/quant/data"
	"github.com/a2qgen/a2qgen/quant/qonnx"
)

// separable is small with a depthwise layer, whose kernels are transposed
// before they are used, and images for it.
func separable() (*Spec, *data.Set) {
	s := small()
	s.Layers = Layers{
		{Kind: ConvLayer, Out: 6, Kernel: Both(3), Stride: Both(2), Pad: Both(1), Dilation: Both(1), Groups: 1},
		{Kind: DepthwiseLayer, Kernel: Both(3), Stride: Both(1), Pad: Both(1), Dilation: Both(1)},
		{Kind: LinearLayer, Out: 9},
	}
	return s, images(160, 6, 5, 2)
}

// firstOutputs evaluates the first batch.
func firstOutputs(r *run) []float32 {
	r.net.prepare()
	rows := r.train.gatherRange(0, r.spec.Batch, r.net.x)
	return slices.Clone(r.net.evaluate(rows))
}

// TestTeacherIsTheNetwork: the teacher gives what the network gives that it was
// made of.
func TestTeacherIsTheNetwork(t *testing.T) {
	s, set := separable()
	s.Distil.Weight = 0.5
	r, err := newRun(s, set, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := firstOutputs(r)
	if !r.teach(r.net.state()) {
		t.Fatal("no teacher")
	}
	if got := r.teacher.kept[:len(want)]; !slices.Equal(got, want) {
		t.Errorf("the teacher gives %v, the network %v", got[:4], want[:4])
	}
	r.teacher.kept = nil // as where samples change
	r.train.gatherRange(0, s.Batch, r.net.x)
	if got := r.teacher.outputs(make([]int32, s.Batch), r.net.x); !slices.Equal(got, want) {
		t.Errorf("on samples that change the teacher gives %v, the network %v", got[:4], want[:4])
	}
}

// TestStartSeparable: batch norms that a start has not get the statistics of
// what the layers before give, depthwise ones too.
func TestStartSeparable(t *testing.T) {
	s, set := separable()
	bare, _ := separable()
	for i := range bare.Layers {
		bare.Layers[i].Norm = new(false)
	}
	path := filepath.Join(t.TempDir(), "float.onnx")
	from, err := newRun(bare, set, nil, Options{FloatOut: path})
	if err != nil {
		t.Fatal(err)
	}
	if err := from.writeFloat(); err != nil {
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
	want := firstOutputs(from)
	for i, v := range firstOutputs(r) {
		if math.Abs(float64(v-want[i])) > 1e-4 {
			t.Fatalf("output %d is %g, want %g", i, v, want[i])
		}
	}
	have := map[*batchNorm][]float32{}
	for _, n := range r.net.weighted() {
		if n.norm != nil {
			have[n.norm] = slices.Clone(n.norm.variance)
		}
	}
	r.net.forward(r.train.gatherRange(0, s.Batch, r.net.x), 1) // leaves those of a batch
	for b, all := range have {
		for c, v := range b.variance {
			if v > 1e-6 && !(all[c] > v/3 && all[c] < 3*v) {
				t.Errorf("variance of channel %d of %d is %g, want about %g", c, b.f, all[c], v)
			}
		}
	}
}

// TestFloatCacheWithoutTest: a float phase from the cache goes on to the same
// network where there is no test set either.
func TestFloatCacheWithoutTest(t *testing.T) {
	s, set := separable()
	cache := t.TempDir()
	var files [2][]byte
	for i := range files {
		out := filepath.Join(t.TempDir(), "net.onnx")
		r, err := Run(t.Context(), s, set, nil, Options{Out: out, FloatCache: cache})
		if err != nil {
			t.Fatal(err)
		}
		if r.FloatCached != (i == 1) {
			t.Fatalf("run %d: from the cache: %v", i, r.FloatCached)
		}
		if files[i], err = os.ReadFile(out); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(files[0], files[1]) {
		t.Error("the cached float phase gave another network")
	}
}
