package qonnx

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
)

// ReadModel reads the real-valued model in the ONNX file at path, as a starting
// point for training. See DecodeModel for what it accepts. Constants keep the
// graph's precision up to float32, in which models hold them.
func ReadModel(path string) (*nn.Model, error) {
	name, data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	m, err := decodeModel(name, data)
	if err != nil {
		return nil, fmt.Errorf("qonnx: %s: %w", path, err)
	}
	return m, nil
}

// DecodeModel reads a real-valued model from the bytes of an ONNX file: weights,
// biases, batch norms and ReLUs of Gemm, MatMul and Conv, and the pools, Add,
// Concat, Resize, DepthToSpace and Flatten between them. Layers are named after
// their nodes where those have paths, as PyTorch exports them.
//
// Quant nodes are left out: of a QONNX file one gets the float weights under
// them. A Softmax, ArgMax or the like at the end is dropped. An error names the
// node and what it wants.
func DecodeModel(name string, data []byte) (*nn.Model, error) {
	m, err := decodeModel(name, data)
	if err != nil {
		return nil, fmt.Errorf("qonnx: %s: %w", name, err)
	}
	return m, nil
}

// decodeModel tries the readings of the input's shape as importFirst does.
func decodeModel(name string, data []byte) (*nn.Model, error) {
	g, err := parse(data)
	if err != nil {
		return nil, err
	}
	readings, err := inputShapes(g)
	if err != nil {
		return nil, err
	}
	var m *nn.Model
	for _, in := range readings {
		if m, err = readModel(name, g, in, budgetFor(len(data))); err == nil {
			break
		}
	}
	return m, err
}

// feature is a tensor of a float model: the outputs of a layer, or the input.
type feature struct {
	layer int
	shape quant.Shape
	// shape is the layers' view of it, channels last, in which a flattened
	// image is still an image.
	size []int // as the graph has it
	// pads are zeros around it: top, left, bottom, right. ONNX lists them as
	// begins, then ends, by axis.
	pads [4]int
	// ranked says that something was left out behind it that keeps no more than
	// the order of its elements.
	ranked bool
}

func (f *feature) dims() []int { return f.size }

// image says that the feature is of shape [1 C H W].
func (f *feature) image() bool {
	return slices.Equal(f.size, []int{1, f.shape.C, f.shape.H, f.shape.W})
}

// floatReader reads a float model. Constants are the importer's. It shares
// constant folding and shape computation with the importer. Streams and sites
// do not occur: what depends on the input is a feature, and each operator adds
// a layer or a property of one.
type floatReader struct {
	im *importer
	m  *nn.Model
	// uses counts the readers of each tensor.
	uses map[string]int
}

// readModel is one try. The importer in it only folds constants: no input is
// set, so that nothing in the graph is a stream.
func readModel(name string, g *graph, in inputShape, left budget) (*nn.Model, error) {
	meta, err := newMetadata(g.meta)
	if err != nil {
		return nil, err
	}
	r := &floatReader{
		im: &importer{
			g: g, values: map[string]value{}, left: left, batch: in.batch, meta: meta, activations: maxActivations,
		},
		m:    &nn.Model{Name: name, InputShape: in.sample},
		uses: map[string]int{},
	}
	if _, err := r.im.left.take(in.shape); err != nil {
		return nil, fmt.Errorf("graph input %s: %w", show(g.input), err)
	}
	r.im.values[g.input] = &feature{layer: quant.Source, shape: nn.SampleShape(r.m.InputShape), size: in.shape}
	// Uses are counted first: whether a ReLU may become a property of a layer
	// depends on who else reads that layer's output.
	for _, n := range g.nodes {
		for _, name := range n.in {
			r.uses[name]++
		}
	}
	for _, n := range g.nodes {
		if err := r.evaluate(n); err != nil {
			return nil, err
		}
	}
	f, ok := r.im.values[g.outputs[0]].(*feature)
	if !ok || len(r.m.Layers) == 0 {
		return nil, fmt.Errorf("graph output %s depends on no layer", show(g.outputs[0]))
	}
	// What is trained or projected has one head: the others would be lost without a word.
	for _, name := range g.outputs[1:] {
		if o, is := r.im.values[name].(*feature); is && o.layer != f.layer {
			return nil, fmt.Errorf("graph outputs %s and %s show different layers: a model to train or to project "+
				"has one output", show(g.outputs[0]), show(name))
		}
	}
	if f.layer != len(r.m.Layers)-1 {
		return nil, fmt.Errorf("graph output %s is not that of the last layer", show(g.outputs[0]))
	}
	_, err = r.m.Graph()
	return r.m, err
}

