package qonnx

import (
	"math/big"
	"slices"
)

// matrix says how a tensor of weights makes the rows of a layer. Conv, Gemm and
// MatMul have their weights in different orders and axes; this is the common
// form.
type matrix struct {
	t    *site
	s    *stream
	w    *tensor
	rows int
	// at gives the position in w of the weight of row and operand i.
	at func(row, i int) int
	// column and channel are where operand i stands in a row of the layer, and
	// its channel in the base of s, in the first group.
	column, channel []int
	// alike, unless 0, says that so many rows one after the other are to be worth the same:
	// they become positions of one channel.
	alike int
}

// weighted adds the layer of m and returns its stream. WeightBits holds the
// weights' type, not the weights at hand: 4-bit weights that happen to be small
// stay 4 bits wide, as the memory is laid out for them.
func (im *importer) weighted(m matrix, v view) (*stream, error) {
	t, w := m.t, m.w
	n, in := t.at, t.layer.In
	if w.wide > 0 {
		return nil, n.errorf("its weights, of shape %v, are integers of %d bits, which is too wide: want at most %d",
			w.shape, w.wide, maxBits)
	}
	if w.q == nil {
		return nil, n.errorf("its weights, of shape %v, are not quantised: put a Quant node of at most %d bits on them",
			w.shape, maxBits)
	}
	if m.rows < 1 || in < 1 {
		return nil, n.errorf("has weights of shape %v, want none of size 0", w.shape)
	}
	t.layer.Input, t.layer.WeightBits = m.s.q.typ, signedBits(w.q.lo, w.q.hi)
	if t.layer.WeightBits > maxBits {
		return nil, n.errorf("its weights need %d bits, want at most %d", t.layer.WeightBits, maxBits)
	}
	// The note is about the file, so that it is collected from all layers and
	// given once.
	if w.unrounded {
		im.unrounded = append(im.unrounded, n)
	}
	if err := im.left.pay(n, m.rows*(in+3)); err != nil {
		return nil, err
	}
	t.from = []tap{tapOf(m.s)}
	t.layer.Weights = make([]int32, m.rows*in)
	scale, offset := make([]float64, m.rows), make([]float64, m.rows)
	for row := range m.rows {
		if err := m.fill(row, scale, offset); err != nil {
			return nil, err
		}
	}
	if m.alike > 1 {
		if err := m.even(scale); err != nil {
			return nil, err
		}
	}
	// Weights of a sum of several scales are multiplied (balance), and may need more bits.
	for _, v := range t.layer.Weights {
		t.layer.WeightBits = max(t.layer.WeightBits, signedBits(int64(v), 0))
	}
	return im.accumulate(t, v, uniform(scale), uniform(offset), m.s.elem)
}

// accumulate adds a layer with weights and returns the stream of its
// accumulators, worth scale beside an offset, and moved by its start values.
// The order is: add the site, its start values (which need its weights), its
// type (which needs its start values), and the steps that undo the start.
func (im *importer) accumulate(t *site, v view, scale, offset param, elem elemType) (*stream, error) {
	s, err := im.add(t, v)
	if err != nil {
		return nil, err
	}
	s.elem = elem
	if err := im.begin(t); err != nil {
		return nil, err
	}
	t.typ = t.layer.Output()
	// The graph itself computes in integers there and would wrap where the type
	// is too narrow.
	if f, ok := integerFormats[s.elem]; ok {
		lo, hi := f.bounds()
		if float64(t.typ.Min()) < lo || float64(t.typ.Max()) > hi {
			return nil, t.at.errorf("its sums need %d bits, more than %v has: put a Cast to FLOAT before it",
				t.typ.Bits, s.elem)
		}
	}
	var steps []step
	// The accumulator is start + sum; the graph's chain begins at the sum.
	if t.layer.Start != nil {
		start := make([]float64, len(t.layer.Start))
		for c, v := range t.layer.Start {
			start[c] = float64(v)
		}
		steps = append(steps, step{kind: sub, p: uniform(start)})
	}
	steps = append(steps, step{kind: mul, p: scale})
	if !offset.zero() {
		steps = append(steps, step{kind: add, p: offset})
	}
	return s.then(t.at, steps...)
}

