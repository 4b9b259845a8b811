package qonnx

import (
	"math"
	"math/big"
	"slices"
)

// kind is what a step does with a value v and its parameter p. The five
// arithmetic ones are affine with exact parameters; whatever else occurs is a
// function of one variable per channel.
type kind int

const (
	add     kind = iota // v + p
	sub                 // v - p
	subFrom             // p - v
	mul                 // v * p
	div                 // v / p
	apply               // fn(c, v)
)

// step is one elementwise operation of a chain. A chain is a slice of steps
// from the base to the element. Thresholds need no more than to evaluate it at
// integers; the flags allow decisions about a whole chain without doing so:
// whether a pool may change places with a quantiser, whether the last layer's
// order survives.
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

// maxSteps bounds a chain. Thresholds cost (bits of the accumulator) x 2^(bits
// of the integer) evaluations per channel. Real networks have some ten steps.
const maxSteps = 256

// open is the NaN of a partial step. A quiet NaN with a payload: arithmetic in
// Go keeps some payload or other, so run returns it at once instead of letting
// it through the steps behind. A NaN of 0 * infinity or of a Log is the graph's
// own and goes on, as it does in ONNX.
var open = math.Float64frombits(0x7ff80000_00a20e00)

// isOpen says that v is what a partial step left open. By bits: NaN equals
// nothing, itself included.
func isOpen(v float64) bool { return math.Float64bits(v) == math.Float64bits(open) }

// run puts v, the value of base element c, through the steps. In float64, one
// rounding per step, in the graph's order: so the thresholds are those of the
// graph as it is written, not of a simplified one.
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
// integers. The callers that know better set q again: an affine step keeps
// integers (scaled, shifted), a ReLU clips them (relu), a quantiser makes new
// ones (behind).
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
		// ONNX gives infinities and NaN there; no pruned or folded scale means
		// that.
		if c, _, found := st.p.but(func(v float64) bool { return v != 0 }); found && st.kind == div {
			return nil, n.errorf("%sdivides by zero", st.p.which("channel", c))
		}
	}
	if err := s.keepsPads(steps); err != nil {
		return nil, err
	}
	out := *s
	// The full slice expression makes append copy: a stream has several
	// readers, and two of them must not write behind the same prefix.
	out.steps = append(s.steps[:len(s.steps):len(s.steps)], steps...)
	out.q, out.at, out.wide = nil, n, 0
	return &out, nil
}

// keepsPads returns an error if steps turn the zeros of a Pad into others. A
// convolution's padding is zeros of the integers it reads. Zeros of a Pad are
// those as long as every step between maps 0 to 0, on every channel.
func (s *stream) keepsPads(steps []step) error {
	if s.pads == nil {
		return nil
	}
	for c := range s.width {
		if run(steps, c, 0) != 0 {
			return s.by.errorf("pads with zeros, which node %s (%s) behind it changes: want a convolution or a Quant "+
				"with zero point 0 there", steps[0].at.label(), clip(steps[0].at.op))
		}
	}
	return nil
}

// neverFalls says that no step of a chain falls for any channel. Sufficient,
// not necessary: a negative factor twice would rise too. Where this says no, a
// pool stays where the graph has it, at a cost in bits, not in exactness.
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
// fails, naming the node, at a step that is not affine. MATH 6 bisects; here
// algebra is needed: a score compares channels with one another, so that each
// must be gain*acc + offset with parameters that can be compared exactly. FLOAT
// and DOUBLE are dyadic rationals: SetFloat64 loses nothing, and the quotient
// of two is again one in big.Rat.
func affine(steps []step, c int) (gain, offset *big.Rat, err error) {
	gain, offset = big.NewRat(1, 1), new(big.Rat)
	p := new(big.Rat)
	for i := range steps {
		st := &steps[i]
		// A concatenation of accumulators has a chain of its own per part; part
		// says which.
		if st.part != nil { // the first step
			behind, channel := st.part(c)
			if gain, offset, err = affine(behind, channel); err != nil {
				return nil, nil, err
			}
			continue
		}
		if st.kind == apply {
			return nil, nil, st.at.errorf("the outputs of the last layer must be an affine function of its " +
				"accumulators or end in a Quant")
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
// not change which of them is the largest. The largest output is what a
// classifier returns, so that a strictly increasing function, the same for all
// of them, may be left out. It must be strict: where two scores become equal,
// as behind a saturated HardSigmoid, the first would win.
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
// affine or ends in a Quant if anything can make it so. E.g. Quant, Mul,
// Sigmoid ends in the Quant; MatMul, Add, Sigmoid, Mul in the Add; MatMul, Relu
// stays as it is, since Relu makes equal what was not, and is refused by
// affine.
func trim(steps []step) []step {
	for {
		last := len(steps) - 1
		for last >= 0 && steps[last].kind != apply {
			last--
		}
		// Only affine steps are left, which a score takes as they are.
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
