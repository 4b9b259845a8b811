package qonnx

import (
	"math"
	"math/bits"
	"strings"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
)

// maxBits bounds the integers of weights and activations; Quant nodes on other
// constants, such as biases, may have more. Thresholds grow as 2^bits, and an
// executor holds integers in int32.
const maxBits = nn.MaxBits

// roundings are QONNX's rounding modes. (QONNX, Quant, attribute
// rounding_mode.) ROUND is numpy's round, halves to even; UP rounds away from
// 0, HALF_UP halves away from 0, HALF_DOWN halves towards 0.
var roundings = map[string]func(v float64) float64{
	"ROUND":         math.RoundToEven,
	"HALF_EVEN":     math.RoundToEven,
	"CEIL":          math.Ceil,
	"FLOOR":         math.Floor,
	"UP":            func(v float64) float64 { return math.Copysign(math.Ceil(math.Abs(v)), v) },
	"DOWN":          math.Trunc,
	"ROUND_TO_ZERO": math.Trunc,
	"HALF_UP":       func(v float64) float64 { return math.Copysign(math.Floor(math.Abs(v)+0.5), v) },
	"HALF_DOWN":     func(v float64) float64 { return math.Copysign(math.Ceil(math.Abs(v)-0.5), v) },
}

// quantiser is a Quant or BipolarQuant node without its scale. The scale is
// apart because constants have one per element, streams one per channel.
type quantiser struct {
	typ quant.DataType
	// lo and hi bound the integers before the zero point is subtracted.
	lo, hi float64
	round  func(v float64) float64
}

// bipolar returns a quantiser that gives the sign, +1 at 0.
func bipolar() *quantiser { return &quantiser{typ: quant.Bipolar, lo: -1, hi: 1} }

// integer returns the integer, without its zero point, for v (QONNX's Quant:
// v/scale + zero, clipped and rounded; the bounds are integers, so the order of
// the two does not matter). BipolarQuant has no 0: its sign is that of numpy's
// where(v >= 0, 1, -1).
func (z *quantiser) integer(v, scale, zero float64) float64 {
	y := v/scale + zero
	if z.typ.Bipolar {
		if y >= 0 {
			return 1 - zero
		}
		if y < 0 {
			return -1 - zero
		}
		return y // NaN
	}
	return z.round(clamp(y, z.lo, z.hi)) - zero
}

// newQuantiser reads the bit width and attributes of a Quant node.
func (im *importer) newQuantiser(n *node) (*quantiser, error) {
	width, err := im.oneNumber(n, 3)
	if err != nil {
		return nil, err
	}
	return n.quantiserOf(width, "ROUND")
}

// quantiserOf reads the attributes of a node that makes integers of width bits.
// usual is the operator's default rounding mode. QONNX's default of signed is
// 1, of narrow 0. Widths are tensors there, which may be fractions; hardware
// has none.
func (n *node) quantiserOf(width float64, usual string) (*quantiser, error) {
	if width != math.Trunc(width) || width < 1 || width > 64 {
		return nil, n.errorf("bit width is %v, want an integer from 1 to 64", width)
	}
	mode := n.string("rounding_mode", usual)
	z := &quantiser{round: roundings[strings.ToUpper(mode)]}
	if z.round == nil {
		return nil, n.errorf("unknown rounding mode %s", show(mode))
	}
	narrow := 0.0
	if n.int("narrow", 0) != 0 {
		narrow = 1
	}
	z.typ = quant.DataType{Bits: int(width), Signed: n.int("signed", 1) != 0}
	switch {
	case z.typ.Signed && width == 1:
		// Brevitas exports binary weights so; QONNX takes them as +-1.
		return bipolar(), nil
	// narrow leaves the smallest integer out: symmetric, as weights are (MATH
	// 3).
	case z.typ.Signed:
		half := math.Ldexp(1, int(width)-1)
		z.lo, z.hi = -half+narrow, half-1
	// An unsigned narrow range ends one lower in QONNX: 0..2^bits - 2.
	default:
		z.hi = math.Ldexp(1, int(width)) - 1 - narrow
	}
	return z, nil
}

