package plan

import (
	"slices"

	"github.com/a2qgen/a2qgen/quant"
)

// int2 stands for quant.Bipolar in hardware: -1 and +1 in two bits.
var int2 = quant.DataType{Bits: 2, Signed: true}

// withoutBipolar returns a network that computes what n does, with INT2 in place of every
// type of -1 and +1: blocks know two's complement alone. Its certificates are those of INT2,
// whose -2 never occurs, so that accumulators may be a bit wider than n's.
func withoutBipolar(n *quant.Network) *quant.Network {
	out := *n
	out.Layers = slices.Clone(n.Layers)
	found := widen(&out.Input.Type)
	for i := range out.Layers {
		l := &out.Layers[i]
		found = widen(&l.Input) || found
		if t := l.Thresholds; t != nil && t.Output.Bipolar {
			l.Thresholds, found = twoBits(l), true
		}
	}
	if !found {
		return n
	}
	// It is n but for its types, which agree: an error is this function's fault.
	checked, err := quant.NewNetwork(out)
	if err != nil {
		panic("hwgen: a network without bipolar types: " + err.Error())
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
