package ptq

import (
	"math/rand/v2"
	"testing"
)

// TestTargetOutputs: weights that make up for the error of earlier layers bring the sums of a layer nearer to those of
// the float network: in the mean over drawn networks the outputs are nearer, by both ways of rounding.
func TestTargetOutputs(t *testing.T) {
	for _, m := range []Method{AXE, Budget} {
		before, after := 0.0, 0.0
		for seed := range uint64(6) {
			rng := rand.New(rand.NewPCG(seed, 61))
			model, x := graphModel(rng), Samples{Values: uniforms(rng, 60*96), High: 1}
			c, err := Calibrate(t.Context(), model, x, 8, true)
			if err != nil {
				t.Fatal(err)
			}
			want := outputs(t, model, x.Values)
			loss := func(target Target) (sum float64) {
				s := settings(m, Accumulator{Bits: 10})
				s.WeightBits, s.Options = 3, Values{"target": string(target)}
				_, net := mustProject(t, c, s)
				for i, y := range integerOutputs(net, x.Values) {
					sum += (y - want[i]) * (y - want[i])
				}
				return sum
			}
			before, after = before+loss(ToWeights), after+loss(ToOutputs)
		}
		t.Logf("%s: error of the outputs %.4f, with target=outputs %.4f", m, before, after)
		if after >= before {
			t.Errorf("%s: error of the outputs %g, with target=outputs %g", m, before, after)
		}
	}
}

// TestTargetOfFirstLayer: where no layer has made an error, the target is the weights.
func TestTargetOfFirstLayer(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 61))
	c, err := Calibrate(t.Context(), graphModel(rng), Samples{Values: uniforms(rng, 60*96), High: 1}, 8, true)
	if err != nil {
		t.Fatal(err)
	}
	s := &Site{g: c.g, in: c.source, real: c.realSource(), Values: Values{"target": string(ToOutputs), "damping": "0.01"}}
	w := wide(c.g.Layers[0].Weights)
	got, err := s.aimed(0, w)
	if err != nil {
		t.Fatal(err)
	}
	for i := range w {
		if d := got[i] - w[i]; d > 1e-6 || d < -1e-6 {
			t.Fatalf("weight %d: %g, want %g", i, got[i], w[i])
		}
	}
}
