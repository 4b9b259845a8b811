package quanttest

import (
	"math/rand/v2"

	"github.com/a2qgen/a2qgen/quant"
)

// Drawn returns a network of the given layer sizes with small drawn weights:
// inputs of 3 bits, activations of 2, at most three layers.
func Drawn(seed uint64, sizes ...int) *quant.Network {
	rng := rand.New(rand.NewPCG(seed, 0))
	// Small types, and thresholds near 0: sums of few inputs reach all of them.
	x := quant.DataType{Bits: 3}
	net := quant.Network{Name: "drawn", InputShape: sizes[:1], Input: quant.InputQuantizer{Type: x,
		Quantize: func(_ int, v float64) int32 { return int32(v) }}}
	for i := range sizes[1:] {
		l := quant.Layer{Name: []string{"fc1", "fc2", "fc3"}[i], In: sizes[i], Out: sizes[i+1], Input: x, WeightBits: 3}
		for range l.In * l.Out {
			l.Weights = append(l.Weights, int32(rng.IntN(7))-3)
		}
		// Gains of 1 and small biases: scores are close, so that ties come up.
		if i == len(sizes)-2 {
			l.Score = &quant.Score{Gain: make([]int64, l.Out), Bias: make([]int64, l.Out)}
			for c := range l.Out {
				l.Score.Gain[c], l.Score.Bias[c] = 1, int64(rng.IntN(9))-4
			}
		} else {
			x = quant.DataType{Bits: 2}
			l.Thresholds = &quant.Thresholds{Output: x}
			for range l.Out {
				// Uneven steps, so that a threshold taken for its neighbour changes outputs.
				first := int64(rng.IntN(9)) - 6
				l.Thresholds.Values = append(l.Thresholds.Values, first, first+2, first+7)
			}
		}
		net.Layers = append(net.Layers, l)
	}
	n, err := quant.NewNetwork(net)
	if err != nil {
		panic(err)
	}
	return n
}

// Shifted returns a drawn network whose layers begin at the start values of the
// narrowest accumulators that shifted ranges permit.
func Shifted() *quant.Network {
	n := *Drawn(4, 16, 8, 4)
	// Layers and outputs are copied, but weights and thresholds shared: nobody else has this network.
	n.Layers = append([]quant.Layer(nil), n.Layers...)
	n.Outputs = append([]quant.Output(nil), n.Outputs...)
	n.Outputs[0].Dequantize = func(c int, v int64) float64 { return float64(v) * float64(c+1) }
	for i := range n.Layers {
		l := &n.Layers[i]
		for w := range l.In {
			l.Row(0)[w] = 3 // of one sign: needs a bit more than shifted
		}
		// The narrowest for all channels: p only grows, until each has a start value in it. Thresholds
		// and biases move along, so that the network computes what it did.
		start, p := make([]int64, l.Out), 1
		for c := range l.Out {
			for ; ; p++ {
				if _, ok := l.ShiftedStart(c, p); ok {
					break
				}
			}
		}
		for c := range l.Out {
			start[c], _ = l.ShiftedStart(c, p)
			if l.Thresholds != nil {
				for k := range l.Thresholds.Channel(c) {
					l.Thresholds.Channel(c)[k] += start[c]
				}
			} else {
				l.Score.Bias[c] -= start[c] * l.Score.Gain[c]
			}
		}
		l.Start, l.AccBits = start, p
	}
	checked, err := quant.NewNetwork(n)
	if err != nil {
		panic(err)
	}
	return checked
}
