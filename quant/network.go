package quant

import "fmt"

// DataType is an integer data type of Bits bits, two's complement when Signed.
// Zero always lies in its range, though not always among its values: see Bipolar.
type DataType struct {
	Bits   int  `json:"bits"`
	Signed bool `json:"signed"`
	// Bipolar is the type of -1 and +1, without 0, of binary networks: one bit, Signed,
	// which is 0 for -1 and 1 for +1. What pads such a tensor with 0 is no such tensor.
	Bipolar bool `json:"bipolar,omitempty"`
}

// Bipolar is the type of -1 and +1.
var Bipolar = DataType{Bits: 1, Signed: true, Bipolar: true}

// Min returns the smallest value of the type.
func (t DataType) Min() int64 {
	if t.Signed {
		return -(1 << (t.Bits - 1))
	}
	return 0
}

// Max returns the largest value of the type.
func (t DataType) Max() int64 {
	if t.Bipolar {
		return 1
	}
	if t.Signed {
		return 1<<(t.Bits-1) - 1
	}
	return 1<<t.Bits - 1
}

// step is the distance between neighbouring values.
func (t DataType) step() int64 {
	if t.Bipolar {
		return 2
	}
	return 1
}

// Value returns value number n of the type, the smallest being number 0.
func (t DataType) Value(n int64) int64 { return t.Min() + n*t.step() }

// Number returns which value of the type v is: Value's inverse.
func (t DataType) Number(v int64) int64 { return (v - t.Min()) / t.step() }

// Holds says that v is a value of the type.
func (t DataType) Holds(v int64) bool {
	return v >= t.Min() && v <= t.Max() && (v-t.Min())%t.step() == 0
}

// Union returns the smallest type that holds all values of t and o.
func (t DataType) Union(o DataType) DataType {
	if t == o {
		return t
	}
	return AccRange{min(t.Min(), o.Min()), max(t.Max(), o.Max())}.dataType()
}

// String returns the FINN name of the type: "INT4", "UINT8", "BIPOLAR".
func (t DataType) String() string {
	if t.Bipolar {
		return "BIPOLAR"
	}
	if t.Signed {
		return fmt.Sprintf("INT%d", t.Bits)
	}
	return fmt.Sprintf("UINT%d", t.Bits)
}

// Network is a trained network on integers only: layers that read the input or
// other layers. It is immutable once built; NewNetwork checks it. Evaluate it
// with an Executor.
type Network struct {
	Name string
	// InputShape is the shape of one sample as the source graph declares it,
	// without the batch axis, e.g. [1 28 28].
	InputShape []int
	// Input turns raw samples into the integers that layers read.
	Input InputQuantizer
	// Layers in order of execution: a layer reads earlier ones. Each is an output, or is
	// read by some layer, or both.
	Layers []Layer
	// Outputs in the order of the source graph. NewNetwork makes the last layer the one
	// output where there is none.
	Outputs []Output
}

// Source, in Layer.From, is the network's input.
const Source = -1

// InputQuantizer turns the real numbers of a sample into the network's
// integer inputs, exactly as the source graph does.
type InputQuantizer struct {
	Type DataType
	// Shape is that of the integers, channels last. NewNetwork fills in a
	// vector where it is zero.
	Shape Shape
	// Order, unless nil, is where the integers come from: integer i from sample
	// element Order[i]. Images have their channels first in samples.
	Order []int32
	// Quantize maps element i of a flattened sample to its integer.
	Quantize func(i int, v float64) int32
	// Assumed says that the source does not quantise its input: it was taken as
	// 8-bit pixels, k/255.
	Assumed bool
}

// Layer computes integer accumulators from integers that it reads, as its Kind
// says, and turns each into an output by thresholds, or ranks them by scores,
// or passes them on as they are.
type Layer struct {
	Name string
	Kind Kind // Linear where it is empty
	// From says which layers are read, by index, or Source. nil stands for the
	// layer before.
	From []int
	// In is the number of terms of a sum: the dot-product length (MW) of a
	// weighted layer, in the order (row, column, channel) of the window; the
	// operands of Add; the taps of AvgPool; 1 elsewhere. Out is the number of
	// channels (MH).
	In, Out int
	// Shape is that of the output. NewNetwork computes it.
	Shape Shape
	// Window of Conv, AvgPool and MaxPool.
	Window Window
	// Groups of Conv, 1 where it is 0.
	Groups int
	// Factors of the operands of Add, positive; nil is 1 for each.
	Factors []int64
	// Factor of Upsample, PixelShuffle and SpaceToDepth: down, and across as well unless
	// Across is another factor for that; 0 is none.
	Factor, Across int
	// DepthFirst says that PixelShuffle takes its input channels, and SpaceToDepth gives
	// its output channels, as (row, column, channel), ONNX's DCR. Otherwise as (channel,
	// row, column), CRD, as PyTorch does.
	DepthFirst bool
	// Channels of Select: channel c of the output is channel Channels[c] of the input.
	Channels []int
	// Region of Crop.
	Region Region

	// Input is the type of what is read. Operands of Add and Concat may have
	// narrower ones.
	Input DataType
	// WeightBits is M: every weight lies in [-2^(M-1), 2^(M-1)-1].
	WeightBits int
	// Weights is Out x In, row-major.
	Weights []int32
	// AccBits is the declared accumulator width P, or 0 where none is declared:
	// then hardware gets the smallest width that the weights need.
	AccBits int
	// Start holds what each channel's accumulator starts from; nil is 0 for
	// each. Thresholds and scores are for accumulators that began there.
	Start []int64
	// Thresholds turn accumulators into outputs, or are nil.
	Thresholds *Thresholds
	// Score orders the elements of an output of the network that no layer reads, or is nil.
	Score *Score

	operands []operand // what From stands for; NewNetwork fills it in
}

