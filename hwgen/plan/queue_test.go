package plan_test

import (
	"flag"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
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
				shallower, less := d.Folding(), f
				less.FIFO = slices.Clone(f.FIFO)
				less.FIFO[k]--
				shallower[name] = less
				slow, err := plan.Plan(n, hwgen.Options{Folding: shallower})
				if err != nil {
					locked++
				} else if slow.Timing.Cycles*d.Timing.Frames <= d.Timing.Cycles*slow.Timing.Frames {
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
