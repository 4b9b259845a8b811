package sim

import (
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/qonnx"
)

// trained is the demo's network, 784-64-64-64-10, as the reference implementation of A2Q+
// trained it for P = 12, folded for the demo's 100,000 frames per second.
func trained(t testing.TB) *hwgen.Design {
	t.Helper()
	n, err := qonnx.Read(filepath.Join("..", "quant", "qonnx", "testdata", "fmnist_mlp_a2qplus_w4a4_p12.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	d, err := plan.Plan(n, hwgen.Options{FPS: 100000})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestProbes: of the hidden layers that were trained, every accumulator next to a
// threshold is brought about, every end of a range too, and every single wrong bit of a
// weight or threshold shows in an output, unless no accumulator in range can show it.
func TestProbes(t *testing.T) {
	d := trained(t)
	flips := 4000
	if testing.Short() {
		flips = 400
	}
	for i := 1; i <= 2; i++ {
		alone, err := layerDesign(d, i)
		if err != nil {
			t.Fatal(err)
		}
		l := &alone.Network.Layers[0]
		vectors, got := probeVectors(alone.Network, alone.IntervalCycles(), 1)
		if got.EdgesReached != got.Edges || got.Edges == 0 || got.Extremes != 2*l.Out || got.Vectors != len(vectors) {
			t.Errorf("%s: %+v", l.Name, got)
		}
		rng := rand.New(rand.NewPCG(uint64(i), 8))
		for range flips {
			c := rng.IntN(l.Out)
			if k, b := rng.IntN(l.In), rng.IntN(l.WeightBits); !showsWeight(l, vectors, c, k, b) {
				t.Errorf("%s: bit %d of weight %d of channel %d does not show", l.Name, b, k, c)
			}
			k, b := rng.IntN(l.Thresholds.Levels()), rng.IntN(l.ThresholdBits(alone.Layers[0].AccBits))
			flipped := flipThreshold(l, c, k, b, l.ThresholdBits(alone.Layers[0].AccBits))
			if shows(l, flipped, c, accumulators(l, vectors, c)) != shows(l, flipped, c, allIn(l.AccRange(c))) {
				t.Errorf("%s: bit %d of threshold %d of channel %d does not show", l.Name, b, k, c)
			}
		}
	}
}

// showsWeight says whether flipping a bit of a weight changes an output, or lets an
// accumulator leave its P bits, where a simulation stops.
func showsWeight(l *quant.Layer, vectors [][]int32, c, k, b int) bool {
	delta := int64(1) << b
	negative := b == l.WeightBits-1
	if set := l.Row(c)[k]>>b&1 != 0; set != negative {
		delta = -delta
	}
	for i, acc := range accumulators(l, vectors, c) {
		moved := acc + delta*int64(vectors[i][k])
		if l.Thresholds.Apply(c, moved) != l.Thresholds.Apply(c, acc) {
			return true
		}
	}
	return false
}

// accumulators returns channel c's, one per vector.
func accumulators(l *quant.Layer, vectors [][]int32, c int) []int64 {
	p := prober{layer: l}
	out := make([]int64, len(vectors))
	for i, x := range vectors {
		out[i] = p.sum(c, x)
	}
	return out
}

func allIn(r quant.AccRange) []int64 {
	var out []int64
	for v := r.Min; v <= r.Max; v++ {
		out = append(out, v)
	}
	return out
}

// flipThreshold returns the thresholds with one bit of a two's complement word flipped.
func flipThreshold(l *quant.Layer, c, k, b, width int) *quant.Thresholds {
	t := *l.Thresholds
	t.Values = append([]int64(nil), t.Values...)
	v := t.Channel(c)[k] ^ 1<<b
	t.Channel(c)[k] = v << (64 - width) >> (64 - width)
	return &t
}

// shows says whether other thresholds give another output for one of the accumulators.
func shows(l *quant.Layer, other *quant.Thresholds, c int, accs []int64) bool {
	for _, acc := range accs {
		if other.Apply(c, acc) != l.Thresholds.Apply(c, acc) {
			return true
		}
	}
	return false
}