// evaluate computes the value of n's outputs.
func (r *floatReader) evaluate(n *node) error {
	if len(n.out) == 0 {
		return n.errorf("has no output")
	}
	var fs []*feature
	for i := range n.in {
		if !n.has(i) {
			continue
		}
		v, err := r.im.operand(n, i)
		if err != nil {
			return err
		}
		if f, ok := v.(*feature); ok {
			fs = append(fs, f)
		}
	}
	// The same lists as the integer reader has: a model that was trained from a graph read
	// half would be another's.
	if err := n.checkAttributes(); err != nil {
		return err
	}
	var v value
	var err error
	switch op := operatorOf(n); {
	// Quant of weights and of activations alike is passed through: training
	// makes its own quantisers, with scales from the weights (MATH 4).
	case quantDomain(n.domain) && (n.op == "Quant" || n.op == "IntQuant" || n.op == "BipolarQuant"):
		v, err = r.im.operand(n, 0)
	// Shape and Size of a feature are constants.
	case len(fs) > 0 && n.op != "Shape" && n.op != "Size":
		v, err = r.layer(n, fs)
	case op == nil:
		err = n.errorf("is not supported")
	default:
		v, err = op(r.im, n)
	}
	if err != nil {
		return err
	}
	r.im.values[n.out[0]] = v
	if n.op == "TopK" && len(n.out) > 1 { // its labels: nobody tells them from its scores here
		r.im.values[n.out[1]] = v
	}
	return nil
}

// layer reads a node that depends on the network's input. Add and Sum are
// commutative: exporters write the constant on either side.
func (r *floatReader) layer(n *node, fs []*feature) (value, error) {
	x := fs[0]
	first, err := r.im.operand(n, 0)
	if err != nil {
		return nil, err
	}
	if _, ok := first.(*feature); !standardDomain(n.domain) || !ok && n.op != "Add" && n.op != "Sum" {
		return nil, n.errorf("is not supported with a constant as its first input")
	}
	if x.pads != [4]int{} && n.op != "Conv" {
		return nil, n.errorf("follows a Pad, want a Conv there")
	}
	switch n.op {
	case "Identity":
		return x, nil
	case "Dropout":
		return x, r.im.inference(n)
	case "Softmax", "LogSoftmax", "Hardmax", "ArgMax", "TopK":
		return r.ranking(n, x)
	case "Cast", "CastLike":
		return r.cast(n, x)
	}
	// Softmax in the middle (attention) is no layer, and is not to be left out.
	if x.ranked && !reshapes[n.op] {
		return nil, n.errorf("follows what only keeps the order of the outputs " +
			"(Softmax, ArgMax, ...), which may only " +
			"end the network")
	}
	switch n.op {
	// A float model has no views: its layers read whole images or whole
	// vectors.
	case "Flatten", "Reshape", "Squeeze", "Unsqueeze":
		return r.flatten(n, x)
	case "Gemm", "MatMul":
		return r.linear(n, x)
	case "Conv":
		return r.conv(n, x)
	case "ConvTranspose":
		return r.convTranspose(n, x)
	case "Relu":
		return r.attach(n, x, func(l *nn.Layer) bool { return !l.Relu }, func(l *nn.Layer) { l.Relu = true })
	case "BatchNormalization":
		return r.batchNorm(n, x)
	case "Add", "Sum":
		if len(fs) < len(n.in) {
			return r.bias(n, x)
		}
		return r.add(n, nn.Layer{Kind: quant.Add}, fs)
	case "Concat":
		axis, err := n.concatAxis(len(x.size))
		if err != nil {
			return nil, err
		}
		if axis != 1 || len(fs) < len(n.in) {
			return nil, n.errorf("wants to join features along axis 1, the channels")
		}
		if len(fs) == 1 {
			return x, nil
		}
		return r.add(n, nn.Layer{Kind: quant.Concat}, fs)
	}
	return r.spatial(n, x)
}

// reshapes are the operators that change no more than a shape.
var reshapes = map[string]bool{"Flatten": true, "Reshape": true, "Squeeze": true, "Unsqueeze": true}

// ranking leaves out an operator that keeps no more than the order of elements, by
// the importer's rules. What it gives is marked: a Cast behind it is of labels or
// scores that nothing computes with.
func (r *floatReader) ranking(n *node, x *feature) (value, error) {
	// Reading the axis matters here too: an ArgMax over samples would make a classifier of
	// what is none.
	k, err := r.im.ruleOf(n, len(x.size))
	if err != nil {
		return nil, err
	}
	// Of size 1 behind an ArgMax: no other may follow it.
	if err := k.spans(n, x.size); err != nil {
		return nil, err
	}
	out := *x
	out.ranked, out.size = true, k.shape(x.size)
	return &out, nil
}

// cast leaves out a Cast that changes nothing: a model has no step that rounds.
func (r *floatReader) cast(n *node, x *feature) (value, error) {
	to := elemType(typeFloat)
	var err error
	if n.op == "Cast" {
		to, err = n.castTarget()
	} else if v, e := r.im.operand(n, 1); e == nil {
		to = elemOf(v)
	}
	if err != nil {
		return nil, err
	}
	if !to.real() && !x.ranked {
		return nil, n.errorf("casts to %v, which rounds: a float model has no layer for it, leave it out of the export",
			to)
	}
	return x, nil
}

