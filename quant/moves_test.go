package quant_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
)

// moving returns a network of one layer that reads an image of shape in.
func moving(in quant.Shape, l quant.Layer) (*quant.Network, error) {
	l.Name = "move"
	return quant.NewNetwork(quant.Network{Name: "moving", InputShape: []int{in.C, in.H, in.W}, Layers: []quant.Layer{l},
		Input: quant.InputQuantizer{Type: quant.Bipolar, Shape: in, Quantize: func(int, float64) int32 { return 1 }}})
}

// Layers that move elements, by their definitions, written out in another way than the code:
// each output is looked up in an image of distinct labels. Types pass through, BIPOLAR too.
func TestMovingLayers(t *testing.T) {
	in := quant.Shape{H: 4, W: 6, C: 6}
	at := func(y, x, c int) int32 { return int32((y*in.W+x)*in.C + c) }
	for _, c := range []struct {
		name  string
		layer quant.Layer
		out   quant.Shape
		want  func(y, x, c int) int32
	}{
		{"upsample", quant.Layer{Kind: quant.Upsample, Factor: 2}, quant.Shape{H: 8, W: 12, C: 6},
			func(y, x, c int) int32 { return at(y/2, x/2, c) }},
		{"upsample 2 down, 3 across", quant.Layer{Kind: quant.Upsample, Factor: 2, Across: 3}, quant.Shape{H: 8, W: 18, C: 6},
			func(y, x, c int) int32 { return at(y/2, x/3, c) }},
		{"pixel shuffle, CRD", quant.Layer{Kind: quant.PixelShuffle, Factor: 1, Across: 3}, quant.Shape{H: 4, W: 18, C: 2},
			func(y, x, c int) int32 { return at(y, x/3, 3*c+x%3) }},
		{"pixel shuffle, DCR", quant.Layer{Kind: quant.PixelShuffle, Factor: 3, Across: 2, DepthFirst: true},
			quant.Shape{H: 12, W: 12, C: 1}, func(y, x, c int) int32 { return at(y/3, x/2, y%3*2+x%2) }},
		{"space to depth, DCR", quant.Layer{Kind: quant.SpaceToDepth, Factor: 2, Across: 3, DepthFirst: true},
			quant.Shape{H: 2, W: 2, C: 36}, func(y, x, c int) int32 { return at(2*y+c/18, 3*x+c/6%3, c%6) }},
		{"space to depth, CRD", quant.Layer{Kind: quant.SpaceToDepth, Factor: 2, Across: 3}, quant.Shape{H: 2, W: 2, C: 36},
			func(y, x, c int) int32 { return at(2*y+c%6/3, 3*x+c%3, c/6) }},
		{"select", quant.Layer{Kind: quant.Select, Channels: []int{5, 0, 0, 2}}, quant.Shape{H: 4, W: 6, C: 4},
			func(y, x, c int) int32 { return at(y, x, []int{5, 0, 0, 2}[c]) }},
		{"crop", quant.Layer{Kind: quant.Crop, Region: quant.Region{Top: 1, Left: 1, Rows: 2, Cols: 3, StepDown: 2,
			StepAcross: 2}}, quant.Shape{H: 2, W: 3, C: 6}, func(y, x, c int) int32 { return at(1+2*y, 1+2*x, c) }},
	} {
		n, err := moving(in, c.layer)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		l := &n.Layers[0]
		var want []int32
		for y := range c.out.H {
			for x := range c.out.W {
				for channel := range c.out.C {
					want = append(want, c.want(y, x, channel))
				}
			}
		}
		if got := l.Moves(in); l.Shape != c.out || !slices.Equal(got, want) {
			t.Errorf("%s: shape %v, want %v; moves %v, want %v", c.name, l.Shape, c.out, got, want)
		}
		rng := rand.New(rand.NewPCG(51, 1))
		x := make([]int32, in.Size())
		for i := range x {
			x[i] = int32(rng.IntN(2))*2 - 1
		}
		var tr quant.Trace
		quant.NewExecutor(n).Run(x, &tr)
		for i, from := range want {
			if tr.Out[0][i] != x[from] {
				t.Fatalf("%s: output %d is %d, want %d", c.name, i, tr.Out[0][i], x[from])
			}
		}
		if l.Output() != quant.Bipolar {
			t.Errorf("%s: gives %v, want BIPOLAR", c.name, l.Output())
		}
	}
}

