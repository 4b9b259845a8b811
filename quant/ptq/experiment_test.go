package ptq

import (
	"math/rand/v2"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
)

// TestMethodsCompared prints the relative loss of every method on random
// Gaussian layers, each with scales of its own choice, mean of three seeds
// (go test -v -run Compared). What it asserts is the order of the means.
func TestMethodsCompared(t *testing.T) {
	if testing.Short() {
		t.Skip("an experiment")
	}
	const seeds, rows, k = 3, 8, 64
	for _, bits := range []int{0, 14, 12, 11, 10, 9, 8} {
		mean := map[string]float64{}
		for seed := range uint64(seeds) {
			rng := rand.New(rand.NewPCG(15, seed))
			p := gaussianProblem(rng, rows, k, 4, quant.DataType{Bits: 4}, Accumulator{Bits: bits})
			for _, m := range []Method{EP, RTN, AXE, Budget} {
				mean[string(m)] += compare(t, *p, m, quant.Split) / seeds
			}
			mean["shifted"] += compare(t, *p, Budget, quant.Shifted) / seeds
		}
		t.Logf("P=%2d  ep %.4f  rtn %.4f  axe %.4f  budget split %.4f  shifted %.4f",
			bits, mean["ep"], mean["rtn"], mean["axe"], mean["budget"], mean["shifted"])
		if mean["budget"] > mean["axe"] || mean["budget"] > mean["rtn"] {
			t.Errorf("P=%d: budget is not the best", bits)
		}
	}
}

// compare returns the relative loss of method m on p under a rule.
func compare(t *testing.T, p Problem, m Method, rule quant.Rule) float64 {
	p.Acc.Rule, p.Scale = rule, nil
	p.Options.Refit = true
	if err := p.ChooseScales(m); err != nil {
		t.Fatal(err)
	}
	sol, err := p.Solve(m)
	if err != nil {
		t.Fatal(err)
	}
	return sol.RelativeLoss()
}
