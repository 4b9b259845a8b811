package qonnx

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
	"github.com/a2qgen/a2qgen/quant/qonnx/onnxpb"
	"google.golang.org/protobuf/proto"
)

// builder appends nodes and initializers to a graph. Its methods return the
// name of the tensor that they define. Nodes are named after their layer, as
// PyTorch's exporter does: "/fc1/MatMul". Attributes that have ONNX's default
// are written all the same, as PyTorch and Brevitas do: readers that ignore
// defaults (FINN's transformations look attributes up without one) then work.
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

// model appends all of m. Names of the graph's ends are "input" and "output", and the
// sample count is 1, as FINN expects of a dataflow graph.
func (b *builder) model(m *nn.Graph) {
	const input, result = "input", "output"
	b.g.Input = []*onnxpb.ValueInfoProto{tensorInfo(input, append([]int{1}, m.InputShape...))}
	source := written{name: input, shape: m.Sample, image: len(m.InputShape) == 3, rank: len(m.InputShape) + 1}
	if m.Input != nil {
		source.name = b.actQuant("/input", input, m.Input)
	}
	// Samples of other ranks, such as [28 28], are vectors to the layers:
	// quantised first, flattened then, since that is where Brevitas has
	// QuantIdentity.
	if !source.image && source.rank > 2 {
		source.name = b.node("Flatten", "/Flatten", []string{source.name}, intAttr("axis", 1))
	}
	made := make([]written, len(m.Layers))
	for i := range m.Layers {
		var in []written
		for _, from := range m.Layers[i].From {
			if from == quant.Source {
				in = append(in, source)
			} else {
				in = append(in, made[from])
			}
		}
		made[i] = b.layer(&m.Layers[i], in, m.Shapes[i])
	}
	last := made[len(made)-1]
	b.finish(last.name, result)
	dims := []int{1, last.shape.C}
	if last.image {
		dims = append(dims, last.shape.H, last.shape.W)
	}
	b.g.Output = []*onnxpb.ValueInfoProto{tensorInfo(result, dims)}
}

// finish renames the tensor that the last node makes. If another node came last
// (the last layer is a Requantize without a quantiser, or reads the input
// itself), an Identity carries the name.
func (b *builder) finish(name, to string) {
	if k := len(b.g.Node) - 1; k >= 0 && b.g.Node[k].Output[0] == name {
		b.g.Node[k].Output[0] = to
		return
	}
	b.g.Node = append(b.g.Node, &onnxpb.NodeProto{
		Input: []string{name}, Output: []string{to}, Name: proto.String("/Identity"), OpType: proto.String("Identity"),
	})
}

