package qonnx

import (
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/qonnx/onnxpb"
	"google.golang.org/protobuf/proto"
)

// compareWithOracle runs the file on random samples in the integer executor and
// in float64, and compares the real outputs: they must be the same integer, up
// to unit/2 where that is what one is worth.
func compareWithOracle(t *testing.T, data []byte, samples int, shape []int, draw func() float64) *quant.Network {
	t.Helper()
	n, err := Decode("test", data)
	if err != nil {
		t.Fatal(err)
	}
	e, tr := quant.NewExecutor(n), quant.Trace{}
	x := make([]int32, n.InputSize())
	for range samples {
		in := newArray(append([]int{1}, shape...)...)
		sample := make([]float32, len(in.data))
		for i := range in.data {
			sample[i] = float32(draw())
			in.data[i] = float64(sample[i])
		}
		want := evaluateFile(data, in)
		n.Input.Apply(sample, x)
		e.Run(x, &tr)
		got := make([]float64, len(want.data))
		e.Real(&tr, got)
		out := n.OutputShape()
		for i, g := range got {
			at := i
			if len(want.shape) == 4 { // channels first
				at = i%out.C*out.Positions() + i/out.C
			}
			if w := want.data[at]; math.Abs(g-w) > 1e-9*max(1, math.Abs(w)) {
				t.Fatalf("output %d is %v, want %v", i, g, w)
			}
		}
	}
	return n
}

// dyadic draws a multiple of 1/8: sums and products of such numbers are exact in
// float64, so that ties fall alike wherever they are computed.
func dyadic(r *rand.Rand, most int) float32 { return float32(r.IntN(2*most+1)-most) / 8 }

// net draws graphs for tests. Its methods append layers.
type net struct {
	*testGraph
	r *rand.Rand
}

func (g *net) dyadics(n, most int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = dyadic(g.r, most)
	}
	return v
}

func (g *net) powers(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(math.Exp2(float64(g.r.IntN(3) - 3)))
	}
	return v
}

// weights appends quantised weights with a scale for each row.
func (g *net) weights(shape ...int) string {
	scale := g.powers(shape[0])
	row := product(shape) / shape[0]
	w := make([]float32, product(shape))
	for i := range w {
		w[i] = float32(g.r.IntN(7)-3) * scale[i/row]
	}
	ones := make([]int, len(shape))
	for i := range ones {
		ones[i] = 1
	}
	ones[0] = shape[0]
	return g.q(g.f32(shape, w...), quantOf{scale: g.f32(ones, scale...), bits: 3, signed: true, narrow: true})
}

func (g *net) act(x string, scale float32) string {
	return g.q(x, quantOf{scale: g.scalar(scale), bits: 4})
}

func (g *net) signed(x string, scale float32) string {
	return g.q(x, quantOf{scale: g.scalar(scale), bits: 4, signed: true})
}

// norm appends a batch norm; half of its gains are negative.
func (g *net) norm(x string, c int) string {
	v := make([]float32, c)
	for i := range v {
		v[i] = []float32{0.25, 1, 4}[g.r.IntN(3)]
	}
	return g.op("BatchNormalization", in(x, g.f32([]int{c}, g.dyadics(c, 16)...), g.f32([]int{c}, g.dyadics(c, 16)...),
		g.f32([]int{c}, g.dyadics(c, 16)...), g.f32([]int{c}, v...)), floatAttr("epsilon", 0))
}

func (g *net) conv(x string, cin, cout, k, groups int, attrs ...func(map[string][]int64)) string {
	a := map[string][]int64{"kernel_shape": {int64(k), int64(k)}, "pads": {1, 1, 1, 1}, "strides": {1, 1}, "dilations": {1, 1}}
	for _, set := range attrs {
		set(a)
	}
	x = g.op("Conv", in(x, g.weights(cout, cin/groups, k, k), g.f32([]int{cout}, g.dyadics(cout, 8)...)), intAttr("group", int64(groups)))
	last := g.g.Node[len(g.g.Node)-1]
	for _, name := range []string{"kernel_shape", "pads", "strides", "dilations"} {
		last.Attribute = append(last.Attribute, intsAttr(name, a[name]...))
	}
	return x
}

