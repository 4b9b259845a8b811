package qonnx

import (
	"math"
)

// unaryOp is an operator of one input and, apart from attributes, none else.
// The two flags are proofs for all real numbers, used where a decision comes
// before the range of the accumulator is known. Without one a function is still
// read: bisection finds out whether it is monotone on the accumulators that
// occur.
type unaryOp struct {
	// with returns the function, given the node's attributes.
	with func(n *node) func(v float64) float64
	// rising says whether the function is strictly increasing for these
	// attributes; nil means it is not.
	rising func(n *node) bool
	// level says whether it is increasing with level parts; nil means that it
	// is not, or rising.
	level func(n *node) bool
}

// plain is for functions without attributes.
func plain(f func(v float64) float64) func(*node) func(float64) float64 {
	return func(*node) func(float64) float64 { return f }
}

// always is for what holds for any attributes.
func always(*node) bool { return true }

// positive says that attribute name is above zero. These functions are scaled
// by their attribute for negative v: they rise where it is positive, are level
// at 0 and fall below.
func positive(name string, otherwise float32) func(n *node) bool {
	return func(n *node) bool { return n.float(name, otherwise) > 0 }
}

// unaries are the elementwise functions. Those that are not monotone are here
// too: they may be monotone on the values that occur. Formulas, names and
// defaults are those of ONNX's operator pages. They are computed in float64: a
// runtime's FLOAT may differ in the last digit, and then a threshold by one
// accumulator at most where a boundary is that close.
var unaries = map[string]unaryOp{
	"Relu":    {with: plain(relu), level: always},
	"Sigmoid": {with: plain(sigmoid), rising: always},
	"Tanh":    {with: plain(math.Tanh), rising: always},
	"Exp":     {with: plain(math.Exp), rising: always},
	// Of negative numbers NaN, as in ONNX: no threshold exists where those
	// occur.
	"Log":      {with: plain(math.Log), rising: always},
	"Sqrt":     {with: plain(math.Sqrt), rising: always},
	"Erf":      {with: plain(math.Erf), rising: always},
	"Atan":     {with: plain(math.Atan), rising: always},
	"Sinh":     {with: plain(math.Sinh), rising: always},
	"Asinh":    {with: plain(math.Asinh), rising: always},
	"Softplus": {with: plain(softplus), rising: always},
	"Softsign": {with: plain(func(v float64) float64 { return v / (1 + math.Abs(v)) }), rising: always},
	// Abs, Reciprocal, HardSwish, Mish and Gelu fall somewhere. Behind a Quant
	// of unsigned integers, or for biases that keep off that side, they rise.
	"Abs":   {with: plain(math.Abs)},
	"Floor": {with: plain(math.Floor), level: always},
	"Ceil":  {with: plain(math.Ceil), level: always},
	// ONNX's Round takes halves to the even integer, like RoundToEven.
	"Round": {with: plain(math.RoundToEven), level: always},
	"Sign":  {with: plain(sign), level: always},
	"Reciprocal": {with: plain(func(v float64) float64 {
		return 1 / v
	})},
	// v * HardSigmoid(v) with alpha 1/6 and beta 0.5 (opset 14).
	"HardSwish": {with: plain(func(v float64) float64 { return v * clamp(v/6+0.5, 0, 1) })},
	"Mish":      {with: plain(func(v float64) float64 { return v * math.Tanh(softplus(v)) })},
	"Gelu":      {with: gelu},
	"LeakyRelu": {with: leakyRelu, rising: positive("alpha", 0.01)},
	"Elu":       {with: elu, rising: positive("alpha", 1)},
	"Celu":      {with: celu, rising: positive("alpha", 1)},
	"Selu":      {with: selu, rising: func(n *node) bool { return seluAlpha(n) > 0 && seluGamma(n) > 0 }},
	// Level and not rising: flat below -beta/alpha and above (1-beta)/alpha.
	"HardSigmoid": {with: func(n *node) func(float64) float64 {
		alpha, beta := n.float("alpha", 0.2), n.float("beta", 0.5)
		return func(v float64) float64 { return clamp(alpha*v+beta, 0, 1) }
	}, level: positive("alpha", 0.2)},
	// v itself above alpha, 0 at alpha. It jumps by alpha: with a negative
	// alpha it falls.
	"ThresholdedRelu": {with: func(n *node) func(float64) float64 {
		alpha := n.float("alpha", 1)
		return func(v float64) float64 {
			if v > alpha {
				return v
			}
			return 0
		}
	}, level: positive("alpha", 1)},
}

