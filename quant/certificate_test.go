package quant

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

// TestAccRangeBruteForce compares AccRange with every input vector, and every
// partial sum of it over every subset of the terms: since a sum in any order
// passes through subsets only, that covers the orders as well.
func TestAccRangeBruteForce(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	for _, x := range []DataType{unsignedBits(1), unsignedBits(2), signedType(1), signedType(2), signedType(3)} {
		for k := 1; k <= 4; k++ {
			for range 20 {
				row := make([]int32, k)
				for i := range row {
					row[i] = int32(rng.IntN(16) - 8)
				}
				checkRange(t, row, x)
			}
		}
	}
}

func checkRange(t *testing.T, row []int32, x DataType) {
	t.Helper()
	l := Layer{In: len(row), Out: 1, Input: x, Weights: row}
	var full, partial AccRange
	each := func(in []int32) {
		for subset := 0; subset < 1<<len(row); subset++ {
			sum := int64(0)
			for i, w := range row {
				if subset>>i&1 == 1 {
					sum += int64(w) * int64(in[i])
				}
			}
			partial = AccRange{min(partial.Min, sum), max(partial.Max, sum)}
		}
		sum := dotNaive(row, in)
		full = AccRange{min(full.Min, sum), max(full.Max, sum)}
	}
	allInputs(x, make([]int32, len(row)), 0, each)
	got := l.AccRange(0)
	if got != full || got != partial {
		t.Fatalf("%v, %v: AccRange %v, brute force %v, partial sums %v", row, x, got, full, partial)
	}
	if hi, lo := dotNaive(row, l.MaxInput(0, 1)), dotNaive(row, l.MaxInput(0, -1)); hi != got.Max || lo != got.Min {
		t.Fatalf("%v, %v: MaxInput reaches %d..%d, want %v", row, x, lo, hi, got)
	}
}

// allInputs calls each with every vector of x's values from element i on.
func allInputs(x DataType, in []int32, i int, each func([]int32)) {
	if i == len(in) {
		each(in)
		return
	}
	for v := x.Min(); v <= x.Max(); v++ {
		in[i] = int32(v)
		allInputs(x, in, i+1, each)
	}
}

func dotNaive(w, x []int32) int64 {
	sum := int64(0)
	for i := range w {
		sum += int64(w[i]) * int64(x[i])
	}
	return sum
}

func TestAccRangeBits(t *testing.T) {
	for p := 1; p <= 64; p++ {
		hi := accMax(p)
		lo := -hi - 1
		for _, r := range []AccRange{{lo, hi}, {lo, 0}, {0, hi}} {
			if p > 1 && r.Bits() != p || r.Bits() > p {
				t.Errorf("%v needs %d bits, want %d", r, r.Bits(), p)
			}
		}
		if p < 64 {
			for _, r := range []AccRange{{lo - 1, 0}, {0, hi + 1}} {
				if r.Bits() != p+1 {
					t.Errorf("%v needs %d bits, want %d", r, r.Bits(), p+1)
				}
			}
		}
	}
	if b := (AccRange{math.MinInt64, math.MaxInt64}).Bits(); b != 64 {
		t.Errorf("all of int64 needs %d bits", b)
	}
}

func TestCertify(t *testing.T) {
	l := Layer{Name: "fc2", In: 3, Out: 3, Input: unsignedBits(4), WeightBits: 4, Weights: []int32{
		1, 0, -1, // -15..15: 5 bits
		7, 7, 3, // 0..255: 9 bits
		-7, -7, -3, // -255..0: 9 bits
	}}
	if b, c := l.NeededBits(); b != 9 || c != 1 {
		t.Errorf("NeededBits = %d, %d, want 9 of channel 1", b, c)
	}
	if err := l.Certify(9); err != nil {
		t.Error(err)
	}
	err := l.Certify(8)
	var o *Overflow
	if !errors.As(err, &o) || *o != (Overflow{"fc2", 1, 9, 8}) {
		t.Fatalf("Certify(8) = %v", err)
	}
	if want := `quant: layer "fc2": channel 1 needs a 9-bit accumulator, has 8`; err.Error() != want {
		t.Errorf("message %q, want %q", err, want)
	}
	if l.L1Max() != 17 || l.TapsMax() != 3 || l.Sparsity() != 1.0/9 {
		t.Errorf("l1 %d, taps %d, sparsity %v", l.L1Max(), l.TapsMax(), l.Sparsity())
	}
	n := Network{Layers: []Layer{l}}
	if err := n.Certify(); err != nil {
		t.Errorf("undeclared width: %v", err)
	}
	n.Layers[0].AccBits = 8
	if n.Certify() == nil {
		t.Error("declared width of 8 bits passes")
	}
}

// TestA2QPlusBudgetIsNoCertificate pins the trap of MATH 1: an all-positive
// row at the A2Q+ budget overflows.
func TestA2QPlusBudgetIsNoCertificate(t *testing.T) {
	x := unsignedBits(4)
	budget := int64(BudgetA2QPlus(12, x))
	if got := rangeOf(budget, 0, x).Bits(); got != 13 {
		t.Errorf("all-positive row of norm %d needs %d bits, want 13", budget, got)
	}
}

func TestThresholdBits(t *testing.T) {
	l := Layer{In: 1, Out: 1, Input: unsignedBits(1), WeightBits: 4, Weights: []int32{-8}}
	for _, c := range []struct {
		t    int64
		want int
	}{{0, 4}, {-8, 4}, {-9, 5}} { // range -8..0; -9 is "always"
		l.Thresholds = &Thresholds{Output: unsignedBits(1), Values: []int64{c.t}}
		if got := l.ThresholdBits(4); got != c.want {
			t.Errorf("threshold %d: %d bits, want %d", c.t, got, c.want)
		}
	}
	l.Thresholds = nil
	if got := l.ThresholdBits(7); got != 7 {
		t.Errorf("no thresholds: %d bits, want 7", got)
	}
}
