package plan_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/quanttest"
)

// sparse is a network of two layers of in inputs of four bits and taps weights of +-1 per row, the
// last of which has scores.
func sparse(in, taps int) *quant.Network {
	rng := rand.New(rand.NewPCG(1, 77))
	n := quanttest.Drawn(1, in, in, 10)
	for i := range n.Layers {
		l := &n.Layers[i]
		clear(l.Weights)
		for r := range l.Out {
			for _, c := range rng.Perm(in)[:taps] {
				l.Weights[r*in+c] = 1 - 2*rng.Int32N(2)
			}
		}
		l.AccBits, _ = l.NeededBits()
	}
	return n
}

// TestHardwiredByRate: at a vector per cycle the hard-wired unit is far below the others (an adder
// is P LUTs, a multiplier 18), and at a thousand cycles per vector far above.
func TestHardwiredByRate(t *testing.T) {
	n := sparse(64, 4)
	for _, c := range []struct {
		fps  float64
		want string
	}{{100e6, "hardwired"}, {100e3, "tap_unit"}} {
		d, err := plan.Plan(n, hwgen.Options{FPS: c.fps, ClockMHz: 100})
		if err != nil {
			t.Fatal(err)
		}
		if u := d.Layers[0].Fold.Unit; u != c.want {
			t.Errorf("at %g frames/s: %s, want %s: %+v", c.fps, u, c.want, d.Layers[0].Offers)
		}
		if d.IntervalCycles() > int(100e6/c.fps) {
			t.Errorf("at %g frames/s: %d cycles per frame", c.fps, d.IntervalCycles())
		}
	}
}

// TestHardwiredRefused: what the unit cannot take is refused with the numbers, and the unit that can.
func TestHardwiredRefused(t *testing.T) {
	dense := sparse(300, 300)
	wide := sparse(8, 2)
	first := &wide.Layers[0]
	first.Thresholds = &quant.Thresholds{Output: quant.DataType{Bits: 7}, Values: make([]int64, 127*first.Out)}
	wide.Layers[1].Input = first.Thresholds.Output
	wide.Layers[1].AccBits, _ = wide.Layers[1].NeededBits()
	small := sparse(8, 2)
	for _, c := range []struct {
		n    *quant.Network
		fold hwgen.Fold
		want string
	}{
		{dense, hwgen.Fold{}, fmt.Sprintf(`hwgen: layer "fc1": weights of %d digits that are not 0, a hard-wired unit `+
			`takes at most 65536: the dense unit takes them, and fewer with a smaller P`, 300*300)},
		{wide, hwgen.Fold{}, `hwgen: layer "fc1": activations of 7 bits, a hard-wired unit gives at most 6: the dense unit ` +
			`gives them`},
		{small, hwgen.Fold{PE: 4, SIMD: 8}, `hwgen: layer "fc1": PE is 4 and SIMD 8, want 8 and 8: a hard-wired unit ` +
			`computes all at once`},
		{small, hwgen.Fold{Weights: hwgen.InBlockRAM}, `hwgen: layer "fc1": weights is "block", replay "" and thresholds ` +
			`"", want none: a hard-wired unit has no memories`},
		{small, hwgen.Fold{PE: 8, SIMD: 8, Lanes: 8}, `hwgen: layer "fc1": lanes is 8, want none: only tap units have lanes`},
	} {
		c.fold.Unit = "hardwired"
		_, err := plan.Plan(c.n, hwgen.Options{Folding: hwgen.Folding{"fc1": c.fold}})
		if got := message(err); got != c.want {
			t.Errorf("%+v: %s, want %s", c.fold, got, c.want)
		}
	}
}
