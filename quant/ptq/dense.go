package ptq

import (
	"fmt"
	"math"

	"github.com/a2qgen/a2qgen/quant/nn"
)

// quantiseDense is Definition.Quantise of the methods whose result is the layer itself, with integers.
func quantiseDense(s *Site) ([]Branch, error) {
	var all []*Solution
	for g := range s.Groups() {
		q, err := s.Problem(g)
		if err != nil {
			return nil, err
		}
		sol, err := s.Solve(q)
		if err != nil {
			return nil, err
		}
		all = append(all, sol)
	}
	s.count(all)
	return []Branch{{Dense, []nn.Layer{s.Integers(all)}}}, nil
}

// Solve chooses scales and integers for a problem of the layer's. Scales are float32 numbers, as the file
// holds them.
func (s *Site) Solve(q *Problem) (*Solution, error) {
	if len(q.Acc.set(q.Input, 1)) > 0 && q.Acc.set(q.Input, 1).radius() < 1 {
		return nil, fmt.Errorf("ptq: layer %q: an accumulator of %d bits under inputs of %v %w",
			q.Name, q.Acc.Bits, q.Input, errNoBudget)
	}
	// With 8 bits and no limit the natural scale clips nothing and rounds finely
	// enough. A shared scale is not the search's, which goes row by row.
	if q.Acc.Bits == 0 && (s.Shared || q.WeightBits >= 8) {
		q.Scale = naturalScales(q, s.Shared)
	} else if err := q.ChooseScales(s.Rounding); err != nil {
		return nil, err
	}
	for r, scale := range q.Scale {
		// Below the smallest normal float32, 2^-126, readers differ: some flush
		// such scales to 0.
		q.Scale[r] = max(float64(float32(scale)), math.SmallestNonzeroFloat32*(1<<23))
	}
	return q.Solve(s.Rounding)
}

// naturalScales puts each row's largest weight, or that of all, on the largest
// integer. A row of zeros takes that of all, and 1 stands for a matrix of zeros:
// every scale must be positive.
func naturalScales(q *Problem, shared bool) []float64 {
	scale := make([]float64, q.Rows)
	all := peak(q.Weights) / float64(q.clip())
	if all == 0 {
		all = 1
	}
	for r := range scale {
		scale[r] = peak(q.row(r)) / float64(q.clip())
		if shared || scale[r] == 0 {
			scale[r] = all
		}
	}
	return scale
}

// options bounds the search by the size of a row, whose square it costs.
func options(k int, acc Accumulator) Options {
	switch {
	case acc.Bits == 0 || k > 1536:
		return Options{Sweeps: -1}
	case k > 640:
		return Options{Sweeps: 2}
	case k > 320:
		return Options{Sweeps: 4}
	}
	return Options{Sweeps: 10, Refit: true}
}
