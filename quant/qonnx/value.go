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

// stream is a tensor that depends on the network's input. Element i is base
// element index[i], put through the steps in turn.
type stream struct {
	// base says what the elements are made from: the accumulators of that
	// layer, or the network's input where it is fromInput.
	base  int
	shape []int
	// index is a permutation of the base elements.
	index []int
	steps []step
	// q is what is known if the elements are integers up to a scale; nil
	// elsewhere.
	q *quantised
	// at is the node that computed the last step; nil on a bare base.
	at *node
}

// fromInput is the base of streams before the first layer.
const fromInput = -1

func (s *stream) dims() []int { return s.shape }

// ranking is a stream followed by something that keeps no more than the order
// of its elements, such as Softmax. It may only lead to the graph's output.
type ranking struct {
	s     *stream
	shape []int
	by    *node
}

func (r *ranking) dims() []int { return r.shape }

// quantised says that a stream's elements are n*scale + offset, with n an
// integer of type typ. Parameters are per base element.
type quantised struct {
	typ quant.DataType
	// ints returns n from v, the value of base element c.
	ints          func(c int, v float64) int64
	scale, offset param
}

// notANumber is what ints returns where the chain gives NaN: no data type
// holds it.
const notANumber = math.MinInt64

// param is one number for every base element, or one for each.
type param struct {
	all  float64
	each []float64
}

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

// paired returns f of the numbers of p and o, element by element.
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

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// spread returns t, broadcast to out, as numbers per base element of a stream
// with that index. A tensor of one element stays one number.
func (im *importer) spread(t *tensor, out, index []int) (param, error) {
	if len(t.data) == 0 {
		return param{}, fmt.Errorf("a constant of shape %v is empty", t.shape)
	}
	first := t.data[0]
	if !slices.ContainsFunc(t.data, func(v float64) bool { return v != first }) {
		return param{all: first}, nil
	}
	if _, err := im.left.take([]int{len(index)}); err != nil {
		return param{}, err
	}
	each := make([]float64, len(index))
	at := newCursor(t.shape, out)
	for _, base := range index {
		each[base] = t.data[at.next()]
	}
	return param{each: each}, nil
}

// alongside returns t as numbers per base element of s, and the shape that
// both broadcast to. It fails if the stream's elements would be repeated.
func (im *importer) alongside(s *stream, t *tensor) (param, []int, error) {
	out, ok := broadcast(s.shape, t.shape)
	if !ok {
		return param{}, nil, fmt.Errorf("shapes %v and %v do not fit together", s.shape, t.shape)
	}
	for i := 1; i <= len(out); i++ {
		mine := 1
		if i <= len(s.shape) {
			mine = s.shape[len(s.shape)-i]
		}
		if out[len(out)-i] != mine {
			return param{}, nil, fmt.Errorf("a constant of shape %v repeats the data, of shape %v", t.shape, s.shape)
		}
	}
	p, err := im.spread(t, out, s.index)
	return p, out, err
}

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

// operand returns input i of n.
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

// oneNumber returns input i of n, a constant of one element.
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
