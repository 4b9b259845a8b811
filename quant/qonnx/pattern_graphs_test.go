package qonnx

import (
	"math/rand/v2"
	"testing"
)

// split appends a Split of an axis into two and returns both parts.
func (g *net) split(x string, axis, first, second int64) (a, b string) {
	a = g.op("Split", in(x, g.i64(first, second)), intAttr("axis", axis))
	b = a + "_rest"
	last := g.g.Node[len(g.g.Node)-1]
	last.Output = append(last.Output, b)
	return a, b
}

// odd quantises to 3 bits of a scale that is no power of two.
func (g *net) odd(x string, scale float32) string {
	return g.q(x, quantOf{scale: g.scalar(scale), bits: 3, signed: true})
}

// plainConv is conv with one scale for all rows.
func (g *net) plainConv(x string, cin, cout int) string {
	w := make([]float32, cout*cin)
	for i := range w {
		w[i] = float32(g.r.IntN(7)-3) * 0.05
	}
	q := quantOf{scale: g.scalar(0.05), bits: 3, signed: true, narrow: true}
	return g.op("Conv", in(x, g.q(g.f32([]int{cout, cin, 1, 1}, w...), q)))
}

// patternGraphs are graphs on a quantised image of 4 channels, 6 x 6.
var patternGraphs = map[string]func(g *net, x string) string{
	"split and concat": func(g *net, x string) string {
		a, b := g.split(g.signed(g.conv(x, 4, 6, 3, 1), 0.5), 1, 2, 4)
		a = g.signed(g.conv(a, 2, 2, 1, 1, set("pads", 0, 0, 0, 0)), 0.25)
		x = g.op("Concat", in(b, g.signed(a, 0.5)), intAttr("axis", 1))
		return g.act(g.conv(x, 6, 3, 1, 1, set("pads", 0, 0, 0, 0)), 0.5)
	},
	"split of the input": func(g *net, x string) string {
		a, b := g.split(x, 1, 1, 3)
		return g.act(g.op("Concat", in(b, a), intAttr("axis", 1)), 0.5)
	},
	"split of accumulators": func(g *net, x string) string {
		a, b := g.split(g.plainConv(x, 4, 5), 1, 2, 3)
		return g.act(g.op("Concat", in(g.act(b, 0.3), g.act(a, 0.3)), intAttr("axis", 1)), 0.3)
	},
	"slice backwards": func(g *net, x string) string {
		return g.act(g.op("Slice", in(g.norm(g.conv(x, 4, 6, 3, 1), 6), g.i64(5), g.i64(-100), g.i64(1), g.i64(-2))),
			0.5)
	},
	"gather twice": func(g *net, x string) string {
		x = g.op("Gather", in(g.signed(g.conv(x, 4, 3, 3, 1), 0.5), g.i64(2, 0, 2, 1)), intAttr("axis", 1))
		return g.act(g.conv(x, 4, 2, 3, 1), 0.5)
	},
	"slice of a flattened image": func(g *net, x string) string {
		x = g.op("Flatten", in(g.signed(g.conv(x, 4, 2, 3, 1), 0.5)))
		return g.head(g.op("Slice", in(x, g.i64(10), g.i64(60), g.i64(1), g.i64(1))), 50, 3)
	},
	"sub": func(g *net, x string) string {
		a, b := g.signed(g.conv(x, 4, 3, 3, 1), 0.5), g.act(g.conv(x, 4, 3, 3, 1), 1)
		return g.signed(g.op("Relu", in(g.op("Sub", in(a, b)))), 0.5)
	},
	"sub of one tensor, used twice": func(g *net, x string) string {
		a := g.signed(g.conv(x, 4, 3, 3, 1), 0.5)
		b := g.signed(g.op("Sub", in(g.signed(g.conv(x, 4, 3, 3, 1), 0.5), a)), 0.5)
		return g.signed(g.op("Add", in(a, b)), 0.5)
	},
	"sub from the input": func(g *net, x string) string {
		return g.signed(g.op("Sub", in(x, g.signed(g.conv(x, 4, 4, 3, 1), 0.25))), 0.5)
	},
	"add of unrelated scales": func(g *net, x string) string {
		y := g.op("Add", in(g.odd(g.conv(x, 4, 3, 3, 1), 0.1), g.odd(g.conv(x, 4, 3, 3, 1), 0.137)))
		return g.signed(g.op("Relu", in(y)), 0.15)
	},
	"sub of unrelated scales, then a batch norm": func(g *net, x string) string {
		y := g.op("Sub", in(g.odd(g.conv(x, 4, 3, 3, 1), 0.3), g.odd(g.conv(x, 4, 3, 3, 1), 0.137)))
		return g.signed(g.norm(y, 3), 0.15)
	},
	"add of accumulators and the input": func(g *net, x string) string {
		return g.act(g.op("Relu", in(g.op("Add", in(g.plainConv(x, 4, 4), x)))), 0.1)
	},
	"add of accumulators": func(g *net, x string) string {
		return g.act(g.op("Add", in(g.plainConv(x, 4, 4), g.plainConv(x, 4, 4))), 0.1)
	},
	"sum of accumulators, their input and a constant": func(g *net, x string) string {
		y := g.odd(x, 0.1)
		return g.act(g.op("Sum", in(y, g.plainConv(y, 4, 4), g.f32([]int{1, 4, 1, 1}, 1, 2, -1, 0))), 0.1)
	},
	"mean of two": func(g *net, x string) string {
		return g.signed(g.op("Mean", in(g.signed(g.conv(x, 4, 3, 3, 1), 0.5), g.signed(g.conv(x, 4, 3, 3, 1), 0.25))),
			0.25)
	},
	"max of four": func(g *net, x string) string {
		y := g.conv(x, 4, 3, 3, 1)
		return g.signed(g.op("Max", in(g.scalar(-2), y, g.f32([]int{1, 3, 1, 1}, g.dyadics(3, 16)...), g.scalar(-0.5))),
			0.5)
	},
	"min of three": func(g *net, x string) string {
		y := g.norm(g.conv(x, 4, 3, 3, 1), 3)
		return g.signed(g.op("Min", in(y, g.f32([]int{3, 1, 1}, g.dyadics(3, 16)...), g.scalar(1))), 0.5)
	},
	"maximum over the image": func(g *net, x string) string {
		x = g.signed(g.conv(x, 4, 3, 3, 1), 0.5)
		return g.head(g.op("ReduceMax", in(x), intsAttr("axes", 2, 3), intAttr("keepdims", 0)), 3, 4)
	},
	"maximum over rows before its quantiser": func(g *net, x string) string {
		x = g.op("ReduceMax", in(g.norm(g.conv(x, 4, 3, 3, 1), 3)), intsAttr("axes", -2))
		return g.signed(g.op("Relu", in(x)), 0.5)
	},
	"sum over columns": func(g *net, x string) string {
		return g.signed(g.op("ReduceSum", in(g.signed(g.conv(x, 4, 3, 3, 1), 0.5)), intsAttr("axes", 3)), 0.5)
	},
}

