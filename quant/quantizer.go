package quant

import (
	"fmt"
	"math"
)

// Method names a weight quantiser (MATH 3).
type Method string

// The weight quantisers.
const (
	// Base rounds to nearest and knows no accumulator.
	Base Method = "base"
	// A2Q bounds the l1 norm of each row (arXiv 2308.13504).
	A2Q Method = "a2q"
	// A2QPlus bounds the l1 norm of each centred row (arXiv 2401.10432).
	A2QPlus Method = "a2q+"
	// WN bounds the l1 norm of each row and rounds to nearest (arXiv 2301.13376).
	WN Method = "wn"
	// Budget projects each row on the integers that its Rule permits.
	Budget Method = "budget"
	// DQ learns integers directly: Advance moves them, level by level, within the
	// integers that the Rule permits. A reconstruction (see Advance).
	DQ Method = "dq"
)

// ParseMethod returns the method of that name: "base", "wn", "a2q", "a2q+",
// "budget" or "dq".
func ParseMethod(s string) (Method, error) {
	switch m := Method(s); m {
	case Base, WN, A2Q, A2QPlus, Budget, DQ:
		return m, nil
	}
	return "", fmt.Errorf("quant: unknown method %q, want base, wn, a2q, a2q+, budget or dq", s)
}

// Ruled says that the method's integers are those that a Rule permits: budget and dq.
func (m Method) Ruled() bool { return m == Budget || m == DQ }

// Quantizer quantises a weight matrix, one output channel per row: float weights
// v become integers q and the weights s*q that training goes on with. Per row
// it learns d, where s = 2^d is the scale, and t, where g = 2^t is the l1 norm
// that the row is normalised to (only where HasNorm).
//
//	base    q = clip(round_half_even(v/s))
//	wn      w = v/norm1(v) * min(g, T),             q = nearest(w/s)
//	a2q     w = v/norm1(v) * min(g, T),             q = clip(trunc(w/s))
//	a2q+    w = c/norm1(c) * min(g, T), c = v-mean, q = clip(trunc(w/s))
//	budget  q = nearest(v/s)
//	dq      q = v, integers that Init made and Advance alone changes
//
// T is s times the budget of AccBits: BudgetA2Q, for a2q+ BudgetA2QPlus.
// nearest is the vector of integers, clipped and within the Allowance of the
// accumulator and of Taps, that is nearest in the Euclidean sense: rounding to nearest, and
// where that is too much, without the units that cost least (derived).
//
// The integers of wn, a2q, a2q+ and of budget and dq with Split always pass
// Layer.Certify(AccBits); those of budget and dq with Shifted do once the channels
// start at Layer.ShiftedStart. For a2q and a2q+, where the rounding of floats
// breaks it, Forward takes units back.
//
// wn shares the bound and the normalised weights of arXiv 2301.13376 with a2q,
// which came of it; what differs is the rounding. How to keep the bound while
// rounding to nearest, which may add up to half a unit per weight, is our choice:
// g stops at T, its excess is what Regularizer penalises, and nearest keeps the
// integers inside the bound too.
//
// Its methods compute in float64 and panic on a wrong setting or slice length.
type Quantizer struct {
	Method Method
	// WeightBits is M, 2..16: integers are clipped to +-(2^(M-1)-1).
	WeightBits int
	// Input is the type of the layer's inputs. Base ignores it.
	Input DataType
	// AccBits is P, 1..64: what every method but Base must fit.
	AccBits int
	// Rule is the accumulator's of Budget and DQ. The others ignore it.
	Rule Rule
	// Taps narrows what Rule permits to Budget and DQ. The others ignore it.
	Taps Taps
	// Bare says of Budget that no batch norm rescales the layer's sums, so that their size
	// matters: see Backward.
	Bare bool
}

// Allowance returns the integers that Budget and DQ permit to a row, or an error where Rule
// and Taps have no common one (Allowance.Within).
func (z Quantizer) Allowance() (Allowance, error) {
	return z.Rule.Allowance(z.AccBits, z.Input).Within(z.Taps)
}

// HasNorm says that the method learns t, the norm of each row: wn, a2q and
// a2q+ do.
func (z Quantizer) HasNorm() bool {
	return z.Method == WN || z.Method == A2Q || z.Method == A2QPlus
}

// Scale returns s = 2^d rounded to float32, as networks store it. The
// quantiser itself computes with this value.
func Scale(d float32) float32 { return float32(math.Exp2(float64(d))) }

