package qonnx

import (
	"math"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"google.golang.org/protobuf/proto"
)

// of appends a scalar of any type, as its 32-bit field has it.
func (g *testGraph) of(elem elemType, v int32) string {
	name := g.scalar(0)
	t := g.g.Initializer[len(g.g.Initializer)-1]
	t.Reset()
	t.Name, t.DataType, t.Int32Data = &name, proto.Int32(int32(elem)), []int32{v}
	return name
}

func (g *testGraph) cast(x string, to elemType) string {
	return g.op("Cast", in(x), intAttr("to", int64(to)))
}

// acc appends a layer whose one accumulator is the input, -128..127, and returns it
// times a scale.
func (g *testGraph) acc(scale float32) string {
	x := g.q("x", quantOf{scale: g.scalar(1), bits: 8, signed: true})
	w := g.q(g.f32([]int{1, 1}, scale), quantOf{scale: g.scalar(scale), bits: 2, signed: true})
	return g.op("MatMul", in(x, w))
}

// quarters ends a chain in a Quant of 10 bits, in units of 1/4.
func (g *testGraph) quarters(x string) string {
	return g.q(x, quantOf{scale: g.scalar(0.25), bits: 10, signed: true})
}

// rounder returns what rounds to a format of 16 bits: to the number next to v, of
// two to the one with the even pattern, by looking at all. What patterns stand for,
// TestCastPatterns holds to ONNX.
func rounder(f floatFormat) func(v float64) float64 {
	var all [1 << 16]float64
	for p := range all {
		all[p] = f.decode(uint32(p), 16)
	}
	return func(v float64) float64 {
		best, even := math.Inf(1), false
		for p, x := range all {
			d, old := math.Abs(x-v), math.Abs(best-v)
			if d < old || d == old && p%2 == 0 && !even {
				best, even = x, p%2 == 0
			}
		}
		return best
	}
}

// Casts of a stream round, wrap and give what ONNX says for every accumulator. want
// is in real numbers, v the accumulator times the scale.
func TestCastStreams(t *testing.T) {
	half, brain := rounder(floatFormats[typeFloat16]), rounder(floatFormats[typeBfloat16])
	for name, c := range map[string]struct {
		scale float32
		chain func(g *testGraph, x string) string
		want  func(v float64) float64
	}{
		"INT8 drops what is behind the point": {0.75, func(g *testGraph, x string) string {
			return g.cast(g.cast(x, typeInt8), typeFloat)
		}, math.Trunc},
		"UINT8 of what is not negative": {0.75, func(g *testGraph, x string) string {
			return g.cast(g.cast(g.op("Relu", in(x)), typeUint8), typeFloat)
		}, func(v float64) float64 { return math.Trunc(max(v, 0)) }},
		"BOOL of what is not negative": {0.5, func(g *testGraph, x string) string {
			return g.cast(g.cast(g.op("Relu", in(x)), typeBool), typeFloat)
		}, func(v float64) float64 { return truth(func(a, b float64) bool { return a > b })(v, 0) }},
		"a comparison": {0.5, func(g *testGraph, x string) string {
			return g.cast(g.op("GreaterOrEqual", in(x, g.scalar(-3.25))), typeFloat)
		}, func(v float64) float64 { return truth(func(a, b float64) bool { return a >= b })(v, -3.25) }},
		"a choice": {0.5, func(g *testGraph, x string) string {
			return g.op("Where", in(g.op("Greater", in(x, g.scalar(2))), g.scalar(1.5), g.scalar(-0.5)))
		}, func(v float64) float64 {
			if v > 2 {
				return 1.5
			}
			return -0.5
		}},
		"INT32 divides whole numbers": {1, func(g *testGraph, x string) string {
			return g.cast(g.op("Div", in(g.cast(x, typeInt32), g.of(typeInt32, 7))), typeFloat)
		}, func(v float64) float64 { return float64(int(v) / 7) }}, // Go's division is C's
		"INT16 like a constant": {0.75, func(g *testGraph, x string) string {
			return g.cast(g.op("CastLike", in(x, g.of(typeInt16, 0))), typeFloat)
		}, math.Trunc},
		"FLOAT16": {0.1, func(g *testGraph, x string) string {
			return g.cast(g.cast(x, typeFloat16), typeFloat)
		}, half},
		"FLOAT16 rounds every product": {0.1, func(g *testGraph, x string) string { // 0x3e01 is 1.5009765625
			return g.cast(g.op("Mul", in(g.cast(x, typeFloat16), g.of(typeFloat16, 0x3e01))), typeFloat)
		}, func(v float64) float64 { return half(half(v) * 1.5009765625) }},
		"BFLOAT16": {0.3, func(g *testGraph, x string) string {
			return g.cast(g.cast(x, typeBfloat16), typeFloat)
		}, brain},
		"DOUBLE and back": {0.1, func(g *testGraph, x string) string {
			return g.cast(g.cast(x, typeDouble), typeFloat)
		}, func(v float64) float64 { return v }},
		"FLOAT of what DOUBLE computed": {0.1, func(g *testGraph, x string) string {
			tenth := g.op("Cast", in(g.scalar(0.3)), intAttr("to", typeDouble))
			return g.cast(g.op("Mul", in(g.cast(x, typeDouble), tenth)), typeFloat)
		}, func(v float64) float64 { return float64(float32(v * float64(float32(0.3)))) }},
	} {
		g := newTestGraph(1, 1)
		n, err := g.decode(g.quarters(c.chain(g, g.acc(c.scale))))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for acc := int64(-128); acc <= 127; acc++ {
			v := c.want(float64(acc) * float64(c.scale))
			want := int64(math.RoundToEven(v / 0.25))
			if got := n.Layers[0].Thresholds.Apply(0, acc); got != want {
				t.Errorf("%s: accumulator %d gives %d quarters, want %d", name, acc, got, want)
				break
			}
		}
	}
}

