package quant

import (
	"fmt"
	"math/bits"
)

// AccRange is the exact range of an accumulator: over all inputs, all subsets
// of the terms and all orders of adding them, the smallest and largest value.
// It always contains 0.
type AccRange struct{ Min, Max int64 }

// Bits returns the width of the smallest two's complement number, at least one
// bit, that holds every value of the range.
func (r AccRange) Bits() int {
	return max(signedBits(r.Min), signedBits(r.Max))
}

// signedBits returns the smallest two's complement width that holds v.
func signedBits(v int64) int {
	if v < 0 {
		v = ^v
	}
	return bits.Len64(uint64(v)) + 1
}

// rangeOf returns the accumulator range of a row whose positive weights sum to
// p and whose negative weights sum to -n (MATH 1). Because 0 is a legal input,
// the ends bound every partial sum too.
func rangeOf(p, n int64, x DataType) AccRange {
	lo, hi := x.Min(), x.Max()
	return AccRange{Min: lo*p - hi*n, Max: hi*p - lo*n}
}

// signSums returns the sum of the positive weights and the negated sum of the
// negative weights.
func signSums(row []int32) (p, n int64) {
	for _, w := range row {
		if w > 0 {
			p += int64(w)
		} else {
			n -= int64(w)
		}
	}
	return p, n
}

// shifted returns the range moved by d.
func (r AccRange) shifted(d int64) AccRange { return AccRange{r.Min + d, r.Max + d} }

// dataType returns the smallest type that holds the range, unsigned where it
// has no negative value.
func (r AccRange) dataType() DataType {
	if r.Min >= 0 {
		return DataType{Bits: max(1, bits.Len64(uint64(r.Max)))}
	}
	return DataType{Bits: r.Bits(), Signed: true}
}

// AccRange returns the exact accumulator range of channel c, from its integer
// weights, its start value and the types of what the layer reads: over all
// inputs, all subsets of the terms and all orders of adding them.
func (l *Layer) AccRange(c int) AccRange {
	return l.SumRange(c).shifted(l.start(c))
}

// SumRange is AccRange without the start value: the range of channel c's sums.
func (l *Layer) SumRange(c int) AccRange {
	lo, hi := l.Input.Min(), l.Input.Max()
	switch l.Kind.OrLinear() {
	case Linear, Conv:
		p, n := signSums(l.Row(c))
		return rangeOf(p, n, l.Input)
	case AvgPool:
		return AccRange{int64(l.In) * lo, int64(l.In) * hi}
	case Add:
		var r AccRange
		for k, o := range l.operands {
			r.Min += l.factor(k) * o.typ.Min()
			r.Max += l.factor(k) * o.typ.Max()
		}
		return r
	}
	return AccRange{lo, hi}
}

// factor returns the factor of operand k of Add.
func (l *Layer) factor(k int) int64 {
	if l.Factors == nil {
		return 1
	}
	return l.Factors[k]
}

// ShiftedStart returns the start value that lets channel c, of any signs, use
// all of p bits (MATH 2, shifted range). A channel whose sums fit in p bits as
// they are begins at 0. Otherwise, with the sums in [min, max], the accumulator
// begins at -2^(p-1) - min and stays within -2^(p-1) .. -2^(p-1) + max - min;
// where that leaves a code free it begins one higher, so that a threshold below
// every sum fits in p bits too. ok says that the sums fit at all.
func (l *Layer) ShiftedStart(c, p int) (start int64, ok bool) {
	r := l.SumRange(c)
	if r.Bits() <= p {
		return 0, true
	}
	width, limit := uint64(r.Max-r.Min), 2*uint64(accMax(p))+1
	if width > limit {
		return 0, false
	}
	start = -accMax(p) - 1 - r.Min
	if width < limit {
		start++
	}
	return start, true
}

