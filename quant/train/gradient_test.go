package train

import (
	"math"
	"math/rand/v2"
	"testing"
)

// The gradients are checked against central differences of a random linear
// functional of the layer's outputs, sum r*y, whose gradient to y is r. In
// float32 with steps of 2^-7 their error stays below fdTolerance of the
// largest gradient of the tensor.
const (
	fdStep      = 1.0 / 128
	fdTolerance = 0.01
)

func randoms(rng *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	return v
}

func dot(a, b []float32) float64 {
	sum := 0.0
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

// checkGradient compares got with the differences of f to each of v.
func checkGradient(t *testing.T, name string, v, got []float32, f func() float64) {
	t.Helper()
	want, largest := make([]float64, len(v)), 0.0
	for i, x := range v {
		v[i] = x + fdStep
		up := f()
		v[i] = x - fdStep
		down := f()
		v[i] = x
		want[i] = (up - down) / (2 * fdStep)
		largest = max(largest, math.Abs(want[i]))
	}
	for i := range v {
		if d := math.Abs(want[i] - float64(got[i])); !(d <= fdTolerance*largest) {
			t.Errorf("%s[%d]: gradient %g, differences give %g (largest %g)", name, i, got[i], want[i], largest)
		}
	}
}

func TestLinearGradient(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, bias := range []bool{false, true} {
		const n, in, out = 5, 7, 3
		l := newLinear(in, out, bias, rng)
		x, y, r := randoms(rng, n*in), make([]float32, n*out), randoms(rng, n*out)
		f := func() float64 { l.forward(x, y, n); return dot(y, r) }
		dx := make([]float32, len(x))
		l.backward(x, r, dx, n)
		checkGradient(t, "x", x, dx, f)
		checkGradient(t, "w", l.w.v, l.w.g, f)
		checkGradient(t, "b", l.b.v, l.b.g, f)
	}
}

func TestBatchNormGradient(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 1))
	const n, f = 6, 3
	b := newBatchNorm(f)
	copy(b.gamma.v, randoms(rng, f))
	copy(b.beta.v, randoms(rng, f))
	x, r := randoms(rng, n*f), randoms(rng, n*f)
	h, y := make([]float32, n*f), make([]float32, n*f)
	value := func() float64 {
		copy(h, x)
		b.forward(h, y, n, 0)
		return dot(y, r)
	}
	value()
	g := append([]float32(nil), r...)
	b.backward(h, g, n)
	gamma, beta := append([]float32(nil), b.gamma.g...), append([]float32(nil), b.beta.g...)
	checkGradient(t, "x", x, g, value)
	checkGradient(t, "gamma", b.gamma.v, gamma, value)
	checkGradient(t, "beta", b.beta.v, beta, value)
}

func TestReLUGradient(t *testing.T) {
	z := []float32{-2, -0.5, 0.5, 3}
	r := []float32{1, 2, 3, 4}
	y, g := make([]float32, 4), append([]float32(nil), r...)
	var a activation
	a.backward(z, g)
	checkGradient(t, "z", z, g, func() float64 { a.forward(z, y); return dot(y, r) })
}

