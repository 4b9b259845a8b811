package train

import (
	"fmt"
	"strings"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
)

// maxNumbers bounds the activations of a batch, in numbers: training holds
// about three times as many.
const maxNumbers = 1 << 29

// step is one layer of a network, without numbers yet, and what training adds to it.
// Steps are in order of execution. A layer of a spec is one step or, with a residual or
// concat, several.
type step struct {
	nn.Layer
	path string // its field of the spec
	out  quant.Shape

	quantiser *quant.Quantizer // of its weights; nil without
	own       *LayerSpec       // what the spec says of the layer, where it has weights
	role      quant.Role       // of a layer with weights in the network
	scales    int              // of the weight quantiser: one per output channel, or one
	bias      bool
	norm      bool
	act       *actPlan // nil: integers are passed on
	typ       quant.DataType
}

// actPlan is an activation quantiser; steps whose outputs are added or
// concatenated share one.
type actPlan struct {
	bits   int
	signed bool
	scale  float32 // fixed; 0 is learned
	steps  int     // that have it
}

// typ is the type of the quantiser's integers.
func (a *actPlan) typ() quant.DataType { return quant.DataType{Bits: a.bits, Signed: a.signed} }

// plan is a network before anything is allocated for it.
type plan struct {
	spec  *Spec
	input quant.Shape
	// row says that the input is no image, whatever its shape.
	row   bool
	steps []step
	count map[string]int // of names given, by prefix
	err   error          // the first
}

// newPlan lays out the network of s for inputs of the given shape, which are rows
// of numbers or images: the layers of the spec and, where classifier is set, a
// linear layer to that many outputs. Without it the last layer of s is the output,
// with a quantiser for [0, 1] and no ReLU; a linear or conv layer has a bias there,
// no batch norm. It returns an error that names the field of the first layer that
// does not fit. The order matters: quantisers looks at the whole graph, whose end
// classifier or output has made.
func newPlan(s *Spec, input quant.Shape, row bool, outputs int, classifier bool) (*plan, error) {
	p := &plan{spec: s, input: input, row: row, count: map[string]int{}}
	end := p.layers(s.Layers, "layers", quant.Source)
	if classifier {
		p.classifier(end, outputs)
	} else if p.err == nil {
		p.output(end, outputs)
	}
	if p.err == nil {
		p.quantisers()
	}
	if p.err == nil {
		p.checkSize()
	}
	return p, p.err
}

// fail keeps the first error; path is the field of the spec that it is about.
func (p *plan) fail(path, format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf("train: %s: %s", path, fmt.Sprintf(format, args...))
	}
}

// shape returns the shape that step i gives, or the input's.
func (p *plan) shape(i int) quant.Shape {
	if i == quant.Source {
		return p.input
	}
	return p.steps[i].out
}

// layers appends a list of layers that reads step from, and returns the last
// step. Once there is an error it does nothing.
func (p *plan) layers(l Layers, path string, from int) int {
	for i := range l {
		if p.err != nil {
			return from
		}
		from = p.layer(&l[i], fmt.Sprintf("%s[%d].%s", path, i, l[i].Kind), from)
	}
	return from
}

