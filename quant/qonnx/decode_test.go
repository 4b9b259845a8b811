package qonnx

import (
	"math"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/qonnx/onnxpb"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/proto"
)

// plainNetwork is the network that the graphs of TestSameNetwork all describe.
func plainNetwork(t *testing.T) *quant.Network {
	g := newTestGraph(1, 4)
	return mustDecode(t, g, g.fc2(g.act(g.fc1(g.input("x")))))
}

func TestPlainNetwork(t *testing.T) {
	n := plainNetwork(t)
	want := []int32{3, -2, 0, 1, -1, -3, 2, 2, 1, 1, 1, -3}
	if d := cmp.Diff(want, n.Layers[0].Weights); d != "" {
		t.Error(d)
	}
	if l := n.Layers[0]; l.Name != "fc1" || l.WeightBits != 3 || l.Input != (quant.DataType{Bits: 3}) ||
		l.AccBits != 0 {
		t.Errorf("layer %+v", l)
	}
	// Scales 0.25*0.5, and 0.4 after: 3.2 accumulator units per step, ties to even.
	// So 0.5, 1.5 and 2.5 steps are at 1.6, 4.8 and 8.
	if d := cmp.Diff([]int64{1, 4, 8}, n.Layers[0].Thresholds.Channel(0)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(&quant.Score{Gain: []int64{1, 1}, Bias: []int64{0, 0}, Exact: true}, n.Layers[1].Score); d != "" {
		t.Error(d)
	}
	for v, want := range map[float64]int32{-1: 0, 0: 0, 0.125: 0, 0.126: 1, 0.375: 2, 1.75: 7, 9: 7, math.Inf(1): 7,
		math.NaN(): 0} {
		if got := n.Input.Quantize(2, v); got != want {
			t.Errorf("input %v gives %d, want %d", v, got, want)
		}
	}
}

// sameNetwork lists graphs that mean the same as the plain one, apart from the
// shape of a sample.
var sameNetwork = map[string]func() (*testGraph, []string){
	"weights on the left": func() (*testGraph, []string) {
		g := newTestGraph(4, 1)
		x := g.op("MatMul", in(g.w1(), g.input("x")))
		return g, in(g.op("MatMul", in(g.w2(), g.act(x))))
	},
	"weights on the left of a vector": func() (*testGraph, []string) {
		g := newTestGraph(4)
		x := g.op("MatMul", in(g.w1(), g.input("x")))
		return g, in(g.op("MatMul", in(g.w2(), g.act(x))))
	},
	"a vector": func() (*testGraph, []string) {
		g := newTestGraph(4)
		return g, in(g.fc2(g.act(g.fc1(g.input("x")))))
	},
	"column layers in a row network": func() (*testGraph, []string) {
		g := newTestGraph(0, 4)
		x := g.op("MatMul", in(g.w1(), g.transpose(g.input("x"))))
		return g, in(g.fc2(g.transpose(g.act(x))))
	},
	"weights stored transposed": func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		w1 := g.q(g.f32([]int{4, 3}, transposedOf(times(weights1, scales1...), 3)...),
			quantOf{scale: g.f32([]int{3}, scales1...), bits: 3, signed: true, narrow: true})
		w2 := g.q(g.f32([]int{1, 3, 2}, transposedOf(times(weights2, 0.5), 2)...),
			quantOf{scale: g.f32([]int{1, 1, 1}, 0.5), bits: 3, signed: true, narrow: true})
		return g, in(g.op("MatMul", in(g.act(g.op("MatMul", in(g.input("x"), w1))), w2)))
	},
	"gemm": func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		x := g.op("Gemm", in(g.input("x"), g.w1()), intAttr("transB", 1))
		return g, in(g.op("Gemm", in(g.act(x), g.transpose(g.w2()))))
	},
	"gemm with alpha, beta and C": func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		x := g.op("Gemm", in(g.input("x"), g.w1(), g.f32([]int{3}, 1, 1, 1)), intAttr("transB", 1),
			floatAttr("alpha", 2), floatAttr("beta", -3))
		x = g.op("Div", in(g.op("Add", in(x, g.scalar(3))), g.f32([]int{1, 1}, 2)))
		return g, in(g.op("Gemm", in(g.act(x), g.w2(), ""), intAttr("transB", 1)))
	},
	"gemm with the weights left": func() (*testGraph, []string) {
		g := newTestGraph(4, 1)
		x := g.op("Gemm", in(g.transpose(g.w1()), g.input("x")), intAttr("transA", 1))
		x = g.op("Gemm", in(g.w2(), g.transpose(g.act(x))), intAttr("transB", 1))
		return g, in(x)
	},
	"an exported sample count": func() (*testGraph, []string) {
		g := newTestGraph(16, 2, 2)
		x := g.op("Reshape", in(g.input("x"), g.i64(16, -1)))
		x = g.op("Reshape", in(g.act(g.fc1(x)), g.i64(16, 3)))
		return g, in(g.fc2(x))
	},
	"a dynamic reshape of an image": func() (*testGraph, []string) {
		g := newTestGraph(1, 1, 2, 2)
		n := g.op("Gather", in(g.op("Shape", in("x")), g.i64(0)), intAttr("axis", 0))
		n = g.op("Reshape", in(n, g.i64(1)))
		to := g.op("Concat", in(n, g.i64(-1)), intAttr("axis", 0))
		return g, in(g.fc2(g.act(g.fc1(g.input(g.op("Reshape", in("x", to)))))))
	},
	"the shape by slices": func() (*testGraph, []string) {
		g := newTestGraph(-1, 2, 2)
		shape := g.op("Slice", in(g.op("Shape", in("x")), g.i64(0), g.i64(1)))
		to := g.op("Concat", in(shape, g.op("Cast", in(g.op("Mul", in(g.i64(2), g.i64(2)))), intAttr("to", typeInt64))),
			intAttr("axis", -1))
		return g, in(g.fc2(g.act(g.fc1(g.input(g.op("Reshape", in("x", to)))))))
	},
	"moves everywhere": func() (*testGraph, []string) {
		g := newTestGraph(1, 2, 2)
		x := g.op("Flatten", in(g.input(g.op("Identity", in("x")))))
		x = g.op("Dropout", in(g.fc1(x)))
		x = g.op("Squeeze", in(g.op("Unsqueeze", in(x, g.i64(0, -1)))), intsAttr("axes", 0, 3))
		x = g.op("Expand", in(g.op("Cast", in(g.act(x)), intAttr("to", typeFloat)), g.i64(1, 1)))
		return g, in(g.op("Reshape", in(g.fc2(x), g.i64(2))))
	},
	"a transposed image and its weights": func() (*testGraph, []string) {
		g := newTestGraph(1, 2, 2)
		w := g.op("Reshape", in(g.w1(), g.i64(3, 2, 2)))
		w = g.op("Reshape", in(g.op("Transpose", in(w), intsAttr("perm", 0, 2, 1)), g.i64(3, 4)))
		x := g.op("Flatten", in(g.op("Transpose", in(g.input("x")), intsAttr("perm", 0, 2, 1))))
		return g, in(g.fc2(g.act(g.op("MatMul", in(x, g.transpose(w))))))
	},
	"scales in nodes of their own": func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		x := g.op("Div", in("x", g.scalar(0.25)))
		x = g.op("Mul", in(g.q(x, quantOf{scale: g.scalar(1), bits: 3}), g.scalar(0.25)))
		w := g.q(g.f32([]int{3, 4}, weights1...), quantOf{scale: g.scalar(1), bits: 3, signed: true, narrow: true})
		x = g.op("Mul", in(g.f32([]int{3}, scales1...), g.op("MatMul", in(x, g.transpose(w)))))
		return g, in(g.op("Mul", in(g.fc2(g.act(x)), g.scalar(7))))
	},
	"a scale on quantised weights": func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		w := g.q(g.f32([]int{3, 4}, weights1...), quantOf{scale: g.scalar(1), bits: 3, signed: true, narrow: true})
		w = g.op("Mul", in(g.f32([]int{3, 1}, scales1...), w))
		return g, in(g.fc2(g.act(g.op("MatMul", in(g.input("x"), g.transpose(w))))))
	},
	"an affine batch norm that does nothing": func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		x := g.op("BatchNormalization", in(g.fc1(g.input("x")), g.f32([]int{3}, 2, 2, 2), g.f32([]int{3}, 0, 0, 0),
			g.f32([]int{3}, 0, 0, 0), g.f32([]int{3}, 3, 3, 3)), floatAttr("epsilon", 1))
		return g, in(g.fc2(g.act(x)))
	},
	"activations that the quantiser implies": func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		x := g.op("LeakyRelu", in(g.op("Relu", in(g.fc1(g.input("x"))))))
		x = g.op("Clip", in(x, g.scalar(0), g.scalar(8)))
		x = g.op("Max", in(g.op("Min", in(x, g.scalar(100))), g.scalar(-3)))
		return g, in(g.fc2(g.op("Relu", in(g.act(x)))))
	},
	"old clip": func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		x := g.op("Clip", in(g.fc1(g.input("x"))), floatAttr("min", 0), floatAttr("max", 6))
		return g, in(g.fc2(g.act(x)))
	},
	"an activation quantised twice": func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		return g, in(g.fc2(g.act(g.act(g.fc1(g.input(g.input("x")))))))
	},
	"weights shared by two layers' transposes": func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		w := g.w1()
		g.op("MatMul", in(g.input("x"), g.transpose(w))) // leads nowhere
		return g, in(g.fc2(g.act(g.op("MatMul", in(g.input("x"), g.transpose(w))))))
	},
	"initializers among the inputs": func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		g.inited = true
		return g, in(g.fc2(g.act(g.fc1(g.input("x")))))
	},
	"nodes in reverse order": func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		out := g.fc2(g.act(g.fc1(g.input("x"))))
		for i, j := 0, len(g.g.Node)-1; i < j; i, j = i+1, j-1 {
			g.g.Node[i], g.g.Node[j] = g.g.Node[j], g.g.Node[i]
		}
		return g, in(out)
	},
	"softmax at the end": func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		x := g.op("Softmax", in(g.fc2(g.act(g.fc1(g.input("x"))))), intAttr("axis", 1))
		return g, in(g.op("Reshape", in(g.op("Log", in(x)), g.i64(2))))
	},
	"old softmax at the end": func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		g.opset = 9
		return g, in(g.op("LogSoftmax", in(g.fc2(g.act(g.fc1(g.input("x")))))))
	},
	"argmax at the end": func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		return g, in(g.op("ArgMax", in(g.fc2(g.act(g.fc1(g.input("x"))))), intAttr("axis", -1), intAttr("keepdims", 0)))
	},
	"topk at the end": func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		out := g.op("TopK", in(g.fc2(g.act(g.fc1(g.input("x")))), g.i64(1)))
		last := g.g.Node[len(g.g.Node)-1]
		last.Output = append(last.Output, "index")
		return g, in(out, "index")
	},
	"monotone functions at the end": func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		x := g.op("Sigmoid", in(g.fc2(g.act(g.fc1(g.input("x"))))))
		x = g.op("Sub", in(g.op("Tanh", in(g.op("Mul", in(x, g.scalar(3))))), g.scalar(0.5)))
		return g, in(g.op("LeakyRelu", in(x)))
	},
	"double and half precision": func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		out := g.fc2(g.act(g.fc1(g.input("x"))))
		for i, p := range g.g.Initializer {
			t, err := (&importer{left: maxElements}).decodeTensor(p)
			if err != nil {
				panic(err)
			}
			p.RawData = nil
			if i%2 == 0 {
				p.DataType, p.DoubleData = proto.Int32(typeDouble), t.data
				continue
			}
			p.DataType = proto.Int32(typeFloat)
			for _, v := range t.data {
				p.FloatData = append(p.FloatData, float32(v))
			}
		}
		return g, in(out)
	},
	"constant nodes": func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		out := g.fc2(g.act(g.fc1(g.input("x"))))
		for _, p := range g.g.Initializer {
			attr := &onnxpb.AttributeProto{Name: proto.String("value"), T: p}
			if len(p.Dims) == 0 {
				v, err := (&importer{left: maxElements}).decodeTensor(p)
				if err != nil {
					panic(err)
				}
				attr = floatAttr("value_float", float32(v.data[0]))
			}
			g.node("Constant", "make_"+p.GetName(), nil, attr)
			g.g.Node[len(g.g.Node)-1].Output[0] = p.GetName()
		}
		g.g.Initializer = nil
		return g, in(out)
	},
	"a plus and a minus sign": func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		w := g.op("Mul", in(g.w1(), g.scalar(-1)))
		x := g.op("Neg", in(g.op("MatMul", in(g.input("x"), g.transpose(w)))))
		x = g.op("Sub", in(g.scalar(0), g.op("Mul", in(g.act(x), g.scalar(-1)))))
		return g, in(g.fc2(x))
	},
	"finn's domain": func() (*testGraph, []string) {
		g := newTestGraph(1, 4)
		out := g.fc2(g.act(g.fc1(g.input("x"))))
		for i, n := range g.g.Node {
			if n.GetOpType() == "Quant" {
				n.Domain = proto.String([]string{"finn.custom_op.general", "onnx.brevitas",
					"qonnx.custom_op.general"}[i%3])
			}
		}
		return g, in(out)
	},
}

