package qonnx

import (
	"math"
	"slices"
)

// binaryOp is an operator of two inputs with broadcasting.
type binaryOp struct {
	f func(a, b float64) float64
	// right is the step where the constant is the second input, left where it
	// is the first. apply means that f is put around the stream. Steps that are
	// not apply are affine and exact in rational numbers, which the scores of
	// the last layer and sums of accumulators rely on (affine). Of what ONNX
	// has, p/v is the one arithmetic operator that is affine on one side only.
	right, left kind
}

// binaries are ONNX's elementwise operators of two inputs, all with numpy's
// broadcasting. The comparisons make BOOL of any type: that is a staircase of
// one step, so that they, too, end in a threshold.
var binaries = map[string]binaryOp{
	"Add": {f: func(a, b float64) float64 { return a + b }, right: add, left: add},
	"Sub": {f: func(a, b float64) float64 { return a - b }, right: sub, left: subFrom},
	"Mul": {f: func(a, b float64) float64 { return a * b }, right: mul, left: mul},
	"Div": {f: func(a, b float64) float64 { return a / b }, right: div, left: apply},
	"Pow": {f: math.Pow, right: apply, left: apply},
	"Min": {f: func(a, b float64) float64 { return min(a, b) }, right: apply, left: apply},
	"Max": {f: func(a, b float64) float64 { return max(a, b) }, right: apply, left: apply},
	"Mod": {f: floorMod, right: apply, left: apply}, // without fmod

	"Equal":          {f: truth(func(a, b float64) bool { return a == b }), right: apply, left: apply},
	"Less":           {f: truth(func(a, b float64) bool { return a < b }), right: apply, left: apply},
	"Greater":        {f: truth(func(a, b float64) bool { return a > b }), right: apply, left: apply},
	"LessOrEqual":    {f: truth(func(a, b float64) bool { return a <= b }), right: apply, left: apply},
	"GreaterOrEqual": {f: truth(func(a, b float64) bool { return a >= b }), right: apply, left: apply},
}

// comparisons give BOOL. In every other operator the result has the type of the
// operands, which typed relies on.
var comparisons = map[string]bool{
	"Equal": true, "Less": true, "Greater": true, "LessOrEqual": true, "GreaterOrEqual": true,
}

// truth returns a predicate as a function of BOOL, held as 0 and 1.
func truth(f func(a, b float64) bool) func(a, b float64) float64 {
	return func(a, b float64) float64 {
		if f(a, b) {
			return 1
		}
		return 0
	}
}

// floorMod is ONNX's Mod with fmod=0: the remainder has the sign of the
// divisor, as in Python. With fmod=1 it has that of the dividend, as in C.
func floorMod(a, b float64) float64 { return a - b*math.Floor(a/b) }

// opBinary evaluates an operator of binaries. Min and Max are variadic from
// opset 1 on, the others have exactly two inputs.
func opBinary(im *importer, n *node) (value, error) {
	if n.op == "Min" || n.op == "Max" {
		return im.joined(n, n.op)
	}
	if len(n.in) != 2 {
		return nil, n.errorf("has %d inputs, want 2", len(n.in))
	}
	a, err := im.operand(n, 0)
	if err != nil {
		return nil, err
	}
	b, err := im.operand(n, 1)
	if err != nil {
		return nil, err
	}
	if b, err = n.oldBroadcast(a, b); err != nil {
		return nil, err
	}
	return im.binary(n, n.op, a, b)
}

// joined puts an operator of binaries between all inputs, from left to right.
// The order does not matter: minimum and maximum are associative, and a stream
// may stand anywhere among the constants.
func (im *importer) joined(n *node, name string) (value, error) {
	out, err := im.operand(n, 0)
	for i := 1; i < len(n.in) && err == nil; i++ {
		var v value
		if v, err = im.operand(n, i); err == nil {
			out, err = im.binary(n, name, out, v)
		}
	}
	return out, err
}

// binaryOf returns an operator of binaries as the attributes of n have it. ONNX
// wants fmod=1 for floating point and defines nothing else, so that a guessed
// sign would be wrong without a word.
func (im *importer) binaryOf(n *node, name string) (binaryOp, error) {
	op := binaries[name]
	if n.op != "Mod" {
		return op, nil
	}
	e, err := im.commonType(n)
	switch {
	case err != nil:
		return op, err
	case n.int("fmod", 0) != 0:
		op.f = math.Mod
	case !e.integer():
		return op, n.errorf("takes remainders of %v, want fmod=1 or integers", e)
	}
	return op, nil
}

