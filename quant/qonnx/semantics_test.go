package qonnx

import (
	"math"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/google/go-cmp/cmp"
)

// checkThresholds checks every accumulator of every channel against want.
func checkThresholds(t *testing.T, l *quant.Layer, want func(c int, acc float64) float64) {
	t.Helper()
	for c := range l.Out {
		for acc, r := l.AccRange(c).Min, l.AccRange(c); acc <= r.Max; acc++ {
			if got, want := l.Thresholds.Apply(c, acc), int64(want(c, float64(acc))); got != want {
				t.Fatalf("channel %d: %d gives %d, want %d", c, acc, got, want)
			}
		}
	}
}

// unit is what an accumulator of channel c of fc1 is worth.
func unit(c int) float64 { return 0.25 * float64(scales1[c]) }

// The functions are those of QONNX's resolve_rounding_mode.
func TestRoundingModes(t *testing.T) {
	for mode, want := range map[string]func(float64) float64{
		"ROUND":         math.RoundToEven,
		"half_even":     math.RoundToEven,
		"CEIL":          math.Ceil,
		"FLOOR":         math.Floor,
		"ROUND_TO_ZERO": math.Trunc,
		"DOWN":          math.Trunc,
		"UP":            func(v float64) float64 { return math.Copysign(math.Ceil(math.Abs(v)), v) },
		"HALF_UP":       math.Round,
		"HALF_DOWN":     func(v float64) float64 { return math.Copysign(math.Ceil(math.Abs(v)-0.5), v) },
	} {
		t.Run(mode, func(t *testing.T) {
			g := newTestGraph(1, 4)
			x := g.q(g.fc1(g.input("x")), quantOf{scale: g.scalar(0.25), bits: 4, signed: true, mode: mode})
			n := mustDecode(t, g, g.fc2(x))
			checkThresholds(t, &n.Layers[0], func(c int, acc float64) float64 {
				return max(-8, min(7, want(acc*unit(c)/0.25)))
			})
		})
	}
}

// All ranges of bits, sign and narrowness: QONNX's min_int and max_int.
func TestQuantRanges(t *testing.T) {
	for bits := 1; bits <= 8; bits++ {
		for flags := range 4 {
			signed, narrow := flags&1 != 0, flags&2 != 0
			lo, hi := 0.0, math.Ldexp(1, bits)-1
			typ := quant.DataType{Bits: bits, Signed: signed}
			switch {
			case signed:
				lo, hi = -math.Ldexp(1, bits-1), math.Ldexp(1, bits-1)-1
				if narrow {
					lo++
				}
			case narrow:
				hi--
			}
			want := func(c int, acc float64) float64 {
				return max(lo, min(hi, math.RoundToEven(acc*unit(c)/0.5)))
			}
			if signed && bits == 1 { // bipolar
				typ = quant.Bipolar
				want = func(_ int, acc float64) float64 {
					if acc >= 0 {
						return 1
					}
					return -1
				}
			}
			g := newTestGraph(1, 4)
			x := g.q(g.fc1(g.input("x")), quantOf{scale: g.scalar(0.5), bits: float32(bits), signed: signed,
				narrow: narrow})
			n := mustDecode(t, g, g.fc2(x))
			if got := n.Layers[1].Input; got != typ {
				t.Errorf("%d bits, signed %v: type %v, want %v", bits, signed, got, typ)
			}
			checkThresholds(t, &n.Layers[0], want)
		}
	}
}

func TestBipolar(t *testing.T) {
	g := newTestGraph(1, 4)
	x := g.custom("BipolarQuant", in("x", g.scalar(0.5)))
	w := g.custom("BipolarQuant", in(g.f32([]int{3, 4}, weights1...), g.scalar(2)))
	x = g.op("MatMul", in(x, g.transpose(w)))
	x = g.custom("BipolarQuant", in(g.op("Sub", in(x, g.f32([]int{3}, 1, 0, -1))), g.scalar(1)))
	n := mustDecode(t, g, g.fc2(x))
	l := &n.Layers[0]
	if l.WeightBits != 2 || l.Input != quant.Bipolar || n.Layers[1].Input != l.Input {
		t.Errorf("%d-bit weights, inputs %v, outputs %v", l.WeightBits, l.Input, n.Layers[1].Input)
	}
	if d := cmp.Diff([]int32{1, -1, 1, 1, -1, -1, 1, 1, 1, 1, 1, -1}, l.Weights); d != "" {
		t.Error(d)
	}
	if a, b := n.Input.Quantize(0, 0), n.Input.Quantize(0, -1e-9); a != 1 || b != -1 {
		t.Errorf("inputs 0 and -1e-9 give %d and %d", a, b)
	}
	checkThresholds(t, l, func(c int, acc float64) float64 {
		if acc-[]float64{1, 0, -1}[c] >= 0 {
			return 1
		}
		return -1
	})
}

