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
// goroutines use one at a time, on spans apart and with halves apart.
type backward interface {
	// backward sets the gradients of the operands, or adds to them, from g, the
	// span's samples of the output's gradient, which it may overwrite. Weights take their part in.
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

// adjoint is the way back of an operation without weights, as nn.Adjoint has it.
type adjoint struct {
	op     *nn.Op
	memory *[2]*nn.Work[float32] // that of the way forward, for each goroutine
	// largest, of MaxPool, has the position of the largest element of each output of the batch, from
	// forward to backward.
	largest []int32
	reads   [2]operands
}

// operands are what one goroutine reads, and where their gradients go.
type operands struct{ x, dx [][]float32 }

// newAdjoint returns the way back of op, whose memory is that.
func newAdjoint(op *nn.Op, operandsOf, batch int, memory *[2]*nn.Work[float32]) *adjoint {
	a := &adjoint{op: op, memory: memory}
	if op.Kind == quant.MaxPool {
		a.largest = make([]int32, batch*op.Out.Size())
	}
	for half := range a.reads {
		a.reads[half] = operands{make([][]float32, operandsOf), make([][]float32, operandsOf)}
	}
	return a
}

// begin returns the memory for a span.
func (a *adjoint) begin(s span) *nn.Work[float32] {
	work := a.memory[s.half]
	if a.largest != nil {
		work.From = a.largest[s.lo*a.op.Out.Size() : s.hi*a.op.Out.Size()]
	}
	return work
}

// forward sets y, the span's samples of what the operation gives: of AvgPool the means, whose padding
// counts as zeros. That is ONNX AveragePool with count_include_pad = 1, in which every sum has the
// same divisor: the mean is a sum of integers times one scale.
func (a *adjoint) forward(in []operand, w nn.Weights[float32], y []float32, s span) {
	r := &a.reads[s.half]
	for k, x := range in {
		r.x[k] = s.of(x.v, x.shape.Size())
	}
	nn.Forward(a.op, r.x, w, y, a.begin(s))
	a.mean(y)
}

// mean makes means of the sums of AvgPool, and of gradients to means those to the sums.
func (a *adjoint) mean(v []float32) {
	if a.op.Kind != quant.AvgPool {
		return
	}
	inverse := 1 / float32(a.op.Taps())
	for i := range v {
		v[i] *= inverse
	}
}

func (a *adjoint) backward(in []operand, g []float32, s span) {
	a.mean(g)
	a.pull(in, nn.Weights[float32]{}, g, nil, s)
}

// pull takes g back to the operands that learn and, unless dw is nil, to the weights.
func (a *adjoint) pull(in []operand, w nn.Weights[float32], g, dw []float32, s span) {
	r := &a.reads[s.half]
	for k := range in {
		r.x[k], r.dx[k] = s.of(in[k].v, in[k].shape.Size()), in[k].gradient(s)
	}
	nn.Adjoint(a.op, r.x, w, g, r.dx, dw, a.begin(s))
}

// product is an operation with weights, in the form that nn has it.
type product struct {
	*weights
	*adjoint
	taps []float32 // of a depthwise convolution: the matrix as its loops read it, taps x channels
}

// newProduct returns the operation of a with weights w.
func newProduct(w *weights, a *adjoint) *product {
	p := &product{weights: w, adjoint: a}
	if a.op.Form == nn.Channelwise {
		p.taps = make([]float32, w.out*w.k)
	}
	return p
}

// derive transposes the matrix of a depthwise convolution; it follows every requantisation.
func (p *product) derive() {
	if p.taps != nil {
		nn.Transpose(p.taps, p.matrix(), p.out, p.k)
	}
}

func (p *product) multiplier() nn.Weights[float32] {
	m := p.weights.multiplier()
	if p.taps != nil {
		m.Matrix = p.taps
	}
	return m
}

func (p *product) backward(in []operand, g []float32, s span) {
	p.addBias(g, s.half)
	dw, beta := p.gradient(s.half)
	if beta == 0 {
		clear(dw)
	}
	p.pull(in, p.multiplier(), g, dw, s)
}