// layer appends one layer of a spec and returns its last step. A layer has ReLU
// unless it says no, but for pools and moves, which never have one.
func (p *plan) layer(l *LayerSpec, path string, from int) int {
	in := p.shape(from)
	if needsImage[l.Kind] && p.isRow(from) {
		p.fail(path, "reads a row of %d numbers%s, want an image", in.Size(), p.whence(from))
		return from
	}
	st := step{path: path, Layer: nn.Layer{Name: l.Name, From: []int{from}, Relu: l.Relu == nil || *l.Relu}}
	switch l.Kind {
	case LinearLayer:
		p.settled(path, from)
		st.Kind, st.Out = quant.Linear, l.Out
		return p.weighted(st, l, "fc")
	case ConvLayer:
		st.Kind, st.Groups, st.Window, st.Out = quant.Conv, l.Groups, window(l), l.Out
		return p.weighted(st, l, "conv")
	case ConvTransposeLayer:
		st.Kind, st.Window, st.Out = quant.ConvTranspose, window(l), l.Out
		return p.weighted(st, l, "convt")
	case DepthwiseLayer:
		st.Kind, st.Groups, st.Window, st.Out = quant.Conv, in.C, window(l), in.C
		return p.weighted(st, l, "dw")
	case MaxPoolLayer:
		st.Kind, st.Window, st.Relu = quant.MaxPool, window(l), false
		return p.add(st, "maxpool")
	case AvgPoolLayer, GlobalAvgPoolLayer:
		st.Kind, st.Window, st.Relu = quant.AvgPool, window(l), false
		// One window, the whole input.
		if l.Kind == GlobalAvgPoolLayer {
			st.Window = quant.Window{H: in.H, W: in.W}
		}
		st.act = p.act(l)
		return p.add(st, "avgpool")
	case UpsampleLayer:
		st.Kind, st.Factor, st.Relu = quant.Upsample, l.Factor, false
		return p.add(st, "up")
	case PixelShuffleLayer:
		st.Kind, st.Factor, st.Relu = quant.PixelShuffle, l.Factor, false
		return p.add(st, "shuffle")
	case ResidualLayer:
		return p.residual(st, l)
	case ConcatLayer:
		return p.concat(st, l)
	}
	panic("train: unknown layer " + l.Kind)
}

// isRow says that step i gives a row of numbers, not an image: a file has two axes
// for it, and an operator on rows and columns does not take it.
func (p *plan) isRow(i int) bool {
	if i == quant.Source {
		return p.row
	}
	kind := p.steps[i].Kind
	return kind == quant.Linear || !kind.Weighted() && p.isRow(p.steps[i].From[0])
}

// settled refuses a linear layer on what an upsample or a pixel shuffle gives: the
// reader of files takes elements that were moved only where rows and columns stay.
func (p *plan) settled(path string, from int) {
	if from != quant.Source && p.moved(from, 0) != from {
		p.fail(path, "a linear layer reads %q, %s, which no file has: want a conv or a pool between them",
			p.steps[from].Name, withArticle(p.steps[from].Kind))
	}
}

// withArticle returns a kind as part of a sentence: "an upsample", "a concat".
func withArticle(kind quant.Kind) string {
	if strings.ContainsRune("aeiou", rune(kind[0])) {
		return "an " + string(kind)
	}
	return "a " + string(kind)
}

// whence says where the row comes from that step i gives. It is part of a message
// that begins with what was read.
func (p *plan) whence(i int) string {
	if i == quant.Source {
		return ", the samples as they are (images are [rows columns] or [channels rows columns]; " +
			"shape: in the spec makes them of rows)"
	}
	return fmt.Sprintf(" from %q", p.steps[i].Name)
}

// window returns the window of a layer, padded alike at both ends of each side.
func window(l *LayerSpec) quant.Window {
	return quant.Window{
		H: l.Kernel[0], W: l.Kernel[1], StrideH: l.Stride[0], StrideW: l.Stride[1],
		DilationH: max(l.Dilation[0], 1), DilationW: max(l.Dilation[1], 1),
		Top: l.Pad[0], Left: l.Pad[1], Bottom: l.Pad[0], Right: l.Pad[1],
	}
}

// act returns a quantiser for what leaves a layer.
func (p *plan) act(l *LayerSpec) *actPlan {
	return &actPlan{bits: or(l.ActBits, p.spec.ActBits)}
}

// or returns v, or what stands for 0.
func or(v, zero int) int {
	if v == 0 {
		return zero
	}
	return v
}

// weighted appends a linear or conv step with batch norm or a bias, and a
// quantiser.
func (p *plan) weighted(st step, l *LayerSpec, prefix string) int {
	st.norm, st.act = l.Norm == nil || *l.Norm, p.act(l)
	// Batch norm would take a bias out again (arXiv 1502.03167, section 3.2).
	st.bias = !st.norm
	st.own, st.quantiser = l, p.hidden(l, st.Kind == quant.Conv && l.Kind == DepthwiseLayer)
	return p.add(st, prefix)
}

