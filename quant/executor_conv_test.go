package quant_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
)

// extremes lists convolutions at the ends of what their kernels hold: 16-bit operands whose sums
// fill 32 bits, odd channels, windows larger than what is left of the image, groups, dilation,
// more and fewer outputs than a vector has, and signs.
var extremes = []struct {
	name              string
	typ               quant.DataType
	weightBits        int
	in                quant.Shape
	out, groups, size int
	window            quant.Window
}{
	{"INT16 weights and inputs", quant.DataType{Bits: 16, Signed: true}, 16, quant.Shape{H: 1, W: 3, C: 1}, 17, 1, 1,
		quant.Window{H: 1, W: 1}},
	{"UINT15", quant.DataType{Bits: 15}, 15, quant.Shape{H: 3, W: 3, C: 1}, 3, 1, 4, quant.Window{H: 2, W: 2}},
	{"UINT16 does not fit a vector", quant.DataType{Bits: 16}, 4, quant.Shape{H: 3, W: 3, C: 2}, 3, 1, 8,
		quant.Window{H: 2, W: 2}},
	{"sums of more than 32 bits", quant.DataType{Bits: 16, Signed: true}, 16, quant.Shape{H: 3, W: 3, C: 3}, 5, 1, 27,
		quant.Window{H: 3, W: 3, Top: 1, Left: 1, Bottom: 1, Right: 1}},
	{"odd channels, pads, strides", quant.DataType{Bits: 4}, 4, quant.Shape{H: 7, W: 5, C: 3}, 33, 1, 45,
		quant.Window{H: 3, W: 5, StrideH: 2, StrideW: 3, Top: 2, Left: 4, Bottom: 1, Right: 3}},
	{"dilation", quant.DataType{Bits: 4, Signed: true}, 3, quant.Shape{H: 8, W: 9, C: 5}, 16, 1, 30,
		quant.Window{H: 3, W: 2, DilationH: 2, DilationW: 3, Top: 2, Right: 3}},
	{"groups", quant.DataType{Bits: 8}, 4, quant.Shape{H: 5, W: 6, C: 6}, 9, 3, 18,
		quant.Window{H: 3, W: 3, Top: 1, Left: 1, Bottom: 1, Right: 1, DilationW: 2}},
	{"depthwise, three outputs each", quant.DataType{Bits: 8}, 8, quant.Shape{H: 5, W: 6, C: 4}, 12, 4, 9,
		quant.Window{H: 3, W: 3, Top: 1, Left: 1, Bottom: 1, Right: 1, StrideW: 2}},
	{"signs with padding", quant.Bipolar, 2, quant.Shape{H: 5, W: 5, C: 7}, 20, 1, 63,
		quant.Window{H: 3, W: 3, Top: 1, Left: 1, Bottom: 1, Right: 1}},
}

// Every kernel, with vectors and without, on one goroutine and on several, gives the sums of the
// definition, at both ends of the types and in between.
func TestConvKernels(t *testing.T) {
	for _, c := range extremes {
		l := quant.Layer{Name: "conv", Kind: quant.Conv, In: c.size, Out: c.out, Groups: c.groups, Input: c.typ,
			WeightBits: c.weightBits, Window: c.window}
		w, rng := quant.DataType{Bits: c.weightBits, Signed: true}, rand.New(rand.NewPCG(71, 1))
		for i := range c.size * c.out {
			v := w.Value(rng.Int64N(w.Number(w.Max()) + 1))
			if i/c.size < 2 { // rows at the ends of the type
				v = []int64{w.Min(), w.Max()}[i/c.size]
			}
			l.Weights = append(l.Weights, int32(v))
		}
		n, err := quant.NewNetwork(quant.Network{Name: c.name, InputShape: []int{c.in.C, c.in.H, c.in.W},
			Layers: []quant.Layer{l, {Name: "signs", Kind: quant.Requantize, Thresholds: &quant.Thresholds{
				Output: quant.Bipolar, Values: make([]int64, c.out)}}},
			Input: quant.InputQuantizer{Type: c.typ, Shape: c.in, Quantize: func(int, float64) int32 { return 1 }}})
		if c.name == "sums of more than 32 bits" { // which no layer behind may read
			n, err = quant.NewNetwork(quant.Network{Name: c.name, InputShape: []int{c.in.C, c.in.H, c.in.W},
				Layers: []quant.Layer{scored(l)}, Input: quant.InputQuantizer{Type: c.typ, Shape: c.in,
					Quantize: func(int, float64) int32 { return 1 }}})
		}
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		compareKernels(t, c.name, n, rng)
	}
}

// scored ends a layer in scores.
func scored(l quant.Layer) quant.Layer {
	l.Score = &quant.Score{Gain: slices.Repeat([]int64{1}, l.Out), Bias: make([]int64, l.Out)}
	return l
}

