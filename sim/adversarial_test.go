package sim_test

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/internal/tooltest"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/qonnx"
	"github.com/a2qgen/a2qgen/sim"
	"github.com/a2qgen/a2qgen/verilator"
)

// bare returns layer l alone, its accumulators in sight: a network whose scores are
// the accumulators.
func bare(t *testing.T, l quant.Layer) *quant.Network {
	t.Helper()
	l.Thresholds = nil
	l.Score = &quant.Score{Gain: make([]int64, l.Out), Bias: make([]int64, l.Out), Exact: true}
	for c := range l.Score.Gain {
		l.Score.Gain[c] = 1
	}
	n, err := quant.NewNetwork(quant.Network{Name: "bare", InputShape: []int{l.In}, Layers: []quant.Layer{l},
		Input: quant.InputQuantizer{Type: l.Input, Quantize: func(_ int, v float64) int32 { return int32(v) }}})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// extremes returns, for every channel, the inputs that drive it to its certified
// maximum and minimum.
func extremes(l *quant.Layer) [][]int32 {
	var samples [][]int32
	for c := range l.Out {
		samples = append(samples, l.MaxInput(c, 1), l.MaxInput(c, -1))
	}
	return samples
}

// hiddenLayer draws a layer that A2Q+ could have trained: at P = 12 its rows use the
// sign-split budget to the last unit, so both ends of the range are reached. 64 inputs are
// what the budget needs; 8 channels are several folds of rows at every fold that is tried,
// and each more costs frames as well as rows: the time grows with their square.
func hiddenLayer(seed uint64, signed bool) quant.Layer {
	rng := rand.New(rand.NewPCG(seed, 1))
	l := quant.Layer{Name: "fc2", In: 64, Out: 8, Input: quant.DataType{Bits: 4, Signed: signed}, WeightBits: 4}
	budget := int64(2047 / 15)
	if signed {
		budget = 2047 / 8 / 2
	}
	l.Weights = make([]int32, l.In*l.Out)
	for c := range l.Out {
		row, left := l.Weights[c*l.In:(c+1)*l.In], [2]int64{budget, budget}
		for left[0]+left[1] > 0 {
			i, s := rng.IntN(l.In), rng.IntN(2)
			sign := int32(1 - 2*s)
			if row[i]*sign < 0 || row[i]*sign == 7 || left[s] == 0 {
				continue
			}
			row[i] += sign
			left[s]--
		}
	}
	return l
}

// runExtremes simulates layer l alone at P bits, every channel driven to its certified
// maximum and minimum.
func runExtremes(t *testing.T, l quant.Layer, f hwgen.Fold, p int) (*sim.Result, error) {
	t.Helper()
	n := bare(t, l)
	needed, _ := l.NeededBits()
	samples := extremes(&n.Layers[0])
	checkReached(t, n, samples)
	f.AccBits = p
	o := hwgen.Options{Folding: hwgen.Folding{l.Name: f}, Unsafe: p < needed}
	d, err := plan.Plan(n, o)
	if err != nil {
		t.Fatal(err)
	}
	return sim.CrossCheck(context.Background(), d, emitDir(t, d), samples,
		sim.Options{Simulator: verilator.Icarus, CacheDir: benches})
}

// checkExtremes: at the needed P, Verilog and model agree on the accumulators
// themselves; at P-1 the simulation stops with an overflow that names the block.
func checkExtremes(t *testing.T, l quant.Layer, f hwgen.Fold) {
	t.Helper()
	needed, _ := l.NeededBits()
	if needed != 12 {
		t.Fatalf("needs %d bits, want 12", needed)
	}
	if r, err := runExtremes(t, l, f, needed); err != nil || r.Mismatches > 0 {
		t.Errorf("P = %d: %+v, %v", needed, r, err)
	}
	_, err := runExtremes(t, l, f, needed-1)
	if err == nil || !strings.Contains(err.Error(), "bits") ||
		!strings.Contains(err.Error(), "u_"+l.Name+"_"+blockOf[f.Unit]) {
		t.Errorf("P = %d: got %v, want an overflow that names the block", needed-1, err)
	}
}

// blockOf is how the block of a unit is called, behind its layer.
var blockOf = map[string]string{"": "mvau", "dense": "mvau", "tap": "taps", "hardwired": "hardwired"}

// TestExtremes drives every channel of drawn layers to its exact certified maximum and
// minimum at the needed P and at P-1.
func TestExtremes(t *testing.T) {
	tooltest.Need(t, "iverilog")
	for _, c := range []struct {
		name   string
		signed bool
		fold   hwgen.Fold
	}{
		{"unsigned", false, hwgen.Fold{PE: 4, SIMD: 8}},
		{"signed", true, hwgen.Fold{PE: 4, SIMD: 8}},
		{"one lane", false, hwgen.Fold{PE: 1, SIMD: 1}},
		{"one beat per fold", false, hwgen.Fold{PE: 2, SIMD: 64}},
		{"taps", false, hwgen.Fold{Unit: "tap", PE: 4, SIMD: 8, Lanes: 16}},
		{"signed taps", true, hwgen.Fold{Unit: "tap", PE: 4, SIMD: 8, Lanes: 8}},
		{"hard-wired", false, hwgen.Fold{Unit: "hardwired", PE: 8, SIMD: 64}},
		{"hard-wired, signed", true, hwgen.Fold{Unit: "hardwired", PE: 8, SIMD: 64}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if testing.Short() && c.fold.PE != 4 {
				t.Skip("a large or long simulation")
			}
			checkExtremes(t, hiddenLayer(1, c.signed), c.fold)
		})
	}
}

