package quant

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// drawTaps draws a bound on rows, on banks, or on both.
func drawTaps(rng *rand.Rand) Taps {
	t := Taps{Units: 1 + rng.IntN(20)}
	if rng.IntN(4) > 0 {
		t.Lanes, t.Cap = 1+rng.IntN(10), 1+rng.IntN(5)
		t.Units = rng.IntN(1 + t.Lanes*t.Cap)
	}
	return t
}

// checkTaps counts the units of a row and of its banks.
func checkTaps(t *testing.T, z Quantizer, q []int32) {
	t.Helper()
	l := Layer{In: len(q), Out: 1, Weights: q}
	if most := z.Taps.MaxUnits(); most > 0 && l.L1Max() > int64(most) {
		t.Fatalf("%+v: %v has %d units", z, q, l.L1Max())
	}
	if z.Taps.Lanes > 0 && l.BankPeak(z.Taps.Lanes) > int64(z.Taps.Cap) {
		t.Fatalf("%+v: %v has %d units in a bank", z, q, l.BankPeak(z.Taps.Lanes))
	}
}

// TestBanksByGains compares long rows with the plain algorithm: the units of the row in
// the order of their gains, each taken if its bank and its row have room.
func TestBanksByGains(t *testing.T) {
	trials := 6000
	if testing.Short() {
		trials = 600
	}
	rng := rand.New(rand.NewPCG(45, 1))
	for range trials {
		k := 1 + rng.IntN(300)
		p := policy{method: Budget, clip: float64(int(1)<<(1+rng.IntN(7)) - 1)}
		most := 1 + int(float64(k)*p.clip)/(1+rng.IntN(20))
		lanes := 1 + rng.IntN(MaxLanes)
		if rng.IntN(2) == 0 {
			lanes = 1 << rng.IntN(6)
		}
		p.setAllowance(Allowance{Units: int64(rng.IntN(most)), Shared: true, Lanes: lanes,
			Cap: int64(rng.IntN(2 + 2*most/lanes))})
		p.work = new(workspace)
		v, q := make([]float32, k), make([]float32, k)
		drawBudgetRow(rng, v, math.Exp2(rng.Float64()*math.Log2(4*p.clip)))
		gain := math.Exp2(rng.NormFloat64() / 4)
		p.allot(v, gain, q)
		checkAllowed(t, &p, v, q)
		if want := greedyByGain(&p, v, gain); !slices.Equal(q, want) {
			t.Fatalf("%+v, clip %v, %d weights: %v, want %v", p.allowance, p.clip, k, q, want)
		}
	}
}

// greedyByGain returns the projection of v*gain by sorting; of equal gains the first
// weight's comes first.
func greedyByGain(p *policy, v []float32, gain float64) []float32 {
	type unit struct {
		gain int64
		at   int
	}
	var units []unit
	for i, x := range v {
		for n := int64(1); n <= int64(p.clip); n++ {
			if g := onGrid(p, x, gain) - n<<p.gridBits; g >= 0 {
				units = append(units, unit{g, i})
			}
		}
	}
	slices.SortStableFunc(units, func(a, b unit) int { return int(b.gain - a.gain) })
	q, row, banks := make([]float32, len(v)), int64(0), make([]int64, p.allowance.Lanes)
	for _, u := range units {
		b := u.at % p.allowance.Lanes
		if row == p.allowance.Units || banks[b] == p.allowance.Cap {
			continue
		}
		row, banks[b] = row+1, banks[b]+1
		q[u.at] += float32(math.Copysign(1, float64(v[u.at])))
	}
	return q
}

// TestFreeCapsChangeNothing: with caps that no row reaches the projection is that of the
// plain budget, to the last bit.
func TestFreeCapsChangeNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(46, 1))
	for range 3000 {
		z := Quantizer{Method: Budget, Rule: Shifted, WeightBits: 2 + rng.IntN(4), AccBits: 4 + rng.IntN(6),
			Input: unsignedBits(4)}
		k := 1 + rng.IntN(80)
		v, plain, banked := make([]float32, k), make([]float32, k), make([]float32, k)
		drawBudgetRow(rng, v, 8)
		z.Forward(v, 1, k, []float32{0}, nil, plain, nil)
		// No bank can have more than the row's budget.
		z.Taps = Taps{Lanes: 1 + rng.IntN(9), Cap: int(BudgetShifted(z.AccBits, z.Input))}
		z.Forward(v, 1, k, []float32{0}, nil, banked, nil)
		if !slices.Equal(plain, banked) {
			t.Fatalf("%+v: %v becomes %v, without banks %v", z, v, banked, plain)
		}
	}
}

