package nn

import (
	"maps"
	"math"
	"slices"

	"github.com/a2qgen/a2qgen/quant"
)

// Model is a network with its parameters as real numbers, as training leaves
// it: quantised, or float where its quantisers are nil and its WeightBits 0. It
// is what train and project exchange with files: a quant.Network has
// integers only and cannot be trained.
type Model struct {
	Name string
	// InputShape is that of one sample as samples have it, without an axis that
	// counts samples: [784], [28 28], or channels first, [C H W].
	InputShape []int
	// Input quantises the samples; it is nil in a float model.
	Input *ActQuant
	// Layers in order of execution; the last is the output.
	Layers []Layer
	// Metadata of the file, beside what the layers say.
	Metadata map[string]string
}

// ActQuant is an activation quantiser with zero point 0: clip(round(v/Scale)).
// As QONNX's Quant with rounding mode ROUND, halves to even.
type ActQuant struct {
	Scale float32
	// Bits is 1..16. One bit that is Signed is quant.Bipolar, the sign: -1 below 0 and +1
	// elsewhere, as QONNX's BipolarQuant has it.
	Bits   int
	Signed bool
	// Narrow leaves out the smallest integer of a signed range, or the largest
	// of an unsigned one.
	Narrow bool
}

// BatchNorm is (v-Mean)/sqrt(Var+Epsilon)*Gamma + Beta, one element per
// channel. It holds running statistics, as in inference.
type BatchNorm struct {
	Gamma, Beta, Mean, Var []float32
	Epsilon                float32
}

// Layer is one operation on channels-last tensors, then Bias, BatchNorm, Relu
// and Act as far as they are there.
type Layer struct {
	// Name must be unique: a letter, then letters, digits and _.
	Name string
	// Kind says what the layer computes, as quant.Layer has it.
	Kind quant.Kind
	// From says which layers are read, by index, or quant.Source for the
	// model's input; nil is the layer before.
	From []int
	// In is the dot-product length of a layer with weights. Out is its number
	// of channels. Other layers may leave both 0.
	In, Out int
	// Window of Conv, AvgPool and MaxPool.
	Window quant.Window
	// Groups of Conv, Factor of Upsample and PixelShuffle, DepthFirst of
	// PixelShuffle: see quant.Layer.
	Groups, Factor int
	DepthFirst     bool
	// Weights is Rows() x In, row-major, with columns in the order (row, column,
	// channel) of the window or of the input. Where WeightBits is not 0 they are
	// integers, symmetric around 0, times the scale. Rows are output channels; those of a
	// ConvTranspose are (channel, phase), with the taps of the phase: quant.Window.Phase.
	Weights []float32
	// WeightScale has one element or Out.
	WeightScale []float32
	// WeightBits is 2..16, or 0 where the weights are float.
	WeightBits int
	// Bias has Out elements, or is nil.
	Bias      []float32
	BatchNorm *BatchNorm
	Relu      bool
	// Act quantises the outputs. It may be nil on the last layer, in a float
	// model, and where integers are passed on, as by MaxPool.
	Act *ActQuant
	// AccBits is the accumulator width that the layer was trained for, or 0.
	// The file has it as metadata: ONNX has no place for it.
	AccBits int
	// Shifted says that the accumulators start at quant.Layer.ShiftedStart for
	// AccBits bits.
	Shifted bool
}

// SampleShape returns the shape of a sample, channels last, of which samples have this
// one: that of an image where it has three axes, channels first. Samples of other
// ranks are vectors; only the file keeps their shape.
func SampleShape(sample []int) quant.Shape {
	if len(sample) == 3 {
		return quant.Shape{H: sample[1], W: sample[2], C: sample[0]}
	}
	size := 1
	for _, d := range sample {
		size *= d
	}
	return quant.Vector(size)
}

// Type returns the type of the quantiser's integers.
func (a *ActQuant) Type() quant.DataType {
	return quant.DataType{Bits: a.Bits, Signed: a.Signed, Bipolar: a.Signed && a.Bits == 1}
}

