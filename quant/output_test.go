package quant_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
)

// twoHeads is a trunk of two channels, an output that is read too, with a classifier and a pair of
// integers behind it.
func twoHeads() quant.Network {
	x, a := quant.DataType{Bits: 3}, quant.DataType{Bits: 2}
	return quant.Network{Name: "heads", InputShape: []int{2}, Input: quant.InputQuantizer{Type: x,
		Quantize: func(_ int, v float64) int32 { return int32(v) }},
		Layers: []quant.Layer{
			{Name: "trunk", In: 2, Out: 2, Input: x, WeightBits: 3, Weights: []int32{1, 2, 3, -1},
				Thresholds: &quant.Thresholds{Output: a, Values: []int64{3, 6, 9, 0, 5, 10}}},
			{Name: "class", From: []int{0}, In: 2, Out: 3, Input: a, WeightBits: 3, Weights: []int32{1, 1, 2, -1, -1, 3},
				Score: &quant.Score{Gain: []int64{1, 2, 1}, Bias: []int64{0, 1, -2}}},
			{Name: "pair", From: []int{0}, In: 2, Out: 2, Input: a, WeightBits: 3, Weights: []int32{2, 1, 0, -3}},
		},
		Outputs: []quant.Output{
			{Name: "pair", Layer: 2, Dequantize: func(c int, v int64) float64 { return float64(v) / float64(c+2) }},
			{Name: "class", Layer: 1, Dequantize: func(_ int, v int64) float64 { return 0.5 * float64(v) }},
			{Name: "trunk", Layer: 0},
		}}
}

// TestSeveralOutputs: by hand, for x = (5, 2): the trunk's sums are 5+4 = 9, of which 3 and 6 are exceeded, and
// 15-2 = 13, above all three: (2, 3). The classes' sums are 5, 1 and 7, their scores 5, 3 and 5, the first of
// which wins; the pair is 7 and -9.
func TestSeveralOutputs(t *testing.T) {
	n, err := quant.NewNetwork(twoHeads())
	if err != nil {
		t.Fatal(err)
	}
	e, tr := quant.NewExecutor(n), quant.Trace{}
	e.Run([]int32{5, 2}, &tr)
	if want := [][]int64{{7, -9}, {5, 3, 5}, {2, 3}}; !slices.EqualFunc(tr.Scores, want, slices.Equal[[]int64]) {
		t.Errorf("scores %v, want %v", tr.Scores, want)
	}
	if want := []int{0, 0, 1}; !slices.Equal(tr.Label, want) {
		t.Errorf("labels %v, want %v", tr.Label, want)
	}
	for k, want := range map[int][]float64{0: {3.5, -3}, 1: {2.5, 0.5, 3.5}} { // the accumulators 5, 1, 7
		got := make([]float64, len(want))
		if e.Real(&tr, k, got); !slices.Equal(got, want) {
			t.Errorf("output %d stands for %v, want %v", k, got, want)
		}
	}
	label := make([]int32, 1)
	if e.Labels(&tr, 2, label); label[0] != 1 || n.Classifier() != 1 {
		t.Errorf("label %d, classifier %d", label[0], n.Classifier())
	}
	if k, err := n.OutputNamed("trunk"); k != 2 || err != nil {
		t.Errorf("trunk is output %d, %v", k, err)
	}
	// All are ends, the one that is read further too: none has a target (Roles).
	for i, r := range n.Roles() {
		if !r.Last {
			t.Errorf("layer %d is no end", i)
		}
	}
}

// TestOutputsRefused: an output that is none, two of one name, and layers that nobody sees.
func TestOutputsRefused(t *testing.T) {
	for _, c := range []struct {
		change func(n *quant.Network)
		want   string
	}{
		{func(n *quant.Network) { n.Outputs = n.Outputs[:2] }, ""}, // the trunk is read
		{func(n *quant.Network) { n.Outputs = append(n.Outputs, quant.Output{Name: "again", Layer: 1}) }, ""},
		{func(n *quant.Network) { n.Outputs[1].Name = "pair" }, `quant: two outputs are named "pair"`},
		{func(n *quant.Network) { n.Outputs[1].Layer = 3 }, `quant: output "class": is layer 3, want 0..2`},
		{func(n *quant.Network) { n.Outputs[1].Layer = -1 }, `quant: output "class": is layer -1, want 0..2`},
		{func(n *quant.Network) { n.Outputs = n.Outputs[1:] },
			`quant: layer "pair": nothing reads it, and it is no output`},
		{func(n *quant.Network) { n.Outputs = nil }, `quant: layer "class": nothing reads it, and it is no output`},
		{func(n *quant.Network) { n.Layers[2].From, n.Layers[2].In = []int{1}, 3 },
			`quant: layer "class": ends in scores but layer "pair" reads it`},
	} {
		n := twoHeads()
		c.change(&n)
		_, err := quant.NewNetwork(n)
		if got := fmt.Sprint(err); c.want == "" && err != nil || !strings.Contains(got, c.want) {
			t.Errorf("got %s, want %q", got, c.want)
		}
	}
	n, err := quant.NewNetwork(twoHeads())
	if err != nil {
		t.Fatal(err)
	}
	want := `quant: network "heads": no output "box", want one of pair, class, trunk`
	if _, err := n.OutputNamed("box"); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// TestPixelsOfSeveral: of several outputs the images become pixels, whatever else reads their layers.
func TestPixelsOfSeveral(t *testing.T) {
	in, typ := quant.Shape{H: 2, W: 1, C: 1}, quant.DataType{Bits: 4}
	half := func(_ int, v int64) float64 { return float64(v) / 30 }
	n, err := quant.NewNetwork(quant.Network{Name: "image", InputShape: []int{1, 2, 1}, Input: quant.InputQuantizer{
		Type: typ, Shape: in, Quantize: func(_ int, v float64) int32 { return int32(v) }},
		Layers: []quant.Layer{{Name: "image", Kind: quant.Requantize}, {Name: "class", From: []int{0}, In: 2, Out: 2,
			Input: typ, WeightBits: 2, Weights: []int32{1, 0, 0, 1}, Score: &quant.Score{Gain: []int64{1, 1},
				Bias: []int64{0, 0}}}},
		Outputs: []quant.Output{{Name: "class", Layer: 1, Dequantize: half}, {Name: "image", Dequantize: half},
			{Name: "again", Dequantize: half}}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := n.Pixels()
	if err != nil {
		t.Fatal(err)
	}
	e, tr := quant.NewExecutor(p), quant.Trace{}
	e.Run([]int32{3, 15}, &tr)
	// 255 * 3/30 = 25.5, to even, and 255 * 15/30 = 127.5.
	if got, want := fmt.Sprint(tr.Scores, tr.Label[0]), "[[3 15] [26 128] [26 128]] 1"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if p.OutputLayer(1).Name != "pixels" || p.OutputLayer(2).Name != "pixels2" || len(n.Layers) != 2 {
		t.Errorf("layers %q and %q", p.OutputLayer(1).Name, p.OutputLayer(2).Name)
	}
	n.Outputs = n.Outputs[:1]
	n.Outputs = append(n.Outputs, quant.Output{Name: "image"})
	if _, err := n.Pixels(); err == nil || !strings.Contains(err.Error(), "none of the outputs class, image is an image") {
		t.Errorf("without images: %v", err)
	}
}
