package plan_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/quanttest"
)

// TestStartsFollowP: at every P the planned network computes what the given one does,
// certified where it is safe; wide accumulators begin at 0, narrow ones are shifted,
// and below that the plan is refused.
func TestStartsFollowP(t *testing.T) {
	n := quanttest.Shifted()
	first := n.Layers[0].AccBits
	for p, want := range map[int]struct{ safe, shifted bool }{
		first - 1: {false, true}, first: {true, true}, first + 1: {true, false}, first + 9: {true, false},
	} {
		o := hwgen.Options{AccBits: p}
		d, err := plan.Plan(n, o)
		var overflow *quant.Overflow
		if !want.safe {
			if !errors.As(err, &overflow) || overflow.Needed != first || overflow.Had != p {
				t.Errorf("P = %d: got %v, want an overflow: needs %d", p, err, first)
			}
			o.Unsafe = true
			d, err = plan.Plan(n, o)
		}
		if err != nil {
			t.Fatal(err)
		}
		lp := d.Layers[0]
		if lp.Safe() != want.safe || lp.Shifted() != want.shifted || lp.NeededBits != first {
			t.Errorf("P = %d: safe %v, shifted %v, needs %d; want %v, %v, %d", p, lp.Safe(), lp.Shifted(),
				lp.NeededBits, want.safe, want.shifted, first)
		}
		for i := range d.Layers {
			if err := d.Layers[i].Layer.Certify(d.Layers[i].AccBits); (err == nil) != d.Layers[i].Safe() {
				t.Errorf("P = %d, layer %d: safe is %v, certificate %v", p, i, d.Layers[i].Safe(), err)
			}
		}
		checkSame(t, n, d.Network)
	}
}

// checkSame compares outputs, scores and real outputs of two networks.
func checkSame(t *testing.T, a, b *quant.Network) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 4))
	ea, eb := quant.NewExecutor(a), quant.NewExecutor(b)
	var ta, tb quant.Trace
	ra, rb := make([]float64, a.OutputLayer(0).Shape.Size()), make([]float64, a.OutputLayer(0).Shape.Size())
	for range 200 {
		x := quanttest.RandomInput(rng, a)
		ea.Run(x, &ta)
		eb.Run(x, &tb)
		ea.Real(&ta, 0, ra)
		eb.Real(&tb, 0, rb)
		for c := range ta.Scores[0] {
			if ta.Scores[0][c] != tb.Scores[0][c] || ra[c] != rb[c] {
				t.Fatalf("class %d: score %d, real %g; want %d, %g", c, tb.Scores[0][c], rb[c], ta.Scores[0][c], ra[c])
			}
		}
	}
}
