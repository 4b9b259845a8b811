package quant

import (
	"errors"
	"fmt"
)

// DataType is an integer data type of Bits bits, two's complement when Signed.
// Zero always lies in its range.
type DataType struct {
	Bits   int  `json:"bits"`
	Signed bool `json:"signed"`
}

// Min returns the smallest value of the type.
func (t DataType) Min() int64 {
	if t.Signed {
		return -(1 << (t.Bits - 1))
	}
	return 0
}

// Max returns the largest value of the type.
func (t DataType) Max() int64 {
	if t.Signed {
		return 1<<(t.Bits-1) - 1
	}
	return 1<<t.Bits - 1
}

// String returns the FINN name of the type: "INT4", "UINT8".
func (t DataType) String() string {
	if t.Signed {
		return fmt.Sprintf("INT%d", t.Bits)
	}
	return fmt.Sprintf("UINT%d", t.Bits)
}

// Network is a trained network on integers only. It is immutable once built;
// NewNetwork checks it. Evaluate it with an Executor.
type Network struct {
	Name string
	// InputShape is the shape of one sample as the source graph declares it,
	// without the batch axis, e.g. [1 28 28].
	InputShape []int
	// Input turns raw samples into the integers of the first layer.
	Input InputQuantizer
	// Layers in order of execution: layer i's outputs are layer i+1's inputs.
	Layers []Layer
}

// InputQuantizer turns the real numbers of a sample into the first layer's
// integer inputs, exactly as the source graph does.
type InputQuantizer struct {
	Type DataType
	// Quantize maps element i of a flattened sample to its integer.
	Quantize func(i int, v float64) int32
}

// Layer is one integer matrix-vector product followed by either thresholds
// (hidden layers) or a score (classifier output): acc = Weights * x.
type Layer struct {
	Name string
	// In is the dot-product length (MW), Out the number of channels (MH).
	In, Out int
	// Input is the type of the layer's inputs.
	Input DataType
	// WeightBits is M: every weight lies in [-2^(M-1), 2^(M-1)-1].
	WeightBits int
	// Weights is Out x In, row-major.
	Weights []int32
	// AccBits is the declared accumulator width P, or 0 where none is declared:
	// then hardware gets the smallest width that the weights need.
	AccBits int
	// Thresholds turn accumulators into the next layer's inputs; nil on a
	// layer that ends in scores.
	Thresholds *Thresholds
	// Score orders the outputs of the last layer; nil where Thresholds is set.
	Score *Score
}

// Thresholds is a per-channel staircase (MATH 6): with n(c) the number of k
// with acc > Values[c][k], the output is Output.Min() + n, or
// Output.Max() - n where Inverted[c].
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
		return t.Output.Max() - int64(lo)
	}
	return t.Output.Min() + int64(lo)
}

// Score ranks the outputs of the last layer: score = acc*Gain[c] + Bias[c].
// The predicted class is the lowest index among the largest scores.
type Score struct {
	Gain, Bias []int64
	// Exact says that the order of scores is the order of the source graph's
	// real outputs for every input. Otherwise (gains differ from channel to
	// channel) the gains are rounded and near ties may fall differently.
	Exact bool
}

// maxDim bounds layer sizes, so that a corrupt file cannot ask for the moon.
const maxDim = 1 << 20

// NewNetwork checks n and returns it: sizes, ranges, the chain of data types,
// and that thresholds ascend. It does not certify accumulators: see Certify.
func NewNetwork(n Network) (*Network, error) {
	if len(n.Layers) == 0 {
		return nil, errors.New("quant: network has no layers")
	}
	if n.Input.Quantize == nil {
		return nil, errors.New("quant: network has no input quantizer")
	}
	for i := range n.Layers {
		l := &n.Layers[i]
		if err := l.check(); err != nil {
			return nil, err
		}
		want := n.Input.Type
		if i > 0 {
			prev := &n.Layers[i-1]
			if prev.Thresholds == nil {
				return nil, fmt.Errorf("quant: layer %q: has no thresholds but is not the last layer", prev.Name)
			}
			want = prev.Thresholds.Output
			if prev.Out != l.In {
				return nil, fmt.Errorf("quant: layer %q: has %d inputs, layer %q gives %d", l.Name, l.In, prev.Name, prev.Out)
			}
		}
		if l.Input != want {
			return nil, fmt.Errorf("quant: layer %q: input type %v, want %v", l.Name, l.Input, want)
		}
	}
	return &n, nil
}

// InputSize returns the number of elements of one sample.
func (n *Network) InputSize() int { return n.Layers[0].In }

// OutputSize returns the number of channels of the last layer.
func (n *Network) OutputSize() int { return n.Layers[len(n.Layers)-1].Out }

// Row returns the weights of channel c.
func (l *Layer) Row(c int) []int32 { return l.Weights[c*l.In : (c+1)*l.In] }

func (l *Layer) check() error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("quant: layer %q: "+format, append([]any{l.Name}, args...)...)
	}
	switch {
	case l.In < 1 || l.Out < 1 || l.In > maxDim || l.Out > maxDim:
		return fail("size %dx%d, want 1..%d", l.Out, l.In, maxDim)
	case len(l.Weights) != l.In*l.Out:
		return fail("has %d weights, want %d", len(l.Weights), l.In*l.Out)
	case l.WeightBits < 1 || l.WeightBits > 16:
		return fail("weights have %d bits, want 1..16", l.WeightBits)
	case l.Input.Bits < 1 || l.Input.Bits > 16:
		return fail("inputs have %d bits, want 1..16", l.Input.Bits)
	case l.AccBits < 0 || l.AccBits > 64:
		return fail("accumulator has %d bits, want 1..64", l.AccBits)
	case (l.Thresholds == nil) == (l.Score == nil):
		return fail("needs either thresholds or scores")
	}
	wt := DataType{l.WeightBits, true}
	for i, w := range l.Weights {
		if int64(w) < wt.Min() || int64(w) > wt.Max() {
			return fail("channel %d: weight %d does not fit in %d bits", i/l.In, w, l.WeightBits)
		}
	}
	if l.Score != nil {
		if len(l.Score.Gain) != l.Out || len(l.Score.Bias) != l.Out {
			return fail("has %d gains and %d biases, want %d", len(l.Score.Gain), len(l.Score.Bias), l.Out)
		}
		return l.checkScores(fail)
	}
	return l.checkThresholds(fail)
}

func (l *Layer) checkThresholds(fail func(string, ...any) error) error {
	t := l.Thresholds
	if t.Output.Bits < 1 || t.Output.Bits > 16 {
		return fail("outputs have %d bits, want 1..16", t.Output.Bits)
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
