package qonnx

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/a2qgen/a2qgen/quant"
)

// What FINN's transformations leave in place of Quant nodes: MultiThreshold
// and data type annotations.

// opMultiThreshold evaluates QONNX's explicit staircase: out_bias + out_scale *
// the number of thresholds that are at most the input. (QONNX, MultiThreshold.)
// thresholds has shape [channels levels] or [1 levels]. Counting works in any
// order of a row. FINN keeps its thresholds as FLOAT, which may lie between the
// accumulators: bisection finds the integer ones.
func opMultiThreshold(im *importer, n *node) (value, error) {
	v, err := im.operand(n, 0)
	if err != nil {
		return nil, err
	}
	s, ok := v.(*stream)
	if !ok || len(s.dims()) < 2 {
		return nil, n.errorf("wants an input of at least two axes that depends on the network's")
	}
	t, err := im.constant(n, 1)
	if err != nil {
		return nil, err
	}
	// NCHW, NC or none; NHWC has its channels last.
	axis := 1
	if strings.HasSuffix(n.string("data_layout", ""), "C") {
		axis = len(s.dims()) - 1
	}
	if len(t.shape) != 2 || t.shape[0] != 1 && t.shape[0] != s.dims()[axis] || len(t.data) == 0 {
		return nil, n.errorf("has thresholds of shape %v for an input of shape %v", t.shape, s.dims())
	}
	scale, bias := n.float("out_scale", 1), n.float("out_bias", 0)
	// With a negative scale the staircase would fall, and a pool could not
	// change places with it.
	if !(scale > 0) || !finite(scale) || !finite(bias) {
		return nil, n.errorf("has scale %v and bias %v, want a positive scale", scale, bias)
	}
	row, err := im.channelOf(s, axis, t.shape[0])
	if err != nil {
		return nil, n.errorf("%w", err)
	}
	levels := t.shape[1]
	count := func(c int, v float64) float64 {
		if math.IsNaN(v) {
			return v
		}
		sum := 0.0
		for _, limit := range t.data[row(c)*levels : (row(c)+1)*levels] {
			// At least: an accumulator equal to the threshold counts, where
			// a2qgen's own thresholds count what is above (MATH 6). The
			// bisection makes up for it.
			if v >= limit {
				sum++
			}
		}
		return sum
	}
	// The bias belongs to the integer where it is a multiple of the scale.
	// Signed outputs of n levels have out_bias = -2^(bits-1) * out_scale: the
	// integer then runs over the signed range and needs no offset.
	first, offset := bias/scale, 0.0
	if first != math.Trunc(first) {
		first, offset = 0, bias
	}
	z := quantisation{
		typ: typeOf(first, first+float64(levels)), scale: param{all: scale}, offset: param{all: offset},
		varies: t.shape[0] > 1,
	}
	// A sign is one threshold whose two outputs are as far from 0: -s and +s are the
	// integers -1 and +1 of scale s. FINN writes out_scale 2 and out_bias -1.
	if n.string("out_dtype", "") == quant.Bipolar.String() && levels == 1 && bias == -scale/2 {
		return im.quantisedBy(n, s, quantisation{
			typ: quant.Bipolar, scale: param{all: scale / 2}, varies: t.shape[0] > 1,
			integer: func(c int, v float64) float64 { return 2*count(c, v) - 1 },
		})
	}
	// The annotated type may be wider than the thresholds need; it is kept, so
	// that widths are those that FINN would build.
	if typ, ok := finnType(n.string("out_dtype", "")); ok && scale == 1 && offset == 0 &&
		float64(typ.Min()) <= first && first+float64(levels) <= float64(typ.Max()) {
		z.typ = typ
	}
	z.integer = func(c int, v float64) float64 { return count(c, v) + first }
	return im.quantisedBy(n, s, z)
}

// channelOf returns the position of each channel of the base on an axis of s, 0
// where there is one for all. It sends the numbers 0, 1, ... through the same
// broadcasting as a parameter: so a flattened or transposed stream finds its
// row as well.
func (im *importer) channelOf(s *stream, axis, rows int) (func(c int) int, error) {
	if rows == 1 {
		return func(int) int { return 0 }, nil
	}
	shape := make([]int, len(s.dims())-axis)
	for i := range shape {
		shape[i] = 1
	}
	shape[0] = rows
	t, err := im.newTensor(shape, typeInt64)
	if err != nil {
		return nil, err
	}
	for i := range t.data {
		t.data[i] = float64(i)
	}
	p, _, err := im.alongside(s, t)
	return func(c int) int { return int(p.at(c)) }, err
}

// finnType parses the name of an integer type. TERNARY is INT2, BINARY is UINT1.
// Others of FINN's types (FLOAT32, FIXED<8,4>) say nothing about integers.
func finnType(name string) (quant.DataType, bool) {
	switch name {
	case quant.Bipolar.String():
		return quant.Bipolar, true
	case "TERNARY":
		return quant.DataType{Bits: 2, Signed: true}, true
	case "BINARY":
		return quant.DataType{Bits: 1}, true
	}
	digits, unsigned := strings.CutPrefix(name, "UINT")
	if !unsigned {
		var ok bool
		if digits, ok = strings.CutPrefix(name, "INT"); !ok {
			return quant.DataType{}, false
		}
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 || n > maxBits {
		return quant.DataType{}, false
	}
	return quant.DataType{Bits: n, Signed: !unsigned}, true
}

// annotate notes that t holds integers of a FINN type; other types mean nothing
// here. FINN folds Quant nodes of weights into integers in the initializer and
// leaves the type as annotation; without it the width of a weight would be a
// guess.
func (t *tensor) annotate(name string) error {
	typ, ok := finnType(name)
	if !ok {
		return nil
	}
	q := &constInts{n: make([]int32, len(t.data)), scale: param{all: 1}, lo: typ.Min(), hi: typ.Max()}
	for i, v := range t.data {
		if v != math.Trunc(v) || !typ.Holds(int64(clamp(v, -1<<maxBits, 1<<maxBits))) {
			return fmt.Errorf("element %d is %v, want %s as annotated", i, v, name)
		}
		q.n[i] = int32(v)
	}
	t.q = q
	return nil
}
