package sim_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/quanttest"
	"github.com/a2qgen/a2qgen/sim"
)

// TestDepthsAreLeast: of random graphs and residual networks no queue and no line buffer can do with a beat
// less, sums and concatenations of several frames under way among them; and a buffer of a beat too many is
// found.
func TestDepthsAreLeast(t *testing.T) {
	count := uint64(40)
	if testing.Short() {
		count = 16
	}
	seen := map[string]int{}
	for seed := range count {
		rng := rand.New(rand.NewPCG(seed, 0xdee9))
		n := quanttest.RandomGraph(rng)
		if seed%4 == 0 { // two to three frames are under way in the long branch of some
			n = quanttest.RandomResidual(rng, 12, 0)
		}
		d, err := plan.Plan(n, hwgen.Options{FPS: 1e8 / float64(1+rng.IntN(400))})
		if err != nil {
			continue // an Add of unrelated widths and the like: not of this test
		}
		checkProofs(t, seed, d, seen)
		deepen(t, seed, d, seen)
	}
	for _, what := range []string{"fifo", "line_buffer", "add", "concat", "locks", "overlap", "deeper"} {
		if seen[what] == 0 && !(testing.Short() && what == "concat") {
			t.Errorf("nothing tried of %s: %v", what, seen)
		}
	}
	t.Log(seen)
}

// checkProofs wants every depth of d to be the least.
func checkProofs(t *testing.T, seed uint64, d *hwgen.Design, seen map[string]int) {
	t.Helper()
	for _, p := range proofs(t, d) {
		seen[p.Kind]++
		if p.Locks > 0 {
			seen["locks"]++
		}
		if p.Overlap > 1 && p.Kind == "fifo" {
			seen["overlap"]++
		}
		if !p.Least {
			t.Errorf("seed %d: %+v: a beat less is enough", seed, p)
		}
		for i, l := range d.Layers {
			if l.Layer.Name == p.Layer && p.Kind == "fifo" {
				seen[map[quant.Kind]string{quant.Add: "add", quant.Concat: "concat"}[d.Layers[i].Layer.Kind]]++
			}
		}
	}
}

// deepen makes one buffer of d after the other a beat too deep, as a planner would that searched wrongly, and
// wants that to be found.
func deepen(t *testing.T, seed uint64, d *hwgen.Design, seen map[string]int) {
	t.Helper()
	for _, p := range proofs(t, d) {
		i := slices.IndexFunc(d.Nodes, func(n hwgen.Node) bool { return n.Name() == p.Block })
		wrong := *d
		wrong.Nodes = slices.Clone(d.Nodes)
		wrong.Nodes[i].Block = deeper{d.Nodes[i].Block.(hwgen.Buffer)}
		for _, got := range proofs(t, &wrong) {
			if got.Block == p.Block && got.Least {
				t.Errorf("seed %d: %+v: a beat too many is not found", seed, got)
			}
		}
		seen["deeper"]++
	}
}

func proofs(t *testing.T, d *hwgen.Design) []sim.DepthProof {
	t.Helper()
	all, err := sim.ProveDepths(d)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// deeper is a buffer that is a beat too deep.
type deeper struct{ hwgen.Buffer }

func (d deeper) Needed() int { return d.Buffer.Needed() + 1 }