// layer appends a layer that reads in. BatchNorm, Relu and Quant follow in this
// order, that of Layer.
func (b *builder) layer(l *nn.Layer, in []written, shape quant.Shape) written {
	at := "/" + l.Name
	out := written{name: in[0].name, shape: shape, image: in[0].image, rank: 2}
	switch l.Kind {
	case quant.Linear:
		out.image = false
		out.name = b.linear(at, l, in[0])
	case quant.Conv:
		out.name = b.conv(at, l, in[0])
	case quant.ConvTranspose:
		out.name = b.convTranspose(at, l, in[0])
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

// linear appends a matrix product. With a bias it is a Gemm with transB,
// without one a Transpose and a MatMul, as PyTorch exports nn.Linear: what
// reads those files has been tried on these forms.
func (b *builder) linear(at string, l *nn.Layer, in written) string {
	x := in.name
	if in.image {
		x = b.node("Flatten", at+"/Flatten", []string{x}, intAttr("axis", 1))
	}
	s := in.shape
	if !in.image {
		s = quant.Vector(l.In)
	}
	// Flatten of [1 C H W] gives columns with the channel as the slowest digit;
	// layers have it as the fastest. Vectors have one position and stay as they
	// are.
	w := b.weights(at, l, 0, []int{l.Out, l.In}, nn.Transposed(l.Weights, s.Positions(), s.C))
	if l.Bias != nil {
		bias := b.floats(l.Name+".bias", []int{l.Out}, l.Bias)
		return b.node("Gemm", at+"/Gemm", []string{x, w, bias},
			floatAttr("alpha", 1), floatAttr("beta", 1), intAttr("transB", 1))
	}
	t := b.node("Transpose", at+"/Transpose", []string{w}, intsAttr("perm", 1, 0))
	return b.node("MatMul", at+"/MatMul", []string{x, t})
}

// conv appends a convolution. Weights are [out, in/group, rows, columns] (ONNX,
// Conv), in Layer [out, rows, columns, in/group].
func (b *builder) conv(at string, l *nn.Layer, in written) string {
	groups := max(l.Groups, 1)
	width := in.shape.C / groups
	shape := []int{l.Out, width, l.Window.H, l.Window.W}
	inputs := []string{in.name, b.weights(at, l, 0, shape, nn.Transposed(l.Weights, l.Window.Taps(), width))}
	if l.Bias != nil {
		inputs = append(inputs, b.floats(l.Name+".bias", []int{l.Out}, l.Bias))
	}
	return b.node("Conv", at+"/Conv", inputs, append(windowAttrs(l.Window, true), intAttr("group", int64(groups)))...)
}

// windowAttrs returns the attributes of a window. ONNX lists all begins before
// all ends: top, left, bottom, right. dilations is an attribute of AveragePool
// from opset 19 only, so that pool is written without.
func windowAttrs(w quant.Window, dilations bool) []*onnxpb.AttributeProto {
	ints := func(v ...int) []int64 {
		out := make([]int64, len(v))
		for i := range v {
			out[i] = int64(v[i])
		}
		return out
	}
	w = w.Normal()
	attrs := []*onnxpb.AttributeProto{
		intsAttr("kernel_shape", ints(w.H, w.W)...),
		intsAttr("pads", ints(w.Top, w.Left, w.Bottom, w.Right)...),
		intsAttr("strides", ints(w.StrideH, w.StrideW)...),
	}
	if dilations {
		attrs = append(attrs, intsAttr("dilations", ints(w.DilationH, w.DilationW)...))
	}
	return attrs
}

// operation appends a layer without weights. Pools, Add, Concat and Resize of a
// quantised model read integers as FLOAT and compute in FLOAT; the Quant behind
// them is a layer's Act.
func (b *builder) operation(at string, l *nn.Layer, in []written) string {
	var names []string
	for _, o := range in {
		names = append(names, o.name)
	}
	x := names[0]
	switch l.Kind {
	// count_include_pad=1: the layer sums zeros of the padding and divides by
	// all taps. With ONNX's default of 0 windows at the edge would divide by
	// fewer.
	case quant.AvgPool:
		return b.node("AveragePool", at+"/AveragePool", names,
			append(windowAttrs(l.Window, false), intAttr("ceil_mode", 0), intAttr("count_include_pad", 1))...)
	case quant.MaxPool:
		return b.node("MaxPool", at+"/MaxPool", names, append(windowAttrs(l.Window, true), intAttr("ceil_mode", 0))...)
	case quant.Add:
		// Add has exactly two inputs, Sum any number.
		if len(names) > 2 {
			return b.node("Sum", at+"/Sum", names)
		}
		return b.node("Add", at+"/Add", names)
	case quant.Concat:
		return b.node("Concat", at+"/Concat", names, intAttr("axis", 1))
	case quant.Upsample:
		// Asymmetric and floor make element i of the result floor(i/f) of the
		// input: each element f times, without a rounding that readers could
		// disagree on. The empty name is roi, which nearest does not use.
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

// batchNorm appends a BatchNormalization in inference mode. momentum is of
// training and ignored here; PyTorch writes 0.9.
func (b *builder) batchNorm(at, x string, l *nn.Layer, channels int) string {
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
// Quant. A scale per channel has size 1 along all axes but that of the output channels,
// the first as a rule, so that it broadcasts along it; Quant has no axis attribute.
func (b *builder) weights(at string, l *nn.Layer, axis int, shape []int, w []float32) string {
	name := b.floats(l.Name+".weight", shape, w)
	if l.WeightBits == 0 {
		return name
	}
	at += "/weight_quant/export_handler"
	var scaleShape []int
	if len(l.WeightScale) > 1 {
		scaleShape = slices.Repeat([]int{1}, len(shape))
		scaleShape[axis] = l.Out
	}
	return b.quant(at, []string{
		name,
		b.floats(at+"/scale", scaleShape, l.WeightScale),
		b.floats(at+"/zero_point", nil, []float32{0}),
		b.floats(at+"/bit_width", nil, []float32{float32(l.WeightBits)}),
	}, true, true)
}

// actQuant appends an activation quantiser. Zero point and width are FLOAT
// tensors, as QONNX's Quant wants them, of rank 0. A sign is a BipolarQuant, as
// Brevitas writes it.
func (b *builder) actQuant(at, x string, a *nn.ActQuant) string {
	at += "/act_quant/export_handler"
	if a.Type().Bipolar {
		out := b.node("BipolarQuant", at+"/BipolarQuant", []string{x, b.floats(at+"/scale", nil, []float32{a.Scale})})
		b.g.Node[len(b.g.Node)-1].Domain = proto.String(brevitasDomain)
		return out
	}
	in := []string{
		x,
		b.floats(at+"/scale", nil, []float32{a.Scale}),
		b.floats(at+"/zero_point", nil, []float32{0}),
		b.floats(at+"/bit_width", nil, []float32{float32(a.Bits)}),
	}
	return b.quant(at, in, a.Signed, a.Narrow)
}

// brevitasDomain is the domain that Brevitas's exporter writes; readers of QONNX
// take it for qonnx.custom_op.general.
const brevitasDomain = "onnx.brevitas"

// quant appends a Quant of in: tensor, scale, zero point, width.
func (b *builder) quant(at string, in []string, signed, narrow bool) string {
	out := b.node("Quant", at+"/Quant", in,
		boolAttr("narrow", narrow), stringAttr("rounding_mode", "ROUND"), boolAttr("signed", signed))
	b.g.Node[len(b.g.Node)-1].Domain = proto.String(brevitasDomain)
	return out
}

// node appends a node of one output and returns that tensor's name.
func (b *builder) node(op, name string, in []string, attrs ...*onnxpb.AttributeProto) string {
	out := name + "_output_0"
	b.g.Node = append(b.g.Node, &onnxpb.NodeProto{
		Input: in, Output: []string{out}, Name: &name, OpType: &op, Attribute: attrs,
	})
	return out
}

// floats appends an initializer. Raw bytes, little-endian by ONNX's definition
// on any machine.
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

// tensorInfo declares a FLOAT tensor of fixed shape, for the ends of the graph.
func tensorInfo(name string, shape []int) *onnxpb.ValueInfoProto {
	s := &onnxpb.TensorShapeProto{}
	for _, d := range shape {
		s.Dim = append(s.Dim, &onnxpb.TensorShapeProto_Dimension{DimValue: proto.Int64(int64(d))})
	}
	return &onnxpb.ValueInfoProto{Name: &name, Type: &onnxpb.TypeProto{
		TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(typeFloat), Shape: s},
	}}
}

// types of attributes in ONNX. (onnx.proto, AttributeProto.AttributeType.) IR
// version 2 and later want them.
const (
	attrFloat  = 1
	attrInt    = 2
	attrString = 3
	attrInts   = 7
)

// floatAttr, intAttr, stringAttr and intsAttr return an attribute with its
// type.
func floatAttr(name string, v float32) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: &name, F: &v, Type: proto.Int32(attrFloat)}
}

func intAttr(name string, v int64) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: &name, I: &v, Type: proto.Int32(attrInt)}
}

// boolAttr returns an attribute of 0 or 1: ONNX has no attributes of type BOOL.
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
