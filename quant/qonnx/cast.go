package qonnx

import (
	"math"

	"github.com/a2qgen/a2qgen/quant"
)

// Element types of what a graph computes with. Chains and constants are held in
// float64, FLOAT and DOUBLE as the real numbers that they stand for. Other types
// round after every operator, as ONNX says: floating point to the nearest number,
// integers by dropping what is behind the point and the bits that are too high.

// elemOf returns the element type of a value; a *feature of a float model is FLOAT.
func elemOf(v value) elemType {
	switch v := v.(type) {
	case *tensor:
		return v.elem
	case *stream:
		return v.elem
	case *ranking:
		return v.elem
	}
	return typeFloat
}

// commonType returns the element type of n's inputs, which must be one; FLOAT
// and DOUBLE are not told apart. Chains hold both as real numbers, so that a
// graph of mixed FLOAT and DOUBLE, which PyTorch writes around constants, loses
// nothing.
func (im *importer) commonType(n *node) (elemType, error) {
	var common elemType
	set := false
	for i := range n.in {
		if !n.has(i) {
			continue
		}
		v, err := im.operand(n, i)
		if err != nil {
			return 0, err
		}
		e := elemOf(v)
		// ONNX has no implicit conversions: whoever ran such a file would have to
		// invent one, and another program might invent another.
		if set && e != common && !(e.real() && common.real()) {
			return 0, n.errorf("its inputs are of types %v and %v, want one: put a Cast before it", common, e)
		}
		if !set || e == typeDouble {
			common, set = e, true
		}
	}
	return common, nil
}

// typed returns op, an elementwise operator, for all element types: what it
// computes in real numbers is rounded to that of its inputs. It wraps an
// operator instead of being a part of it: one place then rounds, and an
// operator cannot forget to.
func typed(op operator) operator {
	return func(im *importer, n *node) (value, error) {
		c := conversion{}
		var err error
		// The type is known before op runs: op itself computes in real numbers.
		switch {
		case n.op != "Pow":
			c.from, err = im.commonType(n)
		case n.has(0): // the exponent may be of another type
			var v value
			if v, err = im.operand(n, 0); err == nil {
				c.from = elemOf(v)
			}
		}
		if err != nil {
			return nil, err
		}
		v, err := op(im, n)
		if err != nil {
			return nil, err
		}
		// From an integer type to itself: a sum of two wraps, a quotient loses what is
		// behind the point. Comparisons give 0 and 1, of whatever they compare.
		if c.to = c.from; comparisons[n.op] {
			c = conversion{to: typeBool}
		}
		return im.converted(n, v, c)
	}
}

// alike returns op, which passes elements on, for inputs that must be of one
// element type, which its result has. A graph that concatenates FLOAT with
// DOUBLE has DOUBLE.
func alike(op operator) operator {
	return func(im *importer, n *node) (value, error) {
		e, err := im.commonType(n)
		if err != nil {
			return nil, err
		}
		v, err := op(im, n)
		if s, ok := v.(*stream); ok && err == nil && s.elem != e {
			out := *s
			out.elem = e
			return &out, nil
		}
		return v, err
	}
}

// castTarget returns the type that a Cast names. Strings, complex numbers and
// unknown types are refused. 0 is UNDEFINED.
func (n *node) castTarget() (elemType, error) {
	a := n.attrs["to"]
	if a == nil {
		return 0, n.errorf("does not say what type it casts to")
	}
	// Clamped to what an elemType holds: the attribute has 64 bits.
	to := elemType(max(0, min(a.GetI(), math.MaxInt32)))
	// Opsets 1 to 5 spell the type out.
	if name := a.GetS(); len(name) > 0 {
		to = castNames()[string(name)]
	}
	if !to.known() || to == 0 {
		return 0, n.errorf("casts to %v, want a type of numbers: FLOAT, DOUBLE, FLOAT16, BFLOAT16, a FLOAT8 of E4M3 "+
			"or E5M2, BOOL or an integer", to)
	}
	return to, nil
}

// opCast evaluates Cast.
func opCast(im *importer, n *node) (value, error) {
	to, err := n.castTarget()
	if err != nil {
		return nil, err
	}
	return im.cast(n, to)
}

