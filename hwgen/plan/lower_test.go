package plan_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/quanttest"
)

// TestSelectPlanned: a layer that chooses channels is planned as one with weights, of the same outputs,
// in an image and in a vector, of BIPOLAR too.
func TestSelectPlanned(t *testing.T) {
	rng := rand.New(rand.NewPCG(45, 0))
	for _, in := range []quant.Shape{{H: 3, W: 4, C: 5}, quant.Vector(5)} {
		for _, typ := range []quant.DataType{{Bits: 3, Signed: true}, quant.Bipolar} {
			n, err := quant.NewNetwork(quant.Network{Name: "select", InputShape: []int{in.C, in.H, in.W},
				Layers: []quant.Layer{{Name: "pick", Kind: quant.Select, Channels: []int{4, 0, 0, 2}}},
				Input:  quant.InputQuantizer{Type: typ, Shape: in, Quantize: func(int, float64) int32 { return 1 }}})
			if err != nil {
				t.Fatal(err)
			}
			d, err := plan.Plan(n, hwgen.Options{})
			if err != nil {
				t.Fatal(err)
			}
			given, planned := quant.NewExecutor(n), quant.NewExecutor(d.Network)
			var want, got quant.Trace
			for range 5 {
				x := quanttest.RandomGraphInput(rng, n)
				for i, v := range x {
					if !typ.Holds(int64(v)) { // 0 of BIPOLAR
						x[i] = 1
					}
				}
				given.Run(x, &want)
				planned.Run(asPlanned(x, n, d.Network), &got)
				if !slices.Equal(want.Out[0], got.Out[0]) {
					t.Fatalf("%v of %v: %v, want %v", typ, in, got.Out[0], want.Out[0])
				}
			}
		}
	}
}

// same says whether a tensor of a planned network is that of the given one: bits in place of -1 and +1, where
// it is of those.
func same(given, planned []int32, bits bool) bool {
	if !bits {
		return slices.Equal(given, planned)
	}
	for i, v := range given {
		if v != 2*planned[i]-1 {
			return false
		}
	}
	return true
}

// asPlanned returns an input of a given network as a planned one reads it.
func asPlanned(x []int32, given, planned *quant.Network) []int32 {
	x = slices.Clone(x)
	if given.Input.Type.Bipolar && planned.Input.Type == (quant.DataType{Bits: 1}) {
		for i, v := range x {
			x[i] = (v + 1) / 2
		}
	}
	return x
}

// TestBipolarPlanned: what is planned of a network of -1 and +1 computes the same, with bits for them, at the
// width of its own certificate.
func TestBipolarPlanned(t *testing.T) {
	rng := rand.New(rand.NewPCG(44, 0))
	signs, bits := 0, 0
	for range 40 {
		n := quanttest.RandomNetwork(rng, quanttest.RandomSpec{MaxLayers: 4, Signs: true})
		d, err := plan.Plan(n, hwgen.Options{})
		if err != nil {
			t.Fatal(err)
		}
		given, planned := quant.NewExecutor(n), quant.NewExecutor(d.Network)
		isBits := make([]bool, len(n.Layers))
		for i := range d.Network.Layers {
			l := &d.Network.Layers[i]
			if l.Input.Bipolar || l.Thresholds != nil && l.Thresholds.Output.Bipolar {
				t.Fatalf("layer %s still has -1 and +1 alone", l.Name)
			}
			if want, _ := n.Layers[i].NeededBits(); d.Layers[i].AccBits != max(n.Layers[i].AccBits, want) {
				t.Errorf("layer %s has accumulators of %d bits, its certificate is for %d", l.Name, d.Layers[i].AccBits, want)
			}
			isBits[i] = n.Layers[i].Output().Bipolar && l.Output() == (quant.DataType{Bits: 1})
			if n.Layers[i].Input.Bipolar {
				signs++
			}
			if isBits[i] {
				bits++
			}
		}
		var want, got quant.Trace
		for range 10 {
			x := quanttest.RandomInput(rng, n)
			given.Run(x, &want)
			planned.Run(asPlanned(x, n, d.Network), &got)
			for i := range want.Out {
				if !same(want.Out[i], got.Out[i], isBits[i]) && d.Layers[i].Channels == nil {
					t.Fatalf("layer %d gives %v, want %v", i, got.Out[i], want.Out[i])
				}
			}
			if !slices.Equal(got.Label, want.Label) {
				t.Fatalf("labels %d, want %d", got.Label, want.Label)
			}
		}
	}
	if signs < 20 || bits < 10 {
		t.Errorf("%d layers read -1 and +1, %d give bits", signs, bits)
	}
}

// TestImagesPlanAgain: the folding of a plan is one that a plan may be asked for, for every kind of layer:
// a manifest holds it.
func TestImagesPlanAgain(t *testing.T) {
	for seed := range uint64(30) {
		n := quanttest.RandomGraph(rand.New(rand.NewPCG(seed, 46)))
		d, err := plan.Plan(n, hwgen.Options{FPS: 1e5})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := plan.Plan(n, hwgen.Options{FPS: 1e5, Folding: d.Folding()}); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
	}
}

// TestBroadPlanned: what is planned of a graph of any layers gives what that gives, and stands for the same
// real numbers; at P as low as it goes too, where accumulators begin elsewhere.
func TestBroadPlanned(t *testing.T) {
	count := uint64(60)
	if testing.Short() {
		count = 15
	}
	for seed := range count {
		rng := rand.New(rand.NewPCG(seed, 48))
		n := quanttest.RandomBroadGraph(rng)
		for k := range n.Outputs {
			n.Outputs[k].Dequantize = func(c int, v int64) float64 { return float64(v) * float64(c+1+k) }
		}
		d, err := plan.Plan(n, hwgen.Options{})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if seed%2 == 0 {
			narrow := hwgen.Folding{}
			for _, l := range d.Layers {
				narrow[l.Layer.Name] = hwgen.Fold{AccBits: l.NeededBits}
			}
			if d, err = plan.Plan(n, hwgen.Options{Folding: narrow}); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
		given, planned := quant.NewExecutor(n), quant.NewExecutor(d.Network)
		var want, got quant.Trace
		for range 4 {
			x := quanttest.RandomGraphInput(rng, n)
			given.Run(x, &want)
			planned.Run(asPlanned(x, n, d.Network), &got)
			for k := range n.Outputs {
				if err := sameOutput(given, planned, k, &want, &got); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
			}
		}
	}
}

// sameOutput compares scores, label and real numbers of output k of two networks that ran.
func sameOutput(given, planned *quant.Executor, k int, want, got *quant.Trace) error {
	if !slices.Equal(want.Scores[k], got.Scores[k]) || want.Label[k] != got.Label[k] {
		return fmt.Errorf("output %d gives %v, want %v", k, got.Scores[k], want.Scores[k])
	}
	w, g := make([]float64, len(want.Scores[k])), make([]float64, len(want.Scores[k]))
	given.Real(want, k, w)
	planned.Real(got, k, g)
	if !slices.Equal(w, g) {
		return fmt.Errorf("output %d stands for %v, want %v", k, g, w)
	}
	return nil
}