// Forward quantises v (rows x k, row-major) with d and t (rows each; t may be
// nil unless HasNorm). It writes s*q to wq and, unless q is nil, the integers to q
// (both rows x k). A row that is constant for a2q+, or zero for a2q and wn, has no
// direction and becomes 0; a row with NaN or infinite parameters becomes NaN.
// Forward does not allocate.
func (z Quantizer) Forward(v []float32, rows, k int, d, t []float32, wq []float32, q []int32) {
	z.checkMatrix("Forward", rows, k, v, wq)
	z.checkRows("Forward", rows, d, t)
	if q != nil && len(q) != rows*k {
		panic(fmt.Sprintf("quant: Forward: %d integers, want %dx%d", len(q), rows, k))
	}
	p := z.policy()
	p.work = workspaces.Get().(*workspace)
	defer workspaces.Put(p.work)
	for r := range rows {
		row := wq[r*k : (r+1)*k]
		s := float32(p.quantize(v[r*k:(r+1)*k], d[r], at(t, r), row).s)
		if q != nil {
			copyInts(q[r*k:(r+1)*k], row)
		}
		for i, x := range row {
			row[i] = x * s
		}
	}
}

// Regularizer returns the sum over the rows of max(g-T, 0), and adds lambda
// times its gradient to gradD and gradT. It is the only gradient that brings
// back a g above T. Since T = s*budget follows d, the gradients are, where
// g > T, ln2*g for t and -ln2*T for d. It is 0 unless HasNorm.
func (z Quantizer) Regularizer(rows int, d, t []float32, lambda float64, gradD, gradT []float32) float64 {
	if !z.HasNorm() {
		return 0
	}
	z.checkRows("Regularizer", rows, d, t)
	z.checkRows("Regularizer", rows, gradD, gradT)
	p := z.policy()
	sum := 0.0
	for r := range rows {
		g, limit := math.Exp2(float64(t[r])), p.budget*float64(Scale(d[r]))
		if g > limit {
			sum += g - limit
			gradT[r] += float32(lambda * math.Ln2 * g)
			gradD[r] -= float32(lambda * math.Ln2 * limit)
		}
	}
	return sum
}

// policy returns z's constants. Panics if z makes no sense.
func (z Quantizer) policy() policy {
	if z.WeightBits < 2 || z.WeightBits > 16 {
		panic(fmt.Sprintf("quant: quantizer of %d-bit weights, want 2..16", z.WeightBits))
	}
	p := policy{method: z.Method, bare: z.Bare, clip: float64(int(1)<<(z.WeightBits-1) - 1)}
	switch z.Method {
	case Base:
		return p
	case A2Q:
		p.budget = BudgetA2Q(z.AccBits, z.Input)
	case A2QPlus:
		p.budget = BudgetA2QPlus(z.AccBits, z.Input)
	case WN:
		p.budget = BudgetA2Q(z.AccBits, z.Input)
		p.setAllowance(Allowance{Units: accMax(z.AccBits) >> magnitudeBits(z.Input), Shared: true})
	case Budget, DQ:
		a, err := z.Allowance()
		if err != nil {
			panic("quant: quantizer's taps: " + err.Error())
		}
		p.setAllowance(a)
	default:
		panic(fmt.Sprintf("quant: unknown quantizer method %q", z.Method))
	}
	p.input, p.accBits = z.Input, z.AccBits
	return p
}

// checkMatrix panics unless each of m is rows x k.
func (z Quantizer) checkMatrix(op string, rows, k int, m ...[]float32) {
	for _, v := range m {
		if rows < 0 || k < 1 || len(v) != rows*k {
			panic(fmt.Sprintf("quant: %s: matrix of %d elements, want %dx%d", op, len(v), rows, k))
		}
	}
}

// checkRows panics unless d and t have an element for each row. A method
// without norms may go without t.
func (z Quantizer) checkRows(op string, rows int, d, t []float32) {
	if len(d) != rows || len(t) != rows && (z.HasNorm() || len(t) != 0) {
		panic(fmt.Sprintf("quant: %s: %d scales and %d norms, want %d", op, len(d), len(t), rows))
	}
}

// at returns t[r], or 0 where there is no t.
func at(t []float32, r int) float32 {
	if len(t) == 0 {
		return 0
	}
	return t[r]
}

// copyInts copies integers held as floats; NaN becomes 0.
func copyInts(q []int32, row []float32) {
	for i, x := range row {
		if x != x {
			x = 0
		}
		q[i] = int32(x)
	}
}
