package sim_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/internal/tooltest"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/quanttest"
	"github.com/a2qgen/a2qgen/sim"
	"github.com/a2qgen/a2qgen/verilator"
)

// spendBudget redraws the weights of l so that every channel has the largest l1 norm
// that p bits permit under the shifted-range rule: channel 0 all-positive, channel 1
// all-negative, the rest of any signs.
func spendBudget(rng *rand.Rand, l *quant.Layer, p int) {
	top := int64(1)<<(l.WeightBits-1) - 1
	budget := min(quant.BudgetShifted(p, l.Input), int64(l.In)*top)
	clear(l.Weights)
	for c := range l.Out {
		sign := func() int32 { return int32(1 - 2*rng.IntN(2)) }
		if c < 2 {
			sign = func() int32 { return int32(1 - 2*c) }
		}
		row := l.Row(c)
		for left := budget; left > 0; {
			i, s := rng.IntN(l.In), sign()
			if row[i] != 0 {
				s = max(-1, min(1, row[i]))
			}
			if int64(row[i]*s) == top {
				continue
			}
			row[i] += s
			left--
		}
	}
}

// shiftLayer lets every accumulator of l begin at its shifted start for p bits, under a
// drawn rising staircase; some channels never leave its bottom, some stay at its top.
func shiftLayer(t testing.TB, rng *rand.Rand, l *quant.Layer, p int) {
	t.Helper()
	l.AccBits, l.Start = p, make([]int64, l.Out)
	for c := range l.Out {
		start, ok := l.ShiftedStart(c, p)
		if !ok {
			t.Fatalf("channel %d does not fit in %d bits", c, p)
		}
		l.Start[c] = start
	}
	if l.Thresholds == nil {
		return
	}
	out := l.Thresholds.Output
	l.Thresholds.Inverted = nil
	for c := range l.Out {
		r := l.AccRange(c)
		constant, at := rng.IntN(5), []int64{r.Min, r.Max}[rng.IntN(2)]
		row, _, err := quant.BisectThresholds(r, out, func(acc int64) int64 {
			if constant == 0 {
				acc = at
			}
			return out.Min() + (acc-r.Min)*(out.Max()-out.Min())/max(1, r.Max-r.Min)
		})
		if err != nil {
			t.Fatal(err)
		}
		copy(l.Thresholds.Channel(c), row)
	}
	if rng.IntN(2) == 0 {
		l.Thresholds.Inverted = make([]bool, l.Out)
		for c := range l.Out {
			l.Thresholds.Inverted[c] = rng.IntN(2) == 0
		}
	}
}

// shiftedNetwork draws a network whose layers all begin at shifted starts and use the
// whole of their p bits, where their weights can.
func shiftedNetwork(t testing.TB, rng *rand.Rand) *quant.Network {
	t.Helper()
	n := *quanttest.RandomNetwork(rng, quanttest.RandomSpec{})
	n.Layers = append([]quant.Layer(nil), n.Layers...)
	for i := range n.Layers {
		l := &n.Layers[i]
		l.WeightBits = max(2, l.WeightBits)
		p := l.Input.Bits + rng.IntN(7)
		if l.Input.Bits == 1 {
			p += 2
		}
		spendBudget(rng, l, p)
		shiftLayer(t, rng, l, p)
	}
	checked, err := quant.NewNetwork(n)
	if err != nil {
		t.Fatal(err)
	}
	return checked
}

// shiftedCase cross-checks one network with shifted starts under a drawn fold and
// stimulus, every channel of its first layer driven to both ends of its range.
func shiftedCase(t *testing.T, simulator verilator.Simulator, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 21))
	n := shiftedNetwork(t, rng)
	samples := extremes(&n.Layers[0])
	for range 6 {
		samples = append(samples, quanttest.RandomInput(rng, n))
	}
	o := sim.Options{Simulator: simulator, Seed: seed}
	if rng.IntN(3) > 0 {
		o.Gap = sim.Pattern{Probability: float64(rng.IntN(10)) / 10}
		o.Stall = sim.Pattern{Probability: float64(rng.IntN(10)) / 10}
	}
	checkNetwork(t, drawPlan(rng, n), n, samples, o)
}

// TestShiftedNetworks: accumulators that begin elsewhere and use all of their bits.
func TestShiftedNetworks(t *testing.T) { onSimulators(t, 12, 1, shiftedCase) }

// fullLayer draws a layer at the whole shifted budget of 8 bits with 4-bit inputs: 17
// units per row, and 17*15 = 2^8-1, so every code of the accumulator is used.
func fullLayer(t testing.TB, signed bool) quant.Layer {
	rng := rand.New(rand.NewPCG(3, 22))
	l := quant.Layer{Name: "fc2", In: 24, Out: 12, Input: quant.DataType{Bits: 4, Signed: signed}, WeightBits: 4}
	l.Weights = make([]int32, l.In*l.Out)
	spendBudget(rng, &l, 8)
	shiftLayer(t, rng, &l, 8)
	return l
}

// TestShiftedExtremes drives every channel to both ends, -2^(P-1) and 2^(P-1)-1, at P
// bits. With one bit less the simulation stops with an overflow, and outside of
// estimates the plan is refused.
func TestShiftedExtremes(t *testing.T) {
	tooltest.Need(t, "iverilog")
	for _, signed := range []bool{false, true} {
		for _, f := range []hwgen.Fold{{PE: 4, SIMD: 8}, {PE: 1, SIMD: 1}, {PE: 2, SIMD: 24}, {PE: 12, SIMD: 3}} {
			t.Run(fmt.Sprintf("%v/%dx%d", signed, f.PE, f.SIMD), func(t *testing.T) {
				l := fullLayer(t, signed)
				for c := range l.Out {
					if r := l.AccRange(c); r.Min != -128 || r.Max != 127 {
						t.Fatalf("channel %d has the range %v, want all of 8 bits", c, r)
					}
				}
				if r, err := runExtremes(t, l, f, 8); err != nil || r.Mismatches > 0 {
					t.Errorf("P = 8: %+v, %v", r, err)
				}
				_, err := runExtremes(t, l, f, 7)
				if err == nil || !strings.Contains(err.Error(), "overflows 7 bits") ||
					!strings.Contains(err.Error(), "u_fc2_mvau") {
					t.Errorf("P = 7: got %v, want an overflow that names the block", err)
				}
				f.AccBits = 7
				_, err = plan.Plan(bare(t, l), hwgen.Options{Folding: hwgen.Folding{"fc2": f}})
				if err == nil || !strings.Contains(err.Error(), "needs a 8-bit accumulator, has 7") {
					t.Errorf("P = 7: got %v, want a refusal", err)
				}
			})
		}
	}
}