// What does not fit is refused with what was wanted and had.
func TestMovingLayersRefused(t *testing.T) {
	in := quant.Shape{H: 4, W: 6, C: 6}
	for _, c := range []struct {
		layer quant.Layer
		want  string
	}{
		{quant.Layer{Kind: quant.Upsample}, "factor 0, want 1..1024"},
		{quant.Layer{Kind: quant.Upsample, Factor: 1, Across: -2}, "factor 1x-2, want"},
		{quant.Layer{Kind: quant.PixelShuffle, Factor: 2}, "a factor of 2 turns 4 channels into one, had 6"},
		{quant.Layer{Kind: quant.PixelShuffle, Factor: 2, Across: 5}, "a factor of 2x5 turns 10 channels into one, had 6"},
		{quant.Layer{Kind: quant.SpaceToDepth, Factor: 3}, "a factor of 3 does not divide 4x6 positions"},
		{quant.Layer{Kind: quant.Select}, "selects 0 channels"},
		{quant.Layer{Kind: quant.Select, Channels: []int{1, 6}}, "selects channel 6, want 0..5"},
		{quant.Layer{Kind: quant.Select, Channels: []int{-1}}, "selects channel -1, want 0..5"},
		{quant.Layer{Kind: quant.Crop}, "which does not lie within"},
		{quant.Layer{Kind: quant.Crop, Region: quant.Region{Rows: 4, Cols: 7}}, "which does not lie within"},
		{quant.Layer{Kind: quant.Crop, Region: quant.Region{Top: 2, Rows: 2, Cols: 1, StepDown: 2}}, "does not lie within"},
		{quant.Layer{Kind: quant.Crop, Region: quant.Region{Left: -1, Rows: 1, Cols: 1}}, "does not lie within"},
	} {
		_, err := moving(in, c.layer)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), `quant: layer "move": `) {
			t.Errorf("%+v: %v, want %q", c.layer, err, c.want)
		}
	}
}

// Labels are the lowest index among the largest scores of each position; of one channel, 1 above the boundary.
func TestLabels(t *testing.T) {
	for _, c := range []struct {
		channels   int
		gain, bias []int64
		x          []int32
		want       string
	}{
		{3, []int64{1, 2, 1}, []int64{0, 0, 1}, []int32{4, 2, 3, 1, 3, 0, 0, 0, 9}, "[0 1 2]"}, // scores 4 4 4, 1 6 1, 0 0 10
		{1, []int64{1}, []int64{-5}, []int32{5, 6, 4}, "[0 1 0]"},                              // scores 0, 1, -1
	} {
		in := quant.Shape{H: 1, W: 3, C: c.channels}
		n, err := quant.NewNetwork(quant.Network{Name: "labels", InputShape: []int{c.channels, 1, 3},
			Input: quant.InputQuantizer{Type: quant.DataType{Bits: 4}, Shape: in,
				Quantize: func(int, float64) int32 { return 0 }},
			Layers: []quant.Layer{{Name: "scores", Kind: quant.Requantize, Score: &quant.Score{Gain: c.gain, Bias: c.bias}}}})
		if err != nil {
			t.Fatal(err)
		}
		e, tr, got := quant.NewExecutor(n), quant.Trace{}, make([]int32, 3)
		e.Run(c.x, &tr)
		if e.Labels(&tr, 0, got); fmt.Sprint(got) != c.want {
			t.Errorf("labels %v of scores %v, want %s", got, tr.Scores[0], c.want)
		}
	}
}
