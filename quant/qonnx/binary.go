package qonnx

import (
	"math/big"

	"github.com/a2qgen/a2qgen/quant"
)

// A network with a single output tells two classes apart: class 1 where the output
// is above a level, 0.5 behind a Sigmoid, which makes it a probability, and 0
// elsewhere: of a logit that is the same class, and of a comparison its truth.

// halfways are the operators whose outputs are probabilities.
var halfways = map[string]bool{"Sigmoid": true, "HardSigmoid": true}

// levelOf returns the level for an output that ends in these steps. Only the
// last step counts: a Sigmoid in the middle of a chain is no probability any
// more. Steps without a node are those of the layer itself.
func levelOf(steps []step) float64 {
	if k := len(steps) - 1; k >= 0 && steps[k].at != nil && halfways[steps[k].at.op] {
		return 0.5
	}
	return 0
}

// boundary returns the largest integer of type t that real, which rises, does
// not put above level; one less than the smallest where all are above. Types
// have at most 16 bits, so that counting down needs no bisection, and finds the
// boundary of a staircase with plateaus too.
func boundary(t quant.DataType, real func(c int, v int64) float64, level float64) int64 {
	v := t.Max()
	for v >= t.Min() && real(0, v) > level {
		v--
	}
	return v
}

// signScore returns a score for the single output that all steps make of an
// accumulator, which is above 0 where the output is above its level. kept are the
// steps without those at the end that keep the order.
//
// Derived: kept that is affine, gain*acc + offset, is above 0 where
// sign(gain)*acc + offset/|gain| is, and, that being a sum of an integer and
// offset/|gain|, where sign(gain)*acc + ceil(offset/|gain|) is: exactly,
// without the rounding of floats. A Sigmoid behind it changes nothing. Any
// other chain is bisected as it is. Example: gain 0.5, offset -1.2: the output
// is above 0 where acc - 2.4 is, that is where acc + ceil(-2.4) = acc - 2 is:
// from acc = 3 on.
func signScore(acc quant.AccRange, all, kept []step) (*quant.Score, error) {
	gain, offset, err := affine(kept, 0)
	dropped := all[len(kept):]
	plain := len(dropped) == 0 || len(dropped) == 1 && dropped[0].at != nil && dropped[0].at.op == "Sigmoid"
	if err == nil && plain {
		// Of a single gain the measure is its magnitude, and whole its sign, 0
		// or +-1.
		unit, whole := commonMeasure([]*big.Rat{gain})
		// ceil(b) = -floor(-b); the denominator is positive, so that Div rounds down.
		b := new(big.Rat).Quo(offset, unit)
		b.Neg(b)
		bias := new(big.Int).Div(b.Num(), b.Denom())
		// Beyond that the score might leave int64 once the accumulator is
		// added. The bias would have to be 2^62 accumulator units: no trained
		// network comes here.
		if bias.Neg(bias).BitLen() <= 62 {
			return &quant.Score{Gain: whole, Bias: []int64{bias.Int64()}, Exact: true}, nil
		}
	}
	// What is neither affine nor known to mean a class has no level to compare
	// with: a Tanh or a Relu at the end is a regression, whose sign nobody
	// asked for.
	if err != nil && !comparisons[all[len(all)-1].at.op] && !halfways[all[len(all)-1].at.op] {
		return nil, err
	}
	// One bit is enough: the threshold of a BOOL. HardSigmoid has flat ends,
	// where values at exactly 0.5 cannot be told from the affine formula;
	// bisection looks.
	level := levelOf(all)
	row, inverted, err := quant.BisectThresholds(acc, quant.DataType{Bits: 1}, func(v int64) int64 {
		if run(all, 0, float64(v)) > level {
			return 1
		}
		return 0
	})
	switch {
	case err != nil:
		return nil, err
	case inverted: // class 1 up to row[0]
		return &quant.Score{Gain: []int64{-1}, Bias: []int64{row[0] + 1}, Exact: true}, nil
	}
	// acc > row[0] is acc - row[0] > 0.
	return &quant.Score{Gain: []int64{1}, Bias: []int64{-row[0]}, Exact: true}, nil
}