func TestPerChannelActivations(t *testing.T) {
	scale, gain := []float32{0.25, 0.5, 1}, []float32{2, -1, 0.5}
	g := newTestGraph(1, 4)
	x := g.op("BatchNormalization", in(g.fc1(g.input("x")), g.f32([]int{3}, gain...), g.f32([]int{3}, 1, 2, 3),
		g.f32([]int{3}, 0.5, 0, -0.5), g.f32([]int{3}, 1, 2, 3)))
	x = g.q(x, quantOf{scale: g.f32([]int{1, 3}, scale...), bits: 4, signed: true})
	// Dividing by the scales again makes integers of the whole.
	n := mustDecode(t, g, g.fc2(g.op("Div", in(x, g.f32([]int{3}, scale...)))))
	checkThresholds(t, &n.Layers[0], func(c int, acc float64) float64 {
		k := float64(c)
		v := (acc*unit(c)-(0.5-k/2))/math.Sqrt(k+1+float64(float32(1e-5)))*float64(gain[c]) + k + 1
		return max(-8, min(7, math.RoundToEven(v/float64(scale[c]))))
	})
	if d := cmp.Diff([]bool{false, true, false}, n.Layers[0].Thresholds.Inverted); d != "" {
		t.Error(d)
	}
}

// Zero points are folded into the integers, whose types grow.
func TestZeroPoints(t *testing.T) {
	g := newTestGraph(1, 4)
	x := g.q("x", quantOf{scale: g.scalar(0.25), zero: g.scalar(100), bits: 8})
	w := g.q(g.f32([]int{3, 4}, weights1...), quantOf{scale: g.scalar(1), zero: g.scalar(8), bits: 4})
	x = g.op("MatMul", in(x, g.transpose(w)))
	x = g.q(x, quantOf{scale: g.scalar(10), zero: g.f32([]int{1, 3}, 3, -2, 0), bits: 3})
	n := mustDecode(t, g, g.fc2(x))
	l := &n.Layers[0]
	if want := (quant.DataType{Bits: 9, Signed: true}); l.Input != want { // -100..155
		t.Errorf("inputs %v, want %v", l.Input, want)
	}
	if want := (quant.DataType{Bits: 5, Signed: true}); n.Layers[1].Input != want { // -3..9
		t.Errorf("outputs %v, want %v", n.Layers[1].Input, want)
	}
	if l.WeightBits != 4 || l.Weights[0] != 3 || l.Weights[1] != -2 {
		t.Errorf("%d-bit weights %v", l.WeightBits, l.Weights[:2])
	}
	if a, b, c := n.Input.Quantize(0, 0), n.Input.Quantize(0, -99), n.Input.Quantize(0,
		99); a != 0 || b != -100 || c != 155 {
		t.Errorf("inputs give %d, %d, %d, want 0, -100, 155", a, b, c)
	}
	checkThresholds(t, l, func(c int, acc float64) float64 {
		z := []float64{3, -2, 0}[c]
		return max(0, min(7, math.RoundToEven(acc*0.25/10+z))) - z
	})
}

// An offset after a Quant goes through the weights into the next chain.
func TestOffsetsAfterQuant(t *testing.T) {
	g := newTestGraph(1, 4)
	x := g.op("Sub", in(g.q("x", quantOf{scale: g.scalar(1), bits: 4}), g.f32([]int{4}, 1, 2, 3, 4)))
	w := g.q(g.f32([]int{3, 4}, weights1...), quantOf{scale: g.scalar(1), bits: 3, signed: true})
	x = g.q(g.op("MatMul", in(x, g.transpose(w))), quantOf{scale: g.scalar(1), bits: 8, signed: true})
	n := mustDecode(t, g, g.fc2(x))
	checkThresholds(t, &n.Layers[0], func(c int, acc float64) float64 {
		for i, o := range []float64{1, 2, 3, 4} {
			acc -= o * float64(weights1[4*c+i])
		}
		return max(-128, min(127, acc))
	})
}

