package ptq

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
)

// optimum returns the least loss of one row over all integers that fit, by
// trying every one.
func optimum(p *Problem, sys *system, u []float64) float64 {
	q := make([]int32, p.K)
	best := math.Inf(1)
	e, g := make([]float64, p.K), make([]float64, p.K)
	var try func(i int)
	try = func(i int) {
		if i < p.K {
			for q[i] = -p.clip(); q[i] <= p.clip(); q[i]++ {
				try(i + 1)
			}
			return
		}
		if !fitsByHand(q, p.Input, p.Acc) {
			return
		}
		for i, v := range q {
			e[i] = u[i] - float64(v)
		}
		sys.apply(e, g)
		loss := 0.0
		for i, x := range e {
			loss += x * g[i]
		}
		best = min(best, loss)
	}
	try(0)
	return best
}

// tinyProblem draws a row short enough to try every integer.
func tinyProblem(rng *rand.Rand, bits int) *Problem {
	x := quant.DataType{Bits: 3, Signed: rng.IntN(2) == 0}
	acc := Accumulator{Bits: bits, Rule: quant.Split}
	if rng.IntN(2) == 0 {
		acc.Rule = quant.Shifted
	}
	switch rng.IntN(4) {
	case 0:
		acc.Tile = 3
	case 1:
		acc.Taps = randomTaps(rng)
	}
	return gaussianProblem(rng, 1, 6, 3, x, acc)
}

// dampedLoss is the loss of a solution as the search sees it.
func dampedLoss(p *Problem, sys *system, u []float64, q []int32) float64 {
	w := newWalker(p, sys, nil)
	w.begin(u, q)
	return w.loss
}

// TestGapToOptimum tries all 7^6 integers of tiny rows: no method is better
// than the optimum, and Budget's mean gap is printed.
func TestGapToOptimum(t *testing.T) {
	trials := 60
	if testing.Short() {
		trials = 10
	}
	rng := rand.New(rand.NewPCG(12, 1))
	gap := map[Method]float64{}
	exact := map[Method]int{}
	for range trials {
		p := tinyProblem(rng, 5+rng.IntN(3))
		sys, err := p.system(false)
		if err != nil {
			t.Fatal(err)
		}
		u := make([]float64, p.K)
		for i, w := range p.Weights {
			u[i] = w / p.Scale[0]
		}
		least := optimum(p, sys, u)
		for _, m := range []Method{RTN, EP, AXE, Budget} {
			sol, err := p.Solve(m)
			if err != nil {
				t.Fatal(err)
			}
			loss := dampedLoss(p, sys, u, sol.Q)
			if loss < least*(1-1e-9) {
				t.Fatalf("%s: loss %v below the optimum %v: %v", m, loss, least, sol.Q)
			}
			if loss <= least*(1+1e-9) {
				exact[m]++
			}
			gap[m] += (loss - least) / least / float64(trials)
		}
	}
	for _, m := range []Method{RTN, EP, AXE, Budget} {
		t.Logf("%-6s optimal in %d of %d, mean gap %.1f %%", m, exact[m], trials, 100*gap[m])
	}
}

// TestRepairIsOptimalWithoutMoment: with the squared error of single weights
// and one budget for both signs, taking the cheapest unit each time is exact
// (a separable convex sum under one sum).
func TestRepairIsOptimalWithoutMoment(t *testing.T) {
	rng := rand.New(rand.NewPCG(12, 2))
	for trial := range 20 {
		p := tinyProblem(rng, 4+rng.IntN(4))
		p.Moment, p.Acc.Rule = nil, quant.Shifted
		sys, _ := p.system(false)
		u := make([]float64, p.K)
		q := make([]int32, p.K)
		for i, w := range p.Weights {
			u[i] = w / p.Scale[0]
			q[i] = int32(math.RoundToEven(u[i]))
		}
		sol, err := p.Repair(q, false)
		if err != nil {
			t.Fatal(err)
		}
		least := optimum(p, sys, u)
		if got := dampedLoss(p, sys, u, sol.Q); math.Abs(got-least) > 1e-9*(1+least) {
			t.Errorf("trial %d: loss %v, optimum %v", trial, got, least)
		}
	}
}
