package qonnx

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/qonnx/onnxpb"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/proto"
)

// exports are forms that exporters write, over an input of their own shape.
var exports = map[string]struct {
	shape []int
	opset int64
	build func(g *net) string
}{
	"an image with its channels last": {[]int{5, 6, 4}, 14, func(g *net) string {
		x := g.op("Transpose", in(g.act("x", 0.25)), intsAttr("perm", 0, 3, 1, 2))
		y := g.act(g.conv(x, 4, 3, 3, 1), 0.5)
		return g.act(g.conv(y, 3, 2, 3, 1), 1)
	}},
	"an image given as a row": {[]int{60}, 14, func(g *net) string {
		x := g.op("Reshape", in("x", g.i64(-1, 3, 4, 5)))
		y := g.act(g.conv(g.act(x, 0.25), 3, 4, 3, 1), 0.5)
		return g.op("Gemm", in(g.op("Reshape", in(y, g.i64(1, -1))), g.weights(5, 80)), intAttr("transB", 1))
	}},
	"a normalised input": {[]int{3, 4, 5}, 14, func(g *net) string {
		x := g.op("Mul", in(g.op("Sub", in("x", g.f32([]int{3, 1, 1}, 1, 2, 0.5))),
			g.f32([]int{1, 3, 1, 1}, 2, 0.5, 1)))
		return g.act(g.conv(g.signed(x, 0.25), 3, 4, 3, 1), 0.5)
	}},
	"an image turned on its side": {[]int{3, 4, 5}, 14, func(g *net) string {
		x := g.op("Transpose", in(g.act("x", 0.25)), intsAttr("perm", 0, 1, 3, 2))
		return g.act(g.conv(x, 3, 4, 3, 1, set("pads", 2, 0, 0, 1)), 0.5)
	}},
	"an old upsampling": {[]int{3, 4, 5}, 9, func(g *net) string {
		y := g.op("Upsample", in(g.act("x", 0.25), g.f32([]int{4}, 1, 1, 2, 2)), stringAttr("mode", "nearest"))
		return g.act(g.conv(y, 3, 4, 3, 1), 0.5)
	}},
	"a row made an image": {[]int{7}, 14, func(g *net) string {
		y := g.act(g.op("Gemm", in(g.act("x", 0.25), g.weights(32, 7)), intAttr("transB", 1)), 0.5)
		y = g.op("Reshape", in(y, g.i64(1, 2, 4, 4)))
		return g.act(g.conv(y, 2, 3, 3, 1), 1)
	}},
	"shared weights and a shared quantiser's parameters": {[]int{4, 4, 4}, 14, func(g *net) string {
		x, w := g.act("x", 0.25), g.weights(4, 4, 3, 3)
		step := func(x string) string {
			return g.act(g.op("Conv", in(x, w), intsAttr("pads", 1, 1, 1, 1)), 0.25)
		}
		a := step(x)
		return g.act(g.op("Add", in(step(a), a)), 0.5)
	}},
	"two outputs of one pool": {[]int{4, 4, 4}, 14, func(g *net) string {
		p := g.op("MaxPool", in(g.act("x", 0.25)), intsAttr("kernel_shape", 2, 2))
		a := g.act(g.conv(p, 4, 4, 3, 1), 0.25)
		b := g.act(g.conv(g.act(p, 0.5), 4, 4, 3, 1), 0.25)
		return g.act(g.op("Add", in(g.op("Add", in(a, b)), p)), 0.75)
	}},
	"a dense block": {[]int{4, 4, 4}, 14, func(g *net) string {
		x := g.act("x", 0.25)
		for k := range 3 {
			y := g.act(g.op("Relu", in(g.norm(g.conv(x, 4+2*k, 2, 3, 1), 2))), 0.25)
			x = g.op("Concat", in(x, y), intAttr("axis", 1))
		}
		y := g.op("GlobalAveragePool", in(x))
		return g.op("Gemm", in(g.op("Flatten", in(y)), g.weights(3, 10)), intAttr("transB", 1))
	}},
}

func TestExports(t *testing.T) {
	for name, e := range exports {
		t.Run(name, func(t *testing.T) {
			g := &net{newTestGraph(append([]int{1}, e.shape...)...), rand.New(rand.NewPCG(4, 4))}
			g.opset = e.opset
			out := e.build(g)
			compareWithOracle(t, g.encode(out), 5, e.shape, func() float64 { return float64(g.r.IntN(17)) / 4 })
		})
	}
}

