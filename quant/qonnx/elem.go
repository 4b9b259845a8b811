package qonnx

import (
	"fmt"
	"math"
)

// elemType is an element type of ONNX, by its number in TensorProto.DataType. The
// zero value is that of a tensor of which the file says nothing: a real number.
type elemType int32

// element types of ONNX.
const (
	typeFloat        = 1
	typeUint8        = 2
	typeInt8         = 3
	typeUint16       = 4
	typeInt16        = 5
	typeInt32        = 6
	typeInt64        = 7
	typeBool         = 9
	typeFloat16      = 10
	typeDouble       = 11
	typeUint32       = 12
	typeUint64       = 13
	typeBfloat16     = 16
	typeFloat8e4m3   = 17 // FLOAT8E4M3FN: no infinity
	typeFloat8e4m3uz = 18 // FLOAT8E4M3FNUZ: nor a negative zero
	typeFloat8e5m2   = 19
	typeFloat8e5m2uz = 20
	typeUint4        = 21
	typeInt4         = 22
)

// integerFormat is a range of integers; bool has none of its own. One bit for
// bool: its numbers are 0 and 1, but a conversion to it is a comparison with 0,
// not a truncation (conversion.of).
type integerFormat struct {
	name   string
	bits   int
	signed bool
}

// integerFormats are the types of integers.
var integerFormats = map[elemType]integerFormat{
	typeUint4: {"UINT4", 4, false}, typeInt4: {"INT4", 4, true},
	typeUint8: {"UINT8", 8, false}, typeInt8: {"INT8", 8, true},
	typeUint16: {"UINT16", 16, false}, typeInt16: {"INT16", 16, true},
	typeUint32: {"UINT32", 32, false}, typeInt32: {"INT32", 32, true},
	typeUint64: {"UINT64", 64, false}, typeInt64: {"INT64", 64, true},
	typeBool: {"BOOL", 1, false},
}

// bounds returns the smallest and the largest integer. Of 64 bits the largest
// integer is rounded up to a power of two; integers beyond 2^53 are refused
// before that matters.
func (f integerFormat) bounds() (lo, hi float64) {
	if f.signed {
		half := math.Ldexp(1, f.bits-1)
		return -half, half - 1
	}
	return 0, math.Ldexp(1, f.bits) - 1
}

// floatFormat is a format of floating point.
type floatFormat struct {
	name string
	// digits counts those of the significand, the hidden one too; the last of a
	// subnormal number is worth 2^least. least and most describe a format
	// without its exponent bits and its bias: all that rounding needs is the
	// spacing of numbers and where they end.
	digits, least int
	most          float64 // the largest finite number
	// infinite says that there is an infinity, narrow that a Cast may saturate
	// (the formats of 8 bits), unsigned that zero has no sign (those called
	// UZ). A format without infinity has NaN in its place.
	infinite, narrow, unsigned bool
}

// floatFormats are the types of floating point but for DOUBLE, which holds all
// that a chain computes. From ONNX's page on float8 and IEEE 754.
var floatFormats = map[elemType]floatFormat{
	// BFLOAT16 has FLOAT's exponents: 0xff * 2^120 is (2 - 2^-7) * 2^127.
	typeFloat:        {name: "FLOAT", digits: 24, least: -149, most: math.MaxFloat32, infinite: true},
	typeFloat16:      {name: "FLOAT16", digits: 11, least: -24, most: 65504, infinite: true},
	typeBfloat16:     {name: "BFLOAT16", digits: 8, least: -133, most: 0xff * 0x1p120, infinite: true},
	typeFloat8e4m3:   {name: "FLOAT8E4M3FN", digits: 4, least: -9, most: 448, narrow: true},
	typeFloat8e4m3uz: {name: "FLOAT8E4M3FNUZ", digits: 4, least: -10, most: 240, narrow: true, unsigned: true},
	typeFloat8e5m2:   {name: "FLOAT8E5M2", digits: 3, least: -16, most: 57344, infinite: true, narrow: true},
	typeFloat8e5m2uz: {name: "FLOAT8E5M2FNUZ", digits: 3, least: -17, most: 57344, narrow: true, unsigned: true},
}

// String returns ONNX's name of the type.
func (e elemType) String() string {
	if e == 0 {
		e = typeFloat
	}
	if e == typeDouble {
		return "DOUBLE"
	}
	if f, ok := floatFormats[e]; ok {
		return f.name
	}
	if f, ok := integerFormats[e]; ok {
		return f.name
	}
	return fmt.Sprintf("element type %d", int32(e))
}

// real says that the type is held as the real number that it stands for: chains
// are evaluated in float64 where the graph has FLOAT or DOUBLE.
func (e elemType) real() bool { return e == 0 || e == typeFloat || e == typeDouble }

// integer says that the type is one of integers, or bool.
func (e elemType) integer() bool {
	_, ok := integerFormats[e]
	return ok
}

// known says that there are conversions to the type. Strings and complex
// numbers are none; DOUBLE needs no format.
func (e elemType) known() bool {
	_, floating := floatFormats[e]
	return floating || e.integer() || e == typeDouble
}

// castNames are the names of types, as Cast had them before opset 6.
func castNames() map[string]elemType {
	names := map[string]elemType{"DOUBLE": typeDouble}
	for e, f := range floatFormats {
		names[f.name] = e
	}
	for e, f := range integerFormats {
		names[f.name] = e
	}
	return names
}

// mostExact bounds the integers that float64 holds, each of them.
const mostExact = 1 << 53