// opQuant evaluates Quant(x, scale, zero point, bit width). (QONNX, Quant.) The
// graph sees (integer - zero) * scale; the layers get the integer without its
// zero point.
func opQuant(im *importer, n *node) (value, error) {
	z, err := im.newQuantiser(n)
	if err != nil {
		return nil, err
	}
	scale, err := im.constant(n, 1)
	if err != nil {
		return nil, err
	}
	zero, err := im.constant(n, 2)
	if err != nil {
		return nil, err
	}
	return im.quantise(n, z, scale, zero)
}

// opBipolarQuant evaluates BipolarQuant(x, scale).
func opBipolarQuant(im *importer, n *node) (value, error) {
	scale, err := im.constant(n, 1)
	if err != nil {
		return nil, err
	}
	return im.quantise(n, bipolar(), scale, &tensor{data: []float64{0}})
}

// quantise puts z around input 0 of n. A FLOAT16 division rounds before the
// integer is taken, and runtimes differ in whether they do it in FLOAT; such a
// graph has no one reading.
func (im *importer) quantise(n *node, z *quantiser, scale, zero *tensor) (value, error) {
	v, err := im.operand(n, 0)
	if err != nil {
		return nil, err
	}
	if e := elemOf(v); e == scale.elem && !e.real() && !e.integer() {
		return nil, n.errorf("divides in %v: put a Cast to FLOAT before its input or its scale", e)
	}
	switch v := v.(type) {
	case *tensor:
		return im.quantiseTensor(n, z, v, scale, zero)
	case *stream:
		return im.quantiseStream(n, z, v, scale, zero)
	case *ranking:
		return nil, mixed(n, v)
	}
	panic("qonnx: unknown kind of value")
}

// checkScale checks parameters of a quantiser; there is one for each of what. A
// negative scale would turn the staircase, which MATH 6 could do, but no
// exporter writes one. A zero point that is no integer would put real 0 between
// two integers, and padding with it.
func checkScale(n *node, scale, zero param, what string) error {
	if i, bad, found := scale.but(func(v float64) bool { return v > 0 && finite(v) }); found {
		return n.errorf("%sscale is %v, want a positive number", scale.which(what, i), bad)
	}
	if i, bad, found := zero.but(func(v float64) bool { return v == math.Trunc(v) && math.Abs(v) < 1<<40 }); found {
		return n.errorf("%szero point is %v, want an integer", zero.which(what, i), bad)
	}
	return nil
}

// span returns the bounds of the integers without zero points and the data type
// for them. A type that needs more than maxBits has 0 bits. Zero points move
// the range: UINT8 around 128 is -128..127. Of several per channel the range is
// that of all, since a stream has one type.
func (z *quantiser) span(zero param) (lo, hi float64, typ quant.DataType) {
	if zero.zero() {
		if z.typ.Bits > maxBits {
			return z.lo, z.hi, quant.DataType{}
		}
		return z.lo, z.hi, z.typ
	}
	lo, hi = math.Inf(1), math.Inf(-1)
	zero.every(func(v float64) bool {
		lo, hi = min(lo, z.lo-v), max(hi, z.hi-v)
		return true
	})
	return lo, hi, typeOf(lo, hi)
}

// typeOf returns the smallest data type that holds lo, hi and 0; one of 0 bits
// where that takes more than maxBits. -lo-1 is the complement: -128 needs seven
// bits and the sign.
func typeOf(lo, hi float64) quant.DataType {
	if lo < -1<<maxBits || hi > 1<<maxBits {
		return quant.DataType{}
	}
	t := quant.DataType{Bits: max(1, bits.Len64(uint64(max(hi, 0))))}
	if lo < 0 {
		t = quant.DataType{Bits: max(bits.Len64(uint64(max(hi, 0))), bits.Len64(uint64(-lo-1))) + 1, Signed: true}
	}
	if t.Bits > maxBits {
		return quant.DataType{}
	}
	return t
}

