package sim_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/internal/tooltest"
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

// TestManyStreams cross-checks a residual network of more than 500 streams: no word of bits
// holds them, in the engine, in the bench or in the trace.
func TestManyStreams(t *testing.T) {
	if *networks == 0 {
		t.Skip("minutes: runs with -networks (sim/cycle has one without a simulator)")
	}
	tooltest.Need(t, "iverilog")
	rng := rand.New(rand.NewPCG(4, 0xadd))
	n := quanttest.RandomResidual(rng, 4, 150)
	// Deep queues everywhere: to search for the shallowest takes as many runs as there are queues.
	folds := hwgen.Folding{}
	for i := range n.Layers {
		l := &n.Layers[i]
		folds[l.Name] = hwgen.Fold{PE: l.Out, SIMD: l.In, FIFO: slices.Repeat(hwgen.Depths{400}, len(l.From))}
	}
	d, err := plan.Plan(n, hwgen.Options{Folding: folds})
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Streams) < 500 {
		t.Fatalf("%d streams, want 500", len(d.Streams))
	}
	var samples [][]int32
	for range 4 {
		samples = append(samples, quanttest.RandomGraphInput(rng, n))
	}
	// Without pauses: to fill these queues would take thousands of frames.
	r, err := sim.CrossCheck(t.Context(), d, emitDir(t, d), samples, sim.Options{Simulator: verilator.Icarus,
		Seed: 1, CacheDir: benches})
	if err != nil || r.Mismatches > 0 || r.BeatsCompared == 0 {
		t.Errorf("%+v, %v", r, err)
	}
	t.Logf("%d streams, %d blocks, %d cycles per frame, %d beats compared", len(d.Streams), len(d.Nodes),
		d.IntervalCycles(), r.BeatsCompared)
}

// TestResidualLayersAlone: layers of residual networks, sums among them, equal the model when each
// stands alone with the forks, converters and queues that serve it; and a bit of a sum's
// threshold that is flipped shows there.
func TestResidualLayersAlone(t *testing.T) {
	if testing.Short() {
		t.Skip("builds simulators")
	}
	tooltest.Need(t, "iverilog")
	flipped := 0
	for seed := range uint64(4) {
		n, how, _, _ := residualCase(seed)
		d, err := plan.Plan(n, how)
		if err != nil {
			t.Fatal(err)
		}
		dir := emitDir(t, d)
		o := sim.Options{Simulator: verilator.Icarus, Seed: 1, CacheDir: benches}
		results, err := sim.CheckLayers(t.Context(), d, dir, o)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for i, r := range results {
			if r.Mismatches > 0 || r.BeatsCompared == 0 {
				t.Errorf("seed %d: %+v", seed, r)
			}
			l := d.Layers[i].Layer
			if l.Kind != quant.Add || l.Thresholds == nil || r.EdgesReached < r.Edges || flipped == 3 {
				continue
			}
			// The first threshold of the search, of the first channel: its lowest bit moves it by one,
			// which some sum must be able to tell.
			middle, sums := l.Thresholds.Channel(0)[l.Thresholds.Levels()/2], l.AccRange(0)
			if min(middle, middle^1) < sums.Min || max(middle, middle^1) >= sums.Max {
				continue
			}
			flipped++
			file := filepath.Join(dir, "rtl", l.Name+"_thresholds_0.mem")
			flipBit(t, file)
			r, err := sim.CheckLayer(t.Context(), d, i, dir, o)
			if err != nil || r.Mismatches == 0 {
				t.Errorf("seed %d: a bit of %s does not show: %+v, %v", seed, file, r, err)
			}
		}
	}
	if flipped == 0 {
		t.Error("no sum whose thresholds are all reached")
	}
}

// flipBit flips the lowest bit of the last digit of the first line of a memory file.
func flipBit(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.IndexByte(text, '\n') - 1
	v, err := strconv.ParseUint(string(text[at]), 16, 8)
	if err != nil {
		t.Fatal(err)
	}
	text[at] = strconv.FormatUint(v^1, 16)[0]
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestSumsOfImages cross-checks sums and requantisers whose operands are images: their outputs
// are an image, too, channels together.
func TestSumsOfImages(t *testing.T) {
	tooltest.Need(t, "iverilog")
	x := quant.DataType{Bits: 2}
	// Thresholds within the sums' ranges, 0..3 and 0..6; each channel's are its own.
	stairs := func(values ...int64) *quant.Thresholds { return &quant.Thresholds{Output: x, Values: values} }
	image := quant.Shape{H: 3, W: 2, C: 2}
	n, err := quant.NewNetwork(quant.Network{Name: "images", InputShape: []int{2, 3, 2}, Input: quant.InputQuantizer{
		Type: x, Shape: image, Quantize: func(_ int, v float64) int32 { return int32(v) }}, Layers: []quant.Layer{
		{Name: "again", Kind: quant.Requantize, From: []int{quant.Source}, Thresholds: stairs(0, 1, 2, -1, 1, 3)},
		{Name: "sum", Kind: quant.Add, From: []int{0, quant.Source}, Thresholds: stairs(0, 2, 4, 1, 3, 5)}}})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 0xadd))
	var samples [][]int32
	for range steadyFrames + 2 {
		samples = append(samples, quanttest.RandomGraphInput(rng, n))
	}
	for _, pe := range []int{1, 2} {
		how := hwgen.Options{Folding: hwgen.Folding{"sum": {PE: pe, SIMD: 2}}}
		checkNetwork(t, how, n, samples, sim.Options{Simulator: verilator.Icarus, Seed: 1})
		d, err := plan.Plan(n, how)
		if err != nil {
			t.Fatal(err)
		}
		// They are not driven alone, and that is no error.
		if _, err := sim.CheckLayers(t.Context(), d, emitDir(t, d), sim.Options{Simulator: verilator.Icarus}); err != nil {
			t.Error(err)
		}
	}
}
