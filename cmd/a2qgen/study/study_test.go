package study

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/data"
	"github.com/a2qgen/a2qgen/quant/train"
)

// flat is a file of six rows of four numbers in two classes.
var flat = filepath.Join("..", "testdata", "flat.csv")

// parse returns a spec that trains on flat.
func parse(t *testing.T, text string) *train.Spec {
	t.Helper()
	spec, err := train.ParseSpec([]byte("batch: 2\nfloat: {epochs: 1}\nqat: {epochs: 1}\n" + text))
	if err != nil {
		t.Fatal(err)
	}
	spec.Data = flat
	return spec
}

// TestSamplePSNR: two channels of two pixels, in the order of outputs 1 5 2 6,
// and one error of 0.2 in four numbers: 10 log10(4/0.04) = 20 dB.
func TestSamplePSNR(t *testing.T) {
	want := []float32{1, 2, 5, 6}
	if v := samplePSNR([]float64{1, 5, 2, 6.2}, want, []int{2, 1, 2}); math.Abs(v-20) > 1e-5 {
		t.Errorf("PSNR %v, want 20", v)
	}
	if v := samplePSNR([]float64{1, 2, 5, 6}, want, []int{4}); v != bestPSNR {
		t.Errorf("PSNR %v without any error, want %v", v, bestPSNR)
	}
}

// TestSpread: 2, 4, 4, 4, 5, 5, 7, 9 has mean 5 and squares of 32 about it.
func TestSpread(t *testing.T) {
	got := NewSpread([]float64{2, 4, 4, 4, 5, 5, 7, 9})
	if got.Mean != 5 || got.Min != 2 || got.Max != 9 || math.Abs(got.Deviation-math.Sqrt(32.0/7)) > 1e-12 {
		t.Errorf("spread %v", got)
	}
	if one := NewSpread([]float64{3}); one != (Spread{Mean: 3, Min: 3, Max: 3}) {
		t.Errorf("spread of one number: %v", one)
	}
}

// TestClasses: labels that leave out a class are said to.
func TestClasses(t *testing.T) {
	for _, c := range []struct {
		labels  []uint8
		classes int
		want    string
	}{
		{[]uint8{0, 1, 0}, 2, ", 2 classes"},
		{[]uint8{1, 2, 3}, 4, ", 4 classes, no sample of 0"}, // labels from 1 on
		{[]uint8{11}, 12, ", 12 classes, of which 11 have no sample (0, 1, 2, 3, 4, 5, 6, 7, ...)"},
		{nil, 0, ""},
	} {
		if got := (Sets{Train: &data.Set{Labels: c.labels, Classes: c.classes}}).Classes(); got != c.want {
			t.Errorf("%v: %q, want %q", c.labels, got, c.want)
		}
	}
	same := &data.Set{Name: "s", Labels: []uint8{3, 3, 3}}
	if w := oneLabel(same); !strings.Contains(w, "all 3 labels of s are 3") {
		t.Errorf("one label: %q", w)
	}
}

// TestValueRange: the ends of bytes at either sign of the scale, and of floats; 0 is within.
func TestValueRange(t *testing.T) {
	for _, c := range []struct {
		set    data.Set
		lo, hi float64
	}{
		{data.Set{Bytes: []uint8{3}, Scale: 2}, 0, 510},
		{data.Set{Bytes: []uint8{3}, Scale: -2}, -510, 0},
		{data.Set{Floats: []float32{1, 3}, Scale: 2}, 0, 6},
		{data.Set{Floats: []float32{1, 3}, Scale: -2}, -6, 0},
		{data.Set{Floats: []float32{-1, 3}, Scale: -2}, -6, 2},
	} {
		if lo, hi := valueRange(&c.set); lo != c.lo || hi != c.hi {
			t.Errorf("%+v: %v..%v, want %v..%v", c.set, lo, hi, c.lo, c.hi)
		}
	}
}

// TestInspectShifted: the range of a shifted layer is that of its channels alone, which may
// leave out 0. Inputs are 0..3: a channel of weights 1 2 that starts at 5 has 5..14, one of
// -1 1 that starts at 4 has 1..7, and the other way round below 0.
func TestInspectShifted(t *testing.T) {
	for _, c := range []struct {
		weights, start []int64
		lo, hi         int64
	}{
		{[]int64{1, 2, -1, 1}, []int64{5, 4}, 1, 14},
		{[]int64{-1, -2, -1, 1}, []int64{-5, -4}, -14, -1},
		{[]int64{1, 2, -1, 1}, nil, -3, 9}, // from 0, which is within
	} {
		l := quant.Layer{Name: "fc1", Kind: quant.Linear, In: 2, Out: 2, WeightBits: 3, Start: c.start,
			Input: quant.DataType{Bits: 2}, From: []int{quant.Source}}
		for _, w := range c.weights {
			l.Weights = append(l.Weights, int32(w))
		}
		r := boundsOf(&quant.Network{Layers: []quant.Layer{l}}, &l)
		if r.AccMin != c.lo || r.AccMax != c.hi {
			t.Errorf("%v from %v: %d..%d, want %d..%d", c.weights, c.start, r.AccMin, r.AccMax, c.lo, c.hi)
		}
	}
}

// TestScoreStops: a score that is stopped is an error, of the context's kind, and the work
// that was shown is shown to have ended; one that is not stopped counts every sample.
func TestScoreStops(t *testing.T) {
	spec := parse(t, "layers: [3]\n")
	sets, err := OpenSpec(spec)
	if err != nil {
		t.Fatal(err)
	}
	done, err := (&Trainer{Sets: sets}).Train(t.Context(), spec,
		train.Options{Out: filepath.Join(t.TempDir(), "net.onnx")})
	if err != nil {
		t.Fatal(err)
	}
	last := 0
	watch := Progress{Step: func(_ string, done, total int) { last = done - total }}
	s, err := Accuracy(t.Context(), done.Network, done.Network.Classifier(), sets.Test, watch)
	if err != nil || s.Total != 6 || s.AccuracyPercent != done.IntegerAccuracyPercent || last != 0 {
		t.Errorf("score %+v, %v, last step %d; want that of the training, %v %%", s, err, last,
			done.IntegerAccuracyPercent)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	last = -1
	_, err = Accuracy(ctx, done.Network, done.Network.Classifier(), sets.Test, watch)
	if !errors.Is(err, context.Canceled) || last != 0 {
		t.Errorf("stopped: error %v, last step %d", err, last)
	}
}
