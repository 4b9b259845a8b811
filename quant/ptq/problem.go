package ptq

import (
	"errors"
	"fmt"
	"math"

	"github.com/a2qgen/a2qgen/quant"
	"gonum.org/v1/gonum/mat"
)

// Problem is one layer to quantise: a matrix of weights, one output channel per
// row, all of which read the same K inputs. A grouped convolution is one Problem
// for each group. The loss of a row does not depend on other rows, so rows are
// solved apart and in parallel.
type Problem struct {
	// Name of the layer, for errors.
	Name string
	// Rows and K are the size of Weights; columns are in the order (kh, kw, Cin).
	Rows, K int
	// Weights is Rows x K, row-major, in real units.
	Weights []float64
	// Scale holds s of each row: integer q stands for the weight s*q.
	Scale []float64
	// Moment is H = E[x x'], K x K, of the integer inputs; nil is the identity,
	// so that the loss is the squared error of the weights. With the covariance
	// in its place, BiasCorrection must follow: it makes the mean of the error 0.
	Moment mat.Symmetric
	// WeightBits is M, 2..16: integers are clipped to +-(2^(M-1)-1).
	WeightBits int
	// Input is the type of the inputs.
	Input quant.DataType
	// Acc is what the integers must fit.
	Acc Accumulator
	// Options of the search.
	Options Options
}

// Options are the settings of the search. The zero value is the default.
type Options struct {
	// Damping is added to the diagonal of Moment, as a fraction of its mean; 0
	// is 0.01, as in GPTQ (arXiv 2210.17323). It must be positive or 0.
	Damping float64
	// ColumnOrder keeps GPTQ in the order of the columns. Otherwise it takes
	// them by falling diagonal of Moment ("act-order").
	ColumnOrder bool
	// Sweeps is how often, at most, Budget looks at every pair of weights for a
	// better exchange; 0 is 20, and a negative number none.
	Sweeps int
	// Refit lets Budget choose the scale of least error for the integers found,
	// and improve the integers for it, by turns.
	Refit bool
}

// Solution is a quantised layer.
type Solution struct {
	// Q is Rows x K integers, row-major.
	Q []int32
	// Scale holds s of each row.
	Scale []float64
	// Loss holds (w - s*q)' H (w - s*q) of each row, Power w' H w, both in
	// squared real units and with Moment as given, not damped.
	Loss, Power []float64
}

// RelativeLoss returns the loss of all rows as a fraction of their power; 0 for
// weights of 0. Rows count by their power, not alike: that is the error of the
// layer's outputs as a whole.
func (s *Solution) RelativeLoss() float64 {
	loss, power := 0.0, 0.0
	for r := range s.Loss {
		loss += s.Loss[r]
		power += s.Power[r]
	}
	if power == 0 {
		return 0
	}
	return loss / power
}

// clip returns the largest |q|, 2^(M-1)-1. The range is narrow, symmetric around 0:
// negating a row never leaves it.
func (p *Problem) clip() int32 { return 1<<(p.WeightBits-1) - 1 }

// check returns an error unless p makes sense.
func (p *Problem) check() error {
	if err := p.checkFormat(); err != nil {
		return fmt.Errorf("ptq: layer %q: %w", p.Name, err)
	}
	return nil
}

// checkFormat looks at all but weights and scales, which Repair and ChooseScales
// may lack.
func (p *Problem) checkFormat() error {
	switch {
	case p.Rows < 1 || p.K < 1:
		return fmt.Errorf("matrix of %dx%d, want at least 1x1", p.Rows, p.K)
	case p.WeightBits < 2 || p.WeightBits > 16:
		return fmt.Errorf("weights of %d bits, want 2..16", p.WeightBits)
	case p.Input.Bits < 1 || p.Input.Bits > 16:
		return fmt.Errorf("inputs of %d bits, want 1..16", p.Input.Bits)
	// Written with !, so that NaN is refused.
	case !(p.Options.Damping >= 0) || math.IsInf(p.Options.Damping, 1):
		return fmt.Errorf("damping %v, want 0 or more", p.Options.Damping)
	}
	if p.Moment != nil {
		if n := p.Moment.SymmetricDim(); n != p.K {
			return fmt.Errorf("moment of %d inputs, want %d", n, p.K)
		}
	}
	return p.Acc.check()
}

// checkWeights returns an error unless weights and scales are there and finite.
func (p *Problem) checkWeights() error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("ptq: layer %q: "+format, append([]any{p.Name}, args...)...)
	}
	if len(p.Weights) != p.Rows*p.K || len(p.Scale) != p.Rows {
		return fail("%d weights and %d scales, want %dx%d and %d", len(p.Weights), len(p.Scale), p.Rows, p.K, p.Rows)
	}
	for i, w := range p.Weights {
		if math.IsNaN(w) || math.IsInf(w, 0) {
			return fail("row %d: weight %d is %v", i/p.K, i%p.K, w)
		}
	}
	for r, s := range p.Scale {
		if !(s > 0) || math.IsInf(s, 1) {
			return fail("row %d: scale %v, want a positive number", r, s)
		}
	}
	return nil
}

// errSingular is a moment that is no second moment.
var errSingular = errors.New("moment is not positive definite, or not finite, after damping")