// NeededBits returns the smallest accumulator width that is enough for every
// channel, and the first channel that needs it.
func (l *Layer) NeededBits() (width, worstChannel int) {
	for c := 0; c < l.Out; c++ {
		if b := l.AccRange(c).Bits(); b > width {
			width, worstChannel = b, c
		}
	}
	return width, worstChannel
}

// ThresholdBits returns the width of the comparators of a layer whose
// accumulators have p bits: the smallest that holds every threshold, but at
// least p. It exceeds p only where an "always" threshold lies at -2^(p-1)-1.
func (l *Layer) ThresholdBits(p int) int {
	if l.Thresholds == nil {
		return p
	}
	for _, t := range l.Thresholds.Values {
		p = max(p, signedBits(t))
	}
	return p
}

// Overflow reports an accumulator that is too narrow for its weights.
type Overflow struct {
	Layer   string
	Channel int
	// Needed and Had are accumulator widths in bits.
	Needed, Had int
}

func (e *Overflow) Error() string {
	return fmt.Sprintf("quant: layer %q: channel %d needs a %d-bit accumulator, has %d",
		e.Layer, e.Channel, e.Needed, e.Had)
}

// Certify returns nil if no accumulator of p bits can overflow in the layer,
// whatever the inputs and the order of the sum; otherwise an *Overflow that
// names the worst channel. This integer test is the only certificate.
func (l *Layer) Certify(p int) error {
	if needed, c := l.NeededBits(); needed > p {
		return &Overflow{Layer: l.Name, Channel: c, Needed: needed, Had: p}
	}
	return nil
}

// Certify certifies every layer that declares an accumulator width at that
// width and returns the first layer's failure.
func (n *Network) Certify() error {
	for i := range n.Layers {
		l := &n.Layers[i]
		if l.AccBits == 0 {
			continue
		}
		if err := l.Certify(l.AccBits); err != nil {
			return err
		}
	}
	return nil
}

// SumBits returns the smallest width that holds the sums of every channel
// before a start value is added.
func (l *Layer) SumBits() int {
	width := 1
	for c := range l.Out {
		width = max(width, l.SumRange(c).Bits())
	}
	return width
}

// L1Max returns the largest sum of absolute weights over the channels.
func (l *Layer) L1Max() int64 {
	var m int64
	for c := 0; c < l.Out; c++ {
		if l.Kind.OrLinear().Weighted() {
			p, n := signSums(l.Row(c))
			m = max(m, p+n)
		}
	}
	return m
}

// Sparsity returns the fraction of weights that are zero, 0 to 1.
func (l *Layer) Sparsity() float64 {
	if len(l.Weights) == 0 {
		return 0
	}
	zeros := 0
	for _, w := range l.Weights {
		if w == 0 {
			zeros++
		}
	}
	return float64(zeros) / float64(len(l.Weights))
}

// TapsMax returns the largest number of nonzero weights in a channel.
func (l *Layer) TapsMax() int {
	if len(l.Weights) == 0 {
		return l.In
	}
	most := 0
	for c := 0; c < l.Out; c++ {
		taps := 0
		for _, w := range l.Row(c) {
			if w != 0 {
				taps++
			}
		}
		most = max(most, taps)
	}
	return most
}

// MaxInput returns an input vector, or window, that drives channel c of a layer
// with weights to exactly AccRange(c).Max if sign > 0, else to AccRange(c).Min.
// Inputs under a zero weight are 0, or +1 where the type has no 0.
func (l *Layer) MaxInput(c, sign int) []int32 {
	lo, hi := int32(l.Input.Min()), int32(l.Input.Max())
	if sign <= 0 {
		lo, hi = hi, lo
	}
	x := make([]int32, l.In)
	for i, w := range l.Row(c) {
		switch {
		case w == 0 && l.Input.Bipolar:
			x[i] = 1
		case w > 0:
			x[i] = hi
		case w < 0:
			x[i] = lo
		}
	}
	return x
}
