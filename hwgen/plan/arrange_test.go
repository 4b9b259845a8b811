package plan_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/quanttest"
)

// TestArrangedComputesTheSame: with columns in other orders the planned network gives the outputs
// of the given one, hidden ones where Channels says.
func TestArrangedComputesTheSame(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 0))
	moved := 0
	for range 30 {
		n := quanttest.RandomNetwork(rng, quanttest.RandomSpec{MaxLayers: 4})
		folding := hwgen.Folding{}
		for i := range n.Layers[1:] {
			l := &n.Layers[i+1]
			f := hwgen.Fold{Unit: "tap", PE: divisor(rng, l.Out), SIMD: 1, Lanes: 1 + rng.IntN(4)}
			if n.OutputOf(i) < 0 { // outputs keep their order
				f.Order = hwgen.Arranged
			}
			folding[l.Name] = f
		}
		d, err := plan.Plan(n, hwgen.Options{Folding: folding})
		if err != nil {
			t.Fatal(err)
		}
		given, planned := quant.NewExecutor(n), quant.NewExecutor(d.Network)
		var want, got quant.Trace
		for range 5 {
			x := quanttest.RandomInput(rng, n)
			given.Run(x, &want)
			planned.Run(x, &got)
			if !slices.Equal(got.Label, want.Label) {
				t.Fatalf("labels %d, want %d", got.Label, want.Label)
			}
			for i, l := range d.Layers {
				for row, v := range got.Out[i] {
					channel := row
					if l.Channels != nil {
						channel = l.Channels[row]
					}
					if channel != row {
						moved++
					}
					if w := want.Out[i][channel]; v != w {
						t.Fatalf("layer %s: row %d is %d, want channel %d: %d", l.Layer.Name, row, v, channel, w)
					}
				}
			}
		}
	}
	if moved == 0 {
		t.Error("no channel has moved")
	}
}

func divisor(rng *rand.Rand, n int) int {
	for {
		if d := 1 + rng.IntN(n); n%d == 0 {
			return d
		}
	}
}

// TestOrderIsChosen: the plan has columns in another order where only that keeps up with the rate.
func TestOrderIsChosen(t *testing.T) {
	// Two rows of two taps, in the same bank of two as of four as the columns are: 2 steps each, 1
	// arranged.
	n := quanttest.Drawn(1, 4, 8, 2)
	clear(n.Layers[1].Weights)
	for row := range 2 {
		n.Layers[1].Weights[8*row], n.Layers[1].Weights[8*row+4] = 1, -1
	}
	for _, c := range []struct {
		fps  float64
		want hwgen.Order
	}{{25e6, hwgen.Natural}, {50e6, hwgen.Arranged}} {
		o := hwgen.Options{FPS: c.fps, ClockMHz: 100, Folding: hwgen.Folding{"fc2": {Unit: "tap"}}}
		d, err := plan.Plan(n, o)
		if err != nil {
			t.Fatal(err)
		}
		if f := d.Layers[1].Fold; f.Order != c.want {
			t.Errorf("at %g frames/s: fold %+v, want order %s", c.fps, f, c.want)
		}
	}
}

// TestOrdersRefused: an order that there is not, or that a layer cannot have.
func TestOrdersRefused(t *testing.T) {
	n := quanttest.Drawn(1, 4, 4, 2)
	for _, c := range []struct {
		layer string
		fold  hwgen.Fold
		want  string
	}{
		{"fc1", hwgen.Fold{Unit: "tap", PE: 1, SIMD: 1, Lanes: 2, Order: hwgen.Arranged},
			`hwgen: layer "fc1": order is "arranged", want "natural": what it reads is not a layer's with weights that ` +
				`nothing else reads and that is no output`},
		{"fc2", hwgen.Fold{Unit: "tap", PE: 1, SIMD: 1, Lanes: 2, Order: "sorted"},
			`hwgen: layer "fc2": order is "sorted", want natural or arranged`},
		{"fc2", hwgen.Fold{Unit: "dense", PE: 1, SIMD: 1, Order: hwgen.Natural},
			`hwgen: layer "fc2": order is "natural", want none: only tap units deal their inputs to banks`},
	} {
		_, err := plan.Plan(n, hwgen.Options{Folding: hwgen.Folding{c.layer: c.fold}})
		if got := message(err); got != c.want {
			t.Errorf("%s %+v: %s, want %s", c.layer, c.fold, got, c.want)
		}
	}
}