// fill sets the weights of a row, the scale of its accumulator, and the
// constant that offsets of the inputs add. Derived: with x = n*sx + ox and w =
// m*sw, the sum of x*w is (sum n*m) * sx*sw plus the sum of ox*m*sw, if sx*sw
// is the same for every term with m != 0. Weights of 0 have no say: pruned
// channels may have any scale. With a zero point folded into n, ox is 0, and
// padding adds nothing.
func (m *matrix) fill(row int, scale, offset []float64) error {
	in, q, set, even := m.t.layer.In, m.s.q, false, true
	for i, column := range m.column {
		pos, c := m.at(row, i), m.channelOf(row, i)
		// A transposed convolution has no weight there.
		if pos < 0 {
			continue
		}
		v := m.w.q.n[pos]
		m.t.layer.Weights[row*in+column] = v
		product := q.scale.at(c) * m.w.q.scale.at(pos)
		if !set {
			scale[row] = product
		}
		if v == 0 {
			continue
		}
		// Exactly: products of the same two floats are the same float, and
		// nearly equal scales are different numbers, whose sum is no integer.
		even, set = even && (!set || scale[row] == product), true
		// A constant per output, since every filter sees the same offset at
		// each of its taps.
		offset[row] += q.offset.at(c) * float64(v) * m.w.q.scale.at(pos)
	}
	if scale[row] == 0 { // a phase of a transposed convolution without any tap
		scale[row] = q.scale.at(0) * m.w.q.scale.at(0)
	}
	if !even {
		return m.balance(row, scale)
	}
	return nil
}

// channelOf returns the channel that operand i of a row reads. Filters of a group are
// neighbours, and so are its channels (ONNX, Conv).
func (m *matrix) channelOf(row, i int) int {
	groups := max(m.t.layer.Groups, 1)
	return row/(m.rows/groups)*(m.s.width/groups) + m.channel[i]
}

// balance makes the terms of a row's sum worth the same where their scales differ: those
// that are worth k units get k times their weight, exactly. Channels that a Concat joined
// have scales of their own, powers of two as a rule.
func (m *matrix) balance(row int, scale []float64) error {
	in := m.t.layer.In
	var x, w []float64
	var at []int
	for i, column := range m.column {
		if pos := m.at(row, i); pos >= 0 && m.w.q.n[pos] != 0 {
			x, w = append(x, m.s.q.scale.at(m.channelOf(row, i))), append(w, m.w.q.scale.at(pos))
			at = append(at, row*in+column)
		}
	}
	unit, factors := exactMeasure(x, w)
	for k, position := range at {
		if factors == nil {
			break
		}
		v := factors[k] * int64(m.t.layer.Weights[position])
		if signedBits(v, 0) > maxBits {
			factors = nil
			break
		}
		m.t.layer.Weights[position] = int32(v)
	}
	if factors == nil {
		first := x[0] * w[0]
		k := 0
		for x[k]*w[k] == first { // some differ
			k++
		}
		return m.t.at.errorf("output %d: the scales of its inputs and weights are not the same along the sum (%v, %v), "+
			"nor in a ratio of small whole numbers: requantised to the largest scale, %v, the other inputs would move by up to "+
			"%v, and so it is not done unasked",
			row, first, x[k]*w[k], slices.Max(x), slices.Max(x)/2)
	}
	scale[row] = unit
	return nil
}

// even makes the rows that are to be alike worth the same, by more weight to those that are
// worth more. Rows without weights are worth whatever the others are.
func (m *matrix) even(scale []float64) error {
	in := m.t.layer.In
	for first := 0; first < len(scale); first += m.alike {
		rows := scale[first : first+m.alike]
		unit, factors := exactMeasure(rows, slices.Repeat([]float64{1}, len(rows)))
		if factors == nil {
			return m.t.at.errorf("positions of output %d are worth %v, want scales in a ratio of small whole numbers",
				first/m.alike, rows)
		}
		for k, f := range factors {
			row := m.t.layer.Weights[(first+k)*in : (first+k+1)*in]
			for i, v := range row {
				if signedBits(f*int64(v), 0) > maxBits {
					return m.t.at.errorf("its weights need %d bits, want at most %d", signedBits(f*int64(v), 0), maxBits)
				}
				row[i] = int32(f * int64(v))
			}
			rows[k] = unit
		}
	}
	return nil
}

// exactMeasure returns the factors of products of scales in units of one, and what the unit
// is; nil where they have no common measure that is not too small for weights.
func exactMeasure(x, w []float64) (unit float64, factors []int64) {
	products := make([]*big.Rat, len(x))
	for i := range x {
		products[i] = new(big.Rat).SetFloat64(x[i])
		products[i].Mul(products[i], new(big.Rat).SetFloat64(w[i]))
	}
	g, factors := commonMeasure(products)
	if factors == nil || slices.Max(factors) > maxFactor {
		return 0, nil
	}
	unit, _ = g.Float64()
	if !finite(unit) || unit == 0 {
		return 0, nil
	}
	return unit, factors
}