// Integer returns the integer of v. It rounds half to even, as QONNX Quant with
// rounding mode ROUND does, after clipping.
func (a *ActQuant) Integer(v float64) float64 {
	if a.Type().Bipolar {
		if v >= 0 {
			return 1
		}
		return -1
	}
	lo, hi := float64(a.Type().Min()), float64(a.Type().Max())
	if a.Narrow && a.Signed {
		lo++
	} else if a.Narrow {
		hi--
	}
	return math.RoundToEven(max(lo, min(hi, v/float64(a.Scale))))
}

// Gains returns Gamma/sqrt(Var+Epsilon) of each channel, the factor that batch norm
// applies once its statistics are fixed (ONNX BatchNormalization).
func (b *BatchNorm) Gains() []float64 {
	gain := make([]float64, len(b.Gamma))
	for c := range gain {
		gain[c] = float64(b.Gamma[c]) / math.Sqrt(float64(b.Var[c])+float64(b.Epsilon))
	}
	return gain
}

// FoldNorm takes l's batch norm, if it has one, into weights and bias, which must be
// l's own: w*g and (b-mean)*g + beta, with g = gamma/sqrt(var+epsilon). They are
// computed in float64 and rounded to float32 once.
func (l *Layer) FoldNorm() {
	b := l.BatchNorm
	if b == nil {
		return
	}
	if l.Bias == nil {
		l.Bias = make([]float32, l.Out)
	}
	for c, gain := range b.Gains() {
		l.Bias[c] = float32((float64(l.Bias[c])-float64(b.Mean[c]))*gain + float64(b.Beta[c]))
		n := len(l.Weights) / l.Out
		row := l.Weights[c*n : (c+1)*n]
		for k, w := range row {
			row[k] = float32(float64(w) * gain)
		}
	}
	l.BatchNorm = nil
}

// Negative says whether the outputs, before a quantiser, may be negative, where negative
// says it of what the layer reads: sums of products may, and a batch norm may shift
// below 0; ReLU ends it, and all else has the sign of what it reads.
func (l *Layer) Negative(negative func(from int) bool) bool {
	return !l.Relu && (l.Kind.Weighted() || l.BatchNorm != nil || slices.ContainsFunc(l.From, negative))
}

// Rows returns the number of rows of weights: the channels or, of a ConvTranspose, as many
// for each of its phases.
func (l *Layer) Rows() int {
	if l.Kind == quant.ConvTranspose {
		return l.Out * l.Window.Phases()
	}
	return l.Out
}

// Scale returns the scale of row r's weights. A layer has one scale for each channel, or
// one for all.
func (l *Layer) Scale(r int) float64 {
	if len(l.WeightScale) == 1 {
		return float64(l.WeightScale[0])
	}
	return float64(l.WeightScale[r*l.Out/l.Rows()])
}

// Clone returns a copy of m whose layers and metadata are its own; vectors of numbers
// are shared but for weights and biases.
func (m *Model) Clone() *Model {
	c := *m
	c.Layers, c.Metadata = slices.Clone(m.Layers), map[string]string{}
	maps.Copy(c.Metadata, m.Metadata)
	for i := range c.Layers {
		l := &c.Layers[i]
		l.Weights, l.Bias = slices.Clone(l.Weights), slices.Clone(l.Bias)
	}
	return &c
}

// Geometry returns what shapes depend on.
func (l *Layer) Geometry() quant.Layer {
	return quant.Layer{Name: l.Name, Kind: l.Kind, In: l.In, Out: l.Out, Window: l.Window, Groups: l.Groups,
		Factor: l.Factor, DepthFirst: l.DepthFirst}
}

// OutputShape returns the shape of the outputs for operands of these shapes: see
// quant.Layer.OutputShape.
func (l *Layer) OutputShape(in ...quant.Shape) (quant.Shape, error) {
	return l.Geometry().OutputShape(in...)
}
