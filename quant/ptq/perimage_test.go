package ptq

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
)

// TestPerImage: two channels of two positions, by hand. Channel 0 of the first image is 1 and 3, which deviate by 1
// from 2: with 3 bits the step is 0.586, and 3 is 5 steps. The channel of twice the numbers has twice the step.
func TestPerImage(t *testing.T) {
	act := &nn.ActQuant{Bits: 3, Scale: 100} // the file's scale would make all 0
	m := &nn.Model{Name: "a", InputShape: []int{2, 1, 2}, Input: &nn.ActQuant{Bits: 8, Scale: 0.5},
		Layers: []nn.Layer{
			{Name: "a", Kind: quant.Conv, In: 2, Out: 2, Window: quant.Window{H: 1, W: 1}, WeightBits: 4,
				Weights: []float32{1, 0, 0, 2}, WeightScale: []float32{1}, Relu: true, Act: act},
			{Name: "b", Kind: quant.Conv, In: 2, Out: 2, Window: quant.Window{H: 1, W: 1}, WeightBits: 4,
				Weights: []float32{1, 0, 0, 1}, WeightScale: []float32{1}}}}
	p, err := NewPerImage(m, PerImageOptions{})
	if err != nil {
		t.Fatal(err)
	}
	d := gaussianStep(3)
	for _, c := range []struct {
		in   []float32 // channels first
		want []float64 // channels last
	}{
		{[]float32{1, 3, 1, 3}, []float64{2 * d, 4 * d, 5 * d, 10 * d}},
		{[]float32{2, 6, 0, 0}, []float64{4 * d, 0, 10 * d, 0}},
		{[]float32{4, 4, 0, 7}, []float64{4, 0, 4, 14}}, // no deviation: the largest integer is worth the number
	} {
		got, err := p.Outputs(t.Context(), c.in)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range c.want {
			if math.Abs(got[i]-want) > 1e-5 {
				t.Errorf("%v: output %d is %v, want %v", c.in, i, got[i], want)
			}
		}
	}
}

// TestPerImageUnclipped: 9 and 11 deviate by 1 from 10, which is more than 7 steps: they are clipped unless that is
// left out.
func TestPerImageUnclipped(t *testing.T) {
	act := nn.ActQuant{Bits: 3}
	d := gaussianStep(3)
	for unclipped, want := range map[bool][]float64{false: {7 * d, 7 * d}, true: {15 * d, 19 * d}} {
		p := &PerImage{PerImageOptions: PerImageOptions{Unclipped: unclipped}}
		in := &nn.Tensor{Shape: quant.Shape{H: 1, W: 2, C: 1}, V: []float32{9, 11}}
		p.quantise(in, act)
		for i := range want {
			if math.Abs(float64(in.V[i])-want[i]) > 1e-5 {
				t.Errorf("unclipped %v: %v, want %v", unclipped, in.V, want)
			}
		}
	}
}

// TestPerImageFiner: with 16 bits the steps are so fine that the network is the float one, whatever rounds its weights.
func TestPerImageFiner(t *testing.T) {
	rng := rand.New(rand.NewPCG(44, 1))
	x := Samples{Values: uniforms(rng, 20*96), High: 1}
	model := graphModel(rng)
	c, err := Calibrate(t.Context(), model, x, 16, true)
	if err != nil {
		t.Fatal(err)
	}
	s := settings(DAQ, Accumulator{})
	s.Options = Values{"statistics": "image-unclipped"}
	o, is := s.PerImage()
	if !is || !o.Unclipped {
		t.Errorf("image-unclipped is %v, %v", o, is)
	}
	s.WeightBits, s.FirstWeightBits, s.LastWeightBits, s.ActBits = 16, 16, 16, 16
	m, _, err := c.Project(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPerImage(m, o)
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.Outputs(t.Context(), x.Values)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range outputs(t, model, x.Values) {
		if math.Abs(got[i]-want) > 0.01*(1+math.Abs(want)) {
			t.Fatalf("output %d is %v, want %v", i, got[i], want)
		}
	}
}
