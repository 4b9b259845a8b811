package plan

import (
	"slices"

	"github.com/a2qgen/a2qgen/hwgen/block/crop"
	"github.com/a2qgen/a2qgen/quant"
)

// lowered returns a network that computes what n does, of types and layers that blocks know, layer by
// layer:
//
//   - 0 and 1 in place of -1 and +1 (bits.go), or INT2 where a reader needs more than that.
//   - A product with weights 0 and 1 in place of a Select that is no slice.
//   - Start values that an XNOR and popcount begin at, whatever the signs of a row.
//
// Network inputs, hidden activations and accumulators are other integers than n's; labels and outputs
// are the same.
func lowered(n *quant.Network) *quant.Network {
	low := lowering{n, asBits(n)}
	out := *n
	out.Layers, out.Outputs = slices.Clone(n.Layers), slices.Clone(n.Outputs)
	found := low.input(&out.Input)
	for i := range out.Layers {
		found = low.layer(i, &out) || found
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

// lowering is a network and its tensors of -1 and +1 that become bits.
type lowering struct {
	given *quant.Network
	bits  tensors
}

// layer lowers layer i of out, and says whether there was anything to lower.
func (w lowering) layer(i int, out *quant.Network) (found bool) {
	l := &out.Layers[i]
	change := identity(l.Out)
	switch {
	case w.reads(i): // its operands all are bits
		found, l.Input = true, bit
		if !passesOn(l) {
			change = change.then(halved(l, &w.given.Layers[i]))
		}
	case l.Input.Bipolar:
		found, l.Input = true, int2
	}
	found = product(l, w.given.ShapeOf(l.From[0])) || found
	if agreements(l) && l.Start == nil && (l.Thresholds != nil || l.Score != nil) {
		found, change = true, change.then(counting(l))
	}
	for k := range out.Outputs {
		if o := &out.Outputs[k]; o.Layer == i && l.Score != nil && found {
			o.Dequantize = change.undo(o.Dequantize)
		}
	}
	if t := l.Thresholds; t != nil && t.Output.Bipolar {
		if found = true; w.bits.has(i) {
			l.Thresholds = &quant.Thresholds{Output: bit, Values: t.Values, Inverted: t.Inverted}
		} else {
			l.Thresholds = twoBits(l)
		}
	}
	return found
}

// input lowers the network's input.
func (w lowering) input(in *quant.InputQuantizer) bool {
	if !in.Type.Bipolar {
		return false
	}
	in.Type = int2
	if w.bits.has(quant.Source) {
		in.Type = bit
		given := in.Quantize
		in.Quantize = func(i int, v float64) int32 { return (given(i, v) + 1) / 2 }
	}
	return true
}

// maxProduct is the widest element that a layer with weights reads, in bits (quant.NewNetwork).
const maxProduct = 16

// product makes a Select that reads a tensor of shape in a product with weights 0 and 1, and
// says whether it was one that may become such. Channels that are evenly apart stay: a crop drops the others.
func product(l *quant.Layer, in quant.Shape) bool {
	if l.Kind != quant.Select || l.Input.Bits > maxProduct {
		return false
	}
	if _, ok := crop.Apart(l.Channels); ok {
		return false
	}
	weights := make([]int32, len(l.Channels)*in.C)
	for row, c := range l.Channels {
		weights[row*in.C+c] = 1
	}
	if l.Input == bit && l.Thresholds == nil { // sums of one bit have a sign, activations do not
		l.Thresholds = &quant.Thresholds{Output: bit, Values: make([]int64, len(l.Channels))}
	}
	l.Kind, l.In, l.WeightBits, l.Weights, l.Channels = quant.Linear, in.C, 2, weights, nil
	if in.Positions() > 1 {
		l.Kind, l.Groups, l.Window = quant.Conv, 1, quant.Window{H: 1, W: 1}
	}
	return true
}

// int2 stands for quant.Bipolar where there are zeros beside -1 and +1: a bit that says whether it is one
// of the two, and one above it that is set for -1.
var int2 = quant.DataType{Bits: 2, Signed: true}

// twoBits returns the thresholds of l, which gives -1 and +1, for INT2: one that is always
// exceeded leaves out -2, and two at one place step over 0.
func twoBits(l *quant.Layer) *quant.Thresholds {
	t := &quant.Thresholds{Output: int2, Inverted: l.Thresholds.Inverted}
	for c := range l.Out {
		r, at := l.AccRange(c), l.Thresholds.Channel(c)[0]
		if t.Inverted != nil && t.Inverted[c] { // counted down from +1: the last is never exceeded
			t.Values = append(t.Values, at, at, max(at, r.Max))
		} else {
			t.Values = append(t.Values, min(at, r.Min-1), at, at)
		}
	}
	return t
}
