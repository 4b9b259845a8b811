package quant

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestProjectL1 checks the optimality conditions of the projection: inside the
// ball nothing moves; outside, the norm becomes the radius, and every entry
// shrinks by one theta or, if smaller, to 0.
func TestProjectL1(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 1))
	for trial := range 2000 {
		w := make([]float64, 1+rng.IntN(40))
		for i := range w {
			w[i] = rng.NormFloat64()
			if rng.IntN(4) == 0 {
				w[i] = float64(rng.IntN(3) - 1) // ties and zeros
			}
		}
		norm := 0.0
		for _, v := range w {
			norm += math.Abs(v)
		}
		radius := norm * rng.Float64() * 1.2
		if trial%50 == 0 {
			radius = 0
		}
		got := append([]float64(nil), w...)
		ProjectL1(got, radius)
		checkProjection(t, w, got, norm, radius)
	}
}

func checkProjection(t *testing.T, w, got []float64, norm, radius float64) {
	t.Helper()
	theta, after := 0.0, 0.0
	for i, v := range got {
		after += math.Abs(v)
		if v*w[i] < 0 {
			t.Fatalf("%v became %v", w[i], v)
		}
		if v != 0 {
			theta = math.Abs(w[i]) - math.Abs(v)
		}
	}
	if norm <= radius {
		if theta != 0 || after != norm {
			t.Fatalf("inside the ball, yet moved: %v to %v", w, got)
		}
		return
	}
	if math.Abs(after-radius) > 1e-12*norm {
		t.Fatalf("norm %v, want %v", after, radius)
	}
	for i, v := range got {
		if want := max(math.Abs(w[i])-theta, 0); after > 0 && math.Abs(math.Abs(v)-want) > 1e-12 {
			t.Fatalf("%v became %v, theta %v", w[i], v, theta)
		}
	}
}

// TestProjectL1ByHand: (3, -1) on radius 2 lies on the edge from (2,0) to
// (0,-2), past its end; (2, 1) on radius 2 loses 1/2 from each.
func TestProjectL1ByHand(t *testing.T) {
	for _, c := range []struct{ w, want []float64 }{
		{[]float64{3, -1}, []float64{2, 0}},
		{[]float64{2, 1}, []float64{1.5, 0.5}},
		{[]float64{-1, 1, 1, -1}, []float64{-0.5, 0.5, 0.5, -0.5}},
		{nil, nil},
	} {
		ProjectL1(c.w, 2)
		for i := range c.w {
			if c.w[i] != c.want[i] {
				t.Errorf("got %v, want %v", c.w, c.want)
			}
		}
	}
}