// add appends a step: it computes the shapes, and names it.
func (p *plan) add(st step, prefix string) int {
	var in []quant.Shape
	for _, from := range st.From {
		in = append(in, p.shape(from))
	}
	q := st.Geometry()
	if st.Kind.Weighted() {
		st.In = q.Terms(in[0])
	}
	var err error
	if st.out, err = st.OutputShape(in...); err != nil {
		p.fail(st.path, "%v", err)
	}
	p.name(&st, prefix)
	p.steps = append(p.steps, st)
	return len(p.steps) - 1
}

// name gives a step the name of the spec or the prefix and a number, and refuses
// one that is taken. Names are those of the file's layers, where equal ones would
// make a reader's messages ambiguous.
func (p *plan) name(st *step, prefix string) {
	p.count[prefix]++
	if st.Name == "" {
		st.Name = fmt.Sprint(prefix, p.count[prefix])
	}
	for i := range p.steps {
		if p.steps[i].Name == st.Name {
			p.fail(st.path+".name", "%q is the name of %s too", st.Name, p.steps[i].path)
		}
	}
}

// classifier appends the linear layer to the classes. It has a bias and no
// activation: its real sums are the logits, of which the largest counts.
func (p *plan) classifier(from, classes int) {
	if p.settled("classifier", from); p.err != nil {
		return
	}
	p.add(step{
		Layer: nn.Layer{Kind: quant.Linear, From: []int{from}, Out: classes}, path: "classifier",
		bias: true, own: &LayerSpec{}, quantiser: p.hidden(&LayerSpec{}, false),
	}, "fc")
}

// output turns the last layer with weights into the network's output.
func (p *plan) output(end, outputs int) {
	if size := p.shape(end).Size(); size != outputs {
		p.fail("layers", "the output has %v = %d numbers, the data's targets have %d", p.shape(end), size, outputs)
		return
	}
	if end = p.moved(end, 0); end < 0 {
		p.fail("layers", "no layer has weights")
		return
	}
	st := &p.steps[end]
	switch {
	case st.quantiser != nil:
		st.bias, st.norm = true, false
	case st.Kind == quant.Add:
		p.outputSum(st)
	default:
		p.fail(st.path, "the output is %s, want a linear, conv or conv_transpose layer or a residual "+
			"with at most upsample and pixel_shuffle behind", withArticle(st.Kind))
		return
	}
	// The last layer's outputs are values of [0, 1] in 8 bits, whatever the layer
	// says: a clip at both ends, which makes a ReLU redundant.
	st.Relu = false
	st.act = &actPlan{bits: outputBits, scale: inputScale(outputBits)}
}

// outputSum lets the operands of the output be integers of its scale, with a bit
// for the sign: an image that comes along stays as it is, and the correction has
// the output's resolution. The body's end has the output's scale and one bit more,
// since a correction may be negative and as large as the output.
func (p *plan) outputSum(st *step) {
	for i := range p.spec.Layers {
		if l := &p.spec.Layers[i]; l.ActBits != 0 && st.path == fmt.Sprintf("layers[%d].%s", i, l.Kind) {
			p.fail(st.path+".act_bits", "%d, want none at the output: it adds integers of %d bits",
				l.ActBits, outputBits+1)
		}
	}
	*p.steps[p.moved(st.From[0], 0)].act = actPlan{bits: outputBits + 1, signed: true, scale: inputScale(outputBits)}
}

// checkSize bounds the memory of training. A spec can ask for terabytes in a line:
// it is refused before anything is allocated.
func (p *plan) checkSize() {
	sum, weights := p.input.Size(), 0
	for i := range p.steps {
		st := &p.steps[i]
		if st.Kind.Weighted() {
			n := st.In * st.Rows()
			if weights += n; weights > maxWeights {
				p.fail(st.path, "%d x %d weights, %d with the layers before, want at most %d",
					st.Rows(), st.In, weights, maxWeights)
				return
			}
		}
		if sum += st.out.Size(); sum > maxNumbers/p.spec.Batch {
			p.fail(st.path, "the layers up to here have %d numbers per sample, want at most %d with batches of %d",
				sum, maxNumbers/p.spec.Batch, p.spec.Batch)
			return
		}
	}
}

// maxWeights bounds the weights of a network: training has about ten numbers for each.
const maxWeights = 1 << 26

// outputBits is the width of the output of a network without classifier.
const outputBits = 8