func set(name string, v ...int64) func(map[string][]int64) {
	return func(a map[string][]int64) { a[name] = v }
}

// imageGraphs are graphs over inputs of shape 4 x 6 x 6 in UINT4 units of 1/4,
// one or two for each operator. Each returns its output.
var imageGraphs = map[string]func(g *net, x string) string{
	"conv": func(g *net, x string) string {
		return g.act(g.op("Relu", in(g.norm(g.conv(x, 4, 3, 3, 1), 3))), 0.5)
	},
	"grouped conv with strides, dilations and uneven pads": func(g *net, x string) string {
		return g.act(g.conv(x, 4, 6, 2, 2, set("strides", 2, 1), set("dilations", 1, 2), set("pads", 0, 2, 1, 1)), 1)
	},
	"depthwise then pointwise": func(g *net, x string) string {
		return g.signed(g.conv(g.act(g.conv(x, 4, 8, 3, 4), 0.5), 8, 5, 1, 1), 1)
	},
	"raw scores of an image": func(g *net, x string) string { return g.norm(g.conv(x, 4, 3, 3, 1), 3) },
	"auto pads": func(g *net, x string) string {
		y := g.op("Conv", in(x, g.weights(3, 4, 3, 3)), stringAttr("auto_pad", "SAME_UPPER"), intsAttr("strides", 2, 2))
		return g.act(g.op("Conv", in(g.act(y, 0.5), g.weights(2, 3, 2, 2)), stringAttr("auto_pad", "SAME_LOWER")), 1)
	},
	"a pad before a conv": func(g *net, x string) string {
		x = g.op("Pad", in(x, g.i64(0, 0, 1, 2, 0, 0, 0, 1)))
		return g.act(g.conv(x, 4, 3, 3, 1, set("pads", 0, 0, 0, 0)), 1)
	},
	"a pad before a quantiser": func(g *net, x string) string {
		y := g.op("Pad", in(g.conv(x, 4, 3, 3, 1), g.i64(0, 0, 1, 1, 0, 0, 1, 1)))
		return g.act(g.conv(g.act(y, 0.5), 3, 2, 3, 1, set("pads", 0, 0, 0, 0)), 1)
	},
	"max pool of integers": func(g *net, x string) string {
		x = g.op("MaxPool", in(x), intsAttr("kernel_shape", 3, 2), intsAttr("strides", 2, 1), intsAttr("pads", 1, 0, 1, 1))
		return g.act(g.conv(x, 4, 3, 3, 1), 1)
	},
	"max pool with ceil mode at the end": func(g *net, x string) string {
		return g.op("MaxPool", in(g.act(g.conv(x, 4, 3, 2, 1), 0.5)), intsAttr("kernel_shape", 2, 2), intsAttr("strides", 2, 2), intAttr("ceil_mode", 1))
	},
	"max pool before the quantiser": func(g *net, x string) string {
		y := g.op("MaxPool", in(g.norm(g.conv(x, 4, 3, 3, 1), 3)), intsAttr("kernel_shape", 2, 2), intsAttr("strides", 2, 2))
		return g.act(g.conv(g.act(g.op("Relu", in(y)), 0.5), 3, 2, 3, 1), 1)
	},
	"max pool before a falling batch norm": func(g *net, x string) string {
		y := g.op("MaxPool", in(g.op("Relu", in(g.conv(x, 4, 3, 3, 1)))), intsAttr("kernel_shape", 2, 2), intsAttr("strides", 2, 2))
		return g.signed(g.norm(y, 3), 0.5)
	},
	"average pool": func(g *net, x string) string {
		y := g.op("AveragePool", in(x), intsAttr("kernel_shape", 2, 2), intsAttr("pads", 1, 0, 1, 0), intAttr("count_include_pad", 1))
		return g.act(g.conv(g.act(y, 0.25), 4, 3, 3, 1), 1)
	},
	"global average pool and a classifier": func(g *net, x string) string {
		y := g.op("GlobalAveragePool", in(g.act(g.conv(x, 4, 5, 3, 1), 0.5)))
		y = g.act(g.op("Flatten", in(y), intAttr("axis", 1)), 0.137)
		return g.op("Gemm", in(y, g.weights(3, 5)), intAttr("transB", 1))
	},
	"mean of sums without a quantiser": func(g *net, x string) string {
		y := g.op("ReduceMean", in(g.act(g.conv(x, 4, 5, 3, 1), 0.5)), intsAttr("axes", 2, 3))
		return g.op("Gemm", in(g.op("Flatten", in(y)), g.weights(3, 5)), intAttr("transB", 1))
	},
	"residual with a common scale": func(g *net, x string) string {
		a := g.act(g.conv(x, 4, 4, 3, 1), 0.5)
		y := g.op("Add", in(g.act(g.conv(a, 4, 4, 3, 1), 0.25), g.act(a, 0.25)))
		return g.act(g.conv(g.op("Relu", in(g.act(y, 0.5))), 4, 2, 3, 1), 1)
	},
	"residual from the input, scales in a ratio": func(g *net, x string) string {
		y := g.op("Add", in(x, g.signed(g.conv(x, 4, 4, 3, 1), 0.75)))
		return g.signed(y, 0.5)
	},
	"sum of three": func(g *net, x string) string {
		return g.act(g.op("Sum", in(x, g.act(g.conv(x, 4, 4, 3, 1), 0.25), g.act(g.conv(x, 4, 4, 1, 1, set("pads", 0, 0, 0, 0)), 0.5))), 0.5)
	},
	"the input quantised again": func(g *net, x string) string {
		return g.signed(g.op("Add", in(g.act(g.conv(x, 4, 4, 3, 1), 0.5), g.act(x, 0.5))), 1)
	},
	"one layer to three quantisers": func(g *net, x string) string {
		a := g.conv(x, 4, 4, 3, 1)
		y := g.op("Add", in(g.act(a, 0.25), g.act(g.norm(a, 4), 0.25)))
		return g.signed(g.op("Add", in(g.act(y, 0.5), g.act(a, 0.5))), 1)
	},
	"concat": func(g *net, x string) string {
		y := g.op("Concat", in(x, g.act(g.conv(x, 4, 3, 3, 1), 0.25), x), intAttr("axis", 1))
		return g.act(g.conv(y, 11, 2, 3, 1), 1)
	},
	"concat of other scales before a quantiser": func(g *net, x string) string {
		y := g.op("Concat", in(g.norm(g.conv(x, 4, 3, 3, 1), 3), x, g.signed(g.conv(x, 4, 2, 3, 1), 0.5)), intAttr("axis", 1))
		return g.act(g.conv(g.act(g.norm(y, 9), 0.5), 9, 2, 3, 1), 1)
	},
	"resize": func(g *net, x string) string {
		y := g.op("Resize", in(g.act(g.conv(x, 4, 3, 3, 1), 0.5), "", g.f32([]int{4}, 1, 1, 2, 2)), stringAttr("mode", "nearest"),
			stringAttr("coordinate_transformation_mode", "asymmetric"), stringAttr("nearest_mode", "floor"))
		return g.act(g.conv(y, 3, 2, 3, 1), 1)
	},
	"resize of the input, before a quantiser, and twice": func(g *net, x string) string {
		up := func(x string) string {
			return g.op("Resize", in(x, "", g.f32([]int{4}, 1, 1, 2, 2)), stringAttr("mode", "nearest"))
		}
		return g.act(up(up(g.conv(up(x), 4, 2, 3, 1))), 1)
	},
	"resize by expand": func(g *net, x string) string {
		y := g.op("Reshape", in(g.act(g.conv(x, 4, 3, 3, 1), 0.5), g.i64(1, 3, 6, 1, 6, 1)))
		y = g.op("Expand", in(y, g.i64(1, 3, 6, 2, 6, 2)))
		return g.act(g.conv(g.op("Reshape", in(y, g.i64(1, 3, 12, 12))), 3, 2, 3, 1), 1)
	},
	"depth to space, CRD": func(g *net, x string) string {
		y := g.op("DepthToSpace", in(g.norm(g.conv(x, 4, 8, 3, 1), 8)), intAttr("blocksize", 2), stringAttr("mode", "CRD"))
		return g.act(g.op("Relu", in(y)), 0.5)
	},
	"depth to space, DCR": func(g *net, x string) string {
		y := g.op("DepthToSpace", in(g.act(g.conv(x, 4, 8, 3, 1), 0.5)), intAttr("blocksize", 2))
		return g.act(g.conv(y, 2, 2, 3, 1), 1)
	},
	"pixel shuffle as PyTorch writes it": func(g *net, x string) string {
		y := g.op("Reshape", in(g.conv(x, 4, 12, 3, 1), g.i64(1, 3, 2, 2, 6, 6)))
		y = g.op("Transpose", in(y), intsAttr("perm", 0, 1, 4, 2, 5, 3))
		y = g.op("Add", in(g.op("Reshape", in(y, g.i64(1, 3, 12, 12))), g.f32([]int{3, 1, 1}, 1, 2, 3)))
		return g.act(y, 0.5)
	},
	"flatten to a linear layer": func(g *net, x string) string {
		y := g.op("Flatten", in(g.act(g.conv(x, 4, 3, 3, 1), 0.5)))
		return g.op("Gemm", in(y, g.weights(5, 108)), intAttr("transB", 1))
	},
	"the input flattened and as an image": func(g *net, x string) string {
		a := g.act(g.op("Gemm", in(g.op("Flatten", in(x)), g.weights(4, 144)), intAttr("transB", 1)), 4)
		b := g.act(g.op("Flatten", in(g.op("GlobalMaxPool", in(g.conv(x, 4, 4, 3, 1))))), 4)
		return g.op("Gemm", in(g.op("Add", in(a, b)), g.weights(3, 4)), intAttr("transB", 1))
	},
	"channels last between transposes": func(g *net, x string) string {
		y := g.op("Transpose", in(g.conv(x, 4, 3, 3, 1)), intsAttr("perm", 0, 2, 3, 1))
		y = g.act(g.op("Add", in(y, g.f32([]int{3}, 1, 2, 3))), 0.5)
		y = g.op("MatMul", in(y, g.transpose(g.weights(5, 3))))
		y = g.op("Transpose", in(g.act(y, 1)), intsAttr("perm", 0, 3, 1, 2))
		return g.act(g.conv(y, 5, 2, 3, 1), 2)
	},
	"scales per channel along a pool and an add": func(g *net, x string) string {
		s := g.f32([]int{1, 4, 1, 1}, 0.25, 0.5, 0.25, 1)
		a := g.q(g.conv(x, 4, 4, 3, 1), quantOf{scale: s, bits: 4})
		b := g.op("MaxPool", in(g.q(g.conv(x, 4, 4, 3, 1), quantOf{scale: s, bits: 4})), intsAttr("kernel_shape", 3, 3), intsAttr("pads", 1, 1, 1, 1))
		return g.act(g.op("Add", in(a, b)), 0.5)
	},
}

