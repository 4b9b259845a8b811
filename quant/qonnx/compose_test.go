package qonnx

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
)

// drawn is a quantised tensor of a random graph, of scale 1/4.
type drawn struct {
	name    string
	c, h, w int
}

// grow appends a random layer, with what may follow it in random order, and
// quantises its output.
func (g *net) grow(made []drawn) drawn {
	x := made[len(made)-1]
	out, y := x, x.name
	switch g.r.IntN(9) {
	case 0, 1:
		stride := 1 + g.r.IntN(2)
		out.c, out.h, out.w = 1+g.r.IntN(5), (x.h-1)/stride+1, (x.w-1)/stride+1
		y = g.conv(y, x.c, out.c, 3, 1, set("strides", int64(stride), int64(stride)))
	case 2:
		y = g.conv(y, x.c, x.c, 3, x.c)
	case 3:
		y = g.op("MaxPool", in(y), intsAttr("kernel_shape", 2, 2), intsAttr("pads", 0, 0, 1, 1))
	case 4:
		y = g.op("AveragePool", in(y), intsAttr("kernel_shape", 2, 2), intsAttr("pads", 0, 1, 1, 0),
			intAttr("count_include_pad", 1))
	case 5:
		for _, o := range made {
			if o.c == x.c && o.h == x.h && o.w == x.w {
				y = g.op("Add", in(y, o.name))
				break
			}
		}
	case 6:
		for _, o := range made {
			if o.h == x.h && o.w == x.w {
				y, out.c = g.op("Concat", in(y, o.name), intAttr("axis", 1)), x.c+o.c
				break
			}
		}
	case 7:
		if x.h*x.w <= 64 {
			y = g.op("Resize", in(y, "", g.f32([]int{4}, 1, 1, 2, 2)), stringAttr("mode", "nearest"))
			out.h, out.w = 2*x.h, 2*x.w
		}
	case 8:
		if x.c%4 == 0 && x.h*x.w <= 64 {
			y = g.op("DepthToSpace", in(y), intAttr("blocksize", 2),
				stringAttr("mode", []string{"CRD", "DCR"}[g.r.IntN(2)]))
			out.c, out.h, out.w = x.c/4, 2*x.h, 2*x.w
		}
	}
	y, out.h, out.w = g.follow(y, out)
	out.name = g.q(y, quantOf{scale: g.scalar(0.25), bits: float32(2 + g.r.IntN(5)), signed: g.r.IntN(3) == 0})
	return out
}

// follow appends batch norms, activations, pools, moves there and back and
// other steps to y, and returns its rows and columns.
func (g *net) follow(y string, x drawn) (string, int, int) {
	for range g.r.IntN(4) {
		switch g.r.IntN(6) {
		case 0:
			y = g.norm(y, x.c)
		case 1:
			y = g.op("Relu", in(y))
		case 2:
			y = g.op("Add", in(y, g.f32([]int{x.c, 1, 1}, g.dyadics(x.c, 16)...)))
		case 3:
			y = g.op("Mul", in(y, g.f32([]int{1, x.c, 1, 1}, g.powers(x.c)...)))
		case 4:
			y = g.op("Transpose", in(g.op("Transpose", in(y), intsAttr("perm", 0, 2, 3, 1))),
				intsAttr("perm", 0, 3, 1, 2))
		case 5:
			y = g.op("Reshape", in(g.op("Flatten", in(y)), g.i64(1, int64(x.c), int64(x.h), int64(x.w))))
		}
	}
	return y, x.h, x.w
}

// Random graphs of all operators give what float64 gives; those without a layer
// are refused.
func TestRandomGraphs(t *testing.T) {
	graphs := 150
	if testing.Short() {
		graphs = 40
	}
	kinds, read, several := map[quant.Kind]int{}, 0, 0
	for seed := range uint64(graphs) {
		g := &net{newTestGraph(1, 4, 4, 5), rand.New(rand.NewPCG(seed, 12))}
		made := []drawn{{g.act("x", 0.25), 4, 4, 5}}
		for range 1 + g.r.IntN(6) {
			made = append(made, g.grow(made))
		}
		outputs := in(made[len(made)-1].name)
		if o := made[len(made)/2].name; seed%3 == 0 { // in the middle, and read further
			outputs = append(outputs, o)
		}
		data := g.encode(outputs...)
		if _, err := Decode("test", data); seed%3 == 0 && err != nil && strings.Contains(err.Error(), outputs[1]) {
			continue // it is the input
		} else if err != nil {
			wantError(t, err, "the graph has no MatMul, Gemm, Conv or other layer")
			continue
		}
		read++
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			n := compareWithOracle(t, data, 2, []int{4, 4, 5}, func() float64 { return float64(g.r.IntN(17)) / 4 })
			several += min(len(n.Outputs), 2) - 1
			for i := range n.Layers {
				kinds[n.Layers[i].Kind]++
			}
		})
	}
	if several < graphs/6 {
		t.Errorf("%d graphs have several outputs, want more", several)
	}
	for _, kind := range []quant.Kind{quant.Conv, quant.AvgPool, quant.MaxPool, quant.Add, quant.Concat, quant.Upsample,
		quant.PixelShuffle, quant.Requantize} {
		if kinds[kind] == 0 || 10*read < 9*graphs {
			t.Errorf("%d of %d graphs read, kind %s seen %d times", read, graphs, kind, kinds[kind])
		}
	}
}
