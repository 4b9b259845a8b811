package quant

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// checkThresholds bisects chain and compares the staircase with it at acc of
// every (or, of a long range, some) value of r.
func checkThresholds(t *testing.T, r AccRange, out DataType, chain func(int64) int64) {
	t.Helper()
	row, inverted, err := BisectThresholds(r, out, chain)
	if err != nil {
		t.Fatal(err)
	}
	th := Thresholds{Output: out, Values: row, Inverted: []bool{inverted}}
	if len(row) != th.Levels() || !slices.IsSorted(row) || row[0] < r.Min-1 || row[len(row)-1] > r.Max {
		t.Fatalf("range %v: thresholds %v", r, row)
	}
	step := max((r.Max-r.Min)/5000, 1)
	for acc := r.Min; acc <= r.Max; acc += step {
		if got, want := th.Apply(0, acc), chain(acc); got != want {
			t.Fatalf("range %v: output %d at %d, want %d (thresholds %v)", r, got, acc, want, row)
		}
	}
}

// TestBisectThresholdsAffine runs chains of the kind networks have: clip of
// round of gain*acc+bias, gains of both signs and 0.
func TestBisectThresholdsAffine(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 1))
	for trial := range 600 {
		width := 1 + rng.Int64N(40)
		if trial%3 == 0 {
			width = 1 + rng.Int64N(1<<uint(rng.IntN(24)))
		}
		r := AccRange{-rng.Int64N(width), rng.Int64N(width)}
		out := DataType{Bits: 1 + rng.IntN(6), Signed: rng.IntN(2) == 0}
		lo, hi := float64(out.Min()), float64(out.Max())
		gain := rng.NormFloat64() * math.Exp2(float64(out.Bits)) / float64(width)
		if trial%10 == 0 {
			gain = 0
		}
		bias := lo + (hi-lo)*rng.Float64() + rng.NormFloat64()*3
		checkThresholds(t, r, out, func(acc int64) int64 {
			return int64(max(lo, min(hi, math.RoundToEven(gain*float64(acc)+bias))))
		})
	}
}

// TestBisectThresholdsExhaustive takes every monotone chain, rising and
// falling, over every range within -3..2 to 2-bit outputs.
func TestBisectThresholdsExhaustive(t *testing.T) {
	for _, out := range []DataType{unsignedBits(2), signedType(2), unsignedBits(1)} {
		for lo := int64(-3); lo <= 0; lo++ {
			for hi := int64(0); hi <= 2; hi++ {
				monotone(out, make([]int64, hi-lo+1), 0, func(y []int64) {
					checkThresholds(t, AccRange{lo, hi}, out, func(acc int64) int64 { return y[acc-lo] })
					checkThresholds(t, AccRange{lo, hi}, out, func(acc int64) int64 { return y[hi-acc] })
				})
			}
		}
	}
}

// monotone calls each with every ascending sequence of out's values.
func monotone(out DataType, y []int64, i int, each func([]int64)) {
	if i == len(y) {
		each(y)
		return
	}
	from := out.Min()
	if i > 0 {
		from = y[i-1]
	}
	for v := from; v <= out.Max(); v++ {
		y[i] = v
		monotone(out, y, i+1, each)
	}
}

// TestBisectThresholdsEnds pins "never" and "always".
func TestBisectThresholdsEnds(t *testing.T) {
	r := AccRange{-8, 7}
	for _, c := range []struct{ value, threshold int64 }{{0, 7}, {1, -9}} {
		row, inverted, err := BisectThresholds(r, unsignedBits(1), func(int64) int64 { return c.value })
		if err != nil || inverted || row[0] != c.threshold {
			t.Errorf("constant %d: %v, %v, %v, want threshold %d", c.value, row, inverted, err, c.threshold)
		}
	}
}

// TestBisectThresholdsRefuses: non-monotone chains, every single dent in a
// short range and wide ones in a long range, and values out of range.
func TestBisectThresholdsRefuses(t *testing.T) {
	out := unsignedBits(3)
	refused := func(r AccRange, want string, chain func(int64) int64) {
		t.Helper()
		if _, _, err := BisectThresholds(r, out, chain); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("range %v: error %v, want one on %q", r, err, want)
		}
	}
	r := AccRange{-2000, 2000}
	for dent := r.Min + 1; dent < r.Max; dent += 37 {
		refused(r, "not monotone", func(acc int64) int64 {
			if acc == dent {
				return (clipTo(out, acc) + 4) % 8
			}
			return clipTo(out, acc)
		})
	}
	long := AccRange{-1 << 30, 1 << 30}
	for _, dent := range []int64{12343, 12344, 12347, 12348} { // beside the step after 12345
		refused(long, "not monotone", func(acc int64) int64 {
			if (acc > 12345) != (acc == dent) {
				return 1
			}
			return 0
		})
	}
	refused(long, "not monotone", func(acc int64) int64 { return int64(3.5 + 3.4*math.Sin(float64(acc)/3e8*6)) })
	refused(long, "not monotone", func(acc int64) int64 { return min(7, acc*acc>>40) })
	refused(long, "want UINT3", func(acc int64) int64 { return acc >> 27 })
	refused(long, "want UINT3", func(acc int64) int64 { return max(0, min(8, acc>>26)) })
}

func clipTo(t DataType, v int64) int64 { return max(t.Min(), min(t.Max(), v)) }
