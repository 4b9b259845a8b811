package ptq

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
)

// TestGaussianFigures compares with MATH 4: the relative error (of the norm of
// the weights) of Gaussian rows, K=576, M=N=4, after EP-init with A2Q+, and
// with units given back from round-to-nearest. The spread
// of another draw, and of another rule for the repair, is allowed for.
func TestGaussianFigures(t *testing.T) {
	rng := rand.New(rand.NewPCG(17, 1))
	for _, c := range []struct {
		bits       int
		ep, repair float64
	}{{12, .595, .413}, {14, .071, .019}} {
		p := gaussianProblem(rng, 64, 576, 4, quant.DataType{Bits: 4}, Accumulator{Bits: c.bits})
		p.Moment = nil
		ep, err := p.Solve(EP)
		if err != nil {
			t.Fatal(err)
		}
		q := make([]int32, len(p.Weights))
		for i, w := range p.Weights {
			q[i] = int32(math.RoundToEven(w / p.Scale[i/p.K]))
		}
		repaired, err := p.Repair(q, false)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(ep.RelativeLoss()-c.ep) > 0.015 || math.Abs(repaired.RelativeLoss()-c.repair) > 0.015 {
			t.Errorf("P=%d: not the figures of MATH 4", c.bits)
		}
		t.Logf("P=%d: EP %.3f (MATH %.3f), repaired %.3f (MATH %.3f)",
			c.bits, ep.RelativeLoss(), c.ep, repaired.RelativeLoss(), c.repair)
	}
}

// BenchmarkBudget is the hidden layer of the reference MLP.
func BenchmarkBudget(b *testing.B) { benchmark(b, Budget) }

// BenchmarkAXE is the same layer.
func BenchmarkAXE(b *testing.B) { benchmark(b, AXE) }

func benchmark(b *testing.B, m Method) {
	rng := rand.New(rand.NewPCG(17, 2))
	p := gaussianProblem(rng, 256, 256, 4, quant.DataType{Bits: 4}, Accumulator{Bits: 10, Rule: quant.Shifted})
	for b.Loop() {
		if _, err := p.Solve(m); err != nil {
			b.Fatal(err)
		}
	}
}
