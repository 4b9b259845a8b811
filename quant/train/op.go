package train

import (
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
)

// tensor is an activation of a whole batch, channels last: sample after sample,
// each in the order of shape.
type tensor struct {
	shape quant.Shape
	v     []float32 // batch x shape
	// g is the gradient of the loss to v; nil where nobody needs it.
	g []float32
}

// of returns the samples of s in v, elements of size each. v holds the whole batch.
func (s span) of(v []float32, size int) []float32 { return v[s.lo*size : s.hi*size] }

// span is a range of samples, and which of two goroutines works on them.
type span struct{ lo, hi, half int }

func (s span) samples() int { return s.hi - s.lo }

// operand is a tensor that an operation reads.
type operand struct {
	*tensor
	// add says that g is to be added to, not overwritten.
	add bool
}

// gradient returns the span's samples of g, ready to be added to; nil where the
// operand has none.
func (x *operand) gradient(s span) []float32 {
	if x.g == nil {
		return nil
	}
	g := s.of(x.g, x.shape.Size())
	if !x.add {
		clear(g)
	}
	return g
}

// backward is the way back of an operation, whose way forward is nn.Forward. Two
// goroutines use one at a time, on spans apart and with halves apart. They keep nothing
// of a span between calls but what is indexed by sample (maxPool) or by half (conv).
type backward interface {
	// backward sets the gradients of the operands, or adds to them, from g, the
	// span's samples of the output's gradient. Weights take their part in.
	backward(in []operand, g []float32, s span)
}

// weighted is backward of an operation with weights.
type weighted interface {
	backward
	parameters() *weights
	// multiplier returns the weights as nn.Forward wants them.
	multiplier() nn.Weights[float32]
	// derive works out what else there is of the matrix. It goes before the first
	// forward after the weights changed.
	derive()
}

// accumulate is dst = src or, with add, dst += src.
func accumulate(dst, src []float32, add bool) {
	if !add {
		copy(dst, src)
		return
	}
	nn.AddTo(dst, src)
}
