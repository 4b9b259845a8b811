package plan

import (
	"slices"

	"github.com/a2qgen/a2qgen/quant"
)

// int2 stands for quant.Bipolar in hardware: -1 and +1 in two bits.
var int2 = quant.DataType{Bits: 2, Signed: true}

// lowered returns a network that computes what n does, of types and layers that blocks know:
//
//   - INT2 in place of every type of -1 and +1, since blocks know two's complement alone. The
//     certificates are those of INT2, whose -2 never occurs, so that accumulators may be a bit
//     wider than n's.
//   - A product with weights 0 and 1 in place of Select.
func lowered(n *quant.Network) *quant.Network {
	out := *n
	out.Layers = slices.Clone(n.Layers)
	found := widen(&out.Input.Type)
	for i := range out.Layers {
		l := &out.Layers[i]
		found = widen(&l.Input) || found
		found = product(l, n.ShapeOf(l.From[0])) || found
		if t := l.Thresholds; t != nil && t.Output.Bipolar {
			l.Thresholds, found = twoBits(l), true
		}
	}
	if !found {
		return n
	}
	// It is n but for types, which agree, and layers that do the same: an error is this function's fault.
	checked, err := quant.NewNetwork(out)
	if err != nil {
		panic("hwgen: a network that was lowered: " + err.Error())
	}
	return checked
}

// widen makes a type of -1 and +1 INT2, and says whether it was one.
func widen(t *quant.DataType) bool {
	if !t.Bipolar {
		return false
	}
	*t = int2
	return true
}

// maxProduct is the widest element that a layer with weights reads, in bits (quant.NewNetwork).
const maxProduct = 16

// product makes a Select that reads a tensor of shape in a product with weights 0 and 1, and
// says whether it was one that may become such.
func product(l *quant.Layer, in quant.Shape) bool {
	if l.Kind != quant.Select || l.Input.Bits > maxProduct {
		return false
	}
	weights := make([]int32, len(l.Channels)*in.C)
	for row, c := range l.Channels {
		weights[row*in.C+c] = 1
	}
	l.Kind, l.In, l.WeightBits, l.Weights, l.Channels = quant.Linear, in.C, 2, weights, nil
	if in.Positions() > 1 {
		l.Kind, l.Groups, l.Window = quant.Conv, 1, quant.Window{H: 1, W: 1}
	}
	return true
}

// twoBits returns the thresholds of l, which gives -1 and +1, for INT2: one that is always
// exceeded leaves out -2, and two at one place step over 0.
func twoBits(l *quant.Layer) *quant.Thresholds {
	t := &quant.Thresholds{Output: int2, Inverted: l.Thresholds.Inverted}
	for c := range l.Out {
		r, at := l.AccRange(c), l.Thresholds.Channel(c)[0]
		if t.Inverted != nil && t.Inverted[c] { // counted down from +1: the last is never exceeded
			t.Values = append(t.Values, at, at, r.Max)
		} else {
			t.Values = append(t.Values, r.Min-1, at, at)
		}
	}
	return t
}
