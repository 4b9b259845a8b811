package train

import (
	"context"
	"math"
	"strings"
	"testing"
)

// coder is an autoencoder of the blobs: 20 numbers through 12 and back.
func coder() *Spec {
	s := small()
	s.Task, s.Layers = Regress, Widths(16, 12, 20)
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

func TestRegressRefuses(t *testing.T) {
	s := coder()
	s.Layers = Widths(16, 19)
	_, err := Run(context.Background(), s, smallSet(), nil, Options{})
	if err == nil || !strings.Contains(err.Error(), "19 numbers, the data's targets have 20") {
		t.Errorf("error %v", err)
	}
	_, err = Run(context.Background(), coder(), smallSet(), blobs(10, 21, 4, 1), Options{})
	if err == nil || !strings.Contains(err.Error(), "samples have 21 elements, the training set's 20") {
		t.Errorf("error %v", err)
	}
}