// operand is a tensor that a layer reads.
type operand struct {
	from  int
	shape Shape
	typ   DataType
}

// Thresholds is a per-channel staircase (MATH 6): with n(c) the number of k
// with acc > Values[c][k], the output is Output.Value(n), or
// Output.Value(Levels() - n) where Inverted[c].
type Thresholds struct {
	Output DataType
	// Values is Out x (2^Output.Bits - 1), ascending within a channel.
	Values []int64
	// Inverted marks channels whose chain falls with the accumulator (negative
	// gain). It is nil when no channel does.
	Inverted []bool
}

// Levels returns the number of thresholds of a channel, 2^A - 1.
func (t *Thresholds) Levels() int { return 1<<t.Output.Bits - 1 }

// Channel returns the thresholds of channel c.
func (t *Thresholds) Channel(c int) []int64 {
	n := t.Levels()
	return t.Values[c*n : (c+1)*n]
}

// Apply returns the output of channel c for the accumulator value acc.
func (t *Thresholds) Apply(c int, acc int64) int64 {
	row := t.Channel(c)
	lo, hi := 0, len(row)
	for lo < hi { // first k with acc <= row[k]
		mid := (lo + hi) / 2
		if acc > row[mid] {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if t.Inverted != nil && t.Inverted[c] {
		lo = len(row) - lo
	}
	return t.Output.Value(int64(lo))
}

// Score ranks the elements of an output: score = acc*Gain[c] + Bias[c].
// The predicted class is the lowest index among the largest scores; of a single
// score, 1 where it is above 0.
type Score struct {
	Gain, Bias []int64
	// Exact says that the order of scores is the order of the source graph's
	// real outputs for every input. Otherwise (gains differ from channel to
	// channel) the gains are rounded and near ties may fall differently.
	Exact bool
}

// InputSize returns the number of elements of one sample.
func (n *Network) InputSize() int { return n.Input.Shape.Size() }

// ShapeOf returns the shape of layer i's output, or of the input where i is Source.
func (n *Network) ShapeOf(i int) Shape {
	if i == Source {
		return n.Input.Shape
	}
	return n.Layers[i].Shape
}

// OperandType returns the type of the integers of operand k, From[k]. It is of a layer of a
// network that NewNetwork has checked.
func (l *Layer) OperandType(k int) DataType { return l.operands[k].typ }

// OperandShape returns the shape of operand k, as OperandType does its type.
func (l *Layer) OperandShape(k int) Shape { return l.operands[k].shape }

// Row returns the weights of channel c.
func (l *Layer) Row(c int) []int32 { return l.Weights[c*l.In : (c+1)*l.In] }

// Depthwise says that the layer is a convolution with a group for every input
// channel.
func (l *Layer) Depthwise() bool {
	return l.Kind == Conv && l.Groups > 1 && l.In == l.Window.Taps()
}

// Output returns the type of the layer's outputs: that of its thresholds or,
// without them, the smallest type that holds every accumulator.
func (l *Layer) Output() DataType {
	if l.Thresholds != nil {
		return l.Thresholds.Output
	}
	if !l.Kind.OrLinear().sums() {
		return l.Input
	}
	var r AccRange
	for c := range l.Out {
		a := l.AccRange(c)
		r = AccRange{min(r.Min, a.Min), max(r.Max, a.Max)}
	}
	return r.dataType()
}

// start returns what channel c's accumulator starts from.
func (l *Layer) start(c int) int64 {
	if l.Start == nil {
		return 0
	}
	return l.Start[c]
}

func (l *Layer) checkThresholds(fail func(string, ...any) error) error {
	t := l.Thresholds
	if t.Output.Bits < 1 || t.Output.Bits > 16 {
		return fail("outputs have %d bits, want 1..16", t.Output.Bits)
	}
	if t.Output.Bipolar && t.Output != Bipolar {
		return fail("outputs of -1 and +1 have %d bits, want 1 with a sign", t.Output.Bits)
	}
	if len(t.Values) != l.Out*t.Levels() {
		return fail("has %d thresholds, want %d", len(t.Values), l.Out*t.Levels())
	}
	if t.Inverted != nil && len(t.Inverted) != l.Out {
		return fail("has %d inversion flags, want %d", len(t.Inverted), l.Out)
	}
	for c := 0; c < l.Out; c++ {
		row := t.Channel(c)
		for k := 1; k < len(row); k++ {
			if row[k] < row[k-1] {
				return fail("channel %d: thresholds %d and %d are not in order", c, k-1, k)
			}
		}
	}
	return nil
}
