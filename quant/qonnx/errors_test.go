package qonnx

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
)

// wantError fails unless err is one line that contains want.
func wantError(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case err == nil:
		t.Errorf("no error, want %q", want)
	case !strings.Contains(err.Error(), want):
		t.Errorf("error %q, want %q", err, want)
	case strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "qonnx: "):
		t.Errorf("error %q is not one line with a prefix", err)
	}
}

var (
	nan = float32(math.NaN())
	inf = float32(math.Inf(1))
)

// badGraphs lists graphs that are refused, by what the error says.
var badGraphs = map[string]func() (*testGraph, []string){
	`unsupported operator LSTM of the empty domain, ONNX's own (node "n2")`: func() (*testGraph, []string) {
		g := newTestGraph(1, 1, 2, 2)
		return g, in(g.op("LSTM", in("x", g.f32([]int{1, 1, 1, 1}, 1))))
	},
	`unsupported operator QuantizeLinear of the empty domain, ONNX's own (node "n2"): want Quant nodes, export to ` +
		`QONNX`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		return g, in(g.op("QuantizeLinear", in("x", g.scalar(1))))
	},
	`(MaxPool): takes maxima of integers with a negative scale`: func() (*testGraph, []string) {
		g := newTestGraph(1, 1, 2, 2)
		return g, in(g.op("MaxPool", in(g.op("Neg", in(g.input("x")))), intsAttr("kernel_shape", 2, 2)))
	},
	`(Conv): pads integers that are shifted`: func() (*testGraph, []string) {
		g := newTestGraph(1, 1, 2, 2)
		w := g.q(g.f32([]int{1, 1, 3, 3}, 1, 1, 1, 1, 1, 1, 1, 1, 1),
			quantOf{scale: g.scalar(1), bits: 2, signed: true})
		return g, in(g.op("Conv", in(g.op("Add", in(g.input("x"), g.scalar(1))), w), intsAttr("pads", 1, 1, 1, 1)))
	},
	// Three operands, and two of more than 18 bits together.
	`(Sum): adds integers of unrelated scales (operand 0 UINT3, scale 0.25; operand 1 UINT3, scale ` +
		`0.10000000149011612; operand 2`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		x := g.input("x")
		y, z := g.q(x, quantOf{scale: g.scalar(0.1), bits: 3}), g.q(x, quantOf{scale: g.scalar(0.3), bits: 3})
		return g, in(g.op("Sum", in(x, y, z)))
	},
	`two operands of at most 18 bits together may have any two scales`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		x := g.q("x", quantOf{scale: g.scalar(0.25), bits: 10})
		return g, in(g.op("Add", in(x, g.q(x, quantOf{scale: g.scalar(0.1), bits: 9}))))
	},
	// It says at which node the outputs cease to be affine.
	`(Add): the outputs of the last layer must be an affine function`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		x := g.input("x")
		return g, in(g.op("Add", in(x, g.q(x, quantOf{scale: g.scalar(0.1), bits: 3}))))
	},
	`(Add): a constant of shape [1 1 2 2] varies by position`: func() (*testGraph, []string) {
		g := newTestGraph(1, 1, 2, 2)
		w := g.q(g.f32([]int{1, 1, 1, 1}, 1), quantOf{scale: g.scalar(1), bits: 2, signed: true})
		return g, in(g.op("Add", in(g.op("Conv", in(g.input("x"), w)), g.f32([]int{1, 1, 2, 2}, 1, 2, 3, 4))))
	},
	`(AveragePool): divides windows at the edge by fewer taps`: func() (*testGraph, []string) {
		g := newTestGraph(1, 1, 2, 2)
		return g, in(g.op("AveragePool", in(g.input("x")), intsAttr("kernel_shape", 2, 2),
			intsAttr("pads", 1, 1, 1, 1)))
	},
	`(Resize): interpolates by "linear", want nearest`: func() (*testGraph, []string) {
		g := newTestGraph(1, 1, 2, 2)
		return g, in(g.op("Resize", in(g.input("x"), "", g.f32([]int{4}, 1, 1, 2, 2)), stringAttr("mode", "linear")))
	},
	`(Resize): resizes axis 2 of shape [1 1 2 2] by 1.5, want a whole factor`: func() (*testGraph, []string) {
		g := newTestGraph(1, 1, 2, 2)
		return g, in(g.op("Resize", in(g.input("x"), "", g.f32([]int{4}, 1, 1, 1.5, 1.5))))
	},
	`(Conv): input "c5" has shape [] next to a line, want three axes`: func() (*testGraph, []string) {
		g := newTestGraph(1, 1, 8)
		return g, in(g.op("Conv", in(g.input("x"), g.scalar(1))))
	},
	`(Resize): has 2 scales or sizes for axes [3] of shape [1 1 2 2]`: func() (*testGraph, []string) {
		g := newTestGraph(1, 1, 2, 2)
		return g, in(g.op("Resize", in(g.input("x"), "", g.f32([]int{2}, 2, 2)), intsAttr("axes", -1)))
	},
	`(Resize): axes [2 2] of 4`: func() (*testGraph, []string) {
		g := newTestGraph(1, 1, 2, 2)
		return g, in(g.op("Resize", in(g.input("x"), "", g.f32([]int{2}, 2, 2)), intsAttr("axes", 2, 2)))
	},
	`(Resize): changes its sizes by policy "not_larger", want stretch`: func() (*testGraph, []string) {
		g := newTestGraph(1, 1, 2, 2)
		return g, in(g.op("Resize", in(g.input("x"), "", "", g.i64(4, 6)), intsAttr("axes", 2, 3),
			stringAttr("keep_aspect_ratio_policy", "not_larger")))
	},
	`(Pad): pads with zeros, and node "n7" (MaxPool) behind it takes maxima of values that may be below ` +
		`them`: func() (*testGraph, []string) {
		g := newTestGraph(1, 1, 2, 2)
		x := g.q("x", quantOf{scale: g.scalar(0.25), bits: 3, signed: true})
		return g, in(g.op("MaxPool", in(g.op("Pad", in(x, g.i64(0, 0, 1, 1, 0, 0, 1, 1)))),
			intsAttr("kernel_shape", 2, 2)))
	},
	`(Pad): pads with zeros, and node "n14" (MaxPool) behind it`: func() (*testGraph, []string) { // no Quant yet
		g := newTestGraph(1, 1, 2, 2)
		w := g.q(g.f32([]int{1, 1, 1, 1}, 1), quantOf{scale: g.scalar(1), bits: 2, signed: true})
		x := g.op("Relu", in(g.op("Conv", in(g.input("x"), w))))
		return g, in(g.op("MaxPool", in(g.op("Pad", in(x, g.i64(0, 0, 1, 1, 0, 0, 1, 1)))),
			intsAttr("kernel_shape", 2, 2)))
	},
	`a window of the pool may lie in the padding alone`: func() (*testGraph, []string) {
		g := newTestGraph(1, 1, 2, 2)
		x := g.op("Pad", in(g.input("x"), g.i64(0, 0, 2, 0, 0, 0, 0, 0)))
		return g, in(g.op("MaxPool", in(x), intsAttr("kernel_shape", 2, 2)))
	},
	`(Pad): pads, but node "n7" (ReduceMean) behind it takes no pads: want a convolution, MaxPool or ` +
		`AveragePool`: func() (*testGraph, []string) {
		g := newTestGraph(1, 1, 2, 2)
		x := g.op("Pad", in(g.input("x"), g.i64(0, 0, 1, 0, 0, 0, 0, 0)))
		return g, in(g.op("ReduceMean", in(x), intsAttr("axes", 2, 3)))
	},
	`(ReduceMean): takes the mean over some of the axes of shape [1 2 2 3], want rows, columns or ` +
		`both`: func() (*testGraph, []string) {
		g := newTestGraph(1, 2, 2, 3)
		w := g.q(g.f32([]int{2, 2, 1, 1}, 1, 0, 1, 1), quantOf{scale: g.scalar(1), bits: 2, signed: true})
		x := g.act(g.op("Conv", in(g.input("x"), w)))
		return g, in(g.op("ReduceMean", in(x), intsAttr("axes", 1)))
	},
	`(ReduceMean): takes the mean over some of the axes of shape [1 1 2 2], want rows`: func() (*testGraph, []string) {
		g := newTestGraph(1, 1, 2, 2) // no axes at all, which stands for every one
		return g, in(g.op("ReduceMean", in(g.input("x")), intsAttr("axes")))
	},
	`(ReduceMean): takes the mean over some of the axes of shape [1 4], want rows`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		return g, in(g.op("ReduceMean", in(g.input("x")), intsAttr("axes", 1)))
	},
	`(Conv): reads shape [1 12 12 12] with its channels on axis 1, but they lie on ` +
		`another`: func() (*testGraph, []string) {
		// As many rows as channels: the shapes alone would fit.
		g := newTestGraph(1, 12, 6, 6)
		w := g.q(g.f32([]int{12, 12, 1, 1}, make([]float32, 144)...),
			quantOf{scale: g.scalar(1), bits: 2, signed: true})
		x := g.op("Transpose", in(g.act(g.op("Conv", in(g.input("x"), w)))), intsAttr("perm", 0, 2, 3, 1))
		x = g.op("Resize", in(x, "", g.f32([]int{4}, 1, 2, 2, 1)), stringAttr("mode", "nearest"))
		return g, in(g.op("Conv", in(x, w)))
	},
	`(Sigmoid): the outputs of the last layer must be an affine ` +
		`function`: func() (*testGraph, []string) { // of one head of two
		g := newTestGraph(1, 4)
		x := g.input("x")
		return g, in(g.op("Concat", in(g.fc1(x), g.op("Sigmoid", in(g.fc1(x)))), intAttr("axis", 1)))
	},
	`(Resize): picks element`: func() (*testGraph, []string) {
		g := newTestGraph(1, 1, 2, 2)
		return g, in(g.op("Resize", in(g.input("x"), "", g.f32([]int{4}, 1, 1, 3, 3)),
			stringAttr("nearest_mode", "ceil")))
	},
	`(Conv): has weights of shape [1 2 1 1] in 1 groups for 1 channels`: func() (*testGraph, []string) {
		g := newTestGraph(1, 1, 2, 2)
		w := g.q(g.f32([]int{1, 2, 1, 1}, 1, 1), quantOf{scale: g.scalar(1), bits: 2, signed: true})
		return g, in(g.op("Conv", in(g.input("x"), w)))
	},
	`the graph's input is quantised by node`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		a := g.q("x", quantOf{scale: g.scalar(0.5), bits: 3})
		return g, in(g.op("Add", in(g.input("x"), a)))
	},
	`(Pad): pads with zeros, which node "n8" (Add) behind it changes`: func() (*testGraph, []string) {
		g := newTestGraph(1, 1, 2, 2)
		x := g.op("Pad", in(g.input("x"), g.i64(0, 0, 1, 1, 0, 0, 1, 1)))
		return g, in(g.op("Add", in(x, g.scalar(1))))
	},
	`(Conv): its weights, of shape [1 1 1 1], are not quantised`: func() (*testGraph, []string) {
		g := newTestGraph(1, 1, 2, 2)
		return g, in(g.op("Conv", in("x", g.f32([]int{1, 1, 1, 1}, 1))))
	},
	`unsupported operator Quant of domain "some.where" (node "n`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		return g, in(g.q("x", quantOf{scale: g.scalar(1), bits: 2, domain: "some.where"}))
	},
	`(MatMul): its data operand, the graph's input, is not quantised: put a Quant node`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		return g, in(g.fc1("x"))
	},
	`(MatMul): its data operand, from node "n12" (Relu), is not quantised`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		return g, in(g.fc2(g.op("Relu", in(g.fc1(g.input("x"))))))
	},
	`its weights, of shape [4 3], are not quantised: put a Quant node`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		return g, in(g.op("MatMul", in(g.input("x"), g.f32([]int{4, 3}, weights1...))))
	},
	`(Quant): element 2 of input "c5" is NaN`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		x := g.input("x")
		return g, in(g.op("MatMul", in(x, g.q(g.f32([]int{4, 1}, 1, 2, nan, 3),
			quantOf{scale: g.scalar(1), bits: 3, signed: true}))))
	},
	`is +Inf`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		return g, in(g.op("MatMul", in(g.input("x"),
			g.q(g.f32([]int{4, 1}, 1, 2, inf, 3), quantOf{scale: g.scalar(1), bits: 3, signed: true}))))
	},
	`(Quant): scale is 0, want a positive ` +
		`number`: quantWith(quantOf{bits: 3}, 0, 0),
	`(Quant): scale is -2, want`: quantWith(quantOf{bits: 3}, -2, 0),
	`(Quant): channel 0: scale is NaN, ` +
		`want`: quantWith(quantOf{bits: 3}, nan, 0),
	`(Quant): zero point is 0.5, want an ` +
		`integer`: quantWith(quantOf{bits: 3}, 1, 0.5),
	`(Quant): bit width is 2.5`:              quantWith(quantOf{bits: 2.5}, 1, 0),
	`(Quant): bit width is 0`:                quantWith(quantOf{bits: 0}, 1, 0),
	`(Quant): unknown rounding mode "NOISE"`: quantWith(quantOf{bits: 3, mode: "NOISE"}, 1, 0),
	`from node "n4" (Quant), has integers of 17 bits, which is too wide: put a Quant node of at most ` +
		`16`: quantWith(quantOf{bits: 17}, 1, 0),
	`(Quant): channel 2: scale is -1, want a positive number`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		x := g.fc1(g.input("x"))
		return g, in(g.q(x, quantOf{scale: g.f32([]int{3}, 1, 0.5, -1), bits: 3}))
	},
	`(Quant): element 5: scale is 0, want a positive number`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		scale := g.f32([]int{4, 2}, 1, 1, 1, 1, 1, 0, 1, 1)
		w := g.q(g.f32([]int{4, 2}, 1, 2, 3, 1, 2, 3, 1, 2), quantOf{scale: scale, bits: 3, signed: true})
		return g, in(g.op("MatMul", in(g.input("x"), w)))
	},
	`(Quant): channel 1: zero point is 0.5, want an integer`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		x := g.fc1(g.input("x"))
		return g, in(g.q(x, quantOf{scale: g.scalar(1), zero: g.f32([]int{3}, 1, 0.5, -1), bits: 3}))
	},
	`(MatMul): its weights, of shape [4 1], are integers of 17 bits, which is too wide: want at most ` +
		`16`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		w := g.q(g.f32([]int{4, 1}, 1, 2, 3, 4), quantOf{scale: g.scalar(1), bits: 17, signed: true})
		return g, in(g.op("MatMul", in(g.input("x"), w)))
	},
	// Every fault is named, but not what follows from it.
	`2 faults: unsupported operator LSTM of the empty domain, ONNX's own (node "n5"); unsupported operator Frob of ` +
		`domain "acme" (node "n`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		x := g.op("LSTM", in(g.input("x")))
		y := g.op("Frob", in("x"))
		g.g.Node[len(g.g.Node)-1].Domain = proto.String("acme")
		return g, in(g.op("Add", in(g.op("Relu", in(x)), y)))
	},
	`(MatMul): has weights of shape [4 0], want none of size 0`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		w := g.q(g.f32([]int{4, 0}), quantOf{scale: g.scalar(1), bits: 3, signed: true})
		return g, in(g.op("MatMul", in(g.input("x"), w)))
	},
	`want a vector`: func() (*testGraph, []string) {
		g := newTestGraph(1)
		return g, in(g.fc1(g.op("Squeeze", in(g.input("x")))))
	},
	`cannot multiply one row of 5 inputs, shape [1 5], by weights of shape [4 3]`: func() (*testGraph, []string) {
		g := newTestGraph(1, 5)
		return g, in(g.fc1(g.input("x")))
	},
	`cannot multiply 4 rows of 4 inputs, shape [1 2 2 1 4], by weights: want one row, or`: func() (
		*testGraph, []string,
	) {
		g := newTestGraph(1, 2, 2, 1, 4)
		return g, in(g.fc1(g.input("x")))
	},
	`cannot multiply weights of shape [3 4] by one column of 4 inputs, shape [1 4]`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		return g, in(g.op("MatMul", in(g.w1(), g.input("x"))))
	},
	`input "nowhere" is neither an initializer nor made by a node`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		return g, in(g.op("Add", in(g.fc1(g.input("x")), "nowhere")))
	},
	`graph output "nothing": no node makes it`: func() (*testGraph, []string) {
		return newTestGraph(1, 4), in("nothing")
	},
	`the graph has no output`: func() (*testGraph, []string) { return newTestGraph(1, 4), nil },
	`graph input "x": has no shape`: func() (*testGraph, []string) {
		return newTestGraph(), in("x")
	},
	`axes 0 and 2 have no fixed size`: func() (*testGraph, []string) {
		return newTestGraph(0, 2, -1), in("x")
	},
	`graph input "x": a tensor of shape [1 268435456 5] is too large`: func() (*testGraph, []string) {
		return newTestGraph(1, maxElements, 5), in("x")
	},
	`the graph has no MatMul, Gemm, Conv or other layer between`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		return g, in(g.input("x"))
	},
	`does not depend on the input`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		return g, in(g.w1())
	},
	`lies on a cycle`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		a := g.op("Add", in("x", "n2_output_0"))
		return g, in(g.op("Relu", in(a)))
	},
	`output "x" is defined twice`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		g.op("Relu", in("x"))
		g.g.Node[0].Output[0] = "x"
		return g, in("x")
	},
	`both inputs depend on the network's input; only Add and Sub join them: there is no layer for ` +
		`Mul`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		x := g.input("x")
		return g, in(g.op("Mul", in(g.act(g.fc1(x)), g.act(g.fc1(x)))))
	},
	// All operands at fault are named.
	`operand 0, from node "n12" (Relu), is not quantised; operand 2, from node "n13" (Tanh), is not quantised: all ` +
		`operands`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		x := g.fc1(g.input("x"))
		return g, in(g.op("Sum", in(g.op("Relu", in(x)), x, g.op("Tanh", in(x)))))
	},
	// Of several outputs each is looked at.
	`node "n12" (Relu): the outputs of the last layer must be an affine function`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		x := g.fc1(g.input("x"))
		return g, in(x, g.op("Relu", in(x)))
	},
	`graph output "n4_output_0": the output does not depend on any layer`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		x := g.input("x")
		return g, in(g.fc1(x), x)
	},
	`2 faults: graph output "n12_output_0": node "n11" (Conv): gives shape [1 6 4 6] of an image of 6x6x4 in another ` +
		`order: end the graph where it is [1 channels rows columns]; graph output "n13_output_0": node`: func() (
		*testGraph, []string) {
		g := &net{newTestGraph(1, 4, 6, 6), rand.New(rand.NewPCG(1, 7))}
		x := g.conv(g.act("x", 0.25), 4, 4, 3, 1)
		turned := g.op("Transpose", in(x), intsAttr("perm", 0, 2, 1, 3))
		return g.testGraph, in(turned, x, g.op("Transpose", in(x), intsAttr("perm", 0, 2, 1, 3)))
	},
	`(Softmax): mixes channels, so it may only end the network, but node`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		return g, in(g.fc2(g.act(g.op("Softmax", in(g.fc1(g.input("x")))))))
	},
	`(Softmax): works on axis 0 of shape [1 3], want the axis of all elements`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		return g, in(g.op("Softmax", in(g.fc1(g.input("x"))), intAttr("axis", 0)))
	},
	`(TopK): picks 2 outputs`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		return g, in(g.op("TopK", in(g.fc1(g.input("x")), g.i64(2))))
	},
	`(Abs): layer "fc1": channel 0: wants a monotone function`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		return g, in(g.fc2(g.act(g.op("Abs", in(g.op("Neg", in(g.fc1(g.input("x")))))))))
	},
	`(Sqrt): layer "fc1": channel`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		return g, in(g.fc2(g.act(g.op("Sqrt", in(g.fc1(g.input("x")))))))
	},
	`(Relu): the outputs of the last layer must be an affine function`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		return g, in(g.op("Relu", in(g.fc1(g.input("x")))))
	},
	`the scales of its inputs and weights are not the same along the sum`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		x := g.q("x", quantOf{scale: g.f32([]int{4}, 1, 2, 3, 0.7), bits: 3})
		return g, in(g.fc1(x))
	},
	`(Add): a constant of shape [2 1] repeats the data, of shape [1 3]`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		return g, in(g.op("Add", in(g.fc1(g.input("x")), g.f32([]int{2, 1}, 1, 2))))
	},
	`(Add): shapes [1 3] and [2] do not fit together`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		return g, in(g.op("Add", in(g.fc1(g.input("x")), g.f32([]int{2}, 1, 2))))
	},
	`(Mul): a constant is +Inf, want a finite number`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		return g, in(g.op("Mul", in(g.fc1(g.input("x")), g.scalar(inf))))
	},
	`(Div): channel 1: divides by zero`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		return g, in(g.op("Div", in(g.fc1(g.input("x")), g.f32([]int{3}, 1, 0, 1))))
	},
	`(BatchNormalization): channel 1: a variance is not positive or not finite`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		v := g.f32([]int{3}, 1, -1, 1)
		return g, in(g.op("BatchNormalization", in(g.fc1(g.input("x")), v, v, v, v)))
	},
	`(BatchNormalization): input "c12" has 2 elements, want 3`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		x := g.fc1(g.input("x"))
		v := g.f32([]int{2}, 1, 1)
		return g, in(g.op("BatchNormalization", in(x, v, v, v, v)))
	},
	`(Reshape): cannot make shape [1 3] of [1 4]`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		return g, in(g.op("Reshape", in("x", g.i64(1, 3))))
	},
	`metadata "a2qgen.acc_bits.fc9": there is no such layer`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		g.meta = append(g.meta, entry("a2qgen.acc_bits.fc9", "8"))
		return g, in(g.fc1(g.input("x")))
	},
	`want a width from 1 to 64`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		g.meta = append(g.meta, entry("a2qgen.acc_bits.fc1", "80"))
		return g, in(g.fc1(g.input("x")))
	},
	`metadata a2qgen.layer_names: names 2 layers, the graph has 1`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		g.meta = append(g.meta, entry("a2qgen.layer_names", "a,b"))
		return g, in(g.fc1(g.input("x")))
	},
	`the file holds 3`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		return g, in(g.op("Add", in(g.fc1(g.input("x")), g.f32([]int{1000, 1000}, 1, 2, 3))))
	},
	`is negative or too large`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		return g, in(g.op("Add", in(g.fc1(g.input("x")), g.f32([]int{1 << 30, 1 << 30, 1 << 30}, 1))))
	},
	`(ConstantOfShape): a tensor of shape [1000000 1000000] is too large`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		return g, in(g.op("Add", in(g.fc1(g.input("x")), g.op("ConstantOfShape", in(g.i64(1e6, 1e6))))))
	},
	`(Concat): a tensor of shape [8388608] is too large for a file of this size`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		c := g.op("ConstantOfShape", in(g.i64(1024)))
		for range 40 {
			c = g.op("Concat", in(c, c), intAttr("axis", 0))
		}
		return g, in(g.op("Add", in(g.fc1(g.input("x")), c)))
	},
	`more than 256 elementwise operations`: func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		x := g.fc1(g.input("x"))
		for range 300 {
			x = g.op("Relu", in(x))
		}
		return g, in(x)
	},
}

// quantWith returns a network with a Quant of its input of that scale and zero
// point.
func quantWith(q quantOf, scale, zero float32) func() (*testGraph, []string) {
	return func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		q.scale, q.zero = g.scalar(scale), g.scalar(zero)
		return g, in(g.fc1(g.q("x", q)))
	}
}

func TestBadGraphs(t *testing.T) {
	for want, build := range badGraphs {
		g, outputs := build()
		_, err := g.decode(outputs...)
		wantError(t, err, want)
	}
}

func TestBadFiles(t *testing.T) {
	dir := t.TempDir()
	_, err := Read(filepath.Join(dir, "absent.onnx"))
	wantError(t, err, "absent.onnx: no such file")
	whole, err := os.ReadFile(fmnistMLP)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		data []byte
		want string
	}{
		"empty":     {nil, "holds no graph"},
		"text":      {[]byte("this is no network at all"), "is not an ONNX file"},
		"truncated": {whole[:len(whole)/2], "is truncated"},
	} {
		path := filepath.Join(dir, name+".onnx")
		if err := os.WriteFile(path, tc.data, 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := Read(path)
		wantError(t, err, tc.want)
		wantError(t, err, path)
	}
}
