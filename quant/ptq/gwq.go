package ptq

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/a2qgen/a2qgen/quant/gradient"
	"github.com/a2qgen/a2qgen/quant/nn"
)

// Saliency says which weights count as outliers.
type Saliency string

const (
	// BatchGradient is the magnitude of the mean gradient of the loss over the samples: the rule of GWQ.
	BatchGradient Saliency = "gradient"
	// SumGradient adds up the magnitudes of each sample's gradient, SquareGradient their squares: a
	// network that has converged has a mean gradient near 0.
	SumGradient    Saliency = "gradient-sum"
	SquareGradient Saliency = "gradient-squares"
	// Damage is the squared gradient times the squared error of a weight that is rounded: what the diagonal of
	// the Fisher matrix says that rounding costs.
	Damage Saliency = "damage"
	// Magnitude and Random are controls.
	Magnitude Saliency = "magnitude"
	Random    Saliency = "random"
)

// gwqOptions are those of quantiseGWQ.
func gwqOptions() []Option {
	return append(roundingOptions(Inputs), roundingOption(Budget),
		Option{Name: "part", Usage: "part of the weights that are outliers", Default: "0.01", Low: 0, High: 0.5},
		Option{Name: "scope", Usage: "where the largest are looked for", Default: "layer", Words: []string{"layer", "row"}},
		Option{Name: "score", Usage: "what says that a weight is an outlier", Default: string(BatchGradient),
			Words: []string{string(BatchGradient), string(SumGradient), string(SquareGradient), string(Damage),
				string(Magnitude), string(Random)}},
		Option{Name: "score-samples", Usage: "calibration samples whose gradients count", Default: "64", Low: 1,
			High: 1 << 20, Whole: true},
		Option{Name: "outlier-bits", Usage: "bits of an outlier", Default: "8", Low: 2, High: 16, Whole: true},
		Option{Name: "shift", Usage: "binary digits that an outlier is finer by", Default: "0", Low: 0, High: 8,
			Whole: true})
}

// quantiseGWQ keeps few weights, those to which the loss is most sensitive, as integers of more bits in a sparse
// branch, and rounds the others as if those were not there (arXiv 2411.00850: the rule is the abstract's, scope
// and groups are ours). Outliers have the unit of the others, or one that is shift digits finer, and an
// accumulator of their own.
func quantiseGWQ(s *Site) ([]Branch, error) {
	mask, err := s.outliers()
	if err != nil {
		return nil, err
	}
	var dense, sparse []*Solution
	some := slices.Contains(mask, true)
	for g := range s.Groups() {
		q, err := s.Problem(g)
		if err != nil {
			return nil, err
		}
		at := g * q.Rows * q.K
		real := slices.Clone(q.Weights)
		for i := range q.Weights {
			if mask[at+i] {
				q.Weights[i] = 0
			}
		}
		sol, err := s.Solve(q)
		if err != nil {
			return nil, err
		}
		dense = append(dense, sol)
		if some {
			if sol, err = s.solveOutliers(q, sol, real, mask[at:at+len(real)]); err != nil {
				return nil, err
			}
			sparse = append(sparse, sol)
		}
	}
	s.count(dense)
	branches := []Branch{{Dense, []nn.Layer{s.Integers(dense)}}}
	if some {
		o := s.Integers(sparse)
		o.Name, o.Bias, o.WeightBits = o.Name+"_outliers", nil, int(s.Values.number("outlier-bits"))
		branches = append(branches, Branch{Outliers, []nn.Layer{o}})
	}
	return branches, nil
}

// solveOutliers returns the integers of the outliers: what the dense part leaves of them, to nearest, within the
// limit of an accumulator of their own.
func (s *Site) solveOutliers(q *Problem, dense *Solution, real []float64, mask []bool) (*Solution, error) {
	o := *q
	o.Moment, o.WeightBits = nil, int(s.Values.number("outlier-bits"))
	o.Weights, o.Scale = make([]float64, len(real)), make([]float64, q.Rows)
	for r, scale := range dense.Scale {
		o.Scale[r] = scale * math.Exp2(-s.Values.number("shift"))
	}
	for i, is := range mask {
		if is {
			o.Weights[i] = real[i] - dense.Scale[i/q.K]*float64(dense.Q[i])
		}
	}
	// Round to nearest leaves a weight of 0 at 0: the branch has the mask's weights alone.
	return o.Solve(RTN)
}