// Every graph's integers are those of the same graph executed in float64. Where a
// maximum meets channels that fall, it is refused.
func TestPatternGraphs(t *testing.T) {
	seeds := uint64(6)
	if testing.Short() {
		seeds = 2
	}
	for name, build := range patternGraphs {
		t.Run(name, func(t *testing.T) {
			for seed := range seeds {
				g := &net{newTestGraph(1, 4, 6, 6), rand.New(rand.NewPCG(seed, 17))}
				out := build(g, g.act("x", 0.25))
				if _, err := g.decode(out); err != nil && name == "maximum over rows before its quantiser" {
					wantError(t, err, "takes maxima of values that fall")
					continue
				}
				compareWithOracle(t, g.encode(out), 4, []int{4, 6, 6}, func() float64 {
					return float64(g.r.IntN(17)) / 4
				})
			}
		})
	}
}

// Products on sequences, of shape [1 length channels], work at every position.
func TestSequences(t *testing.T) {
	for name, build := range map[string]func(g *net, x string) string{
		"two layers": func(g *net, x string) string {
			x = g.op("Add", in(g.op("MatMul", in(x, g.matrix(6, 4))), g.f32([]int{4}, g.dyadics(4, 8)...)))
			return g.signed(g.op("MatMul", in(g.act(g.op("Relu", in(x)), 0.5), g.matrix(4, 3))), 0.5)
		},
		"flattened": func(g *net, x string) string {
			return g.head(g.op("Flatten", in(g.act(g.op("MatMul", in(x, g.matrix(6, 4))), 0.5))), 20, 3)
		},
		"mean over the length": func(g *net, x string) string {
			x = g.act(g.op("MatMul", in(x, g.matrix(6, 4))), 0.5)
			x = g.op("ReduceMean", in(x), intsAttr("axes", 1), intAttr("keepdims", 0))
			return g.head(g.act(x, 0.25), 4, 3)
		},
		"gathered channels": func(g *net, x string) string {
			x = g.op("Gather", in(x, g.i64(5, 0, 3)), intAttr("axis", 2))
			return g.signed(g.op("MatMul", in(x, g.matrix(3, 4))), 0.5)
		},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(3) {
				g := &net{newTestGraph(1, 5, 6), rand.New(rand.NewPCG(seed, 19))}
				out := build(g, g.act("x", 0.25))
				compareWithOracle(t, g.encode(out), 4, []int{5, 6}, func() float64 { return float64(g.r.IntN(17)) / 4 })
			}
		})
	}
}

// matrix appends quantised weights of one scale.
func (g *net) matrix(rows, cols int) string {
	w := make([]float32, rows*cols)
	for i := range w {
		w[i] = float32(g.r.IntN(7)-3) * 0.25
	}
	return g.q(g.f32([]int{rows, cols}, w...), quantOf{scale: g.scalar(0.25), bits: 3, signed: true})
}
