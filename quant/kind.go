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
	// AvgPool is the sum over the window of each channel; what the average
	// divides by is part of the thresholds.
	AvgPool Kind = "avgpool"
	// MaxPool is the largest element in the window of each channel.
	MaxPool Kind = "maxpool"
	// Add is the sum of its operands, each times its factor.
	Add Kind = "add"
	// Concat puts its operands' channels one after the other.
	Concat Kind = "concat"
	// Upsample repeats every position Factor times in both directions.
	Upsample Kind = "upsample"
	// PixelShuffle turns Factor^2 channels into Factor x Factor positions.
	PixelShuffle Kind = "pixelshuffle"
	// Requantize is acc = x: it is there for its thresholds.
	Requantize Kind = "requantize"
)

// Weighted says that the kind multiplies by weights.
func (k Kind) Weighted() bool { return k == Linear || k == Conv }

// Images says that the kind reads positions of an image more than once, or in another order than they
// come.
func (k Kind) Images() bool {
	return k == Conv || k == AvgPool || k == MaxPool || k == Upsample || k == PixelShuffle
}

// sums says that the kind adds up several inputs, so that its accumulators are
// wider than they are.
func (k Kind) sums() bool { return k.Weighted() || k == AvgPool || k == Add }

// OrLinear returns k, or Linear where it is empty.
func (k Kind) OrLinear() Kind {
	if k == "" {
		return Linear
	}
	return k
}