// binary evaluates an operator of binaries on two values. n is the node that
// errors name; name may be that of another operator, since Sum, Mean and the
// join of streams are made of Add, Sub and Div.
func (im *importer) binary(n *node, name string, a, b value) (value, error) {
	op, err := im.binaryOf(n, name)
	if err != nil {
		return nil, err
	}
	for _, v := range []value{a, b} {
		if r, ok := v.(*ranking); ok {
			return nil, mixed(n, r)
		}
	}
	ta, aConst := a.(*tensor)
	tb, bConst := b.(*tensor)
	switch {
	case aConst && bConst:
		return im.foldQuantised(n, name, ta, tb, op.f)
	case bConst:
		return im.stepped(n, a.(*stream), tb, op.right, op.f)
	case aConst:
		// stepped has the stream first, f as ONNX has it.
		f := op.f
		return im.stepped(n, b.(*stream), ta, op.left, func(v, p float64) float64 { return f(p, v) })
	}
	return im.joinStreams(n, name, op, a.(*stream), b.(*stream))
}

// joinStreams evaluates an operator of binaries on two streams. Hardware has
// one layer for two streams, the sum of integers. A product of two streams
// (attention, gates, squeeze-and-excitation) would need a multiplier of two
// activations, which no layer kind has.
func (im *importer) joinStreams(n *node, name string, op binaryOp, a, b *stream) (value, error) {
	switch name {
	// Not an addition with factor -1: negation is folded into the staircase of
	// b, so that the adder is the same (upright).
	case "Sub":
		less, err := b.scaled(n, mul, param{all: -1})
		if err != nil {
			return nil, err
		}
		b = less.(*stream)
	case "Add":
	default:
		if out, err := im.ofOne(n, a, b, op.f); out != nil || err != nil {
			return out, err
		}
		return nil, n.errorf("both inputs depend on the network's input; only Add and Sub join them: there is no "+
			"layer for %s of two tensors", clip(name))
	}
	return im.addStreams(n, []*stream{a, b})
}

// ofOne returns f of two streams that are made of the same elements, one for one, and differ
// in their chains alone: a function of one variable, as x*Sigmoid(x), which is how exporters
// write SiLU, HardSwish and GELU. It returns nil where they are not.
func (im *importer) ofOne(n *node, a, b *stream, f func(a, b float64) float64) (value, error) {
	if a.base != b.base || a.pads != nil || b.pads != nil || a.pools != nil || b.pools != nil || !a.view.equal(b.view) ||
		len(a.view) != len(b.view) {
		return nil, nil
	}
	// The chains part behind the steps that are the same nodes'.
	k := 0
	for k < min(len(a.steps), len(b.steps)) && a.steps[k].at == b.steps[k].at && a.steps[k].kind == b.steps[k].kind {
		k++
	}
	left, right := a.steps[k:], b.steps[k:]
	partial := func(st step) bool { return st.partial }
	root := *a
	root.steps, root.floats = a.steps[:k], 0
	return root.then(n, step{
		kind: apply, varies: differs(left) || differs(right),
		partial: slices.ContainsFunc(left, partial) || slices.ContainsFunc(right, partial),
		fn:      func(c int, v float64) float64 { return f(run(left, c, v), run(right, c, v)) },
	})
}

// stepped returns s followed by one operation with the constant t. The shape of
// the stream may grow axes of size 1 in front, as broadcasting has it;
// alongside refuses a constant that would repeat the stream's elements.
func (im *importer) stepped(n *node, s *stream, t *tensor, k kind, f func(v, p float64) float64) (value, error) {
	p, s, err := im.alongside(s, t)
	if err != nil {
		return nil, n.errorf("%w", err)
	}
	switch k {
	case apply:
		// Minimum and maximum with a constant never fall. Of Pow, Mod and the
		// comparisons that depends on the constant: they are left to the
		// bisection, which looks at the accumulators that occur, and only lose
		// the right to change places with a pool.
		level := n.op == "Min" || n.op == "Max"
		fn := func(c int, v float64) float64 { return f(v, p.at(c)) }
		return s.then(n, step{kind: apply, fn: fn, level: level, varies: p.each != nil})
	case mul, div:
		return s.scaled(n, k, p)
	}
	return s.shifted(n, k, p)
}

// scaled multiplies or divides by p. Integers stay integers. n*scale + offset
// times p is n*(scale*p) + offset*p: still the same integers n, so that a Mul
// behind a Quant (FINN's and Brevitas's explicit scales) costs nothing.
func (s *stream) scaled(n *node, k kind, p param) (value, error) {
	out, err := s.then(n, step{kind: k, p: p})
	if err != nil {
		return nil, err
	}
	// Integers of too many bits remain those, for the error of who reads them.
	if out.wide = s.wide; s.q == nil {
		return out, nil
	}
	f := binaries["Mul"].f
	if k == div {
		f = binaries["Div"].f
	}
	q := *s.q
	q.scale, q.offset = q.scale.paired(p, f), q.offset.paired(p, f)
	out.q = &q
	return out, nil
}

