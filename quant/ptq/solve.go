package ptq

import (
	"fmt"

	"gonum.org/v1/gonum/mat"

	"github.com/a2qgen/a2qgen/quant/nn"
)

const (
	defaultDamping = 0.01
	defaultSweeps  = 20
)

// Solve quantises p by a method. The integers fit p.Acc, by the integer test of
// MATH 1, or there is an error. The result does not depend on the number of cores.
// Each row is solved in units of its scale, u = w/s.
func (p *Problem) Solve(m Method) (*Solution, error) {
	if err := p.checkAll(m); err != nil {
		return nil, err
	}
	sys, err := p.system(m.ordered())
	if err != nil {
		return nil, err
	}
	sol := p.newSolution()
	nn.Each(p.Rows, func() func(int) {
		s := newSolver(p, sys, m)
		return func(r int) {
			for i, w := range p.row(r) {
				s.u[i] = w / p.Scale[r]
			}
			sol.Scale[r] = p.Scale[r] * s.solve(sol.row(r))
		}
	})
	p.measure(sol)
	// Whatever a method did: what leaves here was tested.
	return sol, p.Certify(sol.Q)
}

// checkAll returns an error unless p can be solved by m.
func (p *Problem) checkAll(m Method) error {
	if err := p.check(); err != nil {
		return err
	}
	if err := p.checkWeights(); err != nil {
		return err
	}
	if !m.Rounds() {
		return fmt.Errorf("ptq: layer %q: method %q finds no integers, want one of %v", p.Name, m, roundings)
	}
	return nil
}

// ordered says that the method takes columns in an order: that it is GPTQ. Only
// such methods need the factor, whose cost is O(K^3).
func (m Method) ordered() bool { return m == AXE || m == Budget }

// system returns the quadratic form of p's rows, with what GPTQ needs if
// ordered.
func (p *Problem) system(ordered bool) (*system, error) {
	damping := p.Options.Damping
	if damping == 0 {
		damping = defaultDamping
	}
	sys, err := newSystem(p.Moment, p.K, damping)
	if err == nil && ordered {
		// The order comes first: the factor is that of the reordered moment.
		if !p.Options.ColumnOrder {
			sys.byImportance()
		}
		err = sys.factorize()
	}
	if err != nil {
		return nil, fmt.Errorf("ptq: layer %q: %w", p.Name, err)
	}
	return sys, nil
}

// row returns the weights of row r.
func (p *Problem) row(r int) []float64 { return p.Weights[r*p.K : (r+1)*p.K] }

// row returns the integers of row r.
func (s *Solution) row(r int) []int32 {
	k := len(s.Q) / len(s.Scale)
	return s.Q[r*k : (r+1)*k]
}

func (p *Problem) newSolution() *Solution {
	return &Solution{
		Q: make([]int32, p.Rows*p.K), Scale: make([]float64, p.Rows),
		Loss: make([]float64, p.Rows), Power: make([]float64, p.Rows),
	}
}

// measure fills in Loss and Power. Both with p.Moment as it is, not with the damped
// one that the search used, so that losses of different dampings compare.
func (p *Problem) measure(sol *Solution) {
	nn.Each(p.Rows, func() func(int) {
		e := mat.NewVecDense(p.K, nil)
		return func(r int) {
			for i, w := range p.row(r) {
				e.SetVec(i, w)
			}
			sol.Power[r] = p.quadratic(e)
			for i, q := range sol.row(r) {
				e.SetVec(i, p.row(r)[i]-sol.Scale[r]*float64(q))
			}
			sol.Loss[r] = p.quadratic(e)
		}
	})
}

// quadratic returns e' H e.
func (p *Problem) quadratic(e *mat.VecDense) float64 {
	if p.Moment == nil {
		return mat.Dot(e, e)
	}
	return mat.Inner(e, p.Moment, e)
}