// Every graph's integers are those of the same graph executed in float64.
func TestImageGraphs(t *testing.T) {
	for name, build := range imageGraphs {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(4) {
				g := &net{newTestGraph(1, 4, 6, 6), rand.New(rand.NewPCG(seed, 7))}
				out := build(g, g.act("x", 0.25))
				compareWithOracle(t, g.encode(out), 4, []int{4, 6, 6}, func() float64 { return float64(g.r.IntN(17)) / 4 })
			}
		})
	}
}

// The public ESPCN has a float input: it is read as pixels, k/255. The oracle
// gets the same pixels on an image cut to 12 x 10.
func TestESPCN(t *testing.T) {
	path := models + "/espcn_w4a4_subpixel.onnx"
	data, err := os.ReadFile(path)
	if err != nil {
		t.Skip(err)
	}
	n := read(t, path)
	if got := n.OutputShape(); got != (quant.Shape{H: 256, W: 256, C: 3}) || len(n.Layers) != 5 {
		t.Errorf("%d layers, output %v", len(n.Layers), got)
	}
	r := rand.New(rand.NewPCG(3, 1))
	compareWithOracle(t, resized(t, data, 1, 3, 12, 10), 2, []int{3, 12, 10}, func() float64 { return float64(r.IntN(256)) / 255 })
}

// resized returns the file with another shape of its input.
func resized(t *testing.T, data []byte, shape ...int) []byte {
	t.Helper()
	var m onnxpb.ModelProto
	if err := proto.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	m.Graph.Input[0] = tensorInfo(m.Graph.Input[0].GetName(), shape)
	out, err := proto.Marshal(&m)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