func TestElementwiseFunctions(t *testing.T) {
	for _, tc := range []struct {
		name string
		op   func(g *testGraph, x string) string
		want func(v float64) float64
	}{
		{"tanh", func(g *testGraph, x string) string { return g.op("Tanh", in(x)) }, math.Tanh},
		{"sigmoid", func(g *testGraph, x string) string { return g.op("Sigmoid", in(x)) },
			func(v float64) float64 { return 1 / (1 + math.Exp(-v)) }},
		{"leaky", func(g *testGraph, x string) string { return g.op("LeakyRelu", in(x), floatAttr("alpha", 0.25)) },
			func(v float64) float64 { return max(v, v/4) }},
		{"prelu", func(g *testGraph, x string) string { return g.op("PRelu", in(x, g.f32([]int{1}, 0.5))) },
			func(v float64) float64 { return max(v, v/2) }},
		{"hardtanh", func(g *testGraph, x string) string { return g.op("Clip", in(x, g.scalar(-0.5), g.scalar(0.75))) },
			func(v float64) float64 { return max(-0.5, min(0.75, v)) }},
		{"hard sigmoid", func(g *testGraph, x string) string {
			return g.op("HardSigmoid", in(x), floatAttr("alpha", 0.5))
		},
			func(v float64) float64 { return max(0, min(1, v*0.5+0.5)) }},
		{"elu", func(g *testGraph, x string) string { return g.op("Elu", in(x)) },
			func(v float64) float64 { return max(v, math.Expm1(min(v, 0))) }},
		{"from a constant", func(g *testGraph, x string) string { return g.op("Sub", in(g.scalar(1), x)) },
			func(v float64) float64 { return 1 - v }},
		{"power", func(g *testGraph, x string) string { return g.op("Pow", in(x, g.scalar(3))) },
			func(v float64) float64 { return v * v * v }},
		{"softplus", func(g *testGraph, x string) string { return g.op("Softplus", in(x)) },
			func(v float64) float64 { return math.Log1p(math.Exp(v)) }},
		{"a square of what is positive", func(g *testGraph, x string) string {
			return g.op("Pow", in(g.op("Relu", in(x)), g.scalar(2)))
		}, func(v float64) float64 { v = max(v, 0); return v * v }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := newTestGraph(1, 4)
			x := g.q(tc.op(g, g.fc1(g.input("x"))), quantOf{scale: g.scalar(0.0999), bits: 5, signed: true})
			n := mustDecode(t, g, g.fc2(x))
			scale := float64(float32(0.0999))
			checkThresholds(t, &n.Layers[0], func(c int, acc float64) float64 {
				return max(-16, min(15, math.RoundToEven(tc.want(acc*unit(c))/scale)))
			})
		})
	}
}

// out_bias + out_scale * the number of thresholds reached.
func TestMultiThreshold(t *testing.T) {
	g := newTestGraph(1, 4)
	x := g.custom("MultiThreshold", in(g.fc1(g.input("x")), g.f32([]int{3, 3}, -1, 0, 1, 0, 0, 0, 1, 2, 3)),
		floatAttr("out_bias", -2), floatAttr("out_scale", 1), stringAttr("out_dtype", "INT2"))
	n := mustDecode(t, g, g.fc2(x))
	if got := n.Layers[1].Input; got != (quant.DataType{Bits: 2, Signed: true}) {
		t.Errorf("outputs %v", got)
	}
	limits := [][]float64{{-1, 0, 1}, {0, 0, 0}, {1, 2, 3}}
	checkThresholds(t, &n.Layers[0], func(c int, acc float64) float64 {
		y := -2.0
		for _, l := range limits[c] {
			if acc*unit(c) >= l {
				y++
			}
		}
		return y
	})
}

// FINN's annotations stand for Quant nodes.
func TestAnnotations(t *testing.T) {
	g := newTestGraph(1, 4)
	w := g.f32([]int{4, 3}, transposedOf(weights1, 3)...)
	x := g.act(g.op("MatMul", in("x", w)))
	g.annotate("x", "UINT3")
	g.annotate(w, "INT3")
	n := mustDecode(t, g, g.fc2(x))
	l := n.Layers[0]
	if l.WeightBits != 3 || l.Input != (quant.DataType{Bits: 3}) || l.Weights[1] != -2 {
		t.Errorf("%d-bit weights %v, inputs %v", l.WeightBits, l.Weights, l.Input)
	}
	if a, b := n.Input.Quantize(0, 5), n.Input.Quantize(0, 99); a != 5 || b != 7 {
		t.Errorf("inputs give %d and %d", a, b)
	}
}