// relu gives +0 for -0, which no quantiser tells apart, and NaN for NaN.
func relu(v float64) float64 { return max(v, 0) }

// sigmoid is 0 where Exp overflows, without a special case: 1/(1+infinity).
func sigmoid(v float64) float64 { return 1 / (1 + math.Exp(-v)) }

// softplus returns log(1+exp(v)) without overflow.
func softplus(v float64) float64 { return max(v, 0) + math.Log1p(math.Exp(-math.Abs(v))) }

// sign returns v itself for 0 and NaN (ONNX: the sign of 0 is 0).
func sign(v float64) float64 {
	switch {
	case v > 0:
		return 1
	case v < 0:
		return -1
	}
	return v
}

// clamp takes lo first, so that hi wins where they are in the wrong order.
func clamp(v, lo, hi float64) float64 { return min(max(v, lo), hi) }

// leakyRelu is max(v, alpha*v) for 0 <= alpha <= 1; alpha is 0.01 by default.
func leakyRelu(n *node) func(float64) float64 {
	alpha := n.float("alpha", 0.01)
	return func(v float64) float64 {
		if v < 0 {
			return alpha * v
		}
		return v
	}
}

// elu uses Expm1, which keeps the digits of alpha*(exp(v)-1) near 0.
func elu(n *node) func(float64) float64 {
	alpha := n.float("alpha", 1)
	return func(v float64) float64 {
		if v < 0 {
			return alpha * math.Expm1(v)
		}
		return v
	}
}

// gelu is v times the normal distribution of v, by its tanh approximation where the
// node says so. The two differ by up to 5e-4, enough to move a threshold.
func gelu(n *node) func(float64) float64 {
	if n.string("approximate", "none") == "tanh" {
		return func(v float64) float64 {
			return v / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(v+0.044715*v*v*v)))
		}
	}
	return func(v float64) float64 { return v / 2 * (1 + math.Erf(v/math.Sqrt2)) }
}

// celu is elu with v/alpha in the exponent: its slope at 0 is 1 for every
// alpha.
func celu(n *node) func(float64) float64 {
	alpha := n.float("alpha", 1)
	return func(v float64) float64 { return max(v, 0) + min(0, alpha*math.Expm1(v/alpha)) }
}

// seluAlpha and seluGamma return the attributes. The defaults of Selu are
// ONNX's, written as the FLOATs that they are; those of Selu-1 have fewer digits.
func seluAlpha(n *node) float64 {
	if n.opset < 6 {
		return n.float("alpha", 1.6732)
	}
	return n.float("alpha", 1.67326319217681884765625)
}

func seluGamma(n *node) float64 {
	if n.opset < 6 {
		return n.float("gamma", 1.0507)
	}
	return n.float("gamma", 1.05070102214813232421875)
}

// selu is gamma*elu with alpha: gamma*v above 0, gamma*alpha*(exp(v)-1) below.
func selu(n *node) func(float64) float64 {
	alpha, gamma := seluAlpha(n), seluGamma(n)
	return func(v float64) float64 {
		if v < 0 {
			return gamma * alpha * math.Expm1(v)
		}
		return gamma * v
	}
}

