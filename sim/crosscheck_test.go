package sim_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/emit"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/internal/tooltest"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/quanttest"
	"github.com/a2qgen/a2qgen/sim"
	"github.com/a2qgen/a2qgen/verilator"
)

var networks = flag.Int("networks", 0,
	"networks to cross-check on each simulator in each test of drawn networks (0: each test's own number)")

var onlyUnit = flag.String("unit", "", "dense, tap or hardwired: all layers that can are built so; else it is drawn")

var firstNetwork = flag.Uint64("first-network", 0, "number of the first of those networks: a long run can be split")

// emitDir writes the design into a new folder.
func emitDir(t testing.TB, d *hwgen.Design) string {
	t.Helper()
	files, err := emit.Files(d, []byte("no network"))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "design")
	if err := emit.WriteDir(dir, files); err != nil {
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
		l := &n.Layers[i]
		fold := hwgen.Fold{PE: pick(l.Out), SIMD: pick(l.In), FIFO: hwgen.Depths{rng.IntN(2) * rng.IntN(5)}}
		if l.Kind == quant.Add {
			fold.SIMD, fold.FIFO = l.In, nil // too short a queue before a sum may lock the design
		} else {
			drawUnit(rng, l, &fold)
		}
		f[l.Name] = fold
	}
	return f
}

// drawnUnits are the units that there are, by their words.
var drawnUnits = []string{"dense", "tap", "hardwired"}

// drawUnit draws which unit builds a layer, unless -unit says which, and what that wants of a fold.
func drawUnit(rng *rand.Rand, l *quant.Layer, f *hwgen.Fold) {
	// Hard-wired staircases have at most 63 steps, and Icarus interprets each of them.
	wired := l.Thresholds == nil || l.Thresholds.Levels() <= 63 && l.Thresholds.Levels()*l.Out <= 256
	lanes := 1 + rng.IntN(4)
	unit := drawnUnits[rng.IntN(len(drawnUnits))]
	if *onlyUnit != "" {
		unit = *onlyUnit
	}
	switch {
	case unit == "tap":
		f.Unit, f.Lanes = unit, f.SIMD*lanes
	case unit == "hardwired" && wired:
		f.Unit, f.PE, f.SIMD = unit, l.Out, l.In
	default:
		f.Unit = "dense"
	}
}

// drawPlan draws a fold and where memories are kept.
func drawPlan(rng *rand.Rand, n *quant.Network) hwgen.Options {
	return hwgen.Options{Folding: randomFolding(rng, n), NoBlockRAM: rng.IntN(2) == 0}
}

// steadyFrames is when the small networks of these tests have come to repeat themselves.
const steadyFrames = 10

// checkNetwork cross-checks n planned as how says, and the options o.
func checkNetwork(t *testing.T, how hwgen.Options, n *quant.Network, samples [][]int32, o sim.Options) {
	t.Helper()
	d, err := plan.Plan(n, how)
	if err != nil {
		t.Fatal(err)
	}
	o.CacheDir = benches
	outputs := make([][][]int32, len(d.Sinks))
	o.Outputs = func(port, _ int, values []int32) { outputs[port] = append(outputs[port], slices.Clone(values)) }
	r, err := sim.CrossCheck(context.Background(), d, emitDir(t, d), asPlanned(d, samples), o)
	if err != nil {
		t.Fatal(err)
	}
	if r.Mismatches == 0 {
		checkOutputs(t, d.Network, asPlanned(d, samples), outputs)
	}
	if r.Mismatches > 0 || r.CyclesModel != r.CyclesRTL || r.BeatsCompared == 0 {
		t.Errorf("seed %d, folding %v: %+v", o.Seed, how.Folding, *r)
	}
	if o.Gap.Probability > 0 || o.Stall.Probability > 0 {
		return
	}
	// Model and Verilog agree in every cycle, so what the plan prints is measured here.
	for k, got := range r.Outputs {
		if got.LatencyCycles != int64(d.OutputLatency(k)) || got.LatencyCycles > r.LatencyCycles {
			t.Errorf("seed %d: output %d: latency %d, printed %d", o.Seed, k, got.LatencyCycles, d.OutputLatency(k))
		}
	}
	if r.LatencyCycles != int64(d.LatencyCycles()) {
		t.Errorf("seed %d: latency %d, printed %d", o.Seed, r.LatencyCycles, d.LatencyCycles())
	}
	if d.Timing.Frames == 1 && len(samples) > steadyFrames && *r.IntervalCycles != d.Timing.Cycles {
		t.Errorf("seed %d: interval %d, printed %d", o.Seed, *r.IntervalCycles, d.Timing.Cycles)
	}
}

// asPlanned returns samples of the network that was given as the planned one reads them: the bits of -1 and +1,
// which it may take in their place.
func asPlanned(d *hwgen.Design, samples [][]int32) [][]int32 {
	if given, planned := d.Given.Input.Type, d.Network.Input.Type; !given.Bipolar || planned.Signed {
		return samples
	}
	planned := make([][]int32, len(samples))
	for i, x := range samples {
		for _, v := range x {
			planned[i] = append(planned[i], int32(quant.Bipolar.Number(int64(v))))
		}
	}
	return planned
}

// checkOutputs compares what left the Verilog at each output, frame by frame, with the executor's.
func checkOutputs(t *testing.T, n *quant.Network, samples [][]int32, outputs [][][]int32) {
	t.Helper()
	var tr quant.Trace
	e := quant.NewExecutor(n)
	for k, o := range n.Outputs {
		if len(outputs[k]) != len(samples) {
			t.Errorf("output %d: %d frames left the Verilog, want %d", k, len(outputs[k]), len(samples))
			return
		}
		for i, x := range samples {
			e.Run(x, &tr)
			want := tr.Of(o.Layer)
			if n.Layers[o.Layer].Score != nil {
				want = make([]int32, n.Layers[o.Layer].Shape.Positions())
				e.Labels(&tr, k, want)
			}
			if !slices.Equal(outputs[k][i], want) {
				t.Errorf("output %d, frame %d: the Verilog gave %v, want %v", k, i, outputs[k][i], want)
			}
		}
	}
}

