package quant

import (
	"fmt"
	"math"
	"testing"
)

func unsignedBits(n int) DataType { return DataType{Bits: n} }
func signedType(n int) DataType   { return DataType{Bits: n, Signed: true} }

// TestBudgets holds the examples of MATH section 2 and the budget rows of the
// table of section 8 (unsigned x; rounded down there).
func TestBudgets(t *testing.T) {
	for _, c := range []struct {
		n, p              int
		a2q, a2qPlus      float64
		split, shiftedSum int64 // split: by hand, floor((2^(p-1)-1)/(2^n-1))
	}{
		{4, 16, 2047.9375, 65534.0 / 15, 2184, 4369},
		{4, 14, 511.9375, 16382.0 / 15, 546, 1092},
		{4, 13, 255.9375, 8190.0 / 15, 273, 546},
		{4, 12, 127.9375, 4094.0 / 15, 136, 273},
		{4, 11, 63.9375, 2046.0 / 15, 68, 136},
		{4, 10, 31.9375, 1022.0 / 15, 34, 68},
		{4, 8, 7.9375, 254.0 / 15, 8, 17},
		{4, 6, 1.9375, 62.0 / 15, 2, 4},
		{8, 16, 32767.0 / 256, 257 - 1.0/255, 128, 257},
	} {
		t.Run(fmt.Sprintf("N%d_P%d", c.n, c.p), func(t *testing.T) {
			x := unsignedBits(c.n)
			if got := BudgetA2Q(c.p, x); got != c.a2q {
				t.Errorf("BudgetA2Q = %v, want %v", got, c.a2q)
			}
			if got := BudgetA2QPlus(c.p, x); math.Abs(got-c.a2qPlus) > 1e-12*got {
				t.Errorf("BudgetA2QPlus = %v, want %v", got, c.a2qPlus)
			}
			if got := BudgetSplit(c.p, x); got != c.split {
				t.Errorf("BudgetSplit = %v, want %v", got, c.split)
			}
			if got := BudgetShifted(c.p, x); got != c.shiftedSum {
				t.Errorf("BudgetShifted = %v, want %v", got, c.shiftedSum)
			}
		})
	}
}

// TestDataTypeBits holds the examples of MATH section 2.
func TestDataTypeBits(t *testing.T) {
	for _, c := range []struct{ k, m, n, want int }{
		{4608, 4, 4, 21}, {4608, 8, 8, 29}, {576, 3, 3, 16}, {1024, 3, 3, 17},
	} {
		if got := DataTypeBits(c.k, c.m, unsignedBits(c.n)); got != c.want {
			t.Errorf("DataTypeBits(%d, %d, UINT%d) = %d, want %d", c.k, c.m, c.n, got, c.want)
		}
	}
}

// TestDataTypeBitsFormula compares with the paper's formula in floats, and
// checks that it suffices for the worst weights, all at -2^(m-1), and wastes
// at most two bits on them (x is taken as up to 2^N, and -2^b needs b bits).
func TestDataTypeBitsFormula(t *testing.T) {
	for k := 1; k <= 600; k += 1 + k/16 {
		for m := 1; m <= 8; m++ {
			for n := 1; n <= 8; n++ {
				for _, x := range []DataType{unsignedBits(n), signedType(n)} {
					a := math.Log2(float64(k)) + float64(magnitudeBits(x)+m-1)
					paper := int(math.Ceil(a + math.Log2(1+math.Exp2(-a)) + 1 - 1e-12))
					got := DataTypeBits(k, m, x)
					if got != paper {
						t.Fatalf("DataTypeBits(%d, %d, %v) = %d, paper %d", k, m, x, got, paper)
					}
					needed := rangeOf(0, int64(k)<<(m-1), x).Bits()
					if needed > got || needed < got-2 {
						t.Fatalf("DataTypeBits(%d, %d, %v) = %d, worst weights need %d", k, m, x, got, needed)
					}
				}
			}
		}
	}
}

// TestBudgetsAreSoundAndTight goes through every (p, n) sum pair: each budget
// guarantees what it says, and the integer budgets are the largest that do.
func TestBudgetsAreSoundAndTight(t *testing.T) {
	for p := 1; p <= 10; p++ {
		for n := 1; n <= 4; n++ {
			for _, x := range []DataType{unsignedBits(n), signedType(n)} {
				checkBudgets(t, p, x)
			}
		}
	}
}

func checkBudgets(t *testing.T, p int, x DataType) {
	t.Helper()
	fits := func(pos, neg int64) bool { return rangeOf(pos, neg, x).Bits() <= p }
	split, shifted := BudgetSplit(p, x), BudgetShifted(p, x)
	for pos := int64(0); pos <= shifted+2; pos++ {
		for neg := int64(0); neg <= shifted+2; neg++ {
			r := rangeOf(pos, neg, x)
			switch {
			case float64(pos+neg) <= BudgetA2Q(p, x) && !fits(pos, neg):
				t.Fatalf("P=%d %v: A2Q permits +%d -%d", p, x, pos, neg)
			case 2*float64(max(pos, neg)) <= BudgetA2QPlus(p, x) && !fits(pos, neg):
				t.Fatalf("P=%d %v: A2Q+ permits halves +%d -%d", p, x, pos, neg)
			case max(pos, neg) <= split && !fits(pos, neg):
				t.Fatalf("P=%d %v: split permits +%d -%d", p, x, pos, neg)
			case (pos+neg <= shifted) != (r.Max-r.Min <= 1<<p-1):
				t.Fatalf("P=%d %v: shifted says %d of +%d -%d", p, x, shifted, pos, neg)
			}
		}
	}
	if r := rangeOf(split+1, split+1, x); r.Max <= accMax(p) && -r.Min <= accMax(p) {
		t.Fatalf("P=%d %v: split %d is not the largest", p, x, split)
	}
}

func TestAccMaxPanics(t *testing.T) {
	for _, p := range []int{-1, 0, 65} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("width %d: no panic", p)
				}
			}()
			BudgetA2Q(p, unsignedBits(4))
		}()
	}
}