// conversion is what Cast does to a number. from matters beside the number: an
// integer that is too large for the target wraps, a real number that is too
// large is left open.
type conversion struct {
	from, to elemType
	// saturate says that what a float8 cannot hold becomes its largest number.
	saturate bool
}

// of converts v. It fails where ONNX leaves the result open, as for 300.0 in
// INT8 and NaN in any integer, or where v is an integer that float64 does not
// hold. ONNX defines BOOL as v != 0, and floating point to integers as
// truncation towards 0 within the range.
func (c conversion) of(v float64) (float64, bool) {
	if c.to == typeBool {
		if v != 0 { // NaN too
			return 1, true
		}
		return 0, true
	}
	if f, ok := integerFormats[c.to]; ok {
		return c.whole(f, v)
	}
	if f, ok := floatFormats[c.to]; ok {
		return f.round(v, c.saturate), true
	}
	return v, true
}

// whole drops what is behind the point, and the high bits of an integer. (ONNX,
// Cast: from integers, the low bits are kept: 200 in INT8 is -56.)
func (c conversion) whole(f integerFormat, v float64) (float64, bool) {
	lo, hi := f.bounds()
	// Trunc(-0.5) is -0, which would go on as a negative zero into 1/v.
	v = math.Trunc(v) + 0 // no -0
	switch {
	// Its low bits are those of float64's rounding, not the integer's.
	case c.from.integer() && math.Abs(v) > mostExact:
		return 0, false
	case v >= lo && v <= hi:
		return v, true
	case !c.from.integer() || math.IsNaN(v):
		return 0, false
	}
	// Modulo 2^bits, moved into lo..hi: what two's complement keeps of the low
	// bits.
	span := math.Ldexp(1, f.bits)
	if v = math.Mod(v, span); v < lo {
		v += span
	} else if v > hi {
		v -= span
	}
	return v, true
}

// number is of, with NaN where that fails. The step that calls it is partial,
// so that NaN is a refusal and not a number that goes on.
func (c conversion) number(v float64) float64 {
	out, ok := c.of(v)
	if !ok {
		return math.NaN()
	}
	return out
}

// open is the error where of fails. It says what to change in the export, since
// the file itself is legal ONNX.
func (c conversion) open(v float64) error {
	if c.from.integer() && math.Abs(v) > mostExact && !math.IsInf(v, 0) {
		return fmt.Errorf("%v is beyond the integers that are held exactly, up to 2^53", v)
	}
	return fmt.Errorf("%v is no %v, and ONNX leaves open what becomes of it: put a Clip before it, or cast to a wider "+
		"type", v, c.to)
}

// climbs says that no larger number becomes a smaller one, whatever they are:
// integers that lose high bits do not climb, nor do signed numbers as BOOL.
// Truncation and rounding to nearest never fall, and neither does saturation.
// What wraps falls from 127 to -128.
func (c conversion) climbs() bool {
	return c.to != typeBool && !(c.to.integer() && c.from.integer())
}

// round returns the nearest number of the format, of two the even one. v is
// scaled so that the last digit is worth 1, rounded to an integer, and scaled
// back: Ldexp is exact. Below the smallest normal number the spacing stays
// 2^least.
func (f floatFormat) round(v float64, saturate bool) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return f.beyond(v, saturate)
	}
	if v == 0 && f.unsigned {
		return 0
	}
	_, exp := math.Frexp(v)
	last := max(exp-f.digits, f.least)
	r := math.Ldexp(math.RoundToEven(math.Ldexp(v, -last)), last)
	// After rounding, as IEEE 754 has it: what rounds to most does not
	// overflow.
	if math.Abs(r) > f.most {
		return f.beyond(v, saturate)
	}
	// The formats called UZ have no negative zero: its pattern is their NaN.
	if r == 0 && f.unsigned {
		return 0
	}
	return r
}

// beyond returns what becomes of a number that is too large, or infinite, or none.
// An infinity saturates in every narrow format, as ONNX's evaluator and ONNX Runtime
// have it and the text of opset 25; that of opset 19 says NaN of those called UZ.
func (f floatFormat) beyond(v float64, saturate bool) float64 {
	switch {
	case math.IsNaN(v):
		return v
	case f.narrow && saturate:
		return math.Copysign(f.most, v)
	case f.infinite:
		return math.Copysign(math.Inf(1), v)
	}
	return math.NaN()
}

// decode returns the number that the low bits of a pattern stand for; bits is
// the size of the format, whose sign comes first. Subnormal numbers (exponent
// 0) have no hidden digit and the spacing of exponent 1. Patterns above most
// are an infinity, where there is one with fraction 0, or NaN: E4M3FN uses all
// but one of the largest exponent's patterns for numbers.
func (f floatFormat) decode(pattern uint32, bits int) float64 {
	mantissa := f.digits - 1
	frac := pattern & (1<<mantissa - 1)
	exp := int(pattern>>mantissa) & (1<<(bits-1-mantissa) - 1)
	sign := 1.0
	if pattern>>(bits-1) == 1 {
		sign = -1
	}
	if f.unsigned && pattern == 1<<(bits-1) {
		return math.NaN()
	}
	v := math.Ldexp(float64(frac), f.least)
	if exp > 0 {
		v = math.Ldexp(float64(frac|1<<mantissa), f.least+exp-1)
	}
	switch {
	case v <= f.most:
		return sign * v
	case f.infinite && frac == 0:
		return math.Inf(int(sign))
	}
	return math.NaN()
}
