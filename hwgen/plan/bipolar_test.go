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

// TestBipolarPlanned: what is planned of a network of -1 and +1 computes the same, and has no
// such type, which blocks do not know.
func TestBipolarPlanned(t *testing.T) {
	rng := rand.New(rand.NewPCG(44, 0))
	signs := 0
	for range 40 {
		n := quanttest.RandomNetwork(rng, quanttest.RandomSpec{MaxLayers: 4, Signs: true})
		for i := range n.Layers { // widths may be a bit more for INT2
			n.Layers[i].AccBits = 0
		}
		d, err := plan.Plan(n, hwgen.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range d.Network.Layers {
			l := &d.Network.Layers[i]
			if l.Input.Bipolar || l.Thresholds != nil && l.Thresholds.Output.Bipolar {
				t.Fatalf("layer %s still has -1 and +1 alone", l.Name)
			}
			if n.Layers[i].Input.Bipolar {
				signs++
			}
		}
		given, planned := quant.NewExecutor(n), quant.NewExecutor(d.Network)
		var want, got quant.Trace
		for range 10 {
			x := quanttest.RandomInput(rng, n)
			given.Run(x, &want)
			planned.Run(x, &got)
			for i := range want.Out {
				if !slices.Equal(want.Out[i], got.Out[i]) && d.Layers[i].Channels == nil {
					t.Fatalf("layer %d gives %v, want %v", i, got.Out[i], want.Out[i])
				}
			}
			if got.Label != want.Label {
				t.Fatalf("label %d, want %d", got.Label, want.Label)
			}
		}
	}
	if signs < 20 {
		t.Errorf("%d layers read -1 and +1", signs)
	}
}
