package quant_test

import (
	"math/rand/v2"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
)

// pile is a network for benchmarks under construction: convolutions as examples/ has them,
// with 4-bit activations, weights within the budget of P = 12, and even thresholds.
type pile struct {
	rng *rand.Rand
	net quant.Network
	typ quant.DataType
}

func newPile(in quant.Shape) *pile {
	typ := quant.DataType{Bits: 8}
	return &pile{rand.New(rand.NewPCG(61, 1)), quant.Network{Name: "pile", InputShape: []int{in.C, in.H, in.W},
		Input: quant.InputQuantizer{Type: typ, Shape: in, Quantize: func(_ int, v float64) int32 { return int32(v) }}}, typ}
}

// conv adds a convolution of k x k taps and returns its index. from is the layer that it
// reads, in that layer's shape.
func (p *pile) conv(from int, in quant.Shape, out, k, stride, groups int) int {
	pad := k / 2
	l := quant.Layer{Kind: quant.Conv, From: []int{from}, In: k * k * in.C / groups, Out: out, Groups: groups,
		Input: p.typ, WeightBits: 4, Window: quant.Window{H: k, W: k, StrideH: stride, StrideW: stride, Top: pad, Left: pad,
			Bottom: pad, Right: pad}}
	l.Weights = make([]int32, l.In*out)
	budget := max(1, 2047/int(p.typ.Max())) // units of each sign
	for c := range out {
		for _, sign := range []int32{1, -1} {
			for range budget {
				if w := &l.Weights[c*l.In+p.rng.IntN(l.In)]; *w*sign >= 0 && *w*sign < 7 {
					*w += sign
				}
			}
		}
	}
	return p.add(l)
}

// add appends a layer with thresholds from the middle on, so that about half of the outputs
// are 0.
func (p *pile) add(l quant.Layer) int {
	l.Name = string(l.Kind) + string(rune('a'+len(p.net.Layers)))
	p.typ = quant.DataType{Bits: 4}
	l.Thresholds = &quant.Thresholds{Output: p.typ}
	for range l.Out {
		step := 6 + p.rng.IntN(5)
		for k := range l.Thresholds.Levels() {
			l.Thresholds.Values = append(l.Thresholds.Values, int64((k-1)*step))
		}
	}
	p.net.Layers = append(p.net.Layers, l)
	return len(p.net.Layers) - 1
}

func (p *pile) done() *quant.Network {
	n, err := quant.NewNetwork(p.net)
	if err != nil {
		panic(err)
	}
	return n
}

// resnet has the convolutions and sums of examples/fmnist-resnet.yaml.
func resnet() *quant.Network {
	in := quant.Shape{H: 28, W: 28, C: 1}
	p := newPile(in)
	x := p.conv(quant.Source, in, 16, 3, 1, 1)
	in.C = 16
	for _, b := range []struct{ out, stride int }{{16, 1}, {32, 2}, {64, 2}} {
		mid := quant.Shape{H: in.H / b.stride, W: in.W / b.stride, C: b.out}
		y := p.conv(p.conv(x, in, b.out, 3, b.stride, 1), mid, b.out, 3, 1, 1)
		if b.stride > 1 {
			x = p.conv(x, in, b.out, 1, b.stride, 1)
		}
		x, in = p.add(quant.Layer{Kind: quant.Add, From: []int{y, x}, Out: b.out}), mid
	}
	return p.done()
}

// mobilenet has the convolutions of examples/fmnist-mobilenet.yaml.
func mobilenet() *quant.Network {
	return separable(quant.Shape{H: 28, W: 28, C: 1}, 1, 16, [][2]int{{2, 32}, {1, 64}, {2, 128}, {1, 128}})
}

// mobilenet224 has those of MobileNet of width 1 on 224 x 224 pixels.
func mobilenet224() *quant.Network {
	return separable(quant.Shape{H: 224, W: 224, C: 3}, 2, 32, [][2]int{{1, 64}, {2, 128}, {1, 128}, {2, 256}, {1, 256},
		{2, 512}, {1, 512}, {1, 512}, {1, 512}, {1, 512}, {1, 512}, {2, 1024}, {1, 1024}})
}

// separable is a convolution and blocks of a depthwise one, of a stride, and a 1x1 one, of so
// many channels.
func separable(in quant.Shape, stride, out int, blocks [][2]int) *quant.Network {
	p := newPile(in)
	x := p.conv(quant.Source, in, out, 3, stride, 1)
	at := quant.Shape{H: in.H / stride, W: in.W / stride, C: out}
	for _, b := range blocks {
		x = p.conv(x, at, at.C, 3, b[0], at.C)
		at.H, at.W = at.H/b[0], at.W/b[0]
		x = p.conv(x, at, b[1], 1, 1, 1)
		at.C = b[1]
	}
	return p.done()
}

// BenchmarkExecutorConv evaluates frames of networks of convolutions on one core.
func BenchmarkExecutorConv(b *testing.B) {
	for name, net := range map[string]func() *quant.Network{"resnet": resnet, "mobilenet": mobilenet,
		"mobilenet224": mobilenet224} {
		b.Run(name, func(b *testing.B) {
			n := net()
			e, rng := quant.NewExecutor(n), rand.New(rand.NewPCG(62, 1))
			x := make([]int32, n.InputSize())
			for i := range x {
				x[i] = max(0, int32(rng.IntN(400)-144)) // a third is 0
			}
			var tr quant.Trace
			for b.Loop() {
				e.Run(x, &tr)
			}
		})
	}
}
