package qonnx

import (
	"fmt"
	"math"
	"slices"

	"github.com/a2qgen/a2qgen/quant"
)

// value is what a tensor of the graph is known to be: a *tensor, a *stream or
// a *ranking.
type value interface{ dims() []int }

// stream is a tensor that depends on the network's input: elements of base,
// arranged by view, each put through the steps in turn. A step has one
// parameter, or one for each channel of base. That is why the order of Reshape,
// BatchNorm, Transpose and Relu does not matter: each changes one part of this
// and leaves the others.
type stream struct {
	base int
	// width is the number of channels of base.
	width int
	view  view
	// pads, unless nil, are zeros around the view: how many before and after
	// each axis. by is the node that put them there.
	pads  [][2]int
	by    *node
	steps []step
	// pools are maximum pools that have not been made layers yet: a quantiser
	// to come may be done before them.
	pools []pendingPool
	// q is what is known if the elements are integers up to a scale; nil
	// elsewhere.
	q *quantised
	// wide is the width of the Quant at the end where that has too many bits for
	// a layer, else 0.
	wide int
	// elem is the element type that the graph gives the tensor.
	elem elemType
	// floats is one more than the number of steps whose result a Cast made DOUBLE
	// of FLOAT, 0 for none: back to FLOAT from there is no rounding.
	floats int
	// at is the node that computed the last step; nil on a bare base.
	at *node
}

// fromInput is the base of streams before the first layer. Its elements are
// those of a sample, in order, each a channel of its own. fromImage is the same
// with the elements taken as an image.
const (
	fromInput = -1
	fromImage = -2
)

// dims is the shape in the graph, zeros of a Pad included; view has none of
// those.
func (s *stream) dims() []int {
	out := s.view.shape()
	for i, p := range s.pads {
		out[i] += p[0] + p[1]
	}
	return out
}

// quantised says that a stream's elements are n*scale + offset, with n an
// integer of type typ. Parameters are per channel of the base. integers and
// numbers are kept apart to the end: layers compute with n, thresholds and
// Dequantize need the numbers.
type quantised struct {
	typ           quant.DataType
	scale, offset param
	// round makes n of the base; nil where n is what the base holds.
	round *rounding
	// mark is the number of steps at whose end the elements are value(c, n);
	// the steps behind it only scale and shift.
	mark  int
	value func(c int, n int64) float64
}

// uneven says that an integer of s is not worth the same in all channels. Then
// tables of its integers have to be made per channel.
func (s *stream) uneven() bool {
	return s.q.scale.each != nil || s.q.offset.each != nil || differs(s.steps[s.q.mark:])
}

// worth returns the steps from n to the elements, as node at. A score needs
// them as affine steps, where the Quant itself is none.
func (q *quantised) worth(at *node) []step {
	return []step{{kind: mul, p: q.scale, at: at}, {kind: add, p: q.offset, at: at}}
}

// rounding is the making of integers by a Quant node, and what precedes it. It
// is the staircase of MATH 6 before it has become thresholds.
type rounding struct {
	at  *node
	typ quant.DataType
	// ints returns the integer of channel c from v, the value of the base.
	ints func(c int, v float64) int64
	// prior is the Quant whose integers this one is made of, if there is one,
	// and again the making.
	prior *rounding
	again func(c int, n int64) int64
	// varies says that either differs from channel to channel.
	varies bool
	// steps are those before, to find which one an error is about.
	steps []step
}

// notANumber is what ints returns where the chain gives NaN: no data type holds
// it. Bisection refuses it at the accumulator where it occurs.
const notANumber = math.MinInt64

// param is one number for every base element, or one for each. Most are one
// number: each is nil then, which also says that channels do not differ.
type param struct {
	all  float64
	each []float64
}

// at returns the number of channel or element i.
func (p param) at(i int) float64 {
	if p.each != nil {
		return p.each[i]
	}
	return p.all
}

// zero says that every number is 0.
func (p param) zero() bool {
	return p.all == 0 && !slices.ContainsFunc(p.each, func(v float64) bool { return v != 0 })
}

// every says that ok holds for every number.
func (p param) every(ok func(v float64) bool) bool {
	if p.each == nil {
		return ok(p.all)
	}
	return !slices.ContainsFunc(p.each, func(v float64) bool { return !ok(v) })
}

// but returns which number is the first that is not ok, and the number.
func (p param) but(ok func(v float64) bool) (i int, bad float64, found bool) {
	if p.each == nil {
		return 0, p.all, !ok(p.all)
	}
	if i = slices.IndexFunc(p.each, func(v float64) bool { return !ok(v) }); i < 0 {
		return 0, 0, false
	}
	return i, p.each[i], true
}

// which names number i: of which channel or, in a constant, of which element.
func (p param) which(what string, i int) string {
	if p.each == nil {
		return ""
	}
	return fmt.Sprintf("%s %d: ", what, i)
}

// mapped returns the numbers put through f.
func (p param) mapped(f func(v float64) float64) param {
	if p.each == nil {
		return param{all: f(p.all)}
	}
	out := make([]float64, len(p.each))
	for i, v := range p.each {
		out[i] = f(v)
	}
	return param{each: out}
}

// paired returns f of the numbers of p and o, element by element. Both have as
// many numbers as there are channels, or one.
func (p param) paired(o param, f func(a, b float64) float64) param {
	switch {
	case p.each == nil && o.each == nil:
		return param{all: f(p.all, o.all)}
	case p.each == nil:
		return o.mapped(func(v float64) float64 { return f(p.all, v) })
	}
	out := make([]float64, len(p.each))
	for i, v := range p.each {
		out[i] = f(v, o.at(i))
	}
	return param{each: out}
}

// finite says that v is neither NaN nor infinite.
func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// constant returns input i of n, which must not depend on the network's input.
func (im *importer) constant(n *node, i int) (*tensor, error) {
	v, err := im.operand(n, i)
	if err != nil {
		return nil, err
	}
	t, ok := v.(*tensor)
	if !ok {
		return nil, n.errorf("input %s depends on the network's input, want a constant", show(n.in[i]))
	}
	return t, nil
}

// operand returns input i of n. Initializers are decoded when first read: what
// no needed node reads may be of any type.
func (im *importer) operand(n *node, i int) (value, error) {
	if !n.has(i) {
		return nil, n.errorf("has no input %d", i)
	}
	name := n.in[i]
	if v := im.values[name]; v != nil {
		return v, nil
	}
	p := im.g.inits[name]
	if p == nil {
		return nil, n.errorf("input %s is a secondary output of its node, which is not supported", show(name))
	}
	t, err := im.decodeTensor(p)
	if err != nil {
		return nil, n.errorf("%w", err)
	}
	if typ := im.g.types[name]; typ != "" {
		if err := t.annotate(typ); err != nil {
			return nil, n.errorf("tensor %s: %w", show(name), err)
		}
	}
	im.values[name] = t
	return t, nil
}

// oneNumber returns input i of n, a constant of one element. Exporters write
// scalars as [], [1] or filled tensors, all of which count.
func (im *importer) oneNumber(n *node, i int) (float64, error) {
	t, err := im.constant(n, i)
	if err != nil {
		return 0, err
	}
	if len(t.data) == 0 || slices.ContainsFunc(t.data, func(v float64) bool { return v != t.data[0] }) {
		return 0, n.errorf("input %s has shape %v, want one number", show(n.in[i]), t.shape)
	}
	return t.data[0], nil
}