// opCastLike casts to the type of its second input. (ONNX, CastLike, opset 15.)
// Only the type of that input is read: it may depend on the network's input as
// well.
func opCastLike(im *importer, n *node) (value, error) {
	like, err := im.operand(n, 1)
	if err != nil {
		return nil, err
	}
	return im.cast(n, elemOf(like))
}

// cast converts input 0 of n. saturate is of opset 19, 1 by default, and
// matters to the formats of 8 bits only.
func (im *importer) cast(n *node, to elemType) (value, error) {
	v, err := im.operand(n, 0)
	if err != nil {
		return nil, err
	}
	c := conversion{from: elemOf(v), to: to, saturate: n.int("saturate", 1) != 0}
	if r, ok := v.(*ranking); ok {
		return im.castRanking(n, r, c)
	}
	// FLOAT that was made DOUBLE and is made FLOAT again has lost nothing. A chain
	// holds it as a real number, which a rounding here would move.
	s, _ := v.(*stream)
	unchanged := s != nil && s.elem == typeDouble && to == typeFloat && s.floats == len(s.steps)+1
	if c.from == c.to || c.widens() || unchanged {
		return im.relabelled(v, to), nil
	}
	return im.converted(n, v, c)
}

// widens says that every number of one type is one of the other. A FLOAT stands
// for a real number, so that it is a DOUBLE too. Such a Cast is a change of
// label: it needs no step, and integers of a Quant remain what they are. DOUBLE
// holds integers up to 2^53; beyond, conversion.of fails before a Cast is
// reached.
func (c conversion) widens() bool {
	from, floating := floatFormats[c.from]
	to, narrower := floatFormats[c.to]
	whole, integer := integerFormats[c.from]
	switch {
	case c.from == 0 || c.from == typeFloat:
		return c.to.real()
	case c.to == typeDouble:
		return true
	case integer && narrower: // every integer has no more digits than the significand
		return whole.bits <= to.digits && math.Ldexp(1, whole.bits) <= to.most
	case integer && c.to.integer():
		lo, hi := whole.bounds()
		target := integerFormats[c.to]
		least, most := target.bounds()
		return least <= lo && hi <= most
	}
	// Every number of a format with fewer digits, a larger least and a smaller
	// most is one of the other, infinities aside, which have to exist there
	// too.
	return floating && narrower && from.digits <= to.digits && from.least >= to.least &&
		from.most <= to.most && (to.infinite || !from.infinite)
}

// relabelled returns v with another element type and the same elements.
func (im *importer) relabelled(v value, to elemType) value {
	switch v := v.(type) {
	case *tensor:
		out := *v
		out.elem = to
		return &out
	case *stream:
		out := *v
		// FLOAT made DOUBLE here: the mark goes stale with the next step, since
		// then the DOUBLE has digits that FLOAT has not.
		if out.elem = to; to == typeDouble && v.elem != typeDouble {
			out.floats = len(v.steps) + 1
		}
		return &out
	}
	return v
}

// converted returns v with every element converted. A ranking passes: its
// operators keep the order in whatever type.
func (im *importer) converted(n *node, v value, c conversion) (value, error) {
	switch v := v.(type) {
	case *tensor:
		return im.convertedTensor(n, v, c)
	case *stream:
		return im.convertedStream(n, v, c)
	}
	return v, nil
}

// convertedTensor converts a constant. What ONNX leaves open is refused for
// constants at once: each is known.
func (im *importer) convertedTensor(n *node, t *tensor, c conversion) (value, error) {
	out := *t
	out.elem = c.to
	// Constants of FLOAT are folded in float64 and stay as they are; of DOUBLE the
	// file has more digits than FLOAT holds.
	if c.to.real() && (c.from.real() && c.from != typeDouble || c.to == typeDouble) {
		return &out, nil
	}
	if _, err := im.left.take(t.shape); err != nil {
		return nil, n.errorf("%w", err)
	}
	out.data = make([]float64, len(t.data))
	for i, v := range t.data {
		var ok bool
		if out.data[i], ok = c.of(v); !ok {
			return nil, n.errorf("element %d: %w", i, c.open(v))
		}
		// Its integers were those before. DOUBLE made FLOAT has them still: a
		// product with the scale is rounded there as a Quant's own is.
		if out.data[i] != v && c.to != typeFloat {
			out.known = known{}
		}
	}
	return &out, nil
}

