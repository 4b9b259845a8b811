package plan_test

import (
	"flag"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/quanttest"
)

var graphs = flag.Int("graphs", 60, "random residual networks whose queues are tried")

// randomFolds folds the layers with weights at random.
func randomFolds(rng *rand.Rand, n *quant.Network) hwgen.Folding {
	divisor := func(size int) int {
		for {
			if d := 1 + rng.IntN(size); size%d == 0 {
				return d
			}
		}
	}
	f := hwgen.Folding{}
	for i := range n.Layers {
		l := &n.Layers[i]
		fold := hwgen.Fold{PE: divisor(l.Out), SIMD: divisor(l.In)}
		if !l.Kind.Weighted() {
			fold.SIMD = l.In
		}
		f[l.Name] = fold
	}
	return f
}

// slowest returns the cycles per frame of the slowest block: no design is faster.
func slowest(d *hwgen.Design) int64 {
	most := 0
	for _, n := range d.Nodes {
		most = max(most, n.Cycles())
	}
	return int64(most)
}

// TestQueuesAreMinimal: a design is as fast as its slowest block, and no queue can be a beat
// shallower without a loss of rate or a deadlock. The reference is the engine on a plan with
// every depth given, which decides nothing.
func TestQueuesAreMinimal(t *testing.T) {
	count := *graphs
	if testing.Short() {
		count = min(count, 12)
	}
	queues, locked := 0, 0
	for seed := range uint64(count) {
		rng := rand.New(rand.NewPCG(seed, 21))
		n := quanttest.RandomResidual(rng, 12, 0)
		o := hwgen.Options{Folding: randomFolds(rng, n)}
		d, err := plan.Plan(n, o)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if d.Timing.Cycles != slowest(d)*d.Timing.Frames {
			t.Errorf("seed %d: %d cycles for %d frames, the slowest block takes %d", seed, d.Timing.Cycles,
				d.Timing.Frames, slowest(d))
		}
		for name, f := range d.Folding() {
			for k, depth := range f.FIFO {
				if depth < 2 {
					continue
				}
				queues++
				slow, err := shallower(n, d, name, k)
				if err != nil {
					locked++
				} else if asFast(slow, d) {
					t.Errorf("seed %d: queue %d of %s has %d beats, one less is as fast", seed, k, name, depth)
				}
			}
		}
	}
	if queues < count/4 || locked == 0 && !testing.Short() {
		t.Errorf("%d queues, %d of which lock the design where they are shallower: too few to say", queues, locked)
	}
	t.Logf("%d queues, %d of which lock the design where they are a beat shallower", queues, locked)
}

// shallower plans d again with queue k of a layer a beat shallower.
func shallower(n *quant.Network, d *hwgen.Design, layer string, k int) (*hwgen.Design, error) {
	folds := d.Folding()
	less := folds[layer]
	less.FIFO = slices.Clone(less.FIFO)
	less.FIFO[k]--
	folds[layer] = less
	return plan.Plan(n, hwgen.Options{Folding: folds})
}

// asFast says that a takes at most the cycles of b per frame.
func asFast(a, b *hwgen.Design) bool {
	return a.Timing.Cycles*b.Timing.Frames <= b.Timing.Cycles*a.Timing.Frames
}

// TestQueuesBesideThoseAskedFor: where the folding gives the depths of some queues, those that the
// plan finds are minimal for the rate that is left.
func TestQueuesBesideThoseAskedFor(t *testing.T) {
	// Of 400 networks the mean rate of a run, which is none of a steady state, misleads in some ten.
	count, found := 400, 0
	if testing.Short() {
		count = 160
	}
	for seed := range uint64(count) {
		rng := rand.New(rand.NewPCG(seed, 78))
		n := quanttest.RandomResidual(rng, 8, 4)
		folds := randomFolds(rng, n)
		for name, f := range folds {
			// None, as shallow as can be, and deeper than any of these networks needs.
			f.FIFO = hwgen.Depths{block.Pick(rng, 0, 0, 1, 2, 3, 50)}
			folds[name] = f
		}
		d, err := plan.Plan(n, hwgen.Options{Folding: folds})
		if err != nil {
			continue // locked by what was asked for
		}
		for name, f := range d.Folding() {
			for k, depth := range f.FIFO {
				if depth < 2 || folds[name].FIFO.Of(k) > 0 {
					continue
				}
				found++
				if slow, err := shallower(n, d, name, k); err == nil && asFast(slow, d) {
					t.Errorf("seed %d: queue %d of %s has %d beats, one less is as fast", seed, k, name, depth)
				}
			}
		}
	}
	if found < count/4 {
		t.Errorf("%d queues found, too few to say", found)
	}
}

// TestLockNamesTheQueue: a shortcut without a queue locks the design, and the error says which
// stream needs one.
func TestLockNamesTheQueue(t *testing.T) {
	x := quant.DataType{Bits: 2}
	stairs := func() *quant.Thresholds {
		return &quant.Thresholds{Output: x, Values: slices.Repeat([]int64{0, 1, 2}, 4)}
	}
	n, err := quant.NewNetwork(quant.Network{Name: "locks", InputShape: []int{4}, Input: quant.InputQuantizer{Type: x,
		Quantize: func(_ int, v float64) int32 { return int32(v) }}, Layers: []quant.Layer{
		{Name: "fc", In: 4, Out: 4, Input: x, WeightBits: 2, Weights: slices.Repeat([]int32{1, 0, -1, 1}, 4),
			Thresholds: stairs()},
		{Name: "sum", Kind: quant.Add, From: []int{0, quant.Source}, Out: 4, Thresholds: stairs()}}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = plan.Plan(n, hwgen.Options{Folding: hwgen.Folding{"fc": {PE: 1, SIMD: 1},
		"sum": {PE: 1, SIMD: 2, FIFO: hwgen.Depths{1, 1}}}})
	if err == nil || !strings.Contains(err.Error(), `layer "sum": the design locks in cycle`) ||
		!strings.Contains(err.Error(), `stream "source_fork_1" is full`) {
		t.Errorf("got %v, want a deadlock that names source_fork_1", err)
	}
	if _, err := plan.Plan(n, hwgen.Options{Folding: hwgen.Folding{"fc": {PE: 1, SIMD: 1}}}); err != nil {
		t.Errorf("with queues of its own: %v", err)
	}
}
