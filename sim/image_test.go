package sim_test

import (
	"math/rand/v2"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/internal/tooltest"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/quanttest"
	"github.com/a2qgen/a2qgen/sim"
	"github.com/a2qgen/a2qgen/sim/cycle"
	"github.com/a2qgen/a2qgen/verilator"
)

// imageCase draws a network of layers of all kinds over an image, folds for some of them, samples and
// pauses.
func imageCase(seed uint64) (*quant.Network, hwgen.Options, [][]int32, sim.Options) {
	rng := rand.New(rand.NewPCG(seed, 0x1a6e))
	n := quanttest.RandomGraph(rng)
	if seed%2 == 1 {
		n = quanttest.RandomBroadGraph(rng)
	}
	how := hwgen.Options{Folding: hwgen.Folding{}, NoBlockRAM: rng.IntN(2) == 0,
		FPS: 1e8 / float64(1+rng.IntN(4000))}
	for i := range n.Layers {
		l := &n.Layers[i]
		// Where the plan chooses, it takes the cheapest: other folds are drawn, and tap units.
		switch draw := rng.IntN(4); {
		case !l.Kind.Weighted() || draw == 0:
		case draw == 1 && l.Kind == quant.Conv && l.Groups == 1:
			simd := 1 << rng.IntN(3)
			for l.OperandShape(0).C%simd > 0 {
				simd /= 2
			}
			how.Folding[l.Name] = hwgen.Fold{Unit: "tap", PE: divisor(rng, l.Out), SIMD: simd, Lanes: 1 + rng.IntN(6)}
		default:
			how.Folding[l.Name] = hwgen.Fold{PE: divisor(rng, hwgen.RowsAtOnce(l)), SIMD: divisor(rng, l.In)}
		}
	}
	var samples [][]int32
	for range 3 + rng.IntN(3) {
		samples = append(samples, quanttest.RandomGraphInput(rng, n))
	}
	pause := func() sim.Pattern { return sim.Pattern{Probability: []float64{0, 0.3, 0.7}[rng.IntN(3)]} }
	return n, how, samples, sim.Options{Gap: pause(), Stall: pause(), Seed: seed}
}

// divisor draws a divisor of n.
func divisor(rng *rand.Rand, n int) int {
	for {
		if d := 1 + rng.IntN(n); n%d == 0 {
			return d
		}
	}
}

// TestImageNetworks cross-checks networks of images: windows of every shape, groups, pools, joins, moves
// of elements, and what the plan puts between them.
func TestImageNetworks(t *testing.T) {
	onSimulators(t, 12, 1, func(t *testing.T, s verilator.Simulator, seed uint64) {
		n, how, samples, o := imageCase(seed)
		o.Simulator = s
		checkNetwork(t, how, n, samples, o)
	})
}

// TestPlansOfImages: every drawn network is planned, does not lock, and repeats itself.
func TestPlansOfImages(t *testing.T) {
	count := uint64(300)
	if testing.Short() {
		count = 40
	}
	kinds, windows, parallel, channels, bits := map[quant.Kind]int{}, 0, 0, 0, 0
	for seed := range count {
		n, how, _, _ := imageCase(seed)
		d, err := plan.Plan(n, how)
		if err != nil {
			t.Errorf("seed %d: %v", seed, err)
			continue
		}
		for i := range n.Layers {
			kinds[n.Layers[i].Kind]++
			if n.Layers[i].Input.Bipolar && !d.Network.Layers[i].Input.Signed {
				bits++
			}
			if n.Layers[i].Kind == quant.Conv && d.Layers[i].Fold.Unit == "tap_unit" {
				windows++
			}
			parallel += int(cycle.Bit(d.Layers[i].Fold.Window == hwgen.Parallel))
			channels += int(cycle.Bit(d.Layers[i].Fold.Channels(&n.Layers[i]) > 1))
		}
		e, err := cycle.New(d.Graph())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Run(4, nil, 0, nil); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
	}
	for what, n := range map[string]int{"by tap units": windows, "whose windows come at once": parallel,
		"of several channels at once": channels, "that read -1 and +1 as bits": bits} {
		if n < int(count)/20 {
			t.Errorf("%d layers %s, want more", n, what)
		}
	}
	for _, kind := range []quant.Kind{quant.Conv, quant.MaxPool, quant.AvgPool, quant.Add, quant.Concat, quant.Upsample,
		quant.PixelShuffle, quant.SpaceToDepth, quant.Crop, quant.Select, quant.Requantize, quant.Linear} {
		if kinds[kind] < int(count)/20 {
			t.Errorf("%d layers of kind %s, want more", kinds[kind], kind)
		}
	}
}

