package qonnx

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/qonnx/onnxpb"
	"google.golang.org/protobuf/proto"
)

// builder appends nodes and initializers to a graph. Its methods return the
// name of the tensor that they define. Nodes are named after their layer, as
// PyTorch's exporter does: "/fc1/MatMul".
type builder struct {
	g *onnxpb.GraphProto
}

// written is a tensor that layers read, with its shape. An image is of shape
// [1 C H W] in the file, all else [1 N] once it is flattened.
type written struct {
	name  string
	shape quant.Shape
	image bool
	// rank is the number of axes where it is no image.
	rank int
}

// model appends all of m, whose layers have these shapes.
func (b *builder) model(m *Model, shapes []quant.Shape) {
	const input, result = "input", "output"
	b.g.Input = []*onnxpb.ValueInfoProto{tensorInfo(input, append([]int{1}, m.InputShape...))}
	source := written{name: input, shape: m.shape(), image: len(m.InputShape) == 3, rank: len(m.InputShape) + 1}
	if m.Input != nil {
		source.name = b.actQuant("/input", input, m.Input)
	}
	if !source.image && source.rank > 2 {
		source.name = b.node("Flatten", "/Flatten", []string{source.name}, intAttr("axis", 1))
	}
	made := make([]written, len(m.Layers))
	for i := range m.Layers {
		var in []written
		for _, from := range m.Layers[i].reads(i) {
			if from == quant.Source {
				in = append(in, source)
			} else {
				in = append(in, made[from])
			}
		}
		made[i] = b.layer(&m.Layers[i], in, shapes[i])
	}
	last := made[len(made)-1]
	b.finish(last.name, result)
	dims := []int{1, last.shape.C}
	if last.image {
		dims = append(dims, last.shape.H, last.shape.W)
	}
	b.g.Output = []*onnxpb.ValueInfoProto{tensorInfo(result, dims)}
}

// finish renames the tensor that the last node makes.
func (b *builder) finish(name, to string) {
	if k := len(b.g.Node) - 1; k >= 0 && b.g.Node[k].Output[0] == name {
		b.g.Node[k].Output[0] = to
		return
	}
	b.g.Node = append(b.g.Node, &onnxpb.NodeProto{
		Input: []string{name}, Output: []string{to}, Name: proto.String("/Identity"), OpType: proto.String("Identity"),
	})
}

// layer appends a layer that reads in.
func (b *builder) layer(l *Layer, in []written, shape quant.Shape) written {
	at := "/" + l.Name
	out := written{name: in[0].name, shape: shape, image: in[0].image, rank: 2}
	switch l.Kind {
	case quant.Linear, "":
		out.image = false
		out.name = b.linear(at, l, in[0])
	case quant.Conv:
		out.name = b.conv(at, l, in[0])
	default:
		out.name = b.operation(at, l, in)
	}
	if l.BatchNorm != nil {
		out.name = b.batchNorm(at, out.name, l, shape.C)
	}
	if l.Relu {
		out.name = b.node("Relu", at+"/act_quant/activation_impl/Relu", []string{out.name})
	}
	if l.Act != nil {
		out.name = b.actQuant(at, out.name, l.Act)
	}
	return out
}

// linear appends a matrix product.
func (b *builder) linear(at string, l *Layer, in written) string {
	x := in.name
	if in.image {
		x = b.node("Flatten", at+"/Flatten", []string{x}, intAttr("axis", 1))
	}
	s := in.shape
	if !in.image {
		s = quant.Vector(l.In)
	}
	w := b.weights(at, l, []int{l.Out, l.In}, channelsFirst(l.Weights, s.Positions(), s.C))
	if l.Bias != nil {
		bias := b.floats(l.Name+".bias", []int{l.Out}, l.Bias)
		return b.node("Gemm", at+"/Gemm", []string{x, w, bias},
			floatAttr("alpha", 1), floatAttr("beta", 1), intAttr("transB", 1))
	}
	t := b.node("Transpose", at+"/Transpose", []string{w}, intsAttr("perm", 1, 0))
	return b.node("MatMul", at+"/MatMul", []string{x, t})
}

// channelsFirst permutes every block of positions x channels to channels x
// positions.
func channelsFirst(w []float32, positions, channels int) []float32 {
	if positions == 1 || channels == 1 {
		return w
	}
	out := make([]float32, 0, len(w))
	for len(w) > 0 {
		for c := range channels {
			for p := range positions {
				out = append(out, w[p*channels+c])
			}
		}
		w = w[positions*channels:]
	}
	return out
}