// shifted adds or subtracts p. Integers stay integers, beside an offset. The
// offset is not rounded into the integers: what reads them may want it apart,
// as a layer with weights does, whose sums it moves by a constant per output.
func (s *stream) shifted(n *node, k kind, p param) (value, error) {
	out, err := s.then(n, step{kind: k, p: p})
	if err != nil {
		return nil, err
	}
	// Integers of too many bits remain those, for the error of who reads them.
	if out.wide = s.wide; s.q == nil {
		return out, nil
	}
	q := *s.q
	switch k {
	case add:
		q.offset = q.offset.paired(p, func(o, p float64) float64 { return o + p })
	case sub:
		q.offset = q.offset.paired(p, func(o, p float64) float64 { return o - p })
	case subFrom:
		q.offset = q.offset.paired(p, func(o, p float64) float64 { return p - o })
		q.scale = q.scale.mapped(func(v float64) float64 { return -v })
	}
	out.q = &q
	return out, nil
}

// foldQuantised folds, and keeps what is known of integers where one of the two
// scales them. Equalised graphs scale quantised weights channel by channel, and
// FINN's streamlining leaves such products on constants.
func (im *importer) foldQuantised(n *node, name string, a, b *tensor, f func(a, b float64) float64) (value, error) {
	v, err := im.foldBinary(n, a, b, f)
	if err != nil {
		return nil, err
	}
	ints, by := a, b
	if name == "Mul" && !a.quantised() {
		ints, by = b, a
	}
	out := v.(*tensor)
	if !ints.quantised() || name != "Mul" && name != "Div" {
		return out, nil
	}
	// The scale may repeat the integers: [4 1] times [1 3].
	if ints, err = im.expanded(ints, out.shape); err != nil {
		return nil, n.errorf("%w", err)
	}
	out.known = ints.known
	if ints.q == nil {
		return out, nil
	}
	p, err := im.perElement(by, out.shape)
	if err != nil {
		return nil, n.errorf("%w", err)
	}
	q := *ints.q
	// A scale per element here; matrix.fill finds out whether it is constant
	// along each sum, which is all that a layer needs.
	q.scale = q.scale.paired(p, f)
	if i, bad, found := q.scale.but(finite); found {
		return nil, n.errorf("%smakes a scale of %v, want a finite number", q.scale.which("element", i), bad)
	}
	out.q = &q
	return out, nil
}

// opBatchNorm evaluates (v-mean) / sqrt(var+epsilon) * gain + bias on axis 1.
// (ONNX, BatchNormalization in inference mode.) Four steps in the order of the
// formula instead of one gain and one offset: float64 then rounds as the
// formula does, and the error of a threshold stays below that of the FLOAT
// graph itself.
func opBatchNorm(im *importer, n *node) (value, error) {
	v, err := im.operand(n, 0)
	if err != nil {
		return nil, err
	}
	s, ok := v.(*stream)
	if !ok {
		return nil, n.errorf("wants an input that depends on the network's")
	}
	if err := s.inReals(n); err != nil {
		return nil, err
	}
	if err := im.inference(n); err != nil {
		return nil, err
	}
	dims := s.dims()
	if len(dims) < 2 {
		return nil, n.errorf("wants an input of at least two axes, has shape %v", dims)
	}
	var p [4]param // gain, bias, mean, variance
	for i := range p {
		t, err := im.constant(n, i+1)
		if err != nil {
			return nil, err
		}
		if len(t.data) != dims[1] {
			return nil, n.errorf("input %s has %d elements, want %d", show(n.in[i+1]), len(t.data), dims[1])
		}
		// Parameters of shape [C] belong to axis 1, not to the last axis as
		// broadcasting would have it: they get one axis of size 1 per axis
		// behind the channels.
		shape := make([]int, len(dims)-1)
		for j := range shape {
			shape[j] = 1
		}
		shape[0] = dims[1]
		if p[i], _, err = im.alongside(s, reshaped(t, shape)); err != nil {
			return nil, n.errorf("%w", err)
		}
	}
	epsilon := n.float("epsilon", 1e-5)
	// A variance that is not positive makes an infinite or NaN slope.
	// Brevitas's and PyTorch's are positive; files that were edited or pruned
	// may have others.
	sigma := p[3].mapped(func(v float64) float64 { return math.Sqrt(v + epsilon) })
	if c, _, found := sigma.but(func(v float64) bool { return v > 0 && finite(v) }); found {
		return nil, n.errorf("%sa variance is not positive or not finite", sigma.which("channel", c))
	}
	return s.then(n,
		step{kind: sub, p: p[2]}, step{kind: div, p: sigma}, step{kind: mul, p: p[0]}, step{kind: add, p: p[1]})
}
