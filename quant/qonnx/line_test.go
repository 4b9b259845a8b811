package qonnx

import (
	"math/rand/v2"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// lines is a network on lines of 3 channels, or the same on images of one row.
func lines(t *testing.T, image bool) *quant.Network {
	rows := func(dims ...int) []int {
		if image {
			return append(append([]int{}, dims[:2]...), append([]int{1}, dims[2:]...)...)
		}
		return dims
	}
	window := func(name string, own int64, along ...int64) func(g *net) {
		return func(g *net) {
			if image && name == "pads" {
				along = []int64{0, along[0], 0, along[1]}
			} else if image {
				along = append([]int64{own}, along...)
			}
			last := g.g.Node[len(g.g.Node)-1]
			last.Attribute = append(last.Attribute, intsAttr(name, along...))
		}
	}
	g := &net{newTestGraph(rows(1, 3, 11)...), rand.New(rand.NewPCG(4, 4))}
	op := func(name string, operands []string, attrs ...func(g *net)) string {
		out := g.op(name, operands)
		for _, set := range attrs {
			set(g)
		}
		return out
	}
	x := g.op("Pad", in(g.act("x", 0.25), g.i64(padsOf(image, 1, 0)...)))
	y := op("Conv", in(x, g.weights(rows(4, 3, 3)...), g.f32([]int{4}, g.dyadics(4, 8)...)),
		window("pads", 0, 0, 2), window("strides", 1, 2), window("dilations", 1, 2))
	y = g.act(op("MaxPool", in(g.norm(y, 4)), window("kernel_shape", 1, 2)), 0.5)
	y = g.act(op("AveragePool", in(y), window("kernel_shape", 1, 2)), 0.5)
	return mustDecode(t, g.testGraph, op("Conv", in(y, g.weights(rows(2, 4, 2)...))))
}

// padsOf returns the pads of a line or an image of one row.
func padsOf(image bool, before, after int64) []int64 {
	if image {
		return []int64{0, 0, 0, before, 0, 0, 0, after}
	}
	return []int64{0, 0, before, 0, 0, after}
}

func TestLines(t *testing.T) {
	if diff := cmp.Diff(lines(t, true).Layers, lines(t, false).Layers,
		cmpopts.IgnoreUnexported(quant.Layer{})); diff != "" {
		t.Error(diff)
	}
}

// A line is no image of pixels: without a quantiser it is refused.
func TestLineWithoutQuant(t *testing.T) {
	g := &net{newTestGraph(1, 1, 8), rand.New(rand.NewPCG(4, 4))}
	_, err := g.decode(g.op("Conv", in("x", g.weights(2, 1, 3))))
	wantError(t, err, `(Conv): its data operand, the graph's input, is not quantised`)
}

// The mean of a line, channels first or last, of the input or of a layer.
func TestMeanOfLines(t *testing.T) {
	for name, tc := range map[string]struct {
		shape []int
		axis  int64
		conv  bool
	}{
		"input":                {[]int{3, 12}, 2, false},
		"input, channels last": {[]int{12, 3}, 1, false},
		"layer":                {[]int{3, 12}, -1, true},
	} {
		for keep := range int64(2) {
			g := &net{newTestGraph(append([]int{1}, tc.shape...)...), rand.New(rand.NewPCG(4, uint64(keep)))}
			x := g.act("x", 0.25)
			if tc.conv {
				x = g.act(g.op("MaxPool", in(x), intsAttr("kernel_shape", 1)), 0.5)
			}
			y := g.op("ReduceMean", in(x), intsAttr("axes", tc.axis), intAttr("keepdims", keep))
			y = g.op("Gemm", in(g.op("Flatten", in(g.act(y, 0.137))), g.weights(4, 3)), intAttr("transB", 1))
			if tc.conv { // the oracle knows no pools of lines
				n := mustDecode(t, g.testGraph, y)
				if got := n.Layers[1].Window; got.H != 1 || got.W != 12 {
					t.Errorf("%s: the mean is over a window of %dx%d", name, got.H, got.W)
				}
				continue
			}
			compareWithOracle(t, g.encode(y), 8, tc.shape, func() float64 { return float64(g.r.IntN(17)) / 4 })
		}
	}
}
