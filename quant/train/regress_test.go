package train

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/quant/data"
)

// coder is an autoencoder of the blobs: 20 numbers through 12 and back.
func coder() *Spec {
	s := small()
	s.Task, s.Layers = Regress, Linears(16, 12, 20)
	s.Float.Epochs, s.QAT.Epochs = 8, 8
	for _, p := range []*Phase{&s.Float, &s.QAT} {
		p.LR = 0.01
	}
	return s
}

// TestRegress: an autoencoder of four patterns plus noise gets closer to its
// samples than their mean, and reports PSNR in place of accuracy.
func TestRegress(t *testing.T) {
	s := coder()
	s.Validation = 0.2
	set := smallSet()
	r, err := Run(context.Background(), s, set, smallSet(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	// The PSNR of a network that gives every element's mean.
	mean, mse := make([]float64, 20), 0.0
	for i, v := range set.Bytes {
		mean[i%20] += float64(v) / 255 / float64(set.Len())
	}
	for i, v := range set.Bytes {
		mse += math.Pow(float64(v)/255-mean[i%20], 2) / float64(len(set.Bytes))
	}
	if base := psnr(mse); r.FloatPSNR < base+1 || r.QATPSNR < base+0.5 {
		t.Errorf("PSNR %.2f float, %.2f quantised, want more than the mean's %.2f", r.FloatPSNR, r.QATPSNR, base)
	}
	last := r.History[len(r.History)-1]
	if r.FloatAccuracy != 0 || r.QATAccuracy != 0 || last.Accuracy != 0 || last.PSNR < 5 || last.Validation < 5 {
		t.Errorf("result %+v, last epoch %+v", r, last)
	}
}

// withTargets gives smallSet's samples, shuffled by the given step, as targets
// of the samples: target i is sample i with its elements reversed.
func withTargets(n int, seed uint64) *data.Set {
	s := blobs(n, 20, 4, seed)
	s.Labels, s.Classes = nil, 0
	target := *s
	target.Bytes = append([]uint8(nil), s.Bytes...)
	for i := range n {
		slices.Reverse(target.Bytes[i*20 : (i+1)*20])
	}
	s.Targets = &target
	return s
}

// TestTargets: a network learns the data's targets, not its samples, and the
// validation split keeps the two together.
func TestTargets(t *testing.T) {
	s := coder()
	s.Validation, s.Layers = 0.25, Linears(64, 20)
	s.Float.Epochs = 30
	r, err := Run(context.Background(), s, withTargets(600, 1), withTargets(100, 2), Options{})
	if err != nil {
		t.Fatal(err)
	}
	self, err := Run(context.Background(), s, blobs(600, 20, 4, 1), withoutTargets(withTargets(100, 2)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	// The targets are as hard to learn as the samples: within 1 dB.
	if math.Abs(r.FloatPSNR-self.FloatPSNR) > 1 || r.History[29].Validation < r.FloatPSNR-1 {
		t.Errorf("PSNR %.2f on targets, %.2f held out, %.2f on samples themselves",
			r.FloatPSNR, r.History[29].Validation, self.FloatPSNR)
	}
}

func withoutTargets(s *data.Set) *data.Set {
	c := *s
	c.Targets = nil
	return &c
}

func TestTargetsRefuse(t *testing.T) {
	short := withTargets(40, 1)
	short.Targets = short.Targets.Slice(0, 39)
	for want, c := range map[string]struct {
		change      func(s *Spec)
		train, test *data.Set
	}{
		"training set: 39 targets for 40 samples": {nil, short, nil},
		"the other has none":                      {nil, withTargets(40, 1), withoutTargets(withTargets(9, 1))},
		"qat.augment is {Crop:0 Flip:true Shift:0}": {func(s *Spec) { s.QAT.Augment.Flip = true },
			withTargets(40, 1), nil},
		"0 classes, want at least 2": {func(s *Spec) { s.Task = Classify }, withTargets(40, 1), nil},
		"test set: has no labels": {func(s *Spec) { s.Task = Classify },
			blobs(40, 20, 4, 1), withTargets(9, 1)},
	} {
		s := coder()
		if c.change != nil {
			c.change(s)
		}
		if _, err := Run(context.Background(), s, c.train, c.test, Options{}); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func TestRegressRefuses(t *testing.T) {
	s := coder()
	s.Layers = Linears(16, 19)
	_, err := Run(context.Background(), s, smallSet(), nil, Options{})
	if err == nil || !strings.Contains(err.Error(), "19 numbers, the data's targets have 20") {
		t.Errorf("error %v", err)
	}
	_, err = Run(context.Background(), coder(), smallSet(), blobs(10, 21, 4, 1), Options{})
	if err == nil || !strings.Contains(err.Error(), "test set: data: blobs: samples of shape [21] have 21 elements") {
		t.Errorf("error %v", err)
	}
}
