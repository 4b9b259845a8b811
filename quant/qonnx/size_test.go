package qonnx

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
)

// sizeModel is a network of every layer that suits any size, as it is exported for images of
// rows x cols.
func sizeModel(rows, cols int) *nn.Model {
	rng := rand.New(rand.NewPCG(3, 1))
	act := &nn.ActQuant{Scale: 0.5, Bits: 4}
	weights := func(n int) []float32 {
		w := make([]float32, n)
		for i := range w {
			w[i] = float32(rng.IntN(7) - 3)
		}
		return w
	}
	one := []float32{1}
	same := quant.Window{H: 3, W: 3, Top: 1, Left: 1, Bottom: 1, Right: 1}
	half := quant.Window{H: 2, W: 2, StrideH: 2, StrideW: 2}
	twice := quant.Window{H: 4, W: 4, StrideH: 2, StrideW: 2, Top: 1, Left: 1, Bottom: 1, Right: 1}
	return &nn.Model{Name: "size", InputShape: []int{2, rows, cols}, Input: &nn.ActQuant{Scale: 0.25, Bits: 3},
		Layers: []nn.Layer{
			{Name: "conv1", Kind: quant.Conv, In: 18, Out: 3, Window: same, Weights: weights(54), WeightScale: one,
				WeightBits: 3, Act: act},
			{Name: "pool1", Kind: quant.MaxPool, Window: half},
			// An odd output, of which a row and a column of the phases are cut off again.
			{Name: "convt1", Kind: quant.ConvTranspose, In: 12, Out: 2, Window: twice, Weights: weights(96),
				WeightScale: one, WeightBits: 3, Act: act},
			{Name: "up1", Kind: quant.Upsample, Factor: 2},
			{Name: "conv2", Kind: quant.Conv, In: 18, Out: 4, Window: same, Weights: weights(72), WeightScale: one,
				WeightBits: 3, Act: act},
			{Name: "shuffle1", Kind: quant.PixelShuffle, Factor: 2},
		}}
}

// TestResized: a file read for another size is the network that is exported for that size, in
// every integer, and so is a copy of its bytes.
func TestResized(t *testing.T) {
	encode := func(rows, cols int) []byte {
		data, err := Encode(sizeModel(rows, cols))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	n, err := Decode("size", encode(8, 6))
	if err != nil {
		t.Fatal(err)
	}
	f := &File{Data: encode(8, 6), Network: n}
	for _, size := range [][2]int{{8, 6}, {4, 10}, {14, 12}, {2, 2}} {
		got, err := f.Resized(size[0], size[1])
		if err != nil {
			t.Fatal(err)
		}
		want, err := Decode("size", encode(size[0], size[1]))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(outputs(want), outputs(got)); d != "" {
			t.Errorf("%v: %s", size, d)
		}
	}
	if _, err := f.Resized(1, 6); err == nil { // the pool's window does not fit
		t.Error("an image of one row is taken")
	}
	_, err = f.Resized(0, 6)
	wantError(t, err, "input of 0x6 positions, want at least 1x1")
}

// outputs are what a network gives for a drawn sample.
func outputs(n *quant.Network) []int32 {
	rng := rand.New(rand.NewPCG(5, 1))
	x := make([]int32, n.InputSize())
	for i := range x {
		x[i] = int32(rng.IntN(8))
	}
	var tr quant.Trace
	quant.NewExecutor(n).Run(x, &tr)
	return tr.Of(len(n.Layers) - 1)
}

// TestTransposedModel: a float model with a transposed convolution is read as it was written, weight
// by weight; what training has no layer for is refused.
func TestTransposedModel(t *testing.T) {
	m := sizeModel(8, 6)
	m.Input = nil
	for i := range m.Layers {
		m.Layers[i].Act, m.Layers[i].WeightBits, m.Layers[i].WeightScale = nil, 0, nil
	}
	data, err := Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeModel("size", data)
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range got.Layers {
		if want := &m.Layers[i]; l.Name != want.Name || l.Kind != want.Kind {
			t.Errorf("layer %d is %s, a %s, want %s, a %s", i, l.Name, l.Kind, want.Name, want.Kind)
		} else if d := cmp.Diff(want.Weights, l.Weights); d != "" {
			t.Errorf("%s: %s", l.Name, d)
		}
	}
	g := &net{newTestGraph(1, 4, 6, 6), rand.New(rand.NewPCG(1, 9))}
	file := g.encode(g.op("ConvTranspose", in(g.act("x", 0.25), g.weights(4, 2, 3, 3)), intsAttr("strides", 2, 2)))
	_, err = DecodeModel("test", file)
	wantError(t, err, "kernel 3x3, want a multiple of the stride 2x2")
}
