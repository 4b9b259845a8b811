package qonnx

import (
	"math/bits"
	"slices"

	"github.com/a2qgen/a2qgen/quant"
)

// opMatMul evaluates MatMul with weights on either side. numpy's rules: the
// last axis of the first and the last but one of the second are summed over,
// and a vector counts as a row on the left, as a column on the right.
func opMatMul(im *importer, n *node) (value, error) {
	a, err := im.operand(n, 0)
	if err != nil {
		return nil, err
	}
	b, err := im.operand(n, 1)
	if err != nil {
		return nil, err
	}
	if w, ok := a.(*tensor); ok {
		return im.weightsLeft(n, w, b)
	}
	if w, ok := b.(*tensor); ok {
		return im.weightsRight(n, a, w)
	}
	return nil, n.errorf("both operands depend on the network's input, want constant weights")
}

// weightsRight evaluates x * w: x is one row, or one for each position. at:
// weights are [in out], row i of a layer is column i of the matrix.
func (im *importer) weightsRight(n *node, x value, w *tensor) (value, error) {
	s, err := im.rowOperand(n, x)
	if err != nil {
		return nil, err
	}
	dims := s.dims()
	k, cols, ok := matrixShape(w.shape, true)
	if !ok || len(dims) == 0 || dims[len(dims)-1] != k {
		return nil, n.errorf("cannot multiply one row of %d inputs, shape %v, by weights of shape %v",
			product(dims), dims, w.shape)
	}
	at := func(row, i int) int { return i*cols + row }
	// More than one row: the same matrix at every position is a convolution of
	// one tap.
	if product(dims) != k {
		return im.everywhere(n, s, w, cols, at)
	}
	shape := slices.Clone(dims[:len(dims)-1])
	// Weights of more than two axes broadcast the batch: the result has as many
	// axes.
	for len(shape) < len(w.shape)-1 {
		shape = append([]int{1}, shape...)
	}
	if len(w.shape) > 1 {
		shape = append(shape, cols)
	}
	return im.layer(n, s, w, cols, shape, at)
}

// weightsLeft evaluates w * x: x is one column. Some exporters write W*x with x
// a column; layers have one row per output, which is the matrix as it lies.
func (im *importer) weightsLeft(n *node, w *tensor, x value) (value, error) {
	s, err := im.rowOperand(n, x)
	if err != nil {
		return nil, err
	}
	dims := s.dims()
	rows, k, ok := matrixShape(w.shape, false)
	if !ok || len(dims) == 0 || dims[max(0, len(dims)-2)] != k || product(dims) != k {
		return nil, n.errorf("cannot multiply weights of shape %v by one column of %d inputs, shape %v",
			w.shape, product(dims), dims)
	}
	var shape []int
	if len(w.shape) > 1 {
		shape = append(shape, rows)
	}
	if len(dims) > 1 {
		shape = append(shape, 1)
	}
	for len(shape) < max(len(dims), len(w.shape)) && len(dims) > 1 {
		shape = append([]int{1}, shape...)
	}
	return im.layer(n, s, w, rows, shape, func(row, i int) int { return row*k + i })
}

// matrixShape returns the rows and columns of weights: two axes after any of
// size 1, or one axis, which is a column or a row. A stack of matrices would be
// a batch of layers; axes of size 1 in front are none.
func matrixShape(shape []int, column bool) (rows, cols int, ok bool) {
	switch len(shape) {
	case 0:
		return 0, 0, false
	case 1:
		if column {
			return shape[0], 1, true
		}
		return 1, shape[0], true
	}
	last := len(shape) - 2
	return shape[last], shape[last+1], product(shape[:last]) == 1
}

// opGemm evaluates alpha*A*B + beta*C with weights on either side. Gemm has two
// axes by definition. transA on data of one row makes a column of it, which
// weightsLeft takes.
func opGemm(im *importer, n *node) (value, error) {
	a, err := im.operand(n, 0)
	if err != nil {
		return nil, err
	}
	b, err := im.operand(n, 1)
	if err != nil {
		return nil, err
	}
	for i, v := range []*value{&a, &b} {
		if n.int([]string{"transA", "transB"}[i], 0) == 0 {
			continue
		}
		if len((*v).dims()) != 2 {
			return nil, n.errorf("transposes shape %v, want two axes", (*v).dims())
		}
		if *v, err = im.transposed(n, *v, []int{1, 0}); err != nil {
			return nil, err
		}
	}
	var y value
	if w, ok := a.(*tensor); ok {
		y, err = im.weightsLeft(n, w, b)
	} else if w, ok := b.(*tensor); ok {
		y, err = im.weightsRight(n, a, w)
	} else {
		err = n.errorf("both operands depend on the network's input, want constant weights")
	}
	if err != nil {
		return nil, err
	}
	return im.gemmTail(n, y.(*stream))
}

// gemmTail applies alpha, beta and C. They are steps, folded into thresholds. C
// broadcasts to the result: one number, a row of outputs, or [1 out].
func (im *importer) gemmTail(n *node, s *stream) (value, error) {
	if alpha := n.float("alpha", 1); alpha != 1 {
		out, err := s.then(n, step{kind: mul, p: param{all: alpha}})
		if err != nil {
			return nil, err
		}
		s = out
	}
	if !n.has(2) {
		return s, nil
	}
	c, err := im.constant(n, 2)
	if err != nil {
		return nil, err
	}
	p, _, err := im.alongside(s, c)
	if err != nil {
		return nil, n.errorf("%w", err)
	}
	beta := n.float("beta", 1)
	return s.then(n, step{kind: add, p: p.mapped(func(v float64) float64 { return v * beta })})
}