func TestSameNetwork(t *testing.T) {
	want := plainNetwork(t)
	for name, build := range sameNetwork {
		t.Run(name, func(t *testing.T) {
			g, outputs := build()
			got := mustDecode(t, g, outputs...)
			if d := cmp.Diff(want.Layers, got.Layers, cmpopts.IgnoreUnexported(quant.Layer{})); d != "" {
				t.Error(d)
			}
			for i := range 4 {
				for v := -0.5; v < 2.2; v += 0.01 {
					if a, b := want.Input.Quantize(i, v), got.Input.Quantize(i, v); a != b {
						t.Fatalf("input %v gives %d, want %d", v, b, a)
					}
				}
			}
		})
	}
}

// Every operator of QONNX is read in every domain that exporters have put it into,
// ONNX's own among them, with or without an import of that: the same network each
// time. A domain of nobody is refused with the node's name.
func TestQuantDomains(t *testing.T) {
	build := map[string]func(g *testGraph) string{
		"Quant":    func(g *testGraph) string { return g.act(g.fc1(g.input("x"))) },
		"IntQuant": func(g *testGraph) string { return g.act(g.fc1(g.input("x"))) },
		"BipolarQuant": func(g *testGraph) string {
			return g.custom("BipolarQuant", in(g.fc1(g.input("x")), g.scalar(1)))
		},
		"Trunc": func(g *testGraph) string {
			return g.custom("Trunc", in(g.act(g.fc1(g.input("x"))), g.scalar(0.5), g.scalar(0), g.scalar(2), g.scalar(1)))
		},
		"MultiThreshold": func(g *testGraph) string {
			return g.custom("MultiThreshold", in(g.fc1(g.input("x")), g.f32([]int{1, 3}, 0.5, 1, 2)))
		},
	}
	domains := []string{"", "ai.onnx", "onnx.brevitas", "brevitas", "finn", "finn.custom_op.general", "qonnx",
		"qonnx.custom_op.general"}
	for op, add := range build {
		var want *quant.Network
		for _, domain := range domains {
			n, err := inDomain(op, domain, add)
			if err != nil {
				t.Errorf("%s in domain %q: %v", op, domain, err)
				continue
			}
			if want == nil {
				want = n
			}
			if d := cmp.Diff(want.Layers, n.Layers, cmpopts.IgnoreUnexported(quant.Layer{})); d != "" {
				t.Errorf("%s in domain %q is another network than in the first: %s", op, domain, d)
			}
		}
		_, err := inDomain(op, "finnish", add)
		wantError(t, err, ` of domain "finnish"`)
		wantError(t, err, `: want it in domain qonnx.custom_op.general`)
	}
}

