package quant

import (
	"errors"
	"fmt"
	"slices"
)

// Bounds of a network, so that a corrupt file cannot ask for the moon.
const (
	maxDim      = 1 << 20 // of one side of a tensor or a weight matrix
	maxElements = 1 << 26 // of one tensor
	maxWindow   = 1 << 10 // of one side of a window, a stride or a pad
	maxOutBits  = 32      // of integers between layers
)

// NewNetwork checks n and returns it with shapes filled in: that each layer
// reads what it can, sizes, ranges, data types, and that thresholds ascend. It
// does not certify accumulators: see Certify.
func NewNetwork(n Network) (*Network, error) {
	if len(n.Layers) == 0 {
		return nil, errors.New("quant: network has no layers")
	}
	if n.Input.Quantize == nil {
		return nil, errors.New("quant: network has no input quantizer")
	}
	n.Layers = append([]Layer(nil), n.Layers...)
	if n.Input.Shape == (Shape{}) {
		n.Input.Shape = Vector(n.Layers[0].In)
	}
	if err := n.Input.check(); err != nil {
		return nil, err
	}
	if n.Outputs = slices.Clone(n.Outputs); n.Outputs == nil {
		n.Outputs = []Output{{Name: soleOutput, Layer: len(n.Layers) - 1}}
	}
	read := make([]bool, len(n.Layers))
	for i := range n.Layers {
		if err := n.connect(i, read); err != nil {
			return nil, err
		}
		if err := n.Layers[i].check(); err != nil {
			return nil, err
		}
	}
	if err := n.checkOutputs(read); err != nil {
		return nil, err
	}
	return &n, nil
}

func (q *InputQuantizer) check() error {
	size := q.Shape.Size()
	switch {
	case !q.Shape.legal():
		return fmt.Errorf("quant: input shape %v, want at least 1 and at most %d elements", q.Shape, maxElements)
	case q.Type.Bits < 1 || q.Type.Bits > 16:
		return fmt.Errorf("quant: network inputs have %d bits, want 1..16", q.Type.Bits)
	case q.Type.Bipolar && q.Type != Bipolar:
		return fmt.Errorf("quant: network inputs of -1 and +1 have %d bits, want 1 with a sign", q.Type.Bits)
	case q.Order != nil && len(q.Order) != size:
		return fmt.Errorf("quant: the order of the inputs has %d elements, want %d", len(q.Order), size)
	}
	seen := make([]bool, len(q.Order))
	for _, o := range q.Order {
		if o < 0 || int(o) >= size || seen[o] {
			return fmt.Errorf("quant: the order of the inputs is no permutation of %d elements", size)
		}
		seen[o] = true
	}
	return nil
}

// connect resolves what layer i reads, and computes its shape.
func (n *Network) connect(i int, read []bool) error {
	l := &n.Layers[i]
	l.Kind = l.Kind.OrLinear()
	l.From = Operands(l.From, i)
	l.operands = nil
	if l.Kind == ConvTranspose {
		return l.errorf("kind %s, want its phases: a %s and a %s", l.Kind, Conv, PixelShuffle)
	}
	for _, from := range l.From {
		if from < Source || from >= i {
			return l.errorf("reads layer %d, want an earlier one", from)
		}
		if from == Source {
			l.operands = append(l.operands, operand{from, n.Input.Shape, n.Input.Type})
			continue
		}
		read[from] = true
		prev := &n.Layers[from]
		if prev.Score != nil {
			return fmt.Errorf("quant: layer %q: ends in scores but layer %q reads it", prev.Name, l.Name)
		}
		out := prev.Output()
		if out.Bits > maxOutBits {
			return l.errorf("reads %v, want at most %d bits", out, maxOutBits)
		}
		l.operands = append(l.operands, operand{from, prev.Shape, out})
	}
	if err := l.shape(); err != nil {
		return l.errorf("%w", err)
	}
	return nil
}

func (l *Layer) errorf(format string, args ...any) error {
	return fmt.Errorf("quant: layer %q: "+format, append([]any{l.Name}, args...)...)
}

// check checks everything that one layer says about itself.
func (l *Layer) check() error {
	switch {
	case l.In < 1 || l.Out < 1 || l.In > maxDim || l.Out > maxDim:
		return l.errorf("size %dx%d, want 1..%d", l.Out, l.In, maxDim)
	case l.Input.Bits < 1 || l.Input.Bits > 16 && l.Kind.Weighted() || l.Input.Bits > maxOutBits:
		return l.errorf("inputs have %d bits, want 1..16", l.Input.Bits)
	case l.AccBits < 0 || l.AccBits > 64:
		return l.errorf("accumulator has %d bits, want 1..64", l.AccBits)
	case l.Thresholds != nil && l.Score != nil:
		return l.errorf("has both thresholds and scores")
	case l.Start != nil && (len(l.Start) != l.Out || !l.Kind.Weighted()):
		return l.errorf("has %d start values, want %d on a layer with weights", len(l.Start), l.Out)
	}
	if err := l.checkWeights(); err != nil {
		return err
	}
	if l.Score != nil {
		if len(l.Score.Gain) != l.Out || len(l.Score.Bias) != l.Out {
			return l.errorf("has %d gains and %d biases, want %d", len(l.Score.Gain), len(l.Score.Bias), l.Out)
		}
		return l.checkScores(l.errorf)
	}
	if l.Thresholds != nil {
		return l.checkThresholds(l.errorf)
	}
	return nil
}

func (l *Layer) checkWeights() error {
	if !l.Kind.Weighted() {
		if l.Weights != nil || l.AccBits != 0 {
			return l.errorf("has weights or an accumulator width, want none on a layer of kind %s", l.Kind)
		}
		return nil
	}
	switch {
	case len(l.Weights) != l.In*l.Out:
		return l.errorf("has %d weights, want %d", len(l.Weights), l.In*l.Out)
	case l.WeightBits < 1 || l.WeightBits > 16:
		return l.errorf("weights have %d bits, want 1..16", l.WeightBits)
	}
	wt := DataType{Bits: l.WeightBits, Signed: true}
	for i, w := range l.Weights {
		if int64(w) < wt.Min() || int64(w) > wt.Max() {
			return l.errorf("channel %d: weight %d does not fit in %d bits", i/l.In, w, l.WeightBits)
		}
	}
	return nil
}