// TestTrainedExtremes does the same to the hidden layers that the reference
// implementation of A2Q+ trained for P = 12, all 64 channels of each. They take turns, eight
// at a time: 16 frames of 8 rows eight times, an eighth of 128 frames of 64 rows.
func TestTrainedExtremes(t *testing.T) {
	if testing.Short() {
		t.Skip("simulates 64 channels")
	}
	const turn = 8 // channels
	tooltest.Need(t, "iverilog")
	n, err := qonnx.Read(filepath.Join("..", "quant", "qonnx", "testdata", "fmnist_mlp_a2qplus_w4a4_p12.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range n.Layers[1:3] {
		l.From = nil // a network of its own
		t.Run(l.Name, func(t *testing.T) {
			t.Parallel()
			f := hwgen.Fold{PE: 4, SIMD: 8}
			checkExtremes(t, someRows(t, l, 0, turn), f)
			for c := turn; c < l.Out; c += turn {
				if r, err := runExtremes(t, someRows(t, l, c, turn), f, 12); err != nil || r.Mismatches > 0 {
					t.Errorf("channels from %d, P = 12: %+v, %v", c, r, err)
				}
			}
		})
	}
}

// someRows returns l with count of its channels, from c on.
func someRows(t *testing.T, l quant.Layer, c, count int) quant.Layer {
	t.Helper()
	if l.Start != nil || c+count > l.Out {
		t.Fatalf("%s: %d channels, start values %v", l.Name, l.Out, l.Start)
	}
	l.Weights, l.Out = l.Weights[c*l.In:(c+count)*l.In], count
	return l
}

// checkReached makes sure that the extremes are what the certificate says.
func checkReached(t *testing.T, n *quant.Network, samples [][]int32) {
	t.Helper()
	var tr quant.Trace
	e := quant.NewExecutor(n)
	for i, x := range samples {
		e.Run(x, &tr)
		r, c := n.Layers[0].AccRange(i/2), i/2
		want := r.Max
		if i%2 == 1 {
			want = r.Min
		}
		if tr.Acc[0][c] != want {
			t.Fatalf("channel %d reaches %d, want %d", c, tr.Acc[0][c], want)
		}
	}
}

// TestRefusesUnsafe: outside of estimates P-1 is refused, with layer, channel, needed, had.
func TestRefusesUnsafe(t *testing.T) {
	l := hiddenLayer(1, false)
	n := bare(t, l)
	_, err := plan.Plan(n, hwgen.Options{AccBits: 11})
	if err == nil || !strings.Contains(err.Error(), `layer "fc2"`) || !strings.Contains(err.Error(), "needs a 12-bit") {
		t.Errorf("got %v", err)
	}
}
