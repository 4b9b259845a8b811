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

// severalOutputs is a network over 4 x 3 x 2 with outputs of every kind: activations in the middle that are read
// further, two images of one shape, one behind two layers, the accumulators of a layer that others read, and a
// class. How folds its layers to different rates.
func severalOutputs(t *testing.T) (*quant.Network, hwgen.Options) {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 0x0475))
	x, a := quant.DataType{Bits: 3}, quant.DataType{Bits: 2}
	conv := func(name string, from, channels, out int, in quant.DataType) quant.Layer {
		l := quant.Layer{Name: name, Kind: quant.Conv, From: []int{from}, In: 9 * channels, Out: out, Input: in,
			WeightBits: 3, Window: quant.Window{H: 3, W: 3, Top: 1, Left: 1, Bottom: 1, Right: 1}}
		for range l.In * l.Out {
			l.Weights = append(l.Weights, int32(rng.IntN(7))-3)
		}
		return l
	}
	stairs := func(l quant.Layer) quant.Layer {
		l.Thresholds = &quant.Thresholds{Output: a}
		for range l.Out {
			first := int64(rng.IntN(9)) - 9
			l.Thresholds.Values = append(l.Thresholds.Values, first, first+6, first+13)
		}
		return l
	}
	class := quant.Layer{Name: "class", From: []int{0}, In: 36, Out: 4, Input: a, WeightBits: 3,
		Score: &quant.Score{Gain: []int64{1, 1, 1, 1}, Bias: []int64{2, -3, 0, 1}}}
	for range class.In * class.Out {
		class.Weights = append(class.Weights, int32(rng.IntN(7))-3)
	}
	n, err := quant.NewNetwork(quant.Network{Name: "several", InputShape: []int{2, 4, 3}, Input: quant.InputQuantizer{
		Type: x, Shape: quant.Shape{H: 4, W: 3, C: 2}, Quantize: func(_ int, v float64) int32 { return int32(v) }},
		Layers: []quant.Layer{stairs(conv("trunk", quant.Source, 2, 3, x)), stairs(conv("near", 0, 3, 2, a)),
			conv("sums", 0, 3, 2, a), {Name: "far", Kind: quant.Requantize, From: []int{2}, Out: 2,
				Thresholds: &quant.Thresholds{Output: a, Values: []int64{-8, 0, 7, -5, 1, 9}}}, class},
		Outputs: []quant.Output{{Name: "far", Layer: 3}, {Name: "mid/act:0", Layer: 0}, {Name: "near", Layer: 1},
			{Name: "sums", Layer: 2}, {Name: "class", Layer: 4}}})
	if err != nil {
		t.Fatal(err)
	}
	return n, hwgen.Options{Folding: hwgen.Folding{"trunk": {PE: 3, SIMD: 2}, "near": {PE: 1, SIMD: 3},
		"sums": {PE: 2, SIMD: 3}, "class": {PE: 1, SIMD: 3}}}
}

// severalFrames are drawn frames of the network.
func severalFrames(n *quant.Network, count int) [][]int32 {
	rng := rand.New(rand.NewPCG(4, 0x0475))
	var samples [][]int32
	for range count {
		samples = append(samples, quanttest.RandomGraphInput(rng, n))
	}
	return samples
}

// TestSeveralOutputs: whatever pauses each output makes by itself, each gives what the executor says, model and
// Verilog agree in every cycle, and latencies are those that the plan prints.
func TestSeveralOutputs(t *testing.T) {
	tooltest.Need(t, "iverilog")
	n, how := severalOutputs(t)
	for _, c := range []struct{ gap, stall sim.Pattern }{
		{},
		{sim.Pattern{}, sim.Pattern{Probability: 0.7}},
		{sim.Pattern{Probability: 0.3}, sim.Pattern{Probability: 0.8, Period: 50}},
	} {
		o := sim.Options{Simulator: verilator.Icarus, Gap: c.gap, Stall: c.stall, Seed: 5}
		checkNetwork(t, how, n, severalFrames(n, 6), o)
	}
}

// TestSeveralMutants: the Verilog of a design whose outputs were swapped, or of a fork that does not wait for all
// of its readers, or for one alone, is not that of this one.
func TestSeveralMutants(t *testing.T) {
	tooltest.Need(t, "iverilog")
	n, how := severalOutputs(t)
	d, err := plan.Plan(n, how)
	if err != nil {
		t.Fatal(err)
	}
	port := func(name string) int {
		return slices.IndexFunc(d.Sinks, func(p hwgen.Port) bool { return p.Name == name })
	}
	swapped := *d
	swapped.Sinks = slices.Clone(d.Sinks)
	a, b := port("m_far"), port("m_near")
	swapped.Sinks[a].Stream, swapped.Sinks[b].Stream = d.Sinks[b].Stream, d.Sinks[a].Stream
	for _, c := range []struct {
		name, old, new string
		of             *hwgen.Design
	}{
		{"outputs are swapped", "", "", &swapped},
		{"a fork waits for reader 0 alone", "!(|full)", "!full[0]", d},
		{"a fork waits for all readers only", "!(|full)", "!(&full)", d},
		{"a fork gives reader 1 nothing", "assign m_valid[i] = one_q", "assign m_valid[i] = one_q && i != 1", d},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := emitDir(t, c.of)
			if c.old != "" {
				mutate(t, dir, "fork_stream.v", c.old, c.new)
			}
			r, err := sim.CrossCheck(t.Context(), d, dir, severalFrames(n, 3), sim.Options{Simulator: verilator.Icarus,
				Stall: sim.Pattern{Probability: 0.5}, Seed: 2, FirstOnly: true})
			if !caught(t, r, err) {
				t.Error("passes the cross-check")
			}
		})
	}
}

// TestImageLayersAlone: convolutions and other layers over an image are driven alone too: to both ends of every
// channel, to both sides of thresholds, and a flipped bit of each of their memories shows.
func TestImageLayersAlone(t *testing.T) {
	tooltest.Need(t, "iverilog")
	n, how := severalOutputs(t)
	d, err := plan.Plan(n, how)
	if err != nil {
		t.Fatal(err)
	}
	o := sim.Options{Simulator: verilator.Icarus, Seed: 1, FirstOnly: true, CacheDir: benches}
	for _, i := range []int{0, 3} { // a convolution, and a layer without weights
		l := d.Layers[i].Layer
		r, err := sim.CheckLayer(t.Context(), d, i, emitDir(t, d), o)
		if err != nil || r.Mismatches > 0 || r.Extremes != 2*l.Out || r.EdgesReached < r.Edges*9/10 ||
			l.Thresholds != nil && r.Edges == 0 {
			t.Errorf("%s: %+v, %v", l.Name, r, err)
		}
		for _, m := range d.Memories() {
			if m.Layout.Layer != l.Name {
				continue
			}
			dir := emitDir(t, d)
			flipLastBit(t, filepath.Join(dir, "rtl", m.File))
			if r, err := sim.CheckLayer(t.Context(), d, i, dir, o); !caught(t, &sim.Result{Mismatches: r.Mismatches,
				First: r.First}, err) {
				t.Errorf("%s: a flipped bit of %s passes", l.Name, m.File)
			}
		}
	}
}

// flipLastBit flips the lowest bit of the first word of a memory file: of row 0 in every layout.
func flipLastBit(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.IndexByte(text, '\n') - 1
	digit, err := strconv.ParseUint(string(text[at:at+1]), 16, 4)
	if err != nil {
		t.Fatal(err)
	}
	text[at] = "0123456789abcdef"[digit^1]
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
}
