package quant

import (
	"fmt"
	"math/bits"
)

// Rule says which integers an accumulator of P bits permits the budget method
// (MATH 2).
type Rule string

// The budget rules.
const (
	// Split is for plain accumulators, which start at 0: the positive and the
	// negative weights of a channel have a budget of their own.
	Split Rule = "split"
	// Shifted is for accumulators that start at a constant of their channel
	// (Layer.ShiftedStart): all weights of a channel share one budget.
	Shifted Rule = "shifted"
)

// ParseRule returns the rule of that name: "split" or "shifted".
func ParseRule(s string) (Rule, error) {
	switch r := Rule(s); r {
	case Split, Shifted:
		return r, nil
	}
	return "", fmt.Errorf("quant: unknown budget rule %q, want split or shifted", s)
}

// Allowance is the set of the integer weights q of a channel that fit an
// accumulator whatever the inputs: sum |q_i| <= Units if Shared, else
// sum of the positive q_i <= Units and sum of the negative |q_i| <= Units.
// Within narrows it to what a unit reads in time.
type Allowance struct {
	// Units is the largest sum of magnitudes.
	Units int64
	// Shared says that both signs draw on the same units.
	Shared bool
	// Lanes, unless 0, is the number of banks, of which input i lies in bank i mod
	// Lanes, and Cap the largest sum of magnitudes in a bank. It is for Shared alone.
	Lanes int
	Cap   int64
}

// Allowance returns the integers that p bits permit under r to inputs of type x.
//
//	shifted         sum |q| <= floor((2^p-1) / (2^N-1))                BudgetShifted
//	split, unsigned each sign's sum <= floor((2^(p-1)-1) / (2^N-1))    BudgetSplit
//	split, signed   sum |q| <= floor((2^(p-1)-1) / 2^(N-1))            BudgetA2Q
//
// A signed input reaches both ends with weights of either sign, so that a unit
// of one sign uses up as much as one of the other: one shared budget is all but
// the whole set that passes the test of MATH 1. For unsigned inputs the split
// budget is that set, but for weights at N=1 that reach exactly -2^(p-1); they
// are left out because a threshold below every sum would need another bit.
// Panics unless p is 1..64, or 1..63 for Shifted, and r one of the rules.
func (r Rule) Allowance(p int, x DataType) Allowance {
	switch {
	case r == Shifted:
		return Allowance{Units: BudgetShifted(p, x), Shared: true}
	case r == Split && x.Signed:
		return Allowance{Units: accMax(p) >> magnitudeBits(x), Shared: true}
	case r == Split:
		return Allowance{Units: BudgetSplit(p, x)}
	}
	panic(fmt.Sprintf("quant: unknown budget rule %q", string(r)))
}

// WeightBitsFor returns the smallest width M >= 2 whose narrow range
// +-(2^(M-1)-1) holds every integer of q. At low P most weights of a budget are
// 0 or +-1, and 2 bits are enough. Panics if q holds -2^31.
func WeightBitsFor(q []int32) int {
	peak := int32(0)
	for _, n := range q {
		peak = max(peak, n, -n)
		if -n == n && n != 0 {
			panic("quant: weight -2^31 has no narrow range")
		}
	}
	return max(2, bits.Len32(uint32(peak))+1)
}