func TestFinalQuant(t *testing.T) {
	g := newTestGraph(1, 4)
	x := g.q(g.fc2(g.act(g.fc1(g.input("x")))), quantOf{scale: g.scalar(0.5), bits: 6, signed: true})
	n := mustDecode(t, g, g.op("Mul", in(g.op("Sigmoid", in(x)), g.scalar(2))))
	l := &n.Layers[1]
	if l.Score != nil {
		t.Fatalf("has scores %+v", l.Score)
	}
	unit := float64(float32(0.4)) * 0.5
	checkThresholds(t, l, func(_ int, acc float64) float64 {
		return max(-32, min(31, math.RoundToEven(acc*unit/0.5)))
	})
}

// scored returns the last layer of the plain network with bias and a tail.
func scored(t *testing.T, tail func(g *testGraph, x string) string) *quant.Layer {
	t.Helper()
	g := newTestGraph(1, 4)
	n := mustDecode(t, g, tail(g, g.fc2(g.act(g.fc1(g.input("x"))))))
	return &n.Layers[1]
}

// An accumulator of fc2 is worth 0.4*0.5 with 0.4 rounded to float32, so a
// bias of 0.45 is 2.25 units less 0.07 ulp: floor 2.
func TestScores(t *testing.T) {
	for _, tc := range []struct {
		name string
		tail func(g *testGraph, x string) string
		want quant.Score
	}{
		{"bias", func(g *testGraph, x string) string { return g.op("Add", in(x, g.f32([]int{2}, 0.45, -0.3))) },
			quant.Score{Gain: []int64{2, 2}, Bias: []int64{4, -3}, Exact: true}},
		{"equal biases", func(g *testGraph, x string) string { return g.op("Add", in(x, g.f32([]int{2}, 0.45, 0.45))) },
			quant.Score{Gain: []int64{1, 1}, Bias: []int64{2, 2}, Exact: true}},
		{"negative gain", func(g *testGraph, x string) string {
			return g.op("Sub", in(g.f32([]int{2}, 0.45, -0.3), g.op("Mul", in(x, g.scalar(3)))))
		}, quant.Score{Gain: []int64{-2, -2}, Bias: []int64{1, -2}, Exact: true}},
		{"commensurable gains", func(g *testGraph, x string) string {
			return g.op("Mul", in(x, g.f32([]int{2}, 1.5, -0.5)))
		},
			quant.Score{Gain: []int64{3, -1}, Bias: []int64{0, 0}, Exact: true}},
		{"a dead channel", func(g *testGraph, x string) string { return g.op("Mul", in(x, g.f32([]int{2}, 0, 0.7))) },
			quant.Score{Gain: []int64{0, 1}, Bias: []int64{0, 0}, Exact: true}},
		{"gains without a common measure", func(g *testGraph, x string) string {
			return g.op("Mul", in(x, g.f32([]int{2}, 1, 0.1)))
		},
			quant.Score{Gain: []int64{32768, 3277}, Bias: []int64{0, 0}}},
	} {
		if d := cmp.Diff(&tc.want, scored(t, tc.tail).Score); d != "" {
			t.Errorf("%s: %s", tc.name, d)
		}
	}
}

// Exact scores order any two outputs as their real values do.
func TestScoresOrderOutputs(t *testing.T) {
	bias, gain := []float32{0.123, -1.7}, []float32{-3, 0.75}
	l := scored(t, func(g *testGraph, x string) string {
		return g.op("Add", in(g.op("Mul", in(x, g.f32([]int{2}, gain...))), g.f32([]int{1, 2}, bias...)))
	})
	checkScores(t, l, func(c int, acc int64) float64 {
		return float64(acc)*float64(float32(0.4))*0.5*float64(gain[c]) + float64(bias[c])
	})
}

func TestMetadata(t *testing.T) {
	g := newTestGraph(1, 4)
	out := g.fc2(g.act(g.fc1(g.input("x"))))
	g.meta = append(g.meta, entry("a2qgen.acc_bits.fc1", "9"), entry("author", "nobody"))
	n := mustDecode(t, g, out)
	if n.Layers[0].AccBits != 9 || n.Layers[1].AccBits != 0 {
		t.Errorf("accumulators of %d and %d bits", n.Layers[0].AccBits, n.Layers[1].AccBits)
	}
	g.meta[0] = entry("a2qgen.acc_bits.hidden", "9")
	g.meta = append(g.meta, entry("a2qgen.layer_names", "hidden,out"))
	n = mustDecode(t, g, out)
	if n.Layers[0].Name != "hidden" || n.Layers[0].AccBits != 9 {
		t.Errorf("layer %q of %d bits", n.Layers[0].Name, n.Layers[0].AccBits)
	}
}
