package qonnx

import (
	"math"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
)

// single returns the file of a network of 4 inputs of INT6 worth 1/8 and one output:
// sum(w*x)*0.3 + bias, followed by tail.
func single(bias float32, tail func(g *testGraph, x string) string) []byte {
	g := newTestGraph(1, 4)
	x := g.q(g.input("x"), quantOf{scale: g.scalar(0.125), bits: 6, signed: true})
	w := g.q(g.f32([]int{4, 1}, 0.9, -0.6, 0.3, 0.3),
		quantOf{scale: g.scalar(0.3), bits: 4, signed: true, narrow: true})
	y := g.op("Add", in(g.op("MatMul", in(x, w)), g.f32([]int{1}, bias)))
	return g.encode(tail(g, y))
}

// A network with one output gives class 1 where that is above 0, or above 0.5 where
// it is a probability: over every accumulator, whatever stands at the end.
func TestSingleOutput(t *testing.T) {
	op := func(name string) func(*testGraph, string) string {
		return func(g *testGraph, x string) string { return g.op(name, in(x)) }
	}
	with := func(name string, c float32) func(*testGraph, string) string {
		return func(g *testGraph, x string) string { return g.op(name, in(x, g.scalar(c))) }
	}
	sig := func(v float64) float64 { return 1 / (1 + math.Exp(-v)) }
	quantised := func(of string, scale float32, bits float32, signed bool) func(*testGraph, string) string {
		return func(g *testGraph, x string) string {
			if of != "" {
				x = g.op(of, in(x))
			}
			return g.q(x, quantOf{scale: g.scalar(scale), bits: bits, signed: signed})
		}
	}
	for _, c := range []struct {
		name  string
		tail  func(g *testGraph, x string) string
		class func(logit float64) bool
	}{
		{"logit", op("Identity"), func(v float64) bool { return v > 0 }},
		{"Sigmoid", op("Sigmoid"), func(v float64) bool { return v > 0 }},
		{"Tanh", op("Tanh"), func(v float64) bool { return v > 0 }},
		{"negative", with("Mul", -2), func(v float64) bool { return v < 0 }},
		{"HardSigmoid", op("HardSigmoid"), func(v float64) bool { return 0.2*v+0.5 > 0.5 }},
		{"Greater", with("Greater", 0.7), func(v float64) bool { return v > float64(float32(0.7)) }},
		{"Less", with("Less", -0.7), func(v float64) bool { return v < float64(float32(-0.7)) }},
		{"a threshold behind the Sigmoid", func(g *testGraph, x string) string {
			return g.op("GreaterOrEqual", in(g.op("Sigmoid", in(x)), g.scalar(0.75)))
		}, func(v float64) bool { return sig(v) >= 0.75 }},
		{"a level subtracted behind the Sigmoid", func(g *testGraph, x string) string {
			return g.op("Sub", in(g.op("Sigmoid", in(x)), g.scalar(0.75)))
		}, func(v float64) bool { return sig(v)-0.75 > 0 }},
		{"Quant of the logit", quantised("", 0.25, 6, true), func(v float64) bool {
			return math.RoundToEven(v/0.25) > 0
		}},
		{"Quant of the Sigmoid", quantised("Sigmoid", 1.0/64, 6, false),
			func(v float64) bool { return min(63, math.RoundToEven(sig(v)*64))/64 > 0.5 }},
		{"Quant of the logit, turned round", func(g *testGraph, x string) string {
			return g.op("Mul", in(quantised("", 0.25, 6, true)(g, x), g.scalar(-1)))
		}, func(v float64) bool { return math.RoundToEven(v/0.25) < 0 }},
	} {
		for _, bias := range []float32{0, 0.3, -0.45, 1e-6} {
			data := single(bias, c.tail)
			n, err := Decode("test", data)
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
				continue
			}
			e, x := quant.NewExecutor(n), make([]int32, 4)
			var tr quant.Trace
			seen := [2]int{}
			for v := range int32(64 * 64) {
				x[0], x[1], x[2], x[3] = v%64-32, v/64-32, v%7, -v%5
				e.Run(x, &tr)
				sum := float64(3*x[0] - 2*x[1] + x[2] + x[3])
				want := 0
				if logit := sum*0.125*float64(float32(0.3)) + float64(bias); c.class(logit) {
					want = 1
				}
				if tr.Label[0] != want {
					t.Fatalf("%s, bias %v: sum %v is class %d, want %d", c.name, bias, sum, tr.Label[0], want)
				}
				seen[want]++
			}
			if seen[0] == 0 || seen[1] == 0 {
				t.Errorf("%s, bias %v: classes seen %v", c.name, bias, seen)
			}
		}
	}
}

// A logit of exactly 0 is class 0, also where the bias cancels the sum and floats
// would leave a rest: gain 1 and bias -(3/8 * 0.3), rounded as the file has them.
func TestSingleOutputTie(t *testing.T) {
	n, err := Decode("test", single(0, func(g *testGraph, x string) string { return g.op("Sigmoid", in(x)) }))
	if err != nil {
		t.Fatal(err)
	}
	l := &n.Layers[0]
	if s := l.Score; s == nil || !s.Exact || s.Gain[0] != 1 || s.Bias[0] != 0 || n.Outputs[0].Boundary != 0 {
		t.Errorf("score %+v, boundary %d", l.Score, n.Outputs[0].Boundary)
	}
	var tr quant.Trace
	e := quant.NewExecutor(n)
	for x, want := range map[[4]int32]int{{0, 0, 0, 0}: 0, {0, 0, 1, 0}: 1, {0, 0, 0, -1}: 0, {2, 3, 0, 0}: 0} {
		if e.Run(x[:], &tr); tr.Label[0] != want {
			t.Errorf("%v is class %d, want %d", x, tr.Label[0], want)
		}
	}
	// What is neither affine nor a decision is refused as for many outputs.
	_, err = Decode("test", single(0, func(g *testGraph, x string) string { return g.op("Relu", in(x)) }))
	wantError(t, err, "must be an affine function of its accumulators or end in a Quant")
}
