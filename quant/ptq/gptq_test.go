package ptq

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"gonum.org/v1/gonum/mat"
)

// textbookGPTQ is optimal brain quantisation in a given order, from its
// definition (arXiv 2208.11580, equation 2): at every step it inverts the
// Hessian of the weights that remain. It returns every weight's value just
// before it was rounded, and the integers.
func textbookGPTQ(h mat.Symmetric, u []float64, order []int, clip float64) (before []float64, q []int32) {
	v := append([]float64(nil), u...)
	before, q = make([]float64, len(u)), make([]int32, len(u))
	for a, i := range order {
		rest := order[a:]
		sub := mat.NewDense(len(rest), len(rest), nil)
		for r, m := range rest {
			for c, n := range rest {
				sub.Set(r, c, h.At(m, n))
			}
		}
		var inv mat.Dense
		if err := inv.Inverse(sub); err != nil {
			panic(err)
		}
		before[i] = v[i]
		q[i] = int32(max(-clip, min(clip, math.RoundToEven(v[i]))))
		f := (v[i] - float64(q[i])) / inv.At(0, 0)
		for c, n := range rest {
			v[n] -= f * inv.At(0, c)
		}
	}
	return before, q
}

// TestGPTQEqualsTextbook compares the Cholesky form with the definition.
func TestGPTQEqualsTextbook(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 1))
	for trial := range 30 {
		p := gaussianProblem(rng, 1, 1+rng.IntN(24), 4, quant.DataType{Bits: 4}, Accumulator{})
		p.Options.ColumnOrder = trial%2 == 0
		sys, err := p.system(true)
		if err != nil {
			t.Fatal(err)
		}
		s := newSolver(p, sys, AXE)
		for i, w := range p.Weights {
			s.u[i] = w / p.Scale[0]
		}
		want, wantQ := textbookGPTQ(mat.NewSymDense(p.K, sys.h), s.u, sys.order, float64(p.clip()))
		q := make([]int32, p.K)
		s.gptq(q, func(i int, x float64) int32 {
			if math.Abs(x-want[i]) > 1e-9 {
				t.Errorf("trial %d: weight %d is %v before rounding, want %v", trial, i, x, want[i])
			}
			return s.round(x)
		})
		sol, err := p.Solve(AXE)
		if err != nil {
			t.Fatal(err)
		}
		for i := range q {
			if q[i] != wantQ[i] || sol.Q[i] != wantQ[i] {
				t.Fatalf("trial %d: integer %d is %d, and %d without limit, want %d",
					trial, i, q[i], sol.Q[i], wantQ[i])
			}
		}
	}
}
