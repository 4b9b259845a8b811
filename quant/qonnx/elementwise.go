package qonnx

import (
	"math"
)

// unaryOp is an operator of one input and, apart from attributes, none else.
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

func plain(f func(v float64) float64) func(*node) func(float64) float64 {
	return func(*node) func(float64) float64 { return f }
}

func always(*node) bool { return true }

// positive says that attribute name is above zero.
func positive(name string, otherwise float32) func(n *node) bool {
	return func(n *node) bool { return n.float(name, otherwise) > 0 }
}

// unaries are the elementwise functions. Those that are not monotone are here
// too: they may be monotone on the values that occur.
var unaries = map[string]unaryOp{
	"Relu":     {with: plain(relu), level: always},
	"Sigmoid":  {with: plain(sigmoid), rising: always},
	"Tanh":     {with: plain(math.Tanh), rising: always},
	"Exp":      {with: plain(math.Exp), rising: always},
	"Log":      {with: plain(math.Log), rising: always},
	"Sqrt":     {with: plain(math.Sqrt), rising: always},
	"Erf":      {with: plain(math.Erf), rising: always},
	"Atan":     {with: plain(math.Atan), rising: always},
	"Sinh":     {with: plain(math.Sinh), rising: always},
	"Asinh":    {with: plain(math.Asinh), rising: always},
	"Softplus": {with: plain(softplus), rising: always},
	"Softsign": {with: plain(func(v float64) float64 { return v / (1 + math.Abs(v)) }), rising: always},
	"Abs":      {with: plain(math.Abs)},
	"Floor":    {with: plain(math.Floor), level: always},
	"Ceil":     {with: plain(math.Ceil), level: always},
	"Round":    {with: plain(math.RoundToEven), level: always},
	"Sign":     {with: plain(sign), level: always},
	"Reciprocal": {with: plain(func(v float64) float64 {
		return 1 / v
	})},
	"HardSwish": {with: plain(func(v float64) float64 { return v * clamp(v/6+0.5, 0, 1) })},
	"Mish":      {with: plain(func(v float64) float64 { return v * math.Tanh(softplus(v)) })},
	"Gelu":      {with: plain(func(v float64) float64 { return v / 2 * (1 + math.Erf(v/math.Sqrt2)) })},
	"LeakyRelu": {with: leakyRelu, rising: positive("alpha", 0.01)},
	"Elu":       {with: elu, rising: positive("alpha", 1)},
	"Celu":      {with: celu, rising: positive("alpha", 1)},
	"Selu":      {with: selu, rising: func(n *node) bool { return seluAlpha(n) > 0 && seluGamma(n) > 0 }},
	"HardSigmoid": {with: func(n *node) func(float64) float64 {
		alpha, beta := n.float("alpha", 0.2), n.float("beta", 0.5)
		return func(v float64) float64 { return clamp(alpha*v+beta, 0, 1) }
	}, level: positive("alpha", 0.2)},
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

func relu(v float64) float64 { return max(v, 0) }

func sigmoid(v float64) float64 { return 1 / (1 + math.Exp(-v)) }

// softplus returns log(1+exp(v)) without overflow.
func softplus(v float64) float64 { return max(v, 0) + math.Log1p(math.Exp(-math.Abs(v))) }

func sign(v float64) float64 {
	switch {
	case v > 0:
		return 1
	case v < 0:
		return -1
	}
	return v
}

func clamp(v, lo, hi float64) float64 { return min(max(v, lo), hi) }

func leakyRelu(n *node) func(float64) float64 {
	alpha := n.float("alpha", 0.01)
	return func(v float64) float64 {
		if v < 0 {
			return alpha * v
		}
		return v
	}
}

func elu(n *node) func(float64) float64 {
	alpha := n.float("alpha", 1)
	return func(v float64) float64 {
		if v < 0 {
			return alpha * math.Expm1(v)
		}
		return v
	}
}

func celu(n *node) func(float64) float64 {
	alpha := n.float("alpha", 1)
	return func(v float64) float64 { return max(v, 0) + min(0, alpha*math.Expm1(v/alpha)) }
}

func seluAlpha(n *node) float64 { return n.float("alpha", 1.67326319217681884765625) }
func seluGamma(n *node) float64 { return n.float("gamma", 1.05070102214813232421875) }

func selu(n *node) func(float64) float64 {
	alpha, gamma := seluAlpha(n), seluGamma(n)
	return func(v float64) float64 {
		if v < 0 {
			return gamma * alpha * math.Expm1(v)
		}
		return gamma * v
	}
}

// opUnary evaluates an operator of unaries.
func opUnary(im *importer, n *node) (value, error) {
	u := unaries[n.op]
	rising := u.rising != nil && u.rising(n)
	return im.applied(n, u.with(n), rising, rising || u.level != nil && u.level(n))
}

// applied puts f around input 0 of n. rising says that f is strictly
// increasing, level that it never falls.
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
		if n.op == "Relu" {
			out.q = v.q.relu(n, out)
		}
		return out, nil
	case *ranking:
		if rising {
			return v, nil
		}
		return nil, mixed(n, v)
	}
	panic("qonnx: unknown kind of value")
}

// mixed is the error for an operator that may not follow r.
func mixed(n *node, r *ranking) error {
	return r.by.errorf("mixes channels, so it may only end the network, but node %s (%s) follows", n.label(), clip(n.op))
}

// opNeg is affine, unlike the other unaries.
func opNeg(im *importer, n *node) (value, error) {
	v, err := im.operand(n, 0)
	if err != nil {
		return nil, err
	}
	if s, ok := v.(*stream); ok {
		return s.scaled(n, mul, param{all: -1})
	}
	return im.applied(n, func(v float64) float64 { return -v }, false, false)
}

// opClip has its bounds in attributes up to opset 10, then in inputs.
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

// opPRelu has one slope for all channels or one for each.
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
	p, s, err := im.alongside(s, slope)
	if err != nil {
		return nil, n.errorf("%w", err)
	}
	return s.then(n, step{kind: apply, fn: func(c int, v float64) float64 {
		if v < 0 {
			return v * p.at(c)
		}
		return v
	}, rising: p.each == nil && p.all > 0, level: p.every(func(v float64) bool { return v >= 0 }), varies: p.each != nil})
}
