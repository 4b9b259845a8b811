package sim_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
	"github.com/a2qgen/a2qgen/quant/ptq"
	"github.com/a2qgen/a2qgen/quant/qonnx"
	"github.com/a2qgen/a2qgen/quant/quanttest"
	"github.com/a2qgen/a2qgen/sim"
	"github.com/a2qgen/a2qgen/verilator"
)

// branched projects a drawn network of two hidden convolutions by a method, and reads what is written.
func branched(t *testing.T, m ptq.Method, rule quant.Rule) *quant.Network {
	t.Helper()
	rng := rand.New(rand.NewPCG(11, 12))
	drawn := func(n int, scale float64) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(scale * rng.NormFloat64())
		}
		return v
	}
	conv := func(name string, in, out, stride int) nn.Layer {
		return nn.Layer{Name: name, Kind: quant.Conv, In: 9 * in, Out: out, Groups: 1, Relu: true,
			Weights: drawn(9*in*out, 1/math.Sqrt(float64(9*in))), Bias: drawn(out, 0.1),
			Window: quant.Window{H: 3, W: 3, StrideH: stride, StrideW: stride, Top: 1, Left: 1, Bottom: 1, Right: 1}}
	}
	model := &nn.Model{Name: "branched", InputShape: []int{2, 6, 6}, Layers: []nn.Layer{conv("a", 2, 4, 1),
		conv("b", 4, 4, 1), conv("c", 4, 6, 2), {Name: "out", Kind: quant.Linear, In: 54, Out: 3, Weights: drawn(162, 0.2)}}}
	x := ptq.Samples{Values: make([]float32, 20*72), High: 1}
	for i := range x.Values {
		x.Values[i] = rng.Float32()
	}
	c, err := ptq.Calibrate(t.Context(), model, x, 4, true)
	if err != nil {
		t.Fatal(err)
	}
	out, _, err := c.Project(t.Context(), ptq.Settings{Method: m, Acc: ptq.Accumulator{Bits: 9, Rule: rule}, WeightBits: 4,
		FirstWeightBits: 4, LastWeightBits: 4, ActBits: 3})
	if err != nil {
		t.Fatal(err)
	}
	file, err := qonnx.Encode(out)
	if err != nil {
		t.Fatal(err)
	}
	net, err := qonnx.Decode("branched", file)
	if err != nil {
		t.Fatal(err)
	}
	return net
}

// TestBranches: what methods of projection add to a layer, a sparse part, one of low rank or one of the centres of
// windows, is hardware of the blocks that there are: both accumulators, and a sum.
func TestBranches(t *testing.T) {
	for _, c := range []struct {
		method ptq.Method
		part   string
		rule   quant.Rule
	}{{ptq.QERA, "_out", quant.Split}, {ptq.CFWS, "_centre", quant.Shifted}, {ptq.GWQ, "_outliers", quant.Shifted}} {
		t.Run(string(c.method), func(t *testing.T) {
			onSimulators(t, 1, 0, func(t *testing.T, s verilator.Simulator, seed uint64) {
				n := branched(t, c.method, c.rule)
				parts := 0
				for _, l := range n.Layers {
					if strings.HasSuffix(l.Name, c.part) {
						parts++
					}
				}
				if parts == 0 {
					t.Fatal("no layer has a branch")
				}
				rng := rand.New(rand.NewPCG(seed, 13))
				var samples [][]int32
				for range 3 {
					samples = append(samples, quanttest.RandomGraphInput(rng, n))
				}
				checkNetwork(t, hwgen.Options{FPS: 1e5}, n, samples,
					sim.Options{Gap: sim.Pattern{Probability: 0.3}, Stall: sim.Pattern{Probability: 0.3}, Simulator: s})
			})
		})
	}
}