// spatial reads a node that needs an image. Sizes and windows follow the same
// rules as in the integer reader, by the same functions, so that a trained
// network exports as it was read.
func (r *floatReader) spatial(n *node, x *feature) (value, error) {
	if !x.image() {
		return nil, n.errorf("is not supported in a float model, on shape %v", x.size)
	}
	all := quant.Window{H: x.shape.H, W: x.shape.W}
	switch n.op {
	case "MaxPool", "AveragePool":
		return r.pool(n, x)
	case "GlobalMaxPool":
		return r.add(n, nn.Layer{Kind: quant.MaxPool, Window: all}, []*feature{x})
	case "GlobalAveragePool":
		return r.add(n, nn.Layer{Kind: quant.AvgPool, Window: all}, []*feature{x})
	case "ReduceMean":
		axes, err := r.im.axesOf(n, 4)
		if err != nil || !slices.Equal(axes, []bool{false, false, true, true}) {
			return nil, errors.Join(err, n.errorf("wants the mean over rows and columns"))
		}
		f, err := r.add(n, nn.Layer{Kind: quant.AvgPool, Window: all}, []*feature{x})
		if err == nil && n.int("keepdims", 1) == 0 {
			f.size = []int{1, f.shape.C}
		}
		return f, err
	case "Resize", "Upsample":
		return r.resize(n, x)
	case "DepthToSpace":
		l := nn.Layer{Kind: quant.PixelShuffle, Factor: n.count("blocksize", 0),
			DepthFirst: n.string("mode", "DCR") == "DCR"}
		return r.add(n, l, []*feature{x})
	case "Pad":
		return r.pad(n, x)
	}
	return nil, n.errorf("is not supported in a float model: want Gemm, MatMul, Conv, BatchNormalization, Relu, " +
		"MaxPool, AveragePool, GlobalAveragePool, Add, Concat, Resize, DepthToSpace or Flatten")
}

// notInNames is what becomes _ in the name of a layer. PyTorch names nodes by
// module path: /features/0/Conv is layer features_0.
var notInNames = regexp.MustCompile(`[^A-Za-z0-9]+`)

// add appends a layer that reads fs. All operands must be images or all
// vectors; nn.Layer.OutputShape checks sizes.
func (r *floatReader) add(n *node, l nn.Layer, fs []*feature) (*feature, error) {
	var shapes []quant.Shape
	for _, f := range fs {
		l.From = append(l.From, f.layer)
		shapes = append(shapes, f.shape)
		if f.image() != fs[0].image() {
			return nil, n.errorf("joins shapes %v and %v", fs[0].size, f.size)
		}
	}
	shape, err := l.OutputShape(shapes...)
	if err != nil {
		return nil, n.errorf("%w", err)
	}
	l.Name = r.name(n, l.Kind)
	r.m.Layers = append(r.m.Layers, l)
	out := &feature{layer: len(r.m.Layers) - 1, shape: shape, size: []int{1, shape.C, shape.H, shape.W}}
	if !fs[0].image() || l.Kind == quant.Linear {
		out.size = []int{1, shape.C}
	}
	return out, nil
}

// name returns a name for a layer: from the path of its node, or a number. The
// path without the operator: /fc1/MatMul and /fc1/Relu belong to one module.
func (r *floatReader) name(n *node, kind quant.Kind) string {
	used := func(name string) bool {
		return slices.ContainsFunc(r.m.Layers, func(l nn.Layer) bool { return l.Name == name })
	}
	name, _ := r.im.meta.nameOf(n)
	if cut := strings.LastIndexByte(n.name, '/'); name == "" && cut > 0 {
		name = strings.Trim(notInNames.ReplaceAllString(n.name[:cut], "_"), "_")
	}
	if nn.LegalName(name) && !used(name) {
		return name
	}
	for i := 1; ; i++ {
		if name := fmt.Sprint(prefixes[kind], i); !used(name) {
			return name
		}
	}
}

// attach adds something to the layer that makes x, where it may and nothing
// else reads x; otherwise to a layer of its own. A property changes the layer's
// output for all who read it: hence only where n is the sole reader. may says
// whether the order of operations allows it: a layer computes its weights,
// bias, batch norm and ReLU in that order.
func (r *floatReader) attach(n *node, x *feature, may func(l *nn.Layer) bool, set func(l *nn.Layer)) (value, error) {
	if x.layer != quant.Source && r.uses[n.in[0]] == 1 {
		if l := &r.m.Layers[x.layer]; may(l) {
			set(l)
			return x, nil
		}
	}
	out, err := r.add(n, nn.Layer{Kind: quant.Requantize}, []*feature{x})
	if err != nil {
		return nil, err
	}
	out.size = x.size
	set(&r.m.Layers[out.layer])
	return out, nil
}
