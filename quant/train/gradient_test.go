package train

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
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
	s.Layers, s.Batch = Linears(6, 5), 16
	n := mustNet(t, s, quant.Vector(8), 3)
	checkNet(t, n, 3, 0.03)
}

// mustNet returns a float network with random inputs.
func mustNet(t *testing.T, s *Spec, in quant.Shape, classes int) *net {
	t.Helper()
	rng := rand.New(rand.NewPCG(5, 1))
	n, err := newNet(s, in, false, classes, true, rng)
	if err != nil {
		t.Fatal(err)
	}
	copy(n.x, randoms(rng, len(n.x)))
	return n
}

// checkNet compares, for each parameter p of n with its gradient g, the change
// of the loss along g with f(p+hg)-f(p-hg) = 2h|g|^2: ReLU has kinks, so single
// differences are rough.
// A gradient that vanishes, as that of a shift before a batch norm, is noise.
func checkNet(t *testing.T, n *net, classes int, tolerance float64) {
	t.Helper()
	rng := rand.New(rand.NewPCG(6, 1))
	labels := make([]uint8, n.batch)
	for i := range labels {
		labels[i] = uint8(rng.IntN(classes))
	}
	value := func() float64 {
		n.prepare()
		loss, _ := crossEntropy(n.forward(n.batch, 0), labels, n.outputGradient(), n.batch, classes)
		return loss
	}
	value()
	n.backward()
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
		if got := (along(h) - along(-h)) / (2 * h); !(math.Abs(got-norm) <= tolerance*norm+1e-9) {
			t.Errorf("parameter %d: slope along the gradient %g, want %g", i, got, norm)
		}
	}
}
