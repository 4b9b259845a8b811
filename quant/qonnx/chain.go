package qonnx

import (
	"math"
	"math/big"
	"slices"
)

// kind is what a step does with a value v and its parameter p.
type kind int

const (
	add     kind = iota // v + p
	sub                 // v - p
	subFrom             // p - v
	mul                 // v * p
	div                 // v / p
	apply               // fn(c, v)
)

// step is one elementwise operation of a chain.
type step struct {
	kind kind
	p    param
	fn   func(c int, v float64) float64
	// rising says that fn is the same for all elements and strictly
	// increasing, so that it keeps their order.
	rising bool
	// level says that fn never falls, for any element; varies that it differs
	// from channel to channel.
	level, varies bool
	// partial says that fn gives NaN where ONNX leaves the result open: nothing
	// behind it makes a number of that.
	partial bool
	// part is set on a Concat of accumulators, a first step: the chain of channel
	// c before it, and which channel it is there.
	part func(c int) ([]step, int)
	// q is set on a Quant: what it makes of the chain.
	q  *quantised
	at *node
}

// maxSteps bounds a chain.
const maxSteps = 256

// open is the NaN of a partial step.
var open = math.Float64frombits(0x7ff80000_00a20e00)

// isOpen says that v is what a partial step left open.
func isOpen(v float64) bool { return math.Float64bits(v) == math.Float64bits(open) }

// run puts v, the value of base element c, through the steps.
func run(steps []step, c int, v float64) float64 {
	if isOpen(v) {
		return v
	}
	for i := range steps {
		st := &steps[i]
		switch st.kind {
		case add:
			v += st.p.at(c)
		case sub:
			v -= st.p.at(c)
		case subFrom:
			v = st.p.at(c) - v
		case mul:
			v *= st.p.at(c)
		case div:
			v /= st.p.at(c)
		case apply:
			if v = st.fn(c, v); st.partial && math.IsNaN(v) {
				return open
			}
		}
	}
	return v
}

// then returns s followed by steps; its elements are no longer known to be
// integers.
func (s *stream) then(n *node, steps ...step) (*stream, error) {
	if len(s.steps)+len(steps) > maxSteps {
		return nil, n.errorf("more than %d elementwise operations in a row", maxSteps)
	}
	for i := range steps {
		st := &steps[i]
		st.at = n
		if c, bad, found := st.p.but(finite); found && st.kind != apply {
			return nil, n.errorf("%sa constant is %v, want a finite number", st.p.which("channel", c), bad)
		}
		if c, _, found := st.p.but(func(v float64) bool { return v != 0 }); found && st.kind == div {
			return nil, n.errorf("%sdivides by zero", st.p.which("channel", c))
		}
	}
	if err := s.keepsPads(steps); err != nil {
		return nil, err
	}
	out := *s
	out.steps = append(s.steps[:len(s.steps):len(s.steps)], steps...)
	out.q, out.at, out.wide = nil, n, 0
	return &out, nil
}

// keepsPads returns an error if steps turn the zeros of a Pad into others.
func (s *stream) keepsPads(steps []step) error {
	if s.pads == nil {
		return nil
	}
	for c := range s.width {
		if run(steps, c, 0) != 0 {
			return s.by.errorf("pads with zeros, which node %s (%s) behind it changes: want a convolution or a Quant with "+
				"zero point 0 there", steps[0].at.label(), clip(steps[0].at.op))
		}
	}
	return nil
}

// neverFalls says that no step of a chain falls for any channel.
func neverFalls(steps []step) bool {
	for i := range steps {
		st := &steps[i]
		switch st.kind {
		case subFrom:
			return false
		case mul, div:
			if !st.p.every(func(v float64) bool { return v >= 0 }) {
				return false
			}
		case apply:
			if !st.level && !st.rising {
				return false
			}
		}
	}
	return true
}

// differs says that a chain is not the same for all channels.
func differs(steps []step) bool {
	return slices.ContainsFunc(steps, func(st step) bool { return st.p.each != nil || st.varies })
}

// affine returns the chain of base element c as v*gain + offset, exactly. It
// fails, naming the node, at a step that is not affine.
func affine(steps []step, c int) (gain, offset *big.Rat, err error) {
	gain, offset = big.NewRat(1, 1), new(big.Rat)
	p := new(big.Rat)
	for i := range steps {
		st := &steps[i]
		if st.part != nil { // the first step
			behind, channel := st.part(c)
			if gain, offset, err = affine(behind, channel); err != nil {
				return nil, nil, err
			}
			continue
		}
		if st.kind == apply {
			return nil, nil, st.at.errorf("the outputs of the last layer must be an affine function of its accumulators or " +
				"end in a Quant")
		}
		if p.SetFloat64(st.p.at(c)) == nil {
			return nil, nil, st.at.errorf("a constant is NaN or infinite")
		}
		switch st.kind {
		case add:
			offset.Add(offset, p)
		case sub:
			offset.Sub(offset, p)
		case subFrom:
			gain.Neg(gain)
			offset.Sub(p, offset)
		case mul:
			gain.Mul(gain, p)
			offset.Mul(offset, p)
		case div:
			gain.Quo(gain, p)
			offset.Quo(offset, p)
		}
	}
	return gain, offset, nil
}

// keepsOrder says that the step moves all elements alike and upwards: it does
// not change which of them is the largest.
func (st *step) keepsOrder() bool {
	switch st.kind {
	case apply:
		return st.rising
	case add, sub:
		return st.p.each == nil
	case mul, div:
		return st.p.each == nil && st.p.all > 0
	}
	return false
}

// trim drops the trailing steps that cannot change the order of the elements,
// as far as the last one that is neither affine nor a Quant. What stays is
// affine or ends in a Quant if anything can make it so.
func trim(steps []step) []step {
	for {
		last := len(steps) - 1
		for last >= 0 && steps[last].kind != apply {
			last--
		}
		if last < 0 {
			return steps
		}
		if steps[last].q != nil {
			last++ // the Quant stays
		}
		for i := last; i < len(steps); i++ {
			if !steps[i].keepsOrder() {
				return steps
			}
		}
		if last == len(steps) {
			return steps
		}
		steps = steps[:last]
	}
}