// inDomain decodes a graph whose nodes that are made by add have all the same name
// and domain, if they are QONNX's.
func inDomain(op, domain string, add func(g *testGraph) string) (*quant.Network, error) {
	g := newTestGraph(1, 4)
	out := g.fc2(add(g))
	for _, n := range g.g.Node {
		if _, ok := quantOperators[n.GetOpType()]; ok {
			n.Domain = proto.String(domain)
			if op == "IntQuant" && n.GetOpType() == "Quant" {
				n.OpType = proto.String(op)
			}
		}
	}
	return g.decode(out)
}

// Real outputs are what goes into a Softmax, ArgMax or the like at the end; a
// Sigmoid is part of them.
func TestRealOutputsBehindTheEnd(t *testing.T) {
	for op, real := range map[string]func(v float64) float64{
		"Softmax":    func(v float64) float64 { return v },
		"LogSoftmax": func(v float64) float64 { return v },
		"ArgMax":     func(v float64) float64 { return v },
		"Sigmoid":    func(v float64) float64 { return 1 / (1 + math.Exp(-v)) },
	} {
		bare, ended := newTestGraph(1, 4), newTestGraph(1, 4)
		logits := mustDecode(t, bare, bare.fc1(bare.input("x")))
		x := ended.fc1(ended.input("x"))
		attr := []*onnxpb.AttributeProto{intAttr("axis", 1)}
		if op == "Sigmoid" {
			attr = nil
		}
		n := mustDecode(t, ended, ended.op(op, in(x), attr...))
		for c := range 3 {
			if got, want := n.Outputs[0].Dequantize(c, 5), real(logits.Outputs[0].Dequantize(c, 5)); math.Abs(got-want) > 1e-12 {
				t.Errorf("%s: output %d is %v, want %v", op, c, got, want)
			}
		}
	}
}