// Integers of a Quant pass a Cast that keeps them all, and are others behind one
// that does not.
func TestCastOfIntegers(t *testing.T) {
	build := func(scale float32, casts ...elemType) (*quant.Network, error) {
		g := newTestGraph(1, 4)
		x := g.q("x", quantOf{scale: g.scalar(scale), bits: 4, signed: true})
		for _, to := range casts {
			x = g.cast(x, to)
		}
		return g.decode(g.fc1(x))
	}
	int4 := quant.DataType{Bits: 4, Signed: true}
	for name, c := range map[string]struct {
		scale float32
		casts []elemType
		typ   quant.DataType
		of    map[float32]int32
	}{
		"whole":    {1, []elemType{typeInt32, typeFloat}, int4, map[float32]int32{-3: -3, 9: 7}},
		"quarters": {0.25, []elemType{typeFloat16, typeFloat}, int4, map[float32]int32{-0.75: -3, 9: 7}},
		"quarters, INT8": {0.25, []elemType{typeInt8, typeFloat}, quant.DataType{Bits: 2, Signed: true},
			map[float32]int32{-1.75: -1, -2: -2, 9: 1, 0.75: 0}},
		"DOUBLE": {0.1, []elemType{typeDouble, typeFloat}, int4, map[float32]int32{-0.3: -3, 9: 7}},
	} {
		n, err := build(c.scale, c.casts...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if n.Input.Type != c.typ {
			t.Errorf("%s: integers of type %v, want %v", name, n.Input.Type, c.typ)
		}
		for v, want := range c.of {
			x := make([]int32, 4)
			if n.Input.Apply([]float32{v, v, v, v}, x); x[3] != want {
				t.Errorf("%s: %v becomes %d, want %d", name, v, x[3], want)
			}
		}
	}
	_, err := build(0.1, typeFloat16, typeFloat)
	wantError(t, err, `(MatMul): its data operand, from node "n5" (Cast), is not quantised`)
	_, err = build(1, typeUint8, typeFloat)
	wantError(t, err, `(Cast): -1 is no UINT8, and ONNX leaves open what becomes of it: `+
		`put a Clip before it, or cast to a wider type`)
}

// badTypes lists graphs that element types make impossible, or inexact.
var badTypes = map[string]func(g *testGraph) string{
	// 128 in INT8 is -128: no staircase.
	`(Cast): layer "fc1": channel 0: wants a monotone function of the accumulator: output is not ` +
		`monotone`: func(g *testGraph) string {
		return g.quarters(g.cast(g.cast(g.cast(g.acc(2), typeInt16), typeInt8), typeFloat))
	},
	`accumulator -128 gives NaN, want INT10; what its type does not hold wraps or is left open: put a Clip before ` +
		`it`: func(g *testGraph) string {
		return g.quarters(g.cast(g.cast(g.acc(2), typeInt8), typeFloat))
	},
	`(Cast): layer "fc1": channel 0: wants a monotone function of the accumulator: output is not monotone in the ` +
		`accumulator: ` +
		`4 at -128, 0 at 0, 4 at 127; numbers of both signs are true: put a Relu or a comparison (Greater) before ` +
		`it`: func(g *testGraph) string {
		return g.quarters(g.cast(g.cast(g.acc(1), typeBool), typeFloat))
	},
	// A comparison does not hide what a Cast leaves open.
	`(Cast): layer "fc1": channel 0: wants a monotone function of the accumulator: accumulator -128 gives NaN, want ` +
		`INT10; what`: func(g *testGraph) string {
		return g.quarters(g.cast(g.op("Greater", in(g.cast(g.acc(1), typeUint8), g.of(typeUint8, 3))), typeFloat))
	},
	`(Add): its inputs are of types INT32 and FLOAT, want one: put a Cast before it`: func(g *testGraph) string {
		return g.op("Add", in(g.cast(g.acc(1), typeInt32), g.scalar(1)))
	},
	`(Where): chooses between types INT8 and FLOAT, want one`: func(g *testGraph) string {
		return g.op("Where", in(g.op("Greater", in(g.acc(1), g.scalar(1))), g.of(typeInt8, 1), g.scalar(1)))
	},
	`(Cast): does not say what type it casts to`: func(g *testGraph) string { return g.op("Cast", in(g.acc(1))) },
	`(Cast): casts to element type 8, want a type of numbers`: func(g *testGraph) string {
		return g.cast(g.acc(1), 8)
	},
	`(Cast): the outputs of the last layer must be an affine function`: func(g *testGraph) string {
		return g.cast(g.fc1(g.fourInputs()), typeFloat16)
	},
	`(Cast): rounds scores to FLOAT16, so that the largest may not stay alone: end the graph before ` +
		`it`: func(g *testGraph) string {
		return g.cast(g.op("Softmax", in(g.fc1(g.fourInputs()))), typeFloat16)
	},
	`(Cast): makes label 2 1 in BOOL: cast to a type that holds all labels`: func(g *testGraph) string {
		return g.cast(g.op("ArgMax", in(g.fc1(g.fourInputs())), intAttr("axis", 1)), typeBool)
	},
	`(MatMul): computes in FLOAT16: put a Cast to FLOAT before it`: func(g *testGraph) string {
		return g.fc1(g.cast(g.fourInputs(), typeFloat16))
	},
	`(BatchNormalization): computes in BFLOAT16: put a Cast to FLOAT before it`: func(g *testGraph) string {
		c := g.f32([]int{3}, 1, 2, 3)
		return g.op("BatchNormalization", in(g.cast(g.fc1(g.fourInputs()), typeBfloat16), c, c, c, c))
	},
	`(MatMul): its sums need 6 bits, more than INT4 has: put a Cast to FLOAT before it`: func(g *testGraph) string {
		g.four = true
		x := g.cast(g.q("x", quantOf{scale: g.scalar(1), bits: 3}), typeInt4)
		return g.op("MatMul", in(x, g.cast(g.transpose(g.w1of1()), typeInt4)))
	},
	`(Quant): divides in FLOAT16: put a Cast to FLOAT before its input or its scale`: func(g *testGraph) string {
		return g.q(g.cast(g.acc(1), typeFloat16), quantOf{scale: g.of(typeFloat16, 0x3c00), bits: 4})
	},
	`(Add): element 0: 9.007199254740994e+15 is beyond the integers that are held exactly, up to ` +
		`2^53`: func(g *testGraph) string {
		return g.op("Mul", in(g.acc(1), g.cast(g.op("Add", in(g.i64(1<<53), g.i64(2))), typeFloat)))
	},
	`(Div): element 0: +Inf is no INT32`: func(g *testGraph) string {
		return g.op("Mul", in(g.acc(1), g.cast(g.op("Div", in(g.of(typeInt32, 7), g.of(typeInt32, 0))), typeFloat)))
	},
	`(Mod): takes remainders of FLOAT, want fmod=1 or integers`: func(g *testGraph) string {
		return g.op("Mul", in(g.acc(1), g.op("Mod", in(g.scalar(7), g.scalar(2)))))
	},
	`element 0 is 300, outside UINT8`: func(g *testGraph) string {
		return g.op("Mul", in(g.acc(1), g.cast(g.of(typeUint8, 300), typeFloat)))
	},
	`holds its data twice, raw and typed`: func(g *testGraph) string {
		w := g.scalar(3)
		g.g.Initializer[len(g.g.Initializer)-1].FloatData = []float32{3}
		return g.op("Mul", in(g.acc(1), w))
	},
}

// fourInputs makes the graph's input one of four elements, and quantises it.
func (g *testGraph) fourInputs() string {
	g.four = true
	return g.input("x")
}

// w1of1 appends weights of 3 x 4 in whole numbers.
func (g *testGraph) w1of1() string {
	return g.q(g.f32([]int{3, 4}, weights1...), quantOf{scale: g.scalar(1), bits: 3, signed: true, narrow: true})
}

func TestBadTypes(t *testing.T) {
	for want, build := range badTypes {
		g := newTestGraph(1, 1)
		out := build(g)
		if g.four {
			g.g.Input[0] = tensorInfo("x", []int{1, 4})
		}
		_, err := g.decode(out)
		wantError(t, err, want)
	}
}