// TestActivationGradient differentiates what straight-through means: with the
// rounding error c = round(u) - u frozen, y = s*(z/s + c) inside the range,
// s*m above it and 0 below.
func TestActivationGradient(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	const n, bits = 64, 3
	var a activation
	a.quantise(bits, n, 2.1)
	z, r := randoms(rng, n), randoms(rng, n)
	s := float64(a.scale())
	m := float64(int(1)<<bits - 1)
	frozen := make([]float64, n)
	for i, v := range z {
		u := float64(v) / s
		frozen[i] = math.RoundToEven(u) - u
	}
	value := func() float64 {
		s, sum := math.Exp2(float64(a.e.v[0])), 0.0
		for i, v := range z {
			u := float64(v) / s
			switch {
			case u >= m:
				sum += float64(r[i]) * s * m
			case u > 0:
				sum += float64(r[i]) * s * (u + frozen[i])
			}
		}
		return sum
	}
	g := append([]float32(nil), r...)
	a.backward(z, g)
	for i, v := range z {
		want := r[i]
		if u := float64(v) / s; u <= 0 || u >= m {
			want = 0
		}
		if g[i] != want {
			t.Errorf("z[%d] = %g: gradient %g, want %g", i, v, g[i], want)
		}
	}
	// Values within a step of the ends change branch; keep the step small.
	a.e.g[0] /= a.r
	const h = 1.0 / 1024
	e := a.e.v[0]
	a.e.v[0] = e + h
	up := value()
	a.e.v[0] = e - h
	want := (up - value()) / (2 * h)
	if math.Abs(want-float64(a.e.g[0])) > 0.02*math.Abs(want) {
		t.Errorf("scale: gradient %g, differences give %g", a.e.g[0], want)
	}
}

func TestActivationRounds(t *testing.T) {
	var a activation
	a.quantise(2, 1, 1.5) // s = 0.5, codes 0..3
	z := []float32{-1, 0.1, 0.25, 0.3, 0.75, 1.2, 1.25, 9}
	want := []float32{0, 0, 0, 0.5, 1, 1, 1, 1.5} // ties 0.5, 1.5, 2.5 to even
	y := make([]float32, len(z))
	a.forward(z, y)
	for i := range y {
		if y[i] != want[i] {
			t.Errorf("%g: %g, want %g", z[i], y[i], want[i])
		}
	}
}

func TestLossGradient(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 1))
	const n, classes = 4, 5
	x, g := randoms(rng, n*classes), make([]float32, n*classes)
	labels := []uint8{0, 4, 2, 2}
	scratch := make([]float32, n*classes)
	crossEntropy(x, labels, g, n, classes)
	checkGradient(t, "logits", x, g, func() float64 {
		loss, _ := crossEntropy(x, labels, scratch, n, classes)
		return loss
	})
}

// TestLossValue: uniform logits cost ln(classes); a tie goes to the lowest
// index.
func TestLossValue(t *testing.T) {
	g := make([]float32, 8)
	loss, correct := crossEntropy(make([]float32, 8), []uint8{0, 1}, g, 2, 4)
	if math.Abs(loss-math.Log(4)) > 1e-12 || correct != 1 {
		t.Errorf("loss %g, correct %d, want %g and 1", loss, correct, math.Log(4))
	}
}

// TestNetGradient checks the wiring: every parameter of a float net.
func TestNetGradient(t *testing.T) {
	s := DefaultSpec()
	s.Layers, s.Batch = []int{6, 5}, 16
	rng := rand.New(rand.NewPCG(5, 1))
	n := newNet(s, 8, 3, rng)
	labels := make([]uint8, s.Batch)
	for i := range labels {
		labels[i] = uint8(rng.IntN(3))
	}
	copy(n.x, randoms(rng, len(n.x)))
	last := n.blocks[len(n.blocks)-1]
	value := func() float64 {
		loss, _ := crossEntropy(n.forward(s.Batch, 0), labels, last.g, s.Batch, 3)
		return loss
	}
	value()
	n.backward(s.Batch)
	// ReLU has kinks, so compare along the gradient: f(p+hg)-f(p-hg) = 2h|g|^2.
	for i, p := range n.params() {
		g, v := append([]float32(nil), p.g...), append([]float32(nil), p.v...)
		norm := dot(g, g)
		h := 0.002 / math.Sqrt(norm)
		along := func(h float64) float64 {
			for j := range v {
				p.v[j] = v[j] + float32(h)*g[j]
			}
			defer copy(p.v, v)
			return value()
		}
		if got := (along(h) - along(-h)) / (2 * h); math.Abs(got-norm) > 0.03*norm {
			t.Errorf("parameter %d: slope along the gradient %g, want %g", i, got, norm)
		}
	}
}
