package train

import (
	"math"
	"testing"
)

// TestOptimiserSteps: the wanted numbers are worked out by hand.
//
// Adam, gradients 1 then -1: m = 0.1, then 0.09-0.1 = -0.01, over 1-0.9^2 =
// 0.19: -1/19; v = 0.001, then 0.001999, over 1-0.999^2 = 0.001999: 1. So the
// steps are -lr and +lr/19. SGD, momentum 0.9, gradients 1 and 1: u = 1, 1.9.
func TestOptimiserSteps(t *testing.T) {
	for _, c := range []struct {
		name  string
		phase Phase
		lr    float64
		grads []float32
		want  []float64
	}{
		{"adam", Phase{Optimiser: Adam}, 0.1, []float32{1, -1}, []float64{-0.1, -0.1 + 0.1/19}},
		{"adam scale-free", Phase{Optimiser: Adam}, 0.1, []float32{500, 500}, []float64{-0.1, -0.2}},
		{"adam zero", Phase{Optimiser: Adam}, 0.1, []float32{0, 0}, []float64{0, 0}},
		{"sgd", Phase{Optimiser: SGD, Momentum: 0.9}, 0.1, []float32{1, 1}, []float64{-0.1, -0.29}},
		{"sgd plain", Phase{Optimiser: SGD}, 0.5, []float32{1, -2}, []float64{-0.5, 0.5}},
	} {
		p := []param{newParam(1)}
		o := newOptimiser(&c.phase, p)
		for i, g := range c.grads {
			p[0].g[0] = g
			o.step(c.lr)
			if got := float64(p[0].v[0]); math.Abs(got-c.want[i]) > 1e-6 {
				t.Errorf("%s: after step %d %g, want %g", c.name, i+1, got, c.want[i])
			}
		}
	}
}

// TestOptimiserFlush: the moments of vanished gradients, and what a step makes
// of them, do not become subnormal (below 2^-126).
func TestOptimiserFlush(t *testing.T) {
	for _, name := range []string{Adam, SGD} {
		p := []param{newParam(1)}
		o := newOptimiser(&Phase{Optimiser: name, Momentum: 0.9}, p)
		p[0].g[0] = 1
		for range 2000 {
			o.step(1e-3)
			p[0].g[0] = 0
		}
		if m := o.m[0][0] * 1e-6; m != 0 && m < 0x1p-126 {
			t.Errorf("%s: moment %g after 2000 steps", name, o.m[0][0])
		}
	}
}

// TestRate: cosine over 4 epochs is (1+cos(pi*e/4))/2.
func TestRate(t *testing.T) {
	for _, c := range []struct {
		phase Phase
		want  []float64
	}{
		{Phase{Epochs: 4, LR: 2, Schedule: Cosine}, []float64{2, 1.7071068, 1, 0.2928932}},
		{Phase{Epochs: 5, LR: 1, Schedule: Step, StepEpochs: 2, StepFactor: 0.1}, []float64{1, 1, 0.1, 0.1, 0.01}},
	} {
		for e, want := range c.want {
			if got := c.phase.rate(e); math.Abs(got-want) > 1e-7 {
				t.Errorf("%s epoch %d: rate %g, want %g", c.phase.Schedule, e, got, want)
			}
		}
	}
}