// quantiseStream puts a quantiser behind a stream. Scales must not vary by
// position (spread): hardware has thresholds per channel.
func (im *importer) quantiseStream(n *node, z *quantiser, s *stream, scale, zero *tensor) (value, error) {
	ps, s, err := im.alongside(s, scale)
	if err != nil {
		return nil, n.errorf("scale: %w", err)
	}
	pz, s, err := im.alongside(s, zero)
	if err != nil {
		return nil, n.errorf("zero point: %w", err)
	}
	if err := checkScale(n, ps, pz, "channel"); err != nil {
		return nil, err
	}
	_, _, typ := z.span(pz)
	return im.quantisedBy(n, s, quantisation{
		typ: typ, bits: z.typ.Bits, scale: ps, varies: ps.each != nil || pz.each != nil,
		integer: func(c int, v float64) float64 { return z.integer(v, ps.at(c), pz.at(c)) },
	})
}

// toInt converts an integer, or NaN to notANumber. NaN to int64 is whatever the
// processor makes of it, so that it has a value of its own.
func toInt(v float64) int64 {
	if math.IsNaN(v) {
		return notANumber
	}
	return int64(v)
}

// grid is how a weight that was quantised before may differ from y scales: by the
// roundings of its element type, relative to it. There are three of them. The
// writer's product of integer and scale is rounded, its scale may have been, as the
// quotient of a maximum and an integer, and so may the one in the file. Each is a
// factor of at most 1 + u with u = 2^-digits, half of the last digit: 2^-24 in FLOAT.
// (IEEE 754, to nearest.) A fourth u is room for the products of the three and for
// float64. Of 32768 scales in FLOAT that is 1/128 of a scale, of one 2^-22.
type grid struct{ unit float64 }

// gridOf returns the grid of weights and scales of these element types, the coarser
// of which decides. Whatever is no narrow format may have been computed in FLOAT:
// DOUBLE that was exported from it, and integers beside a scale.
func gridOf(weights, scale elemType) grid {
	digits := floatFormats[typeFloat].digits
	for _, e := range []elemType{weights, scale} {
		if f, ok := floatFormats[e]; ok {
			digits = min(digits, f.digits)
		}
	}
	return grid{4 * math.Ldexp(1, -digits)}
}

// holds says that x scales are y scales but for rounding. Only 0 is near 0.
func (g grid) holds(x, y float64) bool { return math.Abs(x-y) <= g.unit*math.Abs(y) }

// quantiseTensor folds a quantiser of a constant: weights, as a rule. The
// integers are kept beside the product: dividing again by the scale could miss
// them. The product is what a reader that needs numbers gets, e.g. a bias.
func (im *importer) quantiseTensor(n *node, z *quantiser, t, scale, zero *tensor) (value, error) {
	ps, err := im.perElement(scale, t.shape)
	if err != nil {
		return nil, n.errorf("scale: %w", err)
	}
	pz, err := im.perElement(zero, t.shape)
	if err != nil {
		return nil, n.errorf("zero point: %w", err)
	}
	if err := checkScale(n, ps, pz, "element"); err != nil {
		return nil, err
	}
	out, err := im.newTensor(t.shape, typeFloat)
	if err != nil {
		return nil, n.errorf("%w", err)
	}
	lo, hi, typ := z.span(pz)
	if typ.Bits != 0 {
		out.q = &constInts{n: make([]int32, len(t.data)), scale: ps, lo: int64(lo), hi: int64(hi)}
	} else {
		out.wide = z.typ.Bits
	}
	// Quantised twice, the file still holds what the first of the two moved.
	near := gridOf(t.elem, scale.elem)
	out.unrounded = t.unrounded
	for i, v := range t.data {
		if !finite(v) {
			return nil, n.errorf("element %d of input %s is %v", i, show(n.in[0]), v)
		}
		y := z.integer(v, ps.at(i), pz.at(i))
		out.data[i] = y * ps.at(i)
		// What was clipped counts as well: y is then far from v/scale.
		out.unrounded = out.unrounded || !near.holds(v/ps.at(i), y)
		if out.q != nil {
			out.q.n[i] = int32(y)
		}
	}
	return out, nil
}
