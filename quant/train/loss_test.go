package train

import (
	"math"
	"math/rand/v2"
	"testing"
)

// slopes compares grad with central differences of loss over x.
func slopes(t *testing.T, what string, x, grad []float32, loss func() float64) {
	t.Helper()
	const h = 1e-2
	for i := range x {
		v := x[i]
		x[i] = v + h
		up := loss()
		x[i] = v - h
		down := loss()
		width := float64(float32(v+h)) - float64(float32(v-h))
		x[i] = v
		if want := (up - down) / width; math.Abs(float64(grad[i])-want) > 1e-4 {
			t.Errorf("%s: gradient %d is %g, differences give %g", what, i, grad[i], want)
		}
	}
}

// TestObjectiveGradients holds the gradients of all losses against differences.
func TestObjectiveGradients(t *testing.T) {
	const n, width = 5, 4
	rng := rand.New(rand.NewPCG(1, 1))
	for _, s := range []Spec{
		{Task: Classify},
		{Task: Classify, LabelSmoothing: 0.2},
		{Task: Classify, Distil: Distil{Weight: 0.3, Temperature: 3}},
		{Task: Classify, Distil: Distil{Weight: 1, Temperature: 0.5}, LabelSmoothing: 0.1},
		{Task: Regress},
		{Task: Regress, Distil: Distil{Weight: 0.3, Temperature: 2}},
		{Task: Regress, Distil: Distil{Weight: 1, Temperature: 2}},
	} {
		out, target, other := randoms(rng, n*width), randoms(rng, n*width), randoms(rng, n*width)
		labels := []uint8{0, 1, 2, 3, 1}
		o := newObjective(&s, width, true)
		teacher := other
		if s.Distil.Weight == 0 {
			teacher = nil
		}
		value := func(grad []float32) float64 {
			if s.Task == Regress {
				loss, _ := o.regress(out, target, teacher, grad, n)
				return loss
			}
			loss, _ := o.classify(out, labels, teacher, grad, n)
			return loss
		}
		grad := randoms(rng, n*width) // what is in it must not matter
		value(grad)
		scratch := make([]float32, n*width)
		slopes(t, s.Task, out, grad, func() float64 { return value(scratch) })
	}
}

// TestSmoothedLoss: cross-entropy to smoothed targets by its definition.
func TestSmoothedLoss(t *testing.T) {
	const n, classes, eps = 6, 3, 0.3
	rng := rand.New(rand.NewPCG(2, 1))
	x, labels := randoms(rng, n*classes), []uint8{0, 1, 2, 2, 1, 0}
	o := newObjective(&Spec{LabelSmoothing: eps}, classes, false)
	got, _ := o.classify(x, labels, nil, make([]float32, n*classes), n)
	want := 0.0
	for i := range n {
		p := make([]float64, classes)
		softmax(x[i*classes:(i+1)*classes], 1, p)
		for c := range p {
			y := eps / classes
			if c == int(labels[i]) {
				y += 1 - eps
			}
			want -= y * math.Log(p[c]) / n
		}
	}
	if math.Abs(got-want) > 1e-6 {
		t.Errorf("loss %g, want %g", got, want)
	}
}

// TestDistilLoss: nothing to learn from a teacher that agrees, and without a
// weight on the labels they do not matter.
func TestDistilLoss(t *testing.T) {
	x := []float32{1, -2, 0.5, 3, 0, 0}
	o := newObjective(&Spec{Distil: Distil{Weight: 1, Temperature: 4}}, 3, true)
	g := make([]float32, 6)
	for _, labels := range [][]uint8{{0, 0}, {2, 1}} {
		loss, _ := o.classify(x, labels, x, g, 2)
		if loss != 0 || g[0] != 0 || g[3] != 0 {
			t.Errorf("labels %v: loss %g, gradient %v, want 0", labels, loss, g)
		}
	}
	if o := newObjective(&Spec{Distil: Distil{Weight: 1, Temperature: 4}}, 3, false); o.distil.Weight != 0 {
		t.Error("the float phase distils")
	}
}

// TestPSNR: by definition, an error of a tenth of the range is 20 dB.
func TestPSNR(t *testing.T) {
	if got := psnr(0.01); math.Abs(got-20) > 1e-12 {
		t.Errorf("PSNR %g, want 20", got)
	}
}
