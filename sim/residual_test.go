package sim_test

import (
	"math/rand/v2"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/quanttest"
	"github.com/a2qgen/a2qgen/sim"
	"github.com/a2qgen/a2qgen/verilator"
)

// residualCase draws a residual network, its plan, samples and pauses.
func residualCase(seed uint64) (*quant.Network, hwgen.Options, [][]int32, sim.Options) {
	rng := rand.New(rand.NewPCG(seed, 0xadd))
	n := quanttest.RandomResidual(rng, 12, 0)
	how := drawPlan(rng, n)
	var samples [][]int32
	for range 6 + rng.IntN(9) {
		samples = append(samples, quanttest.RandomGraphInput(rng, n))
	}
	pause := func() sim.Pattern { return sim.Pattern{Probability: []float64{0, 0.3, 0.7}[rng.IntN(3)]} }
	return n, how, samples, sim.Options{Gap: pause(), Stall: pause(), Seed: seed}
}

// TestResidualNetworks cross-checks residual networks of linear layers: forks, sums, and queues
// whose depths the plan has found.
func TestResidualNetworks(t *testing.T) {
	onSimulators(t, 24, 1, func(t *testing.T, s verilator.Simulator, seed uint64) {
		n, how, samples, o := residualCase(seed)
		o.Simulator = s
		checkNetwork(t, how, n, samples, o)
	})
}