// opUnary evaluates an operator of unaries. Flags are looked up with the
// attributes at hand: a LeakyRelu of negative slope is not monotone.
func opUnary(im *importer, n *node) (value, error) {
	u := unaries[n.op]
	rising := u.rising != nil && u.rising(n)
	return im.applied(n, u.with(n), rising, rising || u.level != nil && u.level(n))
}

// applied puts f around input 0 of n. rising says that f is strictly
// increasing, level that it never falls. A ranking passes what is strictly
// increasing only: the same element stays the largest.
func (im *importer) applied(n *node, f func(float64) float64, rising, level bool) (value, error) {
	v, err := im.operand(n, 0)
	if err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case *tensor:
		return im.foldUnary(n, v, f)
	case *stream:
		fn := func(_ int, x float64) float64 { return f(x) }
		out, err := v.then(n, step{kind: apply, fn: fn, rising: rising, level: level})
		if err != nil {
			return nil, err
		}
		// A ReLU of integers gives integers again: Quant, Relu, MatMul needs no
		// second Quant.
		if n.op == "Relu" {
			out.q = v.q.relu(n, out)
		}
		return out, nil
	case *ranking:
		// A function of the label is none.
		if rising && !v.label {
			return v, nil
		}
		return nil, mixed(n, v)
	}
	panic("qonnx: unknown kind of value")
}

// mixed is the error for an operator that may not follow r. The error names the
// operator that mixes, not the one that follows: that is the one to remove, or
// the point at which to end the graph.
func mixed(n *node, r *ranking) error {
	return r.by.errorf("mixes channels, so it may only end the network, but node %s (%s) follows", n.label(),
		clip(n.op))
}

// opNeg is a product, unlike the other unaries. As an affine step it keeps
// integers, those of constants too, and may stand before the scores of a last
// layer.
func opNeg(im *importer, n *node) (value, error) {
	v, err := im.operand(n, 0)
	if err != nil {
		return nil, err
	}
	return im.binary(n, "Mul", v, &tensor{data: []float64{-1}})
}

// opClip has its bounds in attributes up to opset 10, then in inputs. min and
// max may be missing: then they are FLOAT's ends, as ONNX has it. Of an empty
// range newer opsets make max; it is refused as a likely fault of the export.
func opClip(im *importer, n *node) (value, error) {
	bound := func(attr string, in int, otherwise float32) (float64, error) {
		if !n.has(in) {
			return n.float(attr, otherwise), nil
		}
		return im.oneNumber(n, in)
	}
	lo, err := bound("min", 1, -math.MaxFloat32)
	if err != nil {
		return nil, err
	}
	hi, err := bound("max", 2, math.MaxFloat32)
	if err != nil {
		return nil, err
	}
	if !(lo <= hi) {
		return nil, n.errorf("clips to %v..%v", lo, hi)
	}
	return im.applied(n, func(v float64) float64 { return clamp(v, lo, hi) }, false, true)
}

// opPRelu has one slope for all channels or one for each. The slope broadcasts
// to the data (unidirectionally): exporters write it as [C] for vectors and as
// [C 1 1] for images. Negative slopes fall on one side and are left to the
// bisection.
func opPRelu(im *importer, n *node) (value, error) {
	v, err := im.operand(n, 0)
	if err != nil {
		return nil, err
	}
	slope, err := im.constant(n, 1)
	if err != nil {
		return nil, err
	}
	s, ok := v.(*stream)
	if !ok {
		return nil, n.errorf("wants an input that depends on the network's")
	}
	p, s, err := im.alongside(s, n.oldSlope(slope, s.dims()))
	if err != nil {
		return nil, n.errorf("%w", err)
	}
	return s.then(n, step{kind: apply, fn: func(c int, v float64) float64 {
		if v < 0 {
			return v * p.at(c)
		}
		return v
	}, rising: p.each == nil && p.all > 0, level: p.every(func(v float64) bool {
		return v >= 0
	}), varies: p.each != nil})
}