// outliers returns which weights of the layer are outliers: of equal ones those that come first.
func (s *Site) outliers() ([]bool, error) {
	l := s.Layer()
	score, err := s.saliency(Saliency(s.Values["score"]))
	if err != nil {
		return nil, err
	}
	mask := make([]bool, len(l.Weights))
	part := s.Values.number("part")
	if s.Values["scope"] == "row" {
		for r := range l.Out {
			markLargest(mask[r*l.In:(r+1)*l.In], score[r*l.In:(r+1)*l.In], int(math.Ceil(part*float64(l.In))))
		}
		return mask, nil
	}
	markLargest(mask, score, int(part*float64(len(mask))))
	return mask, nil
}

// markLargest sets mask at the n largest scores.
func markLargest(mask []bool, score []float64, n int) {
	order := make([]int, len(score))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(score[b], score[a]) })
	for _, i := range order[:min(n, len(order))] {
		mask[i] = true
	}
}

// saliency returns a score for each weight of the layer.
func (s *Site) saliency(by Saliency) ([]float64, error) {
	l := s.Layer()
	score := make([]float64, len(l.Weights))
	switch by {
	case Magnitude:
		for i, w := range l.Weights {
			score[i] = math.Abs(float64(w))
		}
		return score, nil
	case Random:
		rng := rand.New(rand.NewPCG(uint64(s.i), 1))
		for i := range score {
			score[i] = rng.Float64()
		}
		return score, nil
	}
	sum, size, squares, err := s.weightGradients(int(s.Values.number("score-samples")))
	if err != nil {
		return nil, err
	}
	switch by {
	case SumGradient:
		return size, nil
	case SquareGradient:
		return squares, nil
	case Damage:
		// The scale without outliers is not known yet: that of the row's largest weight stands for it.
		clip := math.Exp2(float64(s.Bits-1)) - 1
		for r := range l.Out {
			row := wide(l.Weights[r*l.In : (r+1)*l.In])
			step := peak(row) / clip
			for k, w := range row {
				e := w - step*math.RoundToEven(w/max(step, math.SmallestNonzeroFloat32))
				score[r*l.In+k] = squares[r*l.In+k] * e * e
			}
		}
		return score, nil
	}
	for i, v := range sum {
		score[i] = math.Abs(v)
	}
	return score, nil
}

// weightGradients returns, for each weight, the sum over the first samples of the gradient of the loss, that of
// its magnitude, and that of its square.
func (s *Site) weightGradients(samples int) (sum, size, squares []float64, err error) {
	n := len(s.Layer().Weights)
	sum, size, squares = make([]float64, n), make([]float64, n), make([]float64, n)
	pass := s.pass()
	pass.Samples = samples
	_, err = gradient.Each(s.ctx, pass, func() gradient.Worker[float32] {
		dw, parts := make([]float32, n), [3][]float64{make([]float64, n), make([]float64, n), make([]float64, n)}
		return gradient.Worker[float32]{
			Do: func(span gradient.Span[float32]) {
				for _, p := range parts {
					clear(p)
				}
				for k := range span.Samples() {
					clear(dw)
					span.Weights(s.i, k, dw)
					for i, v := range dw {
						d := float64(v)
						parts[0][i] += d
						parts[1][i] += math.Abs(d)
						parts[2][i] += d * d
					}
				}
			},
			Add: func() {
				for k, total := range [][]float64{sum, size, squares} {
					for i, v := range parts[k] {
						total[i] += v
					}
				}
			},
		}
	})
	if err != nil {
		return nil, nil, nil, fmt.Errorf("ptq: layer %q: %w", s.Layer().Name, err)
	}
	return sum, size, squares, nil
}
