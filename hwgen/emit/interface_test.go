package emit_test

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/emit"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/quanttest"
)

// TestInterface: frames that are cut into beats as the manifest says hold every element, in
// the bits that tdata has; an 8-bit pixel's scale is told.
func TestInterface(t *testing.T) {
	for seed := range uint64(50) {
		n := quanttest.RandomNetwork(rand.New(rand.NewPCG(seed, 8)), quanttest.RandomSpec{MaxSize: 20})
		d, err := plan.Plan(n, hwgen.Options{FPS: 1e6})
		if err != nil {
			t.Fatal(err)
		}
		i := emit.NewInterface(d)
		in := i.Inputs[0].Fields[0]
		if got := in.Count * i.Inputs[0].BeatsPerFrame; got != n.InputSize() || in.Bits != n.Input.Type.Bits {
			t.Errorf("seed %d: %d inputs of %d bits, want %d of %d", seed, got, in.Bits, n.InputSize(),
				n.Input.Type.Bits)
		}
		for _, p := range []emit.Port{i.Inputs[0], i.Outputs[0]} {
			end := 0
			for _, f := range p.Fields {
				if f.Bit < end {
					t.Errorf("seed %d, %s: %s begins at bit %d, inside the field below", seed, p.Name, f.Holds, f.Bit)
				}
				end = f.Bit + f.Bits*f.Count
			}
			if end > p.TdataBits || p.TdataBits-end > 7 {
				t.Errorf("seed %d, %s: fields end at bit %d of %d", seed, p.Name, end, p.TdataBits)
			}
		}
	}
}

// TestInterfaceScale: what a pixel's integer stands for is told, with the order of an
// input that has channels.
func TestInterfaceScale(t *testing.T) {
	n := *quanttest.Drawn(1, 12, 4)
	n.Input = quant.InputQuantizer{Type: n.Layers[0].Input, Shape: quant.Shape{H: 2, W: 2, C: 3},
		Quantize: func(_ int, v float64) int32 { return int32(min(max(v*4+0.5, 0), float64(n.Layers[0].Input.Max()))) }}
	d, err := plan.Plan(&n, hwgen.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p := emit.NewInterface(d).Inputs[0]
	if f := p.Fields[0]; f.Scale == nil || *f.Scale != 0.25 || *f.Zero != 0 {
		t.Errorf("got %+v, want a scale of 0.25", f)
	}
	if diff := cmp.Diff([]int{2, 2, 3}, p.Shape); diff != "" {
		t.Error(diff)
	}
}