// drawCase draws a network, frames for it, a stimulus and a plan.
func drawCase(seed uint64) (n *quant.Network, samples [][]int32, o sim.Options, plan hwgen.Options) {
	rng := rand.New(rand.NewPCG(seed, 7))
	n = quanttest.RandomNetwork(rng, quanttest.RandomSpec{})
	samples = make([][]int32, 4+rng.IntN(8))
	for i := range samples {
		samples[i] = quanttest.RandomInput(rng, n)
	}
	o.Seed = seed
	if rng.IntN(4) > 0 {
		o.Gap = sim.Pattern{Probability: float64(rng.IntN(10)) / 10, Period: rng.IntN(2) * (2 + rng.IntN(9))}
		o.Stall = sim.Pattern{Probability: float64(rng.IntN(10)) / 10, Period: rng.IntN(2) * (2 + rng.IntN(9))}
	}
	return n, samples, o, drawPlan(rng, n)
}

// randomCase cross-checks one random network under a random fold and stimulus.
func randomCase(t *testing.T, simulator verilator.Simulator, seed uint64) {
	n, samples, o, plan := drawCase(seed)
	o.Simulator = simulator
	checkNetwork(t, plan, n, samples, o)
}

// defaultNetworks is how many random networks run on Icarus by default: what it takes that
// every kind is among them (TestDrawnKinds), with some to spare.
const defaultNetworks = 18

// TestDrawnKinds: the networks that run by default are of every kind, at least three of each.
func TestDrawnKinds(t *testing.T) {
	seen := map[string]int{}
	for seed := range uint64(defaultNetworks) {
		n, _, o, plan := drawCase(seed)
		kinds := map[string]bool{
			"no pauses": o.Gap == (sim.Pattern{}) && o.Stall == (sim.Pattern{}), "periodic source": o.Gap.Period > 0,
			"periodic sink": o.Stall.Period > 0, "random source": o.Gap.Probability > 0 && o.Gap.Period == 0,
			"random sink": o.Stall.Probability > 0 && o.Stall.Period == 0, "no block RAM": plan.NoBlockRAM,
			"block RAM": !plan.NoBlockRAM, fmt.Sprint(len(n.Layers), " layers"): true,
		}
		for i := range n.Layers {
			layerKinds(kinds, &n.Layers[i], plan.Folding[n.Layers[i].Name])
		}
		for kind, is := range kinds {
			if is {
				seen[kind]++
			}
		}
	}
	for _, kind := range []string{"no pauses", "periodic source", "periodic sink", "random source", "random sink",
		"block RAM", "no block RAM", "1 layers", "2 layers", "3 layers", "signed", "unsigned", "thresholds", "scores",
		"inverted", "queue", "folded rows", "folded columns", "one fold", "one row", "one column", "1-bit inputs",
		"1-bit weights", "dense", "tap", "hardwired"} {
		if seen[kind] < 3 {
			t.Errorf("%s: %d networks of %d, want 3", kind, seen[kind], defaultNetworks)
		}
	}
}

// layerKinds adds what a layer and its fold are.
func layerKinds(kinds map[string]bool, l *quant.Layer, f hwgen.Fold) {
	for kind, is := range map[string]bool{
		"signed": l.Input.Signed, "unsigned": !l.Input.Signed, "thresholds": l.Thresholds != nil,
		"scores":   l.Score != nil,
		"inverted": l.Thresholds != nil && slices.Contains(l.Thresholds.Inverted, true), "queue": f.FIFO.Of(0) > 0,
		"folded rows": f.PE < l.Out, "folded columns": f.SIMD < l.In, "one fold": f.PE == l.Out && f.SIMD == l.In,
		"one row": l.Out == 1, "one column": l.In == 1, "1-bit inputs": l.Input.Bits == 1,
		"1-bit weights": l.WeightBits == 1, f.Unit: true,
	} {
		kinds[kind] = kinds[kind] || is
	}
}

// onSimulators runs check for so many seeds on Icarus, and on Verilator, which compiles
// a program for each; -networks overrides both, -first-network is the first seed. With
// -short, five run on Icarus.
func onSimulators(t *testing.T, onIcarus, onVerilator int,
	check func(t *testing.T, simulator verilator.Simulator, seed uint64)) {
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
				t.Skip("slow: builds a simulator per network")
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

func TestRandomNetworks(t *testing.T) { onSimulators(t, defaultNetworks, 1, randomCase) }

// TestResetIsQuiet: registers start with random values in Verilator; a check of the
// RTL once took such a value for an overflow in the first cycle of reset.
func TestResetIsQuiet(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a simulator")
	}
	tooltest.Need(t, "verilator")
	n := demoShaped([]int{4, 6, 4, 3}, -3)
	o := hwgen.Options{Folding: hwgen.Folding{"fc1": {PE: 2, SIMD: 2}, "fc2": {PE: 1, SIMD: 3}}}
	d, err := plan.Plan(n, o)
	if err != nil {
		t.Fatal(err)
	}
	r, err := sim.CrossCheck(context.Background(), d, emitDir(t, d), [][]int32{{1, 2, 3, 4}},
		sim.Options{CacheDir: benches})
	if err != nil || r.Mismatches > 0 {
		t.Errorf("%+v, %v", r, err)
	}
}
