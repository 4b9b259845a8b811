package qonnx

import "github.com/a2qgen/a2qgen/quant"

// Model is a network with its parameters as real numbers, as training leaves
// it: quantised, or float where its quantisers are nil and its WeightBits 0. It
// is what train and project exchange with files: the importer's Network has
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
	// Bits is 1..16, and at least 2 where Signed.
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
	// Weights is Out x In, row-major, with columns in the order (row, column,
	// channel) of the window or of the input. Where WeightBits is not 0 they are
	// integers, symmetric around 0, times the scale.
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
