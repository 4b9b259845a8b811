package qonnx

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Activations that exporters write as products of a tensor with a function of itself are
// functions of one variable, and become thresholds where the Quant behind them cuts off what
// falls.
func TestFunctionsOfOneTensor(t *testing.T) {
	for name, f := range map[string]func(g *net, x string) string{
		"SiLU": func(g *net, x string) string { return g.op("Mul", in(x, g.op("Sigmoid", in(x)))) },
		"SiLU, the other way round": func(g *net, x string) string {
			return g.op("Mul", in(g.op("Sigmoid", in(x)), x))
		},
		"HardSwish": func(g *net, x string) string {
			six := g.op("Min", in(g.op("Relu", in(g.op("Add", in(x, g.scalar(3))))), g.scalar(6)))
			return g.op("Div", in(g.op("Mul", in(x, six)), g.scalar(6)))
		},
		"GELU": func(g *net, x string) string {
			erf := g.op("Add", in(g.op("Erf", in(g.op("Div", in(x, g.scalar(math.Sqrt2))))), g.scalar(1)))
			return g.op("Mul", in(g.op("Mul", in(x, erf)), g.scalar(0.5)))
		},
		"leaky ReLU": func(g *net, x string) string { return g.op("Max", in(x, g.op("Mul", in(x, g.scalar(0.125))))) },
		"behind a batch norm that differs by channel": func(g *net, x string) string {
			x = g.op("Add", in(x, g.f32([]int{1, 3, 1, 1}, -1, 0.5, 2)))
			return g.op("Mul", in(x, g.op("Sigmoid", in(g.op("Mul", in(x, g.f32([]int{1, 3, 1, 1}, 1, 2, 3)))))))
		},
		"of integers": func(g *net, x string) string {
			x = g.signed(x, 0.25)
			return g.op("Mul", in(x, g.op("Sigmoid", in(x))))
		},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(3) {
				g := &net{newTestGraph(1, 4, 6, 6), rand.New(rand.NewPCG(seed, 10))}
				x := f(g, g.conv(g.act("x", 0.25), 4, 3, 3, 1))
				n := compareWithOracle(t, g.encode(g.act(g.conv(g.act(x, 0.375), 3, 2, 3, 1), 0.5)), 3, []int{4, 6, 6},
					func() float64 { return float64(g.r.IntN(17)) / 4 })
				if len(n.Layers) > 3 {
					t.Errorf("%d layers, want no more than one to requantise", len(n.Layers))
				}
			}
		})
	}
	// Without the cut it falls: refused, with the node.
	g := &net{newTestGraph(1, 4, 6, 6), rand.New(rand.NewPCG(1, 10))}
	x := g.conv(g.act("x", 0.25), 4, 3, 3, 1)
	_, err := g.decode(g.q(g.op("Mul", in(x, g.op("Sigmoid", in(x)))), quantOf{scale: g.scalar(0.0625), bits: 8,
		signed: true}))
	wantError(t, err, "(Mul): layer ")
	wantError(t, err, "wants a monotone function of the accumulator")
	// Two convolutions are two tensors.
	_, err = g.decode(g.act(g.op("Mul", in(x, g.op("Sigmoid", in(g.conv(g.act("x", 0.25), 4, 3, 3, 1))))), 0.5))
	wantError(t, err, "there is no layer for Mul of two tensors")
	// And so are two views of one.
	y := g.act(x, 0.5)
	_, err = g.decode(g.act(g.op("Mul", in(y, g.op("Transpose", in(y), intsAttr("perm", 0, 1, 3, 2)))), 0.5))
	wantError(t, err, "there is no layer for Mul of two tensors")
}
