package sim_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/quanttest"
	"github.com/a2qgen/a2qgen/sim"
	"github.com/a2qgen/a2qgen/verilator"
	"github.com/a2qgen/a2qgen/verilator/tooltest"
)

var networks = flag.Int("networks", 0, "networks to cross-check on each simulator in each test of drawn networks (0: each test's own number)")

var firstNetwork = flag.Uint64("first-network", 0, "number of the first of those networks: a long run can be split")

// emit writes the design into a new folder.
func emit(t testing.TB, d *hwgen.Design) string {
	t.Helper()
	files, err := d.Emit([]byte("no network"))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "design")
	if err := hwgen.WriteDir(dir, files); err != nil {
		t.Fatal(err)
	}
	return dir
}

func randomFolding(rng *rand.Rand, n *quant.Network) hwgen.Folding {
	pick := func(size int) int {
		for {
			if d := 1 + rng.IntN(size); size%d == 0 {
				return d
			}
		}
	}
	f := hwgen.Folding{}
	for i := range n.Layers {
		f[n.Layers[i].Name] = hwgen.Fold{PE: pick(n.Layers[i].Out), SIMD: pick(n.Layers[i].In), FIFO: rng.IntN(2) * rng.IntN(5)}
	}
	return f
}

// checkNetwork cross-checks n under a random fold and the options o.
func checkNetwork(t *testing.T, rng *rand.Rand, n *quant.Network, samples [][]int32, o sim.Options) {
	t.Helper()
	plan := hwgen.Options{Folding: randomFolding(rng, n), NoBlockRAM: rng.IntN(2) == 0}
	d, err := hwgen.Plan(n, plan)
	if err != nil {
		t.Fatal(err)
	}
	o.CacheDir = t.TempDir()
	r, err := sim.CrossCheck(context.Background(), d, emit(t, d), samples, o)
	if err != nil {
		t.Fatal(err)
	}
	if r.Mismatches > 0 || r.CyclesModel != r.CyclesRTL || r.BeatsCompared == 0 {
		t.Errorf("seed %d, folding %v: %+v", o.Seed, plan.Folding, *r)
	}
}

// randomCase cross-checks one random network under a random fold and stimulus.
func randomCase(t *testing.T, simulator verilator.Simulator, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 7))
	n := quanttest.RandomNetwork(rng, quanttest.RandomSpec{})
	samples := make([][]int32, 4+rng.IntN(8))
	for i := range samples {
		samples[i] = quanttest.RandomInput(rng, n)
	}
	o := sim.Options{Simulator: simulator, Seed: seed}
	if rng.IntN(4) > 0 {
		o.Gap = sim.Pattern{Probability: float64(rng.IntN(10)) / 10, Period: rng.IntN(2) * (2 + rng.IntN(9))}
		o.Stall = sim.Pattern{Probability: float64(rng.IntN(10)) / 10, Period: rng.IntN(2) * (2 + rng.IntN(9))}
	}
	checkNetwork(t, rng, n, samples, o)
}

// onSimulators runs check for so many seeds on Icarus, and on Verilator, which compiles
// a program for each; -networks overrides both, -first-network is the first seed. With
// -short, five run on Icarus.
func onSimulators(t *testing.T, onIcarus, onVerilator int, check func(t *testing.T, simulator verilator.Simulator, seed uint64)) {
	for _, c := range []struct {
		simulator    verilator.Simulator
		tool         string
		count, short int
	}{{verilator.Icarus, "iverilog", onIcarus, 5}, {verilator.Verilator, "verilator", onVerilator, 0}} {
		t.Run(string(c.simulator), func(t *testing.T) {
			count := c.count
			switch {
			case *networks > 0:
				count = *networks
			case testing.Short():
				count = c.short
			}
			if count == 0 {
				t.Skip("slow: builds a simulator a network")
			}
			tooltest.Need(t, c.tool)
			for i := range uint64(count) {
				seed := *firstNetwork + i
				t.Run(fmt.Sprint(seed), func(t *testing.T) {
					t.Parallel()
					check(t, c.simulator, seed)
				})
			}
		})
	}
}

func TestRandomNetworks(t *testing.T) { onSimulators(t, 60, 6, randomCase) }

// TestResetIsQuiet: registers start with random values in Verilator; a check of the
// RTL once took such a value for an overflow in the first cycle of reset.
func TestResetIsQuiet(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a simulator")
	}
	tooltest.Need(t, "verilator")
	n := demoShaped([]int{4, 6, 4, 3}, -3)
	o := hwgen.Options{Folding: hwgen.Folding{"fc1": {PE: 2, SIMD: 2}, "fc2": {PE: 1, SIMD: 3}}}
	d, err := hwgen.Plan(n, o)
	if err != nil {
		t.Fatal(err)
	}
	r, err := sim.CrossCheck(context.Background(), d, emit(t, d), [][]int32{{1, 2, 3, 4}}, sim.Options{CacheDir: t.TempDir()})
	if err != nil || r.Mismatches > 0 {
		t.Errorf("%+v, %v", r, err)
	}
}
