package qonnx

import (
	"fmt"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/qonnx/onnxpb"
	"google.golang.org/protobuf/proto"
)

// testGraph builds graphs for tests, on top of the writer's builder.
type testGraph struct {
	builder
	count int
	opset int64
	meta  []*onnxpb.StringStringEntryProto
	// inited lists initializers among the inputs, as old exporters do.
	inited bool
	// four says that the input is to have four elements.
	four bool
}

// newTestGraph returns a graph with an input "x" of that shape; sizes below 1
// are unknown ones.
func newTestGraph(shape ...int) *testGraph {
	g := &testGraph{builder: builder{g: &onnxpb.GraphProto{}}, opset: 14}
	g.g.Input = []*onnxpb.ValueInfoProto{tensorInfo("x", shape)}
	return g
}

// op appends a node; attributes and the domain may follow the inputs.
func (g *testGraph) op(op string, in []string, attrs ...*onnxpb.AttributeProto) string {
	g.count++
	return g.node(op, fmt.Sprintf("n%d", g.count), in, attrs...)
}

// in shortens lists of inputs.
func in(names ...string) []string { return names }

// f32 appends a float initializer of that shape; nil means a scalar.
func (g *testGraph) f32(shape []int, v ...float32) string {
	g.count++
	return g.floats(fmt.Sprintf("c%d", g.count), shape, v)
}

// i64 appends a vector of integers, not as raw bytes.
func (g *testGraph) i64(v ...int64) string {
	g.count++
	name := fmt.Sprintf("c%d", g.count)
	g.g.Initializer = append(g.g.Initializer, &onnxpb.TensorProto{
		Name: &name, DataType: proto.Int32(typeInt64), Dims: []int64{int64(len(v))}, Int64Data: v,
	})
	return name
}

func (g *testGraph) scalar(v float32) string { return g.f32(nil, v) }

// quantOf says how a test quantises; the zero value of mode is "ROUND".
type quantOf struct {
	scale, zero    string
	bits           float32
	signed, narrow bool
	mode, domain   string
}

func (g *testGraph) q(x string, q quantOf) string {
	if q.zero == "" {
		q.zero = g.scalar(0)
	}
	if q.mode == "" {
		q.mode = "ROUND"
	}
	if q.domain == "" {
		q.domain = "qonnx.custom_op.general"
	}
	out := g.op("Quant", in(x, q.scale, q.zero, g.scalar(q.bits)),
		boolAttr("signed", q.signed), boolAttr("narrow", q.narrow), stringAttr("rounding_mode", q.mode))
	g.g.Node[len(g.g.Node)-1].Domain = &q.domain
	return out
}

// custom appends a node of QONNX's domain.
func (g *testGraph) custom(op string, in []string, attrs ...*onnxpb.AttributeProto) string {
	out := g.op(op, in, attrs...)
	g.g.Node[len(g.g.Node)-1].Domain = proto.String("qonnx.custom_op.general")
	return out
}

// encode returns the file, with outputs.
func (g *testGraph) encode(outputs ...string) []byte {
	g.g.Output = nil
	for _, o := range outputs {
		g.g.Output = append(g.g.Output, tensorInfo(o, nil))
	}
	if g.inited {
		for _, t := range g.g.Initializer {
			g.g.Input = append(g.g.Input, tensorInfo(t.GetName(), nil))
		}
	}
	b, err := proto.Marshal(&onnxpb.ModelProto{
		Graph:         g.g,
		OpsetImport:   []*onnxpb.OperatorSetIdProto{{Version: &g.opset}},
		MetadataProps: g.meta,
	})
	if err != nil {
		panic(err)
	}
	return b
}

func (g *testGraph) decode(outputs ...string) (*quant.Network, error) {
	return Decode("test", g.encode(outputs...))
}

// The tests' network has 4 inputs of type UINT3, a layer of 3 channels and one
// of 2.
var (
	weights1 = []float32{3, -2, 0, 1, -1, -3, 2, 2, 1, 1, 1, -3} // 3 x 4
	weights2 = []float32{1, -1, 2, -2, 3, 1}                     // 2 x 3
	scales1  = []float32{0.5, 0.125, 0.3}
)

// times returns weights times a scale for each row.
func times(w []float32, scale ...float32) []float32 {
	out := make([]float32, len(w))
	cols := len(w) / 3
	if len(scale) == 1 {
		cols = len(w)
	}
	for i, v := range w {
		out[i] = v * scale[i/cols]
	}
	return out
}

// transposedOf returns the transpose of a matrix of that many rows.
func transposedOf(w []float32, rows int) []float32 {
	cols := len(w) / rows
	out := make([]float32, 0, len(w))
	for c := range cols {
		for r := range rows {
			out = append(out, w[r*cols+c])
		}
	}
	return out
}

// input quantises x.
func (g *testGraph) input(x string) string {
	return g.q(x, quantOf{scale: g.scalar(0.25), bits: 3})
}

// w1 and w2 append the layers' quantised weights, out x in.
func (g *testGraph) w1() string {
	return g.q(g.f32([]int{3, 4}, times(weights1, scales1...)...),
		quantOf{scale: g.f32([]int{3, 1}, scales1...), bits: 3, signed: true, narrow: true})
}

func (g *testGraph) w2() string {
	return g.q(g.f32([]int{2, 3}, times(weights2, 0.5)...),
		quantOf{scale: g.scalar(0.5), bits: 3, signed: true, narrow: true})
}

// act is the quantiser between the layers.
func (g *testGraph) act(x string) string {
	return g.q(x, quantOf{scale: g.scalar(0.4), bits: 2})
}

func (g *testGraph) transpose(x string) string {
	return g.op("Transpose", in(x), intsAttr("perm", 1, 0))
}

// fc1 and fc2 append the layers to a row.
func (g *testGraph) fc1(x string) string { return g.op("MatMul", in(x, g.transpose(g.w1()))) }
func (g *testGraph) fc2(x string) string { return g.op("MatMul", in(x, g.transpose(g.w2()))) }

func mustDecode(t *testing.T, g *testGraph, outputs ...string) *quant.Network {
	t.Helper()
	n, err := g.decode(outputs...)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// annotate gives a tensor a FINN data type.
func (g *testGraph) annotate(tensor, typ string) {
	g.g.QuantizationAnnotation = append(g.g.QuantizationAnnotation, &onnxpb.TensorAnnotation{
		TensorName:                &tensor,
		QuantParameterTensorNames: []*onnxpb.StringStringEntryProto{entry("finn_datatype", typ)},
	})
}
