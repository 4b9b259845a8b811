package quant

// Kind says how a layer computes its accumulators.
type Kind string

// The kinds of layers. x is the layer's operand, or all of them.
const (
	// Linear is acc = Weights * x on all elements of x, channels last.
	Linear Kind = "linear"
	// Conv is acc = Weights * window at every window. With Groups the channels
	// are cut in as many equal parts that do not see each other; a depthwise
	// convolution has a group for every input channel.
	Conv Kind = "conv"
	// ConvTranspose is a transposed convolution, of models that are trained alone (package
	// nn): a Network has its phases instead, a Conv of as many channels each and a
	// PixelShuffle, which are the dot products that hardware computes.
	ConvTranspose Kind = "conv_transpose"
	// AvgPool is the sum over the window of each channel; what the average
	// divides by is part of the thresholds.
	AvgPool Kind = "avgpool"
	// MaxPool is the largest element in the window of each channel.
	MaxPool Kind = "maxpool"
	// Add is the sum of its operands, each times its factor.
	Add Kind = "add"
	// Concat puts its operands' channels one after the other.
	Concat Kind = "concat"
	// Upsample repeats every position Factor times down and Across times across.
	Upsample Kind = "upsample"
	// PixelShuffle turns Factor x Across channels into as many positions.
	PixelShuffle Kind = "pixelshuffle"
	// SpaceToDepth turns Factor x Across positions into as many channels: the inverse of
	// PixelShuffle.
	SpaceToDepth Kind = "spacetodepth"
	// Select passes on the channels that Channels lists, in that order.
	Select Kind = "select"
	// Crop passes on the positions of Region.
	Crop Kind = "crop"
	// Requantize is acc = x: it is there for its thresholds.
	Requantize Kind = "requantize"
)

// Weighted says that the kind multiplies by weights.
func (k Kind) Weighted() bool { return k == Linear || k == Conv || k == ConvTranspose }

// Images says that the kind reads positions of an image more than once, or in another order than they
// come.
func (k Kind) Images() bool {
	return k == Conv || k == AvgPool || k == MaxPool || k == Upsample || k == PixelShuffle || k == SpaceToDepth
}

// sums says that the kind adds up several inputs, so that its accumulators are
// wider than they are.
func (k Kind) sums() bool { return k.Weighted() || k == AvgPool || k == Add }

// Moves says that the kind passes elements on as they are, some of them or all, in
// another order: see Layer.Moves.
func (k Kind) Moves() bool {
	switch k {
	case Upsample, PixelShuffle, SpaceToDepth, Select, Crop:
		return true
	}
	return false
}

// OrLinear returns k, or Linear where it is empty.
func (k Kind) OrLinear() Kind {
	if k == "" {
		return Linear
	}
	return k
}
