package plan_test

import (
	"testing"

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/hwgen"
	tapunit "github.com/a2qgen/a2qgen/hwgen/block/tap_unit"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/quant/quanttest"
)

// TestReadStages: a schedule in block RAM has a second register where the family's is late.
func TestReadStages(t *testing.T) {
	n := quanttest.Drawn(1, 4, 4, 2)
	for _, c := range []struct {
		family boards.Family
		at     hwgen.Place
		want   int
	}{
		{boards.XC7, hwgen.InBlockRAM, 1}, {boards.ECP5, hwgen.InBlockRAM, 2}, {boards.ECP5, hwgen.InLUTs, 1},
	} {
		d, err := plan.Plan(n, hwgen.Options{Family: c.family,
			Folding: hwgen.Folding{"fc1": {Unit: "tap", PE: 1, SIMD: 1, Lanes: 2, Weights: c.at}}})
		if err != nil {
			t.Fatal(err)
		}
		if got := d.Nodes[0].Block.(*tapunit.Block).ReadStages; got != c.want {
			t.Errorf("%s, schedule in %s: %d read stages, want %d", c.family, c.at, got, c.want)
		}
	}
}

// TestOffers: of the units that keep up with the rate, the plan takes the one that it says is the
// cheapest; where there is no choice there are no offers.
func TestOffers(t *testing.T) {
	n := quanttest.Drawn(1, 8, 16, 4)
	for _, fps := range []float64{1e5, 2e6, 1e7} {
		d, err := plan.Plan(n, hwgen.Options{FPS: fps, ClockMHz: 100})
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range d.Layers {
			if len(l.Offers) < 2 {
				t.Fatalf("%g frames/s: layer %s: offers %+v, want two or more", fps, l.Layer.Name, l.Offers)
			}
			// A block counts for 32 LUT (docs/hardware.md).
			price := func(o hwgen.Offer) int { return o.LUT + 32*o.Blocks }
			late := func(o hwgen.Offer) bool { return float64(o.Cycles)*fps > 100e6 }
			best := l.Offers[0]
			for _, o := range l.Offers {
				if !late(o) && (late(best) || price(o) < price(best)) {
					best = o
				}
			}
			if got := plan.UnitWord(l.Fold.Unit); got != best.Unit {
				t.Errorf("%g frames/s: layer %s is built by %s, want %s of %+v", fps, l.Layer.Name, got, best.Unit, l.Offers)
			}
		}
	}
	d, err := plan.Plan(n, hwgen.Options{Unit: "tap"})
	if err != nil || d.Layers[0].Offers != nil {
		t.Errorf("asked for: %v, offers %+v", err, d.Layers[0].Offers)
	}
}