// rowOperand returns the data operand of a matrix product. A padded or repeated
// operand is made a layer or refused: the columns of weights are found by
// position, each once.
func (im *importer) rowOperand(n *node, v value) (*stream, error) {
	s, err := im.quantisedStream(n, v)
	if err != nil {
		return nil, err
	}
	if err := unpadded(n, s); err != nil {
		return nil, err
	}
	if len(s.view) == 0 {
		return nil, n.errorf("its data operand is a scalar, want a vector")
	}
	// MatMul of INT32 is exact as long as it does not wrap, which accumulate
	// checks.
	if !s.elem.integer() { // integers have no rounding
		if err := s.inReals(n); err != nil {
			return nil, err
		}
	}
	if s.view.repeating() {
		if s, err = im.plain(n, s, 1); err != nil {
			return nil, err
		}
	}
	return s, narrow(n, s)
}

// layer adds a layer that reads all of s and returns its outputs, of a given
// shape. at gives the position of the weight of output row and element i of s.
// Columns are permuted to the order of memory: (row, column, channel), so that
// a Flatten or Transpose before the product costs nothing.
func (im *importer) layer(
	n *node, s *stream, w *tensor, rows int, shape []int, at func(row, i int) int,
) (value, error) {
	in := product(s.dims())
	t := &site{at: n, layer: quant.Layer{Kind: quant.Linear, In: in}, shape: quant.Vector(rows),
		flat: s.base == fromInput}
	// A Slice of positions before it, e.g.: no layer reads part of a stream.
	if in != im.shapeOf(s).Size() {
		return nil, n.errorf("reads %d of %d elements, want all", in, im.shapeOf(s).Size())
	}
	if err := im.left.pay(n, 2*in); err != nil {
		return nil, err
	}
	b := im.shapeOf(s)
	m := matrix{t: t, s: s, w: w, rows: rows, at: at}
	// The k-th element that the graph sums is at row, column and channel at of
	// the base, which is column (row*W + column)*C + channel of the layer's
	// weights.
	s.view.each(func(at [4]int) {
		m.column = append(m.column, (at[vertical]*b.W+at[horizontal])*b.C+at[channels])
		m.channel = append(m.channel, at[channels])
	})
	// The outputs are channels of one position, in the shape that numpy's rules
	// give.
	v, ok := view{whole(channels, rows)}.reshaped(shape)
	if !ok {
		return nil, n.errorf("has outputs of shape %v, want %d", shape, rows)
	}
	return im.weighted(m, v)
}

// pointwise adds a convolution of one tap: a product with the channels at every
// position, which are the last axis of s. A classifier head over positions, and
// the 1x1 form that transformers' feed-forward layers have: one matrix for
// every pixel, its channels in the order of the base.
func (im *importer) pointwise(n *node, s *stream, w *tensor, rows int, at func(row, i int) int) (value, error) {
	last := len(s.view) - 1
	s, err := im.placed(n, s, last)
	if err != nil {
		return nil, err
	}
	b := im.shapeOf(s)
	if !entire(s.view[last], channels, b.C) {
		dims := s.dims()
		return nil, n.errorf("cannot multiply %d rows of %d inputs, shape %v, by weights: want one row, or the "+
			"channels of an image or a sequence last", product(dims[:last]), dims[last], dims)
	}
	m := matrix{s: s, w: w, rows: rows, at: at}
	m.t = &site{at: n, shape: quant.Shape{H: b.H, W: b.W, C: rows}}
	m.t.layer = quant.Layer{Kind: quant.Conv, In: b.C, Groups: 1, Window: quant.Window{H: 1, W: 1}}
	if err := im.left.pay(n, 2*b.C); err != nil {
		return nil, err
	}
	for c := range b.C {
		m.column, m.channel = append(m.column, c), append(m.channel, c)
	}
	v := slices.Clone(s.view)
	v[last] = whole(channels, rows)
	return im.weighted(m, v)
}

// sequenceAxis is where a sequence, of shape [1 length channels], gets an axis of
// size 1 to be an image of one row with its channels last.
const sequenceAxis = 1

// everywhere adds a product with the channels at every position of an image, or
// of a sequence. PyTorch's nn.Linear works on the last axis of whatever it is
// given.
func (im *importer) everywhere(n *node, s *stream, w *tensor, rows int, at func(row, i int) int) (value, error) {
	if len(s.view) != 3 {
		return im.pointwise(n, s, w, rows, at)
	}
	wide := *s
	wide.view = s.view.withAxis(sequenceAxis)
	v, err := im.pointwise(n, &wide, w, rows, at)
	if err != nil {
		return nil, err
	}
	out := *v.(*stream)
	out.view = slices.Delete(slices.Clone(out.view), sequenceAxis, sequenceAxis+1)
	return &out, nil
}

// uniform returns v as one number if all are equal. v has at least one element.
// NaN differs from itself and stays.
func uniform(v []float64) param {
	for _, x := range v {
		if x != v[0] {
			return param{each: v}
		}
	}
	return param{all: v[0]}
}

// signedBits returns the smallest two's complement width that holds lo and hi.
// ^v maps -2^k to 2^k - 1: negative numbers need as many bits as their
// complement.
func signedBits(lo, hi int64) int {
	width := 1
	for _, v := range []int64{lo, hi} {
		if v < 0 {
			v = ^v
		}
		width = max(width, bits.Len64(uint64(v))+1)
	}
	return width
}
