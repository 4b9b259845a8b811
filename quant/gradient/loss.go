package gradient

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/a2qgen/a2qgen/quant"
)

// Loss is a function of what a network gives for a sample.
type Loss interface {
	// Gradient sets g to the gradient of a sample's loss to its outputs y, both of shape out and
	// channels last, and returns the loss. It is called from several goroutines.
	Gradient(sample int, out quant.Shape, y, g []float64) float64
	// Check returns an error unless the loss is one of so many samples of outputs of shape out.
	Check(samples int, out quant.Shape) error
}

// CrossEntropy is that of a classifier's outputs, as logits, with the true labels: -log softmax(y)[label],
// and the mean of it where there are several positions. A single channel tells class 1, above 0, from
// class 0. It has a label for each position of each sample.
type CrossEntropy []int

// Check implements Loss.
func (c CrossEntropy) Check(samples int, out quant.Shape) error {
	if want := samples * out.Positions(); len(c) != want {
		return fmt.Errorf("gradient: %d labels for %d samples of %d positions, want %d", len(c), samples,
			out.Positions(), want)
	}
	classes := max(out.C, 2)
	for i, label := range c {
		if label < 0 || label >= classes {
			return fmt.Errorf("gradient: label %d is %d, want 0..%d for the network's %d outputs", i, label, classes-1,
				out.C)
		}
	}
	return nil
}

// Gradient implements Loss.
func (c CrossEntropy) Gradient(sample int, out quant.Shape, y, g []float64) float64 {
	n, loss := out.Positions(), 0.0
	for p := range n {
		at := p * out.C
		loss += logistic(y[at:at+out.C], g[at:at+out.C], c[sample*n+p])
	}
	for i := range g {
		g[i] /= float64(n)
	}
	return loss / float64(n)
}

// logistic returns -log of the probability of a label, and sets g to its gradient: probabilities, less 1
// at the label. The largest logit is taken off first, so that no power overflows.
func logistic(y, g []float64, label int) float64 {
	if len(y) == 1 {
		// Two logits, 0 and y[0]: log(1 + e^-z), z being y[0] in favour of the label.
		sign := float64(2*label - 1)
		z := sign * y[0]
		g[0] = -sign / (1 + math.Exp(z))
		return math.Log1p(math.Exp(-math.Abs(z))) + max(-z, 0)
	}
	most, sum := math.Inf(-1), 0.0
	for _, v := range y {
		most = max(most, v)
	}
	for i, v := range y {
		g[i] = math.Exp(v - most)
		sum += g[i]
	}
	for i := range g {
		g[i] /= sum
	}
	g[label]--
	return math.Log(sum) + most - y[label]
}

// Probes is the inner product of the outputs with random directions v of independent standard normal
// elements, one direction per sample. The expected square of its gradient is the diagonal of J'J, the
// Gauss-Newton matrix of the squared error of the outputs, whatever the targets are: for networks
// without labels, whose own error would vanish where they fit their data (derived: E[J'v v'J] = J'J).
type Probes struct{ Seed uint64 }

// Check implements Loss.
func (Probes) Check(int, quant.Shape) error { return nil }

// Gradient implements Loss. The same sample has the same direction, in whatever order they come.
func (p Probes) Gradient(sample int, _ quant.Shape, y, g []float64) float64 {
	rng, loss := rand.New(rand.NewPCG(p.Seed, uint64(sample))), 0.0
	for i, v := range y {
		g[i] = rng.NormFloat64()
		loss += g[i] * v
	}
	return loss
}
