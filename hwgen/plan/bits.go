package plan

import (
	"github.com/a2qgen/a2qgen/hwgen/block/mvau"
	"github.com/a2qgen/a2qgen/quant"
)

// A tensor of -1 and +1 travels as bits u, x = 2u - 1. A sum of such numbers has steps of 2 and begins at a
// constant: acc = 2h - k, with h the same sum of the bits. So the hardware keeps h, and the constants go
// into the thresholds, which are for h > floor((t+k)/2), or into the scores. What needs the numbers
// themselves, a sum that leaves as it is or one that has zeros of a border in it, keeps INT2.

// bit is the type of such bits.
var bit = quant.DataType{Bits: 1}

// tensors says something of each tensor: of the network's input, and of the layers behind it.
type tensors []bool

// has says it of the output of layer i, or of quant.Source.
func (t tensors) has(i int) bool { return t[i-quant.Source] }

// asBits finds the tensors of -1 and +1 whose readers all take bits. What a design gives stays a number.
func asBits(n *quant.Network) tensors {
	bits := make(tensors, len(n.Layers)+1)
	bits[0] = n.Input.Type.Bipolar
	for i := range n.Layers {
		bits[i+1] = n.Layers[i].Output().Bipolar && n.OutputOf(i) < 0
	}
	// Who passes numbers on as they are has bits on both sides or on neither: one that cannot be bits may
	// take those before and behind it along.
	for changed := true; changed; {
		changed = false
		for i := range n.Layers {
			l := &n.Layers[i]
			if takesBits(l, bits, i) {
				continue
			}
			for _, from := range l.From {
				changed = changed || bits.has(from)
				bits[from-quant.Source] = false
			}
			if passesOn(l) {
				changed = changed || bits.has(i)
				bits[i-quant.Source] = false
			}
		}
	}
	return bits
}

// takesBits says whether layer l, the i-th, can read bits in place of all that it reads.
func takesBits(l *quant.Layer, bits tensors, i int) bool {
	for _, from := range l.From {
		if !bits.has(from) {
			return false
		}
	}
	switch {
	case passesOn(l):
		return bits.has(i)
	case l.Thresholds == nil && l.Score == nil:
		return false // somebody reads its sums
	case l.Kind == quant.Conv || l.Kind == quant.AvgPool:
		return !l.Window.Padded() // zeros are none of the two
	}
	return true
}

// passesOn says that a layer gives elements as it reads them.
func passesOn(l *quant.Layer) bool {
	if l.Thresholds != nil || l.Score != nil {
		return false
	}
	return l.Kind.Moves() || l.Kind == quant.MaxPool || l.Kind == quant.Concat || l.Kind == quant.Requantize
}

// reads says that layer i reads bits in place of -1 and +1.
func (w lowering) reads(i int) bool {
	// All of its operands are bits or none is, see takesBits.
	return w.bits.has(w.given.Layers[i].From[0])
}

// affine is how accumulators of a layer have changed, channel by channel: the former is
// factor*acc + offset[c].
type affine struct {
	factor int64
	offset []int64
}

func identity(channels int) affine { return affine{1, make([]int64, channels)} }

// then is a followed by b.
func (a affine) then(b affine) affine {
	for c := range a.offset {
		a.offset[c] += a.factor * b.offset[c]
	}
	a.factor *= b.factor
	return a
}

// undo returns an output's Dequantize of the accumulators as they are now.
func (a affine) undo(f func(c int, v int64) float64) func(c int, v int64) float64 {
	if f == nil {
		return nil
	}
	return func(c int, v int64) float64 { return f(c, a.factor*v+a.offset[c]) }
}

// apply moves thresholds and scores of l to the accumulators as they are now.
func (a affine) apply(l *quant.Layer) {
	if t := l.Thresholds; t != nil {
		moved := &quant.Thresholds{Output: t.Output, Inverted: t.Inverted}
		for i, v := range t.Values {
			moved.Values = append(moved.Values, floorDiv(v-a.offset[i/t.Levels()], a.factor))
		}
		l.Thresholds = moved
	}
	if s := l.Score; s != nil {
		moved := &quant.Score{Exact: s.Exact}
		for c, gain := range s.Gain {
			moved.Gain = append(moved.Gain, a.factor*gain)
			moved.Bias = append(moved.Bias, s.Bias[c]+gain*a.offset[c])
		}
		l.Score = moved
	}
}

// floorDiv is a/b, rounded down, for b > 0.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// halved makes l, which is given but for the type that it reads, one of bits: acc = 2h - k, k being the sum
// of what the bits are multiplied by. Its accumulators begin at 0 then.
func halved(l, given *quant.Layer) affine {
	a := identity(l.Out)
	a.factor = 2
	for c := range a.offset {
		r := given.SumRange(c) // where x is -1 throughout, +1 throughout
		switch {
		case l.Kind.Weighted():
			for _, v := range l.Row(c) {
				a.offset[c] -= int64(v)
			}
		default:
			a.offset[c] = r.Min
		}
		if l.Start != nil {
			a.offset[c] += l.Start[c]
		}
	}
	l.Start = nil
	a.apply(l)
	return a
}

// agreements says that a dense unit computes l by XNOR and popcount.
func agreements(l *quant.Layer) bool { return l.Kind.Weighted() && mvau.Counts(l) }

// counting lets the accumulators of l begin where a popcount of XNORs is 0 at first: with n weights of -1
// in a row, the sum of w*u is the popcount less n.
func counting(l *quant.Layer) affine {
	a := identity(l.Out)
	l.Start = make([]int64, l.Out)
	for c := range a.offset {
		l.Start[c] = -l.SumRange(c).Min
		a.offset[c] = -l.Start[c]
	}
	a.apply(l)
	return a
}