// TestTapsOfAllowance: what Within makes of the rules. P=8 and N=4 permit 17 units of
// both signs, or 8 of each (MATH 2: 255/15, 127/15).
func TestTapsOfAllowance(t *testing.T) {
	for _, c := range []struct {
		rule Rule
		taps Taps
		want Allowance
		err  string
	}{
		{Shifted, Taps{}, Allowance{Units: 17, Shared: true}, ""},
		{Split, Taps{}, Allowance{Units: 8}, ""},
		{Shifted, Taps{Units: 16}, Allowance{Units: 16, Shared: true}, ""},
		{Shifted, Taps{Lanes: 8, Cap: 2}, Allowance{Units: 16, Shared: true, Lanes: 8, Cap: 2}, ""},
		{Shifted, Taps{Lanes: 8, Cap: 2, Units: 9}, Allowance{Units: 9, Shared: true, Lanes: 8, Cap: 2}, ""},
		{Shifted, Taps{Lanes: 16, Cap: 2}, Allowance{Units: 17, Shared: true, Lanes: 16, Cap: 2}, ""},
		{Split, Taps{Lanes: 4, Cap: 2}, Allowance{Units: 8, Shared: true, Lanes: 4, Cap: 2}, ""},
		{Split, Taps{Lanes: 8, Cap: 2}, Allowance{}, "units is 16, want at most 8"},
		{Shifted, Taps{Lanes: 8}, Allowance{}, "lanes is 8 without cap"},
		{Shifted, Taps{Cap: 8}, Allowance{}, "cap is 8 without lanes"},
		{Shifted, Taps{Lanes: -1}, Allowance{}, "lanes is -1, want 1..256"},
		{Shifted, Taps{Lanes: MaxLanes + 1, Cap: 1}, Allowance{}, "lanes is 257, want 1..256"},
		{Shifted, Taps{Lanes: 1, Cap: MaxCap + 1}, Allowance{}, "cap is 4097, want 1..4096"},
		{Shifted, Taps{Units: -1}, Allowance{}, "units is -1"},
		{Shifted, Taps{Lanes: 8, Cap: 2, Units: 17}, Allowance{}, "units is 17, want at most 16"},
	} {
		z := Quantizer{Method: Budget, WeightBits: 4, AccBits: 8, Input: unsignedBits(4), Rule: c.rule, Taps: c.taps}
		got, err := z.Allowance()
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s, %+v: error %v, want one with %q", c.rule, c.taps, err, c.err)
			}
		} else if got != c.want || err != nil {
			t.Errorf("%s, %+v: %+v, %v, want %+v", c.rule, c.taps, got, err, c.want)
		}
	}
}

func TestParseTaps(t *testing.T) {
	for text, want := range map[string]Taps{"8,2": {Lanes: 8, Cap: 2}, "8,2,9": {Lanes: 8, Cap: 2, Units: 9}} {
		if got, err := ParseTaps(text); got != want || err != nil {
			t.Errorf("%q: %+v, %v, want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "8", "8,", "8,0", "0,2", "-8,2", "8,2,0", "8,2,17", "8,2,9,1", "8,x", "257,1",
		"99999999999999999999,1"} {
		if _, err := ParseTaps(text); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("taps %q", text)) {
			t.Errorf("%q: error %v", text, err)
		}
	}
}

// TestBankEdges: ties go to the first weight of the bank, a NaN to the whole row.
func TestBankEdges(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range []struct {
		taps    Taps
		v, want []float32
	}{
		{Taps{Lanes: 2, Cap: 1}, []float32{3, -5, 4, 1}, []float32{0, -1, 1, 0}},
		{Taps{Lanes: 2, Cap: 1}, []float32{2, 2, 2, -2}, []float32{1, 1, 0, 0}},
		{Taps{Lanes: 2, Cap: 3}, []float32{3, -5, 4, 1}, []float32{1, -3, 2, 0}},
		{Taps{Lanes: 2, Cap: 3, Units: 4}, []float32{3, -5, 4, 1}, []float32{1, -2, 1, 0}}, // gains 4.5 3.5 3.5 2.5
		{Taps{Lanes: 3, Cap: 9}, []float32{9, -9, 0.4, -0.6}, []float32{7, -7, 0, -1}},     // clipped at 7
		{Taps{Lanes: 9, Cap: 9}, []float32{0.5, 0.49, -0.5}, []float32{1, 0, -1}},
		{Taps{Lanes: 2, Cap: 1}, []float32{1, nan}, []float32{nan, nan}},
		{Taps{Lanes: 2, Cap: 1}, []float32{-inf, 1}, []float32{nan, nan}},
	} {
		z := Quantizer{Method: Budget, Rule: Shifted, WeightBits: 4, AccBits: 12, Input: unsignedBits(4), Taps: c.taps}
		got := make([]float32, len(c.v))
		z.Forward(c.v, 1, len(c.v), []float32{0}, nil, got, nil)
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%+v: %v becomes %v, want %v", c.taps, c.v, got, c.want)
		}
	}
}