func (b *builder) conv(at string, l *Layer, in written) string {
	groups := max(l.Groups, 1)
	width := in.shape.C / groups
	shape := []int{l.Out, width, l.Window.H, l.Window.W}
	inputs := []string{in.name, b.weights(at, l, shape, channelsFirst(l.Weights, l.Window.Taps(), width))}
	if l.Bias != nil {
		inputs = append(inputs, b.floats(l.Name+".bias", []int{l.Out}, l.Bias))
	}
	return b.node("Conv", at+"/Conv", inputs, append(windowAttrs(l.Window, true), intAttr("group", int64(groups)))...)
}

// windowAttrs returns the attributes of a window.
func windowAttrs(w quant.Window, dilations bool) []*onnxpb.AttributeProto {
	ints := func(v ...int) []int64 {
		out := make([]int64, len(v))
		for i := range v {
			out[i] = int64(v[i])
		}
		return out
	}
	attrs := []*onnxpb.AttributeProto{
		intsAttr("kernel_shape", ints(w.H, w.W)...),
		intsAttr("pads", ints(w.Top, w.Left, w.Bottom, w.Right)...),
		intsAttr("strides", ints(max(w.StrideH, 1), max(w.StrideW, 1))...),
	}
	if dilations {
		attrs = append(attrs, intsAttr("dilations", ints(max(w.DilationH, 1), max(w.DilationW, 1))...))
	}
	return attrs
}

// operation appends a layer without weights.
func (b *builder) operation(at string, l *Layer, in []written) string {
	var names []string
	for _, o := range in {
		names = append(names, o.name)
	}
	x := names[0]
	switch l.Kind {
	case quant.AvgPool:
		return b.node("AveragePool", at+"/AveragePool", names,
			append(windowAttrs(l.Window, false), intAttr("ceil_mode", 0), intAttr("count_include_pad", 1))...)
	case quant.MaxPool:
		return b.node("MaxPool", at+"/MaxPool", names, append(windowAttrs(l.Window, true), intAttr("ceil_mode", 0))...)
	case quant.Add:
		if len(names) > 2 {
			return b.node("Sum", at+"/Sum", names)
		}
		return b.node("Add", at+"/Add", names)
	case quant.Concat:
		return b.node("Concat", at+"/Concat", names, intAttr("axis", 1))
	case quant.Upsample:
		f := float32(l.Factor)
		return b.node("Resize", at+"/Resize", []string{x, "", b.floats(at+"/scales", []int{4}, []float32{1, 1, f, f})},
			stringAttr("coordinate_transformation_mode", "asymmetric"),
			stringAttr("mode", "nearest"), stringAttr("nearest_mode", "floor"))
	case quant.PixelShuffle:
		mode := "CRD"
		if l.DepthFirst {
			mode = "DCR"
		}
		return b.node("DepthToSpace", at+"/DepthToSpace", names,
			intAttr("blocksize", int64(l.Factor)), stringAttr("mode", mode))
	}
	return x // Requantize is no more than its quantiser
}

func (b *builder) batchNorm(at, x string, l *Layer, channels int) string {
	n, shape := l.BatchNorm, []int{channels}
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

// weights appends a layer's weights, in the file's order and shape, and their
// Quant.
func (b *builder) weights(at string, l *Layer, shape []int, w []float32) string {
	name := b.floats(l.Name+".weight", shape, w)
	if l.WeightBits == 0 {
		return name
	}
	at += "/weight_quant/export_handler"
	var scaleShape []int
	if len(l.WeightScale) > 1 {
		scaleShape = slices.Repeat([]int{1}, len(shape))
		scaleShape[0] = l.Out
	}
	return b.quant(at, []string{
		name,
		b.floats(at+"/scale", scaleShape, l.WeightScale),
		b.floats(at+"/zero_point", nil, []float32{0}),
		b.floats(at+"/bit_width", nil, []float32{float32(l.WeightBits)}),
	}, true, true)
}

// actQuant appends an activation quantiser.
func (b *builder) actQuant(at, x string, a *ActQuant) string {
	at += "/act_quant/export_handler"
	in := []string{
		x,
		b.floats(at+"/scale", nil, []float32{a.Scale}),
		b.floats(at+"/zero_point", nil, []float32{0}),
		b.floats(at+"/bit_width", nil, []float32{float32(a.Bits)}),
	}
	return b.quant(at, in, a.Signed, a.Narrow)
}

func (b *builder) quant(at string, in []string, signed, narrow bool) string {
	out := b.node("Quant", at+"/Quant", in,
		boolAttr("narrow", narrow), stringAttr("rounding_mode", "ROUND"), boolAttr("signed", signed))
	b.g.Node[len(b.g.Node)-1].Domain = proto.String("onnx.brevitas")
	return out
}

func (b *builder) node(op, name string, in []string, attrs ...*onnxpb.AttributeProto) string {
	out := name + "_output_0"
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
