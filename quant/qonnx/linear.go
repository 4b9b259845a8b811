package qonnx

import (
	"math/bits"

	"github.com/a2qgen/a2qgen/quant"
)

// linear is an integer matrix-vector product found in the graph.
type linear struct {
	at      *node
	in, out int
	input   quant.DataType
	// weights is out x in, over the base elements of the input stream.
	weights []int32
	bits    int
	// source is the quantised stream that it reads.
	source *stream
}

// opMatMul evaluates MatMul with weights on either side.
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

// weightsRight evaluates x * w: x is one row.
func (im *importer) weightsRight(n *node, x value, w *tensor) (value, error) {
	s, err := im.vectorOperand(n, x)
	if err != nil {
		return nil, err
	}
	k, cols, ok := matrixShape(w.shape, true)
	if !ok || s.shape[len(s.shape)-1] != k || len(s.index) != k {
		return nil, n.errorf("cannot multiply one row of %d inputs, shape %v, by weights of shape %v", len(s.index), s.shape, w.shape)
	}
	shape := append([]int(nil), s.shape[:len(s.shape)-1]...)
	for len(shape) < len(w.shape)-1 {
		shape = append([]int{1}, shape...)
	}
	if len(w.shape) > 1 {
		shape = append(shape, cols)
	}
	return im.layer(n, s, w, cols, shape, func(row, i int) int { return i*cols + row })
}

// weightsLeft evaluates w * x: x is one column.
func (im *importer) weightsLeft(n *node, w *tensor, x value) (value, error) {
	s, err := im.vectorOperand(n, x)
	if err != nil {
		return nil, err
	}
	rows, k, ok := matrixShape(w.shape, false)
	depth := s.shape[max(0, len(s.shape)-2)]
	if !ok || depth != k || len(s.index) != k {
		return nil, n.errorf("cannot multiply weights of shape %v by one column of %d inputs, shape %v", w.shape, len(s.index), s.shape)
	}
	var shape []int
	if len(w.shape) > 1 {
		shape = append(shape, rows)
	}
	if len(s.shape) > 1 {
		shape = append(shape, 1)
	}
	for len(shape) < max(len(s.shape), len(w.shape)) && len(s.shape) > 1 {
		shape = append([]int{1}, shape...)
	}
	return im.layer(n, s, w, rows, shape, func(row, i int) int { return row*k + i })
}

// matrixShape returns the rows and columns of weights: two axes after any of
// size 1, or one axis, which is a column or a row.
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

// opGemm evaluates alpha*A*B + beta*C with weights on either side.
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

// gemmTail applies alpha, beta and C.
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

// vectorOperand returns the data operand of a linear node: a quantised stream.
func (im *importer) vectorOperand(n *node, v value) (*stream, error) {
	s, ok := v.(*stream)
	if !ok {
		if r, ok := v.(*ranking); ok {
			return nil, mixed(n, r)
		}
		return nil, n.errorf("both operands are constants")
	}
	if s.q == nil {
		if s.at == nil {
			return nil, n.errorf("its data operand, the graph's input, is not quantised: put a Quant node of at most %d bits before it", maxBits)
		}
		return nil, n.errorf("its data operand, from node %s (%s), is not quantised: put a Quant node of at most %d bits before it", s.at.label(), clip(s.at.op), maxBits)
	}
	if len(s.shape) == 0 {
		return nil, n.errorf("its data operand is a scalar, want a vector")
	}
	if last := len(im.layers) - 1; s.base != last {
		return nil, n.errorf("branches off before node %s; branches are not supported yet", im.layers[last].at.label())
	}
	return s, nil
}

// layer adds a layer that reads s and returns its outputs, of a given shape.
// at gives the position of the weight of output row and element i of s.
func (im *importer) layer(n *node, s *stream, w *tensor, rows int, shape []int, at func(row, i int) int) (value, error) {
	if w.q == nil {
		return nil, n.errorf("its weights, of shape %v, are not quantised: put a Quant node of at most %d bits on them", w.shape, maxBits)
	}
	in := len(s.index)
	if rows < 1 || in < 1 {
		return nil, n.errorf("has weights of shape %v, want none of size 0", w.shape)
	}
	l := &linear{at: n, in: in, out: rows, input: s.q.typ, source: s, bits: signedBits(w.q.lo, w.q.hi)}
	if l.bits > maxBits {
		return nil, n.errorf("its weights need %d bits, want at most %d", l.bits, maxBits)
	}
	if _, err := im.left.take([]int{rows*in + 3*rows}); err != nil {
		return nil, n.errorf("%w", err)
	}
	l.weights = make([]int32, rows*in)
	scale, offset := make([]float64, rows), make([]float64, rows)
	for row := range rows {
		if err := l.fillRow(row, s, w, at, scale, offset); err != nil {
			return nil, err
		}
	}
	im.layers = append(im.layers, l)
	out := &stream{base: len(im.layers) - 1, shape: shape, index: make([]int, rows)}
	for i := range out.index {
		out.index[i] = i
	}
	steps := []step{{kind: mul, p: uniform(scale)}}
	if p := uniform(offset); !p.zero() {
		steps = append(steps, step{kind: add, p: p})
	}
	return out.then(n, steps...)
}

// fillRow sets the weights of a row, the scale of its accumulator, and the
// constant that offsets of the inputs add.
func (l *linear) fillRow(row int, s *stream, w *tensor, at func(row, i int) int, scale, offset []float64) error {
	set := false
	for i, base := range s.index {
		pos := at(row, i)
		v := w.q.n[pos]
		l.weights[row*l.in+base] = v
		product := s.q.scale.at(base) * w.q.scale.at(pos)
		if v == 0 {
			if !set {
				scale[row] = product
			}
			continue
		}
		if set && scale[row] != product {
			return l.at.errorf("output %d: the scales of its inputs and weights are not the same along the sum (%v, %v)", row, scale[row], product)
		}
		scale[row], set = product, true
		offset[row] += s.q.offset.at(base) * float64(v) * w.q.scale.at(pos)
	}
	return nil
}

// uniform returns v as one number if all are equal.
func uniform(v []float64) param {
	for _, x := range v {
		if x != v[0] {
			return param{each: v}
		}
	}
	return param{all: v[0]}
}

// signedBits returns the smallest two's complement width that holds lo and hi.
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
