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

// TestOptimiserDecay: decoupled decay takes lr*decay of a weight before the
// step (arXiv 1711.05101, algorithm 2), whatever the gradient's size, and
// leaves other parameters alone. By hand: 2*(1-0.1*0.5) - 0.1 = 1.8 for both
// optimisers at gradient 1.
func TestOptimiserDecay(t *testing.T) {
	for _, name := range []string{Adam, SGD} {
		p := []param{newParam(1), newParam(1)}
		p[0].decay = true
		o := newOptimiser(&Phase{Optimiser: name, WeightDecay: 0.5}, p)
		for _, p := range p {
			p.v[0], p.g[0] = 2, 1
		}
		o.step(0.1)
		if a, b := float64(p[0].v[0]), float64(p[1].v[0]); math.Abs(a-1.8) > 1e-6 || math.Abs(b-1.9) > 1e-6 {
			t.Errorf("%s: weight %g, other %g, want 1.8 and 1.9", name, a, b)
		}
	}
}

// TestDecayedParameters: of a quantised network only the weight matrices decay.
func TestDecayedParameters(t *testing.T) {
	s := small()
	s.QAT.WeightDecay = 1
	r, err := newRun(s, smallSet(), nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, phase := range []string{FloatPhase, QATPhase} {
		if phase == QATPhase {
			r.epoch = s.Float.Epochs
			if err := r.turn(); err != nil {
				t.Fatal(err)
			}
		}
		sizes := map[int]bool{20 * 12: true, 12 * 10: true, 10 * 8: true, 8 * 4: true}
		decayed := 0
		for _, p := range r.net.params() {
			if p.decay {
				decayed++
			}
			if p.decay != sizes[len(p.v)] {
				t.Errorf("%s: parameter of %d elements has decay %v", phase, len(p.v), p.decay)
			}
		}
		if decayed != 4 {
			t.Errorf("%s: %d parameters decay, want 4", phase, decayed)
		}
	}
}

// TestClip: gradients 3 and 4 have norm 5. A limit of 1 makes them 0.6 and 0.8,
// one of 6 leaves them.
func TestClip(t *testing.T) {
	for limit, want := range map[float64][2]float64{1: {-0.6, -0.8}, 6: {-3, -4}, 0: {-3, -4}} {
		p := []param{newParam(1), newParam(pairMin)} // an update on two goroutines
		o := newOptimiser(&Phase{Optimiser: SGD, ClipNorm: limit}, p)
		p[0].g[0], p[1].g[pairMin-1] = 3, 4
		o.step(1)
		if a, b := float64(p[0].v[0]), float64(p[1].v[pairMin-1]); math.Abs(a-want[0]) > 1e-6 ||
			math.Abs(b-want[1]) > 1e-6 {
			t.Errorf("limit %g: steps %g and %g, want %v", limit, a, b, want)
		}
	}
}

// TestRateBySteps: the warm-up grows by equal parts to the full rate, and
// cosine_step continues the cosine within an epoch: (1+cos(pi/8))/2 half way
// through the first of four.
func TestRateBySteps(t *testing.T) {
	p := Phase{Epochs: 6, LR: 1, Schedule: CosineStep, WarmUp: 2}
	for i := range 20 {
		if got, want := p.rate(i/10, i%10, 10), float64(i+1)/20; math.Abs(got-want) > 1e-12 {
			t.Errorf("warm-up step %d: rate %g, want %g", i, got, want)
		}
	}
	if got, want := p.rate(2, 5, 10), (1+math.Cos(math.Pi/8))/2; math.Abs(got-want) > 1e-12 {
		t.Errorf("half an epoch after it: rate %g, want %g", got, want)
	}
	last := p.LR
	for i := range 40 {
		rate := p.rate(2+i/10, i%10, 10)
		if rate > last || rate <= 0 {
			t.Fatalf("step %d: rate %g after %g", i, rate, last)
		}
		last = rate
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
		{Phase{Epochs: 6, LR: 2, Schedule: Cosine, WarmUp: 2}, []float64{1.0 / 7, 8.0 / 7, 2, 1.7071068, 1, 0.2928932}},
		{Phase{Epochs: 4, LR: 2, Schedule: CosineStep}, []float64{2, 1.7071068, 1, 0.2928932}},
	} {
		for e, want := range c.want {
			if got := c.phase.rate(e, 0, 7); math.Abs(got-want) > 1e-7 {
				t.Errorf("%s epoch %d: rate %g, want %g", c.phase.Schedule, e, got, want)
			}
		}
	}
}
