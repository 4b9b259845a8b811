package qonnx

import (
	"encoding/binary"
	"math"

	"github.com/a2qgen/a2qgen/quant/qonnx/onnxpb"
	"google.golang.org/protobuf/proto"
)

// builder appends nodes and initializers to a graph. Its methods return the
// name of the tensor that they define. Nodes are named after their layer, as
// PyTorch's exporter does: "/fc1/MatMul".
type builder struct {
	g *onnxpb.GraphProto
	// dest, where set, is the name that the next node gives its output.
	dest string
}

// model appends all of m.
func (b *builder) model(m *Model) {
	const input, output = "input", "output"
	b.g.Input = []*onnxpb.ValueInfoProto{tensorInfo(input, append([]int{1}, m.InputShape...))}
	x := b.actQuant("/input", input, m.Input, "")
	if len(m.InputShape) > 1 {
		x = b.node("Flatten", "/Flatten", []string{x}, intAttr("axis", 1))
	}
	for i := range m.Layers {
		end := ""
		if i == len(m.Layers)-1 {
			end = output
		}
		x = b.dense(x, &m.Layers[i], end)
	}
	last := &m.Layers[len(m.Layers)-1]
	b.g.Output = []*onnxpb.ValueInfoProto{tensorInfo(x, []int{1, last.Out})}
}

// dense appends a layer that reads x. end, where not empty, names its output.
func (b *builder) dense(x string, l *Layer, end string) string {
	at := "/" + l.Name
	norm, relu, act := l.BatchNorm != nil, l.Relu, l.Act != nil
	finish := func(isLast bool) {
		if isLast {
			b.dest = end
		}
	}
	w := b.weights(at, l)
	if l.Bias != nil {
		bias := b.floats(l.Name+".bias", []int{l.Out}, l.Bias)
		finish(!norm && !relu && !act)
		x = b.node("Gemm", at+"/Gemm", []string{x, w, bias}, floatAttr("alpha", 1), floatAttr("beta", 1), intAttr("transB", 1))
	} else {
		t := b.node("Transpose", at+"/Transpose", []string{w}, intsAttr("perm", 1, 0))
		finish(!norm && !relu && !act)
		x = b.node("MatMul", at+"/MatMul", []string{x, t})
	}
	if norm {
		finish(!relu && !act)
		x = b.batchNorm(at, x, l)
	}
	if relu {
		finish(!act)
		x = b.node("Relu", at+"/act_quant/activation_impl/Relu", []string{x})
	}
	if act {
		x = b.actQuant(at, x, l.Act, end)
	}
	return x
}

func (b *builder) batchNorm(at, x string, l *Layer) string {
	n, shape := l.BatchNorm, []int{l.Out}
	in := []string{
		x,
		b.floats(l.Name+".bn.weight", shape, n.Gamma),
		b.floats(l.Name+".bn.bias", shape, n.Beta),
		b.floats(l.Name+".bn.running_mean", shape, n.Mean),
		b.floats(l.Name+".bn.running_var", shape, n.Var),
	}
	return b.node("BatchNormalization", at+"/BatchNormalization", in,
		floatAttr("epsilon", n.Epsilon), floatAttr("momentum", 0.9), intAttr("training_mode", 0))
}

// weights appends a layer's weights and their Quant.
func (b *builder) weights(at string, l *Layer) string {
	at += "/weight_quant/export_handler"
	var scaleShape []int
	if len(l.WeightScale) > 1 {
		scaleShape = []int{l.Out, 1}
	}
	return b.quant(at, []string{
		b.floats(l.Name+".weight", []int{l.Out, l.In}, l.Weights),
		b.floats(at+"/scale", scaleShape, l.WeightScale),
		b.floats(at+"/zero_point", nil, []float32{0}),
		b.floats(at+"/bit_width", nil, []float32{float32(l.WeightBits)}),
	}, true, true)
}

// actQuant appends an activation quantiser. dest, where not empty, names its
// output.
func (b *builder) actQuant(at, x string, a *ActQuant, dest string) string {
	at += "/act_quant/export_handler"
	in := []string{
		x,
		b.floats(at+"/scale", nil, []float32{a.Scale}),
		b.floats(at+"/zero_point", nil, []float32{0}),
		b.floats(at+"/bit_width", nil, []float32{float32(a.Bits)}),
	}
	b.dest = dest
	return b.quant(at, in, a.Signed, a.Narrow)
}

func (b *builder) quant(at string, in []string, signed, narrow bool) string {
	out := b.node("Quant", at+"/Quant", in, boolAttr("narrow", narrow), stringAttr("rounding_mode", "ROUND"), boolAttr("signed", signed))
	b.g.Node[len(b.g.Node)-1].Domain = proto.String("onnx.brevitas")
	return out
}

func (b *builder) node(op, name string, in []string, attrs ...*onnxpb.AttributeProto) string {
	out := name + "_output_0"
	if b.dest != "" {
		out, b.dest = b.dest, ""
	}
	b.g.Node = append(b.g.Node, &onnxpb.NodeProto{
		Input: in, Output: []string{out}, Name: &name, OpType: &op, Attribute: attrs,
	})
	return out
}

// floats appends an initializer.
func (b *builder) floats(name string, shape []int, v []float32) string {
	raw := make([]byte, 0, 4*len(v))
	for _, x := range v {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	t := &onnxpb.TensorProto{Name: &name, DataType: proto.Int32(typeFloat), RawData: raw}
	for _, d := range shape {
		t.Dims = append(t.Dims, int64(d))
	}
	b.g.Initializer = append(b.g.Initializer, t)
	return name
}

func tensorInfo(name string, shape []int) *onnxpb.ValueInfoProto {
	s := &onnxpb.TensorShapeProto{}
	for _, d := range shape {
		s.Dim = append(s.Dim, &onnxpb.TensorShapeProto_Dimension{DimValue: proto.Int64(int64(d))})
	}
	return &onnxpb.ValueInfoProto{Name: &name, Type: &onnxpb.TypeProto{
		TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(typeFloat), Shape: s},
	}}
}

// types of attributes in ONNX.
const (
	attrFloat  = 1
	attrInt    = 2
	attrString = 3
	attrInts   = 7
)

func floatAttr(name string, v float32) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: &name, F: &v, Type: proto.Int32(attrFloat)}
}

func intAttr(name string, v int64) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: &name, I: &v, Type: proto.Int32(attrInt)}
}

func boolAttr(name string, v bool) *onnxpb.AttributeProto {
	if v {
		return intAttr(name, 1)
	}
	return intAttr(name, 0)
}

func stringAttr(name, v string) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: &name, S: []byte(v), Type: proto.Int32(attrString)}
}

func intsAttr(name string, v ...int64) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: &name, Ints: v, Type: proto.Int32(attrInts)}
}
