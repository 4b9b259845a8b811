package sim_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/quant/quanttest"
	"github.com/a2qgen/a2qgen/sim"
)

// TestDeeperQueues holds what docs/simulation.md says of queues deeper than the least: they buy next to no
// latency, and of the cycles lost to a source and sink that pause, little. The median over residual networks,
// whose shortcuts have queues, of what queues that never fill gain: less than a hundredth of the first frame's
// latency, and of the cycles of 20 frames.
func TestDeeperQueues(t *testing.T) {
	count := uint64(40)
	if testing.Short() {
		count = 12
	}
	var latency, paused []float64
	for seed := range count {
		rng := rand.New(rand.NewPCG(seed, 0xfee1))
		n := quanttest.RandomResidual(rng, 16, 4)
		least, err := plan.Plan(n, hwgen.Options{FPS: 1e8 / float64(20+rng.IntN(200))})
		if err != nil {
			t.Fatal(err)
		}
		folds := least.Folding()
		for name, f := range folds {
			// More beats than the 20 frames have on any stream: 16 lanes' worth each.
			f.FIFO = slices.Repeat(hwgen.Depths{20 * 16}, len(f.FIFO))
			folds[name] = f
		}
		deep, err := plan.Plan(n, hwgen.Options{Folding: folds})
		if err != nil {
			t.Fatal(err)
		}
		latency = append(latency, gain(least.Timing.Latency, deep.Timing.Latency))
		paused = append(paused, gain(cyclesPaused(t, least, seed), cyclesPaused(t, deep, seed)))
	}
	slices.Sort(latency)
	slices.Sort(paused)
	last := len(latency) - 1
	t.Logf("latency: median %.4f, %.4f to %.4f; cycles with pauses: median %.4f, %.4f to %.4f",
		latency[last/2], latency[0], latency[last], paused[last/2], paused[0], paused[last])
	if latency[last/2] > 0.01 || paused[last/2] > 0.01 {
		t.Error("deeper queues gain more than docs/simulation.md says")
	}
}

// gain returns which part of before is saved.
func gain(before, after int64) float64 { return float64(before-after) / float64(before) }

// cyclesPaused returns what 20 frames take while source and sink pause in 30 % of cycles each.
func cyclesPaused(t *testing.T, d *hwgen.Design, seed uint64) int64 {
	t.Helper()
	m, err := sim.NewModel(d)
	if err != nil {
		t.Fatal(err)
	}
	pause := sim.Pattern{Probability: 0.3}
	st, err := sim.NewStimulus(pause, pause, seed)
	if err != nil {
		t.Fatal(err)
	}
	timing, err := m.Run(20, st, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	return timing.Cycles
}