// TestUnevenMoves cross-checks layers that repeat or shuffle by one factor down and another across, as
// transposed convolutions of lines, and resizes of one axis, do.
func TestUnevenMoves(t *testing.T) {
	factors := [][2]int{{1, 2}, {2, 3}, {3, 1}, {2, 1}}
	onSimulators(t, 16, 1, func(t *testing.T, s verilator.Simulator, seed uint64) {
		f := factors[seed%4]
		l := quant.Layer{Name: "move", Kind: quant.Upsample, Factor: f[0], Across: f[1]}
		in := quant.Shape{H: 3, W: 4, C: f[0] * f[1] * []int{1, 2}[seed%2]}
		if seed%3 > 0 {
			l.Kind, l.DepthFirst = quant.PixelShuffle, seed%3 == 1
		}
		if seed >= 12 { // the other way
			l.Kind, l.DepthFirst, in = quant.SpaceToDepth, seed%2 == 0, quant.Shape{H: 6, W: 12, C: 1 + int(seed)%3}
		}
		rng := rand.New(rand.NewPCG(seed, 0x0dd))
		typ := quant.DataType{Bits: 3, Signed: true}
		n, err := quant.NewNetwork(quant.Network{Name: "uneven", InputShape: []int{in.C, in.H, in.W},
			Layers: []quant.Layer{l}, Input: quant.InputQuantizer{Type: typ, Shape: in,
				Quantize: func(_ int, v float64) int32 { return int32(v) }}})
		if err != nil {
			t.Fatal(err)
		}
		var samples [][]int32
		for range 3 {
			samples = append(samples, quanttest.RandomGraphInput(rng, n))
		}
		how := hwgen.Options{FPS: 1e8 / float64(1+rng.IntN(200))}
		checkNetwork(t, how, n, samples, sim.Options{Simulator: s, Seed: seed, Stall: sim.Pattern{Probability: 0.3}})
	})
}

// TestPixels: the pixels of an image-to-image network leave the design as the executor has them.
func TestPixels(t *testing.T) {
	tooltest.Need(t, "iverilog")
	rng := rand.New(rand.NewPCG(7, 0x1a6e))
	conv := quant.Layer{Name: "conv", Kind: quant.Conv,
		Window: quant.Window{H: 3, W: 3, Top: 1, Left: 1, Bottom: 1, Right: 1}, In: 9, Out: 4,
		Input: quant.DataType{Bits: 4}, WeightBits: 3}
	for range conv.In * conv.Out {
		conv.Weights = append(conv.Weights, int32(rng.IntN(8))-4)
	}
	n, err := quant.NewNetwork(quant.Network{Name: "super", Layers: []quant.Layer{conv,
		{Name: "shuffle", Kind: quant.PixelShuffle, Factor: 2}}, Input: quant.InputQuantizer{Type: conv.Input,
		Shape: quant.Shape{H: 4, W: 5, C: 1}, Quantize: func(_ int, v float64) int32 { return int32(v) }},
		Outputs: []quant.Output{{Layer: 1, Dequantize: func(_ int, v int64) float64 { return 0.3 + float64(v)/400 }}}})
	if err != nil {
		t.Fatal(err)
	}
	var samples [][]int32
	for range 4 {
		samples = append(samples, quanttest.RandomGraphInput(rng, n))
	}
	d, err := plan.Plan(n, hwgen.Options{Pixels: true})
	if err != nil {
		t.Fatal(err)
	}
	if out := d.Sink(0).Content[0]; out.Bits != 8 || out.Signed || out.Elements() != 8*10 {
		t.Errorf("what leaves is %v, want 80 numbers of 8 bits", out)
	}
	checkNetwork(t, hwgen.Options{Pixels: true}, n, samples, sim.Options{Simulator: verilator.Icarus, Seed: 1,
		Gap: sim.Pattern{Probability: 0.3}, Stall: sim.Pattern{Probability: 0.3}})
}