// compareKernels runs n on inputs at the ends of its type and between, by every kernel.
func compareKernels(t *testing.T, name string, n *quant.Network, rng *rand.Rand) {
	t.Helper()
	vectors := quant.NewExecutor(n)
	restore := quant.WithoutMadd()
	words := quant.NewExecutor(n)
	restore()
	typ := n.Input.Type
	for i := range 6 {
		x := make([]int32, n.InputSize())
		for k := range x {
			switch i {
			case 0:
				x[k] = int32(typ.Min())
			case 1:
				x[k] = int32(typ.Max())
			default:
				x[k] = int32(typ.Value(rng.Int64N(typ.Number(typ.Max()) + 1)))
			}
		}
		want, _ := slow(n, x)
		for kernel, e := range map[string]*quant.Executor{"vectors": vectors, "words": words} {
			for _, workers := range []int{1, 3} {
				var tr quant.Trace
				tr.Share(workers)
				e.Run(x, &tr)
				for k := range want {
					if !slices.Equal(tr.Acc[k], want[k]) {
						t.Fatalf("%s, %s, %d workers, input %d: layer %d gives %v, want %v", name, kernel, workers, i, k,
							tr.Acc[k], want[k])
					}
				}
			}
		}
	}
}

// Goroutines that share the rows of large layers give what one gives, with every kernel; the
// networks are those of the benchmarks.
func TestSharedLayers(t *testing.T) {
	for name, net := range map[string]func() *quant.Network{"resnet": resnet, "mobilenet": mobilenet} {
		n := net()
		rng := rand.New(rand.NewPCG(72, 1))
		x := make([]int32, n.InputSize())
		for i := range x {
			x[i] = max(0, int32(rng.IntN(400)-144))
		}
		restore := quant.WithoutMadd()
		words := quant.NewExecutor(n)
		restore()
		var want quant.Trace
		words.Run(x, &want)
		for kernel, e := range map[string]*quant.Executor{"vectors": quant.NewExecutor(n), "words": words} {
			for _, workers := range []int{1, 2, 5, 100} {
				var tr quant.Trace
				tr.Share(workers)
				e.Run(x, &tr)
				if !sameTrace(&want, &tr) {
					t.Errorf("%s, %s, %d workers: another result", name, kernel, workers)
				}
			}
		}
	}
	if !quant.HaveMadd() {
		t.Log("this processor has no vectors to try")
	}
}

// Outputs by buckets are those of the search, for every accumulator of a channel, whatever the
// range, the thresholds and the direction.
func TestSteps(t *testing.T) {
	rng := rand.New(rand.NewPCG(73, 1))
	for i := range 60 {
		out := []quant.DataType{{Bits: 1}, {Bits: 4}, {Bits: 8, Signed: true}, quant.Bipolar, {Bits: 9}}[i%5]
		in := quant.DataType{Bits: 1 + rng.IntN(14), Signed: rng.IntN(2) == 0}
		l := quant.Layer{Name: "fc", In: 1, Out: 2, Input: in, WeightBits: 4, Weights: []int32{7, -5},
			Thresholds: &quant.Thresholds{Output: out, Inverted: []bool{rng.IntN(2) == 0, true}}}
		for c := range l.Out {
			r := l.AccRange(c)
			var row []int64
			for range l.Thresholds.Levels() {
				row = append(row, r.Min-1+rng.Int64N(r.Max-r.Min+2))
			}
			slices.Sort(row)
			l.Thresholds.Values = append(l.Thresholds.Values, row...)
		}
		n, err := quant.NewNetwork(quant.Network{Name: fmt.Sprint("steps ", i), InputShape: []int{1},
			Layers: []quant.Layer{l}, Input: quant.InputQuantizer{Type: in, Quantize: func(int, float64) int32 { return 0 }}})
		if err != nil {
			t.Fatal(err)
		}
		e, tr := quant.NewExecutor(n), quant.Trace{}
		for x := in.Min(); x <= in.Max(); x++ {
			e.Run([]int32{int32(x)}, &tr)
			for c, acc := range tr.Acc[0] {
				if got, want := int64(tr.Out[0][c]), staircase(l.Thresholds, c, acc); got != want {
					t.Fatalf("%v of %v, channel %d: accumulator %d gives %d, want %d", out, in, c, acc, got, want)
				}
			}
		}
	}
}

// A layer of many channels has fewer buckets for each, and the same outputs.
func TestStepsOfManyChannels(t *testing.T) {
	rng := rand.New(rand.NewPCG(74, 1))
	in, out := quant.DataType{Bits: 12}, quant.DataType{Bits: 2}
	l := quant.Layer{Name: "fc", In: 1, Out: 6000, Input: in, WeightBits: 2, Thresholds: &quant.Thresholds{Output: out}}
	for range l.Out {
		l.Weights = append(l.Weights, int32(1-2*rng.IntN(2)))
		row := []int64{rng.Int64N(8192) - 4096, rng.Int64N(8192) - 4096, rng.Int64N(8192) - 4096}
		slices.Sort(row)
		l.Thresholds.Values = append(l.Thresholds.Values, row...)
	}
	n, err := quant.NewNetwork(quant.Network{Name: "many", InputShape: []int{1}, Layers: []quant.Layer{l},
		Input: quant.InputQuantizer{Type: in, Quantize: func(int, float64) int32 { return 0 }}})
	if err != nil {
		t.Fatal(err)
	}
	e, tr := quant.NewExecutor(n), quant.Trace{}
	for i := range 40 {
		x := int32(rng.IntN(4096))
		if i < 2 {
			x = int32(i) * 4095
		}
		e.Run([]int32{x}, &tr)
		for c, acc := range tr.Acc[0] {
			if got, want := int64(tr.Out[0][c]), staircase(l.Thresholds, c, acc); got != want {
				t.Fatalf("channel %d: accumulator %d gives %d, want %d", c, acc, got, want)
			}
		}
	}
}