// A network that returns Brevitas's QuantTensor has its scale, zero point and bit
// width as outputs too, computed or as they stand in the file.
func TestConstantOutputs(t *testing.T) {
	g := newTestGraph(1, 4)
	scale, zero := g.scalar(0.4), g.scalar(0)
	y := g.q(g.fc1(g.input("x")), quantOf{scale: scale, zero: zero, bits: 2})
	alone := mustDecode(t, g, y)
	for _, outputs := range [][]string{
		in(y, scale, zero, g.op("Mul", in(g.scalar(2), g.scalar(1)))),
		in(scale, y),
	} {
		n := mustDecode(t, g, outputs...)
		if diff := cmp.Diff(alone.Layers[0].Thresholds, n.Layers[0].Thresholds); len(n.Layers) != 1 || diff != "" {
			t.Errorf("outputs %v: %d layers: %s", outputs, len(n.Layers), diff)
		}
	}
}

// Operators of QONNX's channels_last domain give the same network as the standard
// ones.
func TestChannelsLast(t *testing.T) {
	build := func(last bool) *quant.Network {
		g := &net{newTestGraph(1, 3, 5, 6), rand.New(rand.NewPCG(4, 4))}
		turned := func(x string) string {
			if last {
				x = g.op("Transpose", in(x), intsAttr("perm", 0, 2, 3, 1))
			}
			return x
		}
		op := func(name string, operands []string, attrs ...*onnxpb.AttributeProto) string {
			out := g.op(name, operands, attrs...)
			if last {
				g.g.Node[len(g.g.Node)-1].Domain = proto.String("qonnx.custom_op.channels_last")
			}
			return out
		}
		c := []string{g.f32([]int{4}, 1, -1, 0.5, 2), g.f32([]int{4}, 1, 0, 0, 2), g.f32([]int{4}, 0, 0, 1, 0),
			g.f32([]int{4}, 1, 1, 1, 1)}
		y := op("Conv", in(turned(g.act("x", 0.25)), turned(g.weights(4, 3, 3, 2))), intsAttr("pads", 1, 0, 0, 1),
			intsAttr("strides", 1, 2))
		y = op("BatchNormalization", append(in(y), c...))
		y = g.act(op("MaxPool", in(y), intsAttr("kernel_shape", 2, 1)), 0.5)
		return mustDecode(t, g.testGraph, g.act(op("Conv", in(y, turned(g.weights(2, 4, 1, 1)))), 1))
	}
	first, last := build(false), build(true)
	if diff := cmp.Diff(first.Layers, last.Layers,
		cmpopts.IgnoreUnexported(quant.Layer{})); diff != "" || !slices.Equal(first.Input.Order, last.Input.Order) {
		t.Error(diff)
	}
}

// PyTorch lists pads from the last axis to the first, and turns them around in the
// graph.
func TestComputedPads(t *testing.T) {
	build := func(pads func(g *net) string) *quant.Network {
		g := &net{newTestGraph(1, 3, 4, 5), rand.New(rand.NewPCG(4, 4))}
		x := g.op("Pad", in(g.act("x", 0.25), pads(g)))
		return mustDecode(t, g.testGraph, g.act(g.conv(x, 3, 4, 3, 1, set("pads", 0, 0, 0, 0)), 0.5))
	}
	want := build(func(g *net) string { return g.i64(0, 0, 3, 1, 0, 0, 4, 2) })
	zero := &onnxpb.AttributeProto{Name: proto.String("value"), T: &onnxpb.TensorProto{
		DataType: proto.Int32(typeInt64), Dims: []int64{1}, Int64Data: []int64{0},
	}}
	got := build(func(g *net) string {
		v := g.op("Concat", in(g.i64(1, 2, 3, 4), g.op("ConstantOfShape", in(g.i64(4)), zero)), intAttr("axis", 0))
		v = g.op("Slice", in(g.op("Reshape", in(v, g.i64(-1, 2))), g.i64(-1), g.i64(math.MinInt64), g.i64(0),
			g.i64(-1)))
		v = g.op("Reshape", in(g.op("Transpose", in(v), intsAttr("perm", 1, 0)), g.i64(-1)))
		return g.op("Cast", in(v), intAttr("to", typeInt64))
	})
	if diff := cmp.Diff(want.Layers, got.Layers, cmpopts.IgnoreUnexported(quant.Layer{})); diff != "" {
		t.Error(diff)
	}
}

// The positions are those of numpy's slices.
func TestSlicePositions(t *testing.T) {
	const far = math.MaxInt32
	for _, c := range []struct {
		size, from, to, stride int
		want                   []int
	}{
		{4, 0, far, 1, []int{0, 1, 2, 3}},
		{4, 1, -1, 1, []int{1, 2}},
		{4, -3, 4, 2, []int{1, 3}},
		{4, 2, 1, 1, nil},
		{4, -far, 2, 1, []int{0, 1}},
		{4, -1, -far, -1, []int{3, 2, 1, 0}},
		{4, far, 0, -2, []int{3, 1}},
		{4, 1, 3, -1, nil},
	} {
		if got := positions(c.size, c.from, c.to, c.stride); !slices.Equal(got, c.want) {
			t.Errorf("%d elements from %d to %d by %d: %v, want %v", c.size, c.from, c.to, c.stride, got, c.want)
		}
	}
}
