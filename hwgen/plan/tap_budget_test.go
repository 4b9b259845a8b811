package plan_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/hwgen/taps"
	"github.com/a2qgen/a2qgen/quant"
)

// TestMatchTaps: units of quant.BudgetShifted, cycles of 190,000 or 100,000 frames/s at 100 MHz.
func TestMatchTaps(t *testing.T) {
	for _, c := range []struct {
		in, out int
		units   int64
		cycles  int
		want    quant.Taps // none: no tap unit is fast enough
	}{
		// 526 cycles are two per row of 256: 17 units are one more than 8 lanes hold, 34 than 16.
		{256, 256, 4, 526, quant.Taps{Lanes: 2, Cap: 2}},   // P=6, N=4
		{256, 256, 8, 526, quant.Taps{Lanes: 4, Cap: 2}},   // P=7
		{256, 256, 17, 526, quant.Taps{Lanes: 8, Cap: 2}},  // P=8
		{256, 256, 34, 526, quant.Taps{Lanes: 16, Cap: 2}}, // P=9
		{256, 256, 68, 526, quant.Taps{Lanes: 32, Cap: 2}}, // P=10: 64 units, 6 % fewer
		{784, 256, 16, 526, quant.Taps{Lanes: 8, Cap: 2}},  // P=12, N=8
		{784, 256, 32, 526, quant.Taps{Lanes: 16, Cap: 2}}, // P=13
		// 2 lanes of 52 would cut 136 units by a quarter.
		{256, 10, 136, 526, quant.Taps{Lanes: 3, Cap: 52, Units: 136}}, // P=11
		// 15 cycles per row: 15 of 17 units are seven eighths.
		{64, 64, 17, 1000, quant.Taps{Lanes: 1, Cap: 15}},
		// 784 elements come two at a time in 526 cycles: the lanes are even.
		{784, 10, 40, 526, quant.Taps{Lanes: 2, Cap: 40, Units: 40}},
		// 273 units in two cycles are more lanes than a PE has; two PEs have four cycles per row.
		{256, 256, 273, 526, quant.Taps{Lanes: 64, Cap: 4}}, // P=12
		// Rows have one cycle each: two PEs have two.
		{64, 64, 17, 64, quant.Taps{Lanes: 8, Cap: 2}},
		// A unit per row is done in a cycle.
		{64, 64, 1, 64, quant.Taps{Lanes: 1, Cap: 1}},
		{256, 256, 17, 16, quant.Taps{}}, // 16 PEs have one cycle per row
		{784, 10, 40, 7, quant.Taps{}},   // 112 elements at once are more than 64 lanes
		{256, 256, 0, 526, quant.Taps{}}, // no weight fits
	} {
		got, ok := plan.MatchTaps(c.in, c.out, c.units, c.cycles)
		if got != c.want || ok != c.want.Any() {
			t.Errorf("%dx%d, %d units, %d cycles: %+v, %v, want %+v", c.in, c.out, c.units, c.cycles, got, ok, c.want)
		}
	}
}

// TestMatchedTapsAreInTime: rows that fill what MatchTaps permits take no more steps than there are
// cycles with the natural order, at some number of PEs that divides them.
func TestMatchedTapsAreInTime(t *testing.T) {
	rng := rand.New(rand.NewPCG(10, 1))
	matched := 0
	for range 400 {
		in, out, units := 1+rng.IntN(60), 1+rng.IntN(24), int64(1+rng.IntN(80))
		cycles := 1 + rng.IntN(200)
		bound, ok := plan.MatchTaps(in, out, units, cycles)
		if !ok {
			continue
		}
		matched++
		if err := bound.Check(); err != nil || int64(bound.MaxUnits()) > units {
			t.Fatalf("%dx%d, %d units, %d cycles: %+v: %v", in, out, units, cycles, bound, err)
		}
		if 8*int64(bound.MaxUnits()) < 7*units {
			t.Fatalf("%dx%d, %d units, %d cycles: %+v keeps less than seven eighths", in, out, units, cycles, bound)
		}
		w := make([]int32, in*out)
		for i := range w {
			if c := i % in; c < bound.Lanes { // a bank's first column takes all that the bank may have
				w[i] = int32(bound.Cap)
			}
		}
		least := 0
		for pe := 1; pe <= 16; pe++ {
			if out%pe != 0 {
				continue
			}
			if n := taps.Length(w, in, pe, taps.Interleaved(bound.Lanes)); least == 0 || n < least {
				least = n
			}
		}
		if least > cycles {
			t.Fatalf("%dx%d, %d units: %+v takes %d steps, want at most %d", in, out, units, bound, least, cycles)
		}
	}
	if matched < 200 {
		t.Errorf("%d of 400 draws are matched, want 200: too few are tried", matched)
	}
}

// TestTapUnitIsAskedFor: a layer with more taps than weights, and so many of them (2,400 weights of 8 bits,
// 40 on average), gets a tap unit where the option or its own entry asks for one, and is not priced
// as one otherwise.
func TestTapUnitIsAskedFor(t *testing.T) {
	l := block.Sample{Seed: 1, Params: map[string]int{"mw": 40, "mh": 60, "m": 8, "n": 8, "a": 2, "p": 24}}.Layer()
	net, err := quant.NewNetwork(quant.Network{Name: "heavy", InputShape: []int{l.In}, Layers: []quant.Layer{*l},
		Input: quant.InputQuantizer{Type: l.Input, Quantize: func(_ int, v float64) int32 { return int32(v) }}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		o    hwgen.Options
		want string
	}{
		{hwgen.Options{FPS: 1000}, "dense"},
		{hwgen.Options{FPS: 1000, Unit: "tap"}, "tap"},
		{hwgen.Options{FPS: 1000, Folding: hwgen.Folding{"fc": {Unit: "tap"}}}, "tap"},
		// An entry that leaves it open is as none.
		{hwgen.Options{FPS: 1000, Unit: "tap", Folding: hwgen.Folding{"fc": {Unit: "auto"}}}, "tap"},
	} {
		d, err := plan.Plan(net, c.o)
		if err != nil {
			t.Fatal(err)
		}
		got := plan.UnitWord(d.Layers[0].Fold.Unit)
		priced := slices.ContainsFunc(d.Layers[0].Offers, func(o hwgen.Offer) bool { return o.Unit == "tap" })
		if got != c.want || priced {
			t.Errorf("unit %q, entry %+v: %s, offers %+v, want %s and no other", c.o.Unit, c.o.Folding, got,
				d.Layers[0].Offers, c.want)
		}
	}
}