// convertedStream converts the elements of a stream. Of a stream only what may
// occur matters. If all its integers are known and few, each is looked at; else
// the conversion is a step, and open values among those that occur are found
// where the layer's thresholds are bisected.
func (im *importer) convertedStream(n *node, s *stream, c conversion) (value, error) {
	out := *s
	out.elem = c.to
	// FLOAT to FLOAT after an operator: the chain computes in float64 by
	// design, and the graph's own rounding is what it approximates. DOUBLE to
	// FLOAT is an explicit rounding of the graph, and is done.
	if c.to == typeDouble || c.to.real() && c.from.real() && c.from != typeDouble {
		return &out, nil
	}
	// Integers of a Quant are few: looking at each tells whether the Cast keeps them.
	// Then they stay integers, as they do where a graph only passes them on in INT8.
	seen := im.sample(c, s)
	if seen.all && seen.same {
		return &out, nil
	}
	if seen.open != nil && s.base < 0 { // no layer will meet it
		return nil, n.errorf("%w", seen.open)
	}
	// What wraps may still rise over all that occurs.
	level := c.climbs() || seen.all && !seen.falls
	if !c.to.integer() {
		// Rounding to floating point is a step like others: a Quant has to follow
		// before a layer can read it.
		out.elem = s.elem
		next, err := out.then(n, step{kind: apply, level: level, fn: func(_ int, v float64) float64 {
			return c.number(v)
		}})
		if err == nil {
			next.elem = c.to
		}
		return next, err
	}
	// Casting to integers is what a Quant of scale 1 does. It has as few bits as the
	// integers need where these are known, else those of the type.
	z := quantisation{
		scale: param{all: 1}, bits: integerFormats[c.to].bits, elem: c.to, falls: !level, partial: true,
		integer: func(_ int, v float64) float64 { return c.number(v) },
	}
	if f := integerFormats[c.to]; seen.all {
		z.typ = typeOf(seen.lo, seen.hi)
	} else if f.bits <= maxBits {
		z.typ = quant.DataType{Bits: f.bits, Signed: f.signed}
	}
	return im.quantisedBy(n, s, z)
}

// castRanking lets the label pass, in any type that holds all labels, and
// scores where equal ones stay so. PyTorch writes a Cast of ArgMax's INT64 to
// INT32 or FLOAT for its callers. The label goes out in hardware as an integer
// of its own, so that no type matters that holds it.
func (im *importer) castRanking(n *node, r *ranking, c conversion) (value, error) {
	out := *r
	out.elem = c.to
	if !r.label {
		// Rounded scores may be equal where the scores were not; then another than
		// the largest may come first.
		if c.to.real() && c.from.real() && !(c.from == typeDouble && c.to == typeFloat) {
			return &out, nil
		}
		return nil, n.errorf("rounds scores to %v, so that the largest may not stay alone: end the graph before it",
			c.to)
	}
	for label := range product(r.s.dims()) {
		if v, ok := c.of(float64(label)); !ok || v != float64(label) {
			return nil, n.errorf("makes label %d %v in %v: cast to a type that holds all labels", label, v, c.to)
		}
	}
	return &out, nil
}

// castHint says what to do about a Cast that makes no staircase; it is empty for other
// nodes.
func (n *node) castHint() string {
	switch {
	case n.op != "Cast" && n.op != "CastLike":
		return ""
	// x != 0 is no staircase in x: it falls and rises again at 0.
	case n.int("to", 0) == typeBool:
		return "; numbers of both signs are true: put a Relu or a comparison (Greater) before it"
	}
	return "; what its type does not hold wraps or is left open: put a Clip before it, or cast to a wider type"
}

// inReals returns an error unless n computes in FLOAT or DOUBLE: other types
// round inside a sum, in an order that ONNX leaves open. A FLOAT16 sum of many
// terms may differ from the exact one in each partial sum, and so does every
// runtime's; an integer network can match at most one of them.
func (s *stream) inReals(n *node) error {
	if s.elem.real() {
		return nil
	}
	return n.errorf("computes in %v: put a Cast to FLOAT before it", s.elem)
}
