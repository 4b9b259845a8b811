package ptq

import (
	"fmt"

	"github.com/a2qgen/a2qgen/quant/nn"
)

// Repair takes units off the integers q (Rows x K), each time the one whose
// removal costs least, until they fit p.Acc, then improves them if improve:
// other steps, and pairs of steps, that stay within the limit. Rows that fit
// stay as they are unless improve. q itself stays as it is.
//
// The target is p.Weights; where that is nil, it is the integers themselves,
// times p.Scale, which may then be nil for 1.
func (p *Problem) Repair(q []int32, improve bool) (*Solution, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	goal, err := p.target(q)
	if err != nil {
		return nil, err
	}
	// Nothing is factorised: steps need the gradient alone.
	sys, err := goal.system(false)
	if err != nil {
		return nil, err
	}
	sol := goal.newSolution()
	copy(sol.Q, q)
	copy(sol.Scale, goal.Scale)
	nn.Each(goal.Rows, func() func(int) {
		w := newWalker(goal, sys, goal.Acc.set(goal.Input, 0))
		u := make([]float64, goal.K)
		return func(r int) {
			for i, v := range goal.row(r) {
				u[i] = v / goal.Scale[r]
			}
			w.begin(u, sol.row(r))
			tight := !w.fits()
			w.shrink()
			// A row that fits and is its own target has a loss of 0, which nothing
			// improves.
			if improve && (tight || p.Weights != nil) {
				w.grow()
				w.exchange(goal.sweeps())
				w.grow()
			}
			copy(sol.row(r), w.q)
		}
	})
	goal.measure(sol)
	return sol, goal.Certify(sol.Q)
}

// target returns p with the weights and scales that Repair aims at.
func (p *Problem) target(q []int32) (*Problem, error) {
	if len(q) != p.Rows*p.K {
		return nil, fmt.Errorf("ptq: layer %q: %d integers, want %dx%d", p.Name, len(q), p.Rows, p.K)
	}
	c := p.clip()
	for i, v := range q {
		// The full two's complement range is legal in what is given: -2^(M-1) can
		// only shrink.
		if v > c || v < -c-1 {
			return nil, fmt.Errorf("ptq: layer %q: row %d: integer %d is %d, want at most %d bits",
				p.Name, i/p.K, i%p.K, v, p.WeightBits)
		}
	}
	goal := *p
	if p.Scale == nil && p.Weights == nil {
		goal.Scale = make([]float64, p.Rows)
		for r := range goal.Scale {
			goal.Scale[r] = 1
		}
	}
	if p.Weights == nil && len(goal.Scale) == p.Rows {
		goal.Weights = make([]float64, len(q))
		for i, v := range q {
			goal.Weights[i] = goal.Scale[i/p.K] * float64(v)
		}
	}
	return &goal, goal.checkWeights()
}
