package quant

import (
	"errors"
	"fmt"
)

// shape computes l.Shape from its operands, and l.In, l.Out and l.Input where
// the kind implies them; where it does not, it checks them. Its error does not name the
// layer.
func (l *Layer) shape() error {
	if len(l.operands) == 0 {
		return errors.New("reads nothing")
	}
	if many := l.Kind == Add || l.Kind == Concat; many != (len(l.operands) > 1) {
		return fmt.Errorf("kind %s reads %d tensors", l.Kind, len(l.operands))
	}
	in := l.operands[0].shape
	switch l.Kind {
	case Linear:
		return l.linearShape(in)
	case Conv:
		return l.convShape(in)
	case AvgPool, MaxPool:
		return l.poolShape(in)
	case Add, Concat:
		return l.joinShape()
	case Upsample, PixelShuffle:
		return l.moveShape(in)
	case Requantize:
		l.implied(1, in)
		return nil
	}
	return fmt.Errorf("unknown kind %q", l.Kind)
}

// implied sets what follows from the kind of a layer without weights.
func (l *Layer) implied(terms int, out Shape) {
	l.In, l.Out, l.Shape = terms, out.C, out
	l.Input = l.operands[0].typ
}

// weighted checks the input type of a layer with weights.
func (l *Layer) weighted(out Shape) error {
	if got := l.operands[0].typ; l.Input != got {
		return fmt.Errorf("input type %v, want %v", l.Input, got)
	}
	l.Shape = out
	if !out.legal() {
		return fmt.Errorf("output shape %v, want at least 1 and at most %d elements", out, maxElements)
	}
	return nil
}

// Terms returns the length of a row of weights of a layer that has some and reads a
// tensor of shape in.
func (l *Layer) Terms(in Shape) int {
	if l.Kind.OrLinear() == Linear {
		return in.Size()
	}
	return l.Window.Taps() * in.C / max(l.Groups, 1)
}

func (l *Layer) linearShape(in Shape) error {
	if l.Terms(in) != l.In {
		return fmt.Errorf("has %d inputs, %s gives %d", l.In, l.reads(), in.Size())
	}
	return l.weighted(Vector(l.Out))
}

// reads names what the layer reads first.
func (l *Layer) reads() string {
	if l.operands[0].from == Source {
		return "the network's input"
	}
	return "the layer before"
}

func (l *Layer) convShape(in Shape) error {
	if err := l.Window.check(); err != nil {
		return err
	}
	l.Window, l.Groups = l.Window.Normal(), max(l.Groups, 1)
	if in.C%l.Groups != 0 || l.Out%l.Groups != 0 {
		return fmt.Errorf("%d groups do not divide %d input and %d output channels", l.Groups, in.C, l.Out)
	}
	if want := l.Terms(in); l.In != want {
		return fmt.Errorf("has rows of %d weights, want %d", l.In, want)
	}
	out, err := l.Window.Over(in, l.Out)
	if err != nil {
		return err
	}
	return l.weighted(out)
}

func (l *Layer) poolShape(in Shape) error {
	if err := l.Window.check(); err != nil {
		return err
	}
	l.Window = l.Window.Normal()
	out, err := l.Window.Over(in, in.C)
	if err != nil {
		return err
	}
	if !out.legal() {
		return fmt.Errorf("output shape %v, want at most %d elements", out, maxElements)
	}
	if !l.Window.touches(in, out) {
		return errors.New("a window of the pool may lie in the padding alone")
	}
	terms := 1
	if l.Kind == AvgPool {
		terms = l.Window.Taps()
	}
	l.implied(terms, out)
	return nil
}

// touches says that each window has a tap on an input of shape in. With dilation
// a window may reach over a small input and still miss it.
func (w Window) touches(in, out Shape) bool {
	return onInput(out.H, in.H, w.H, w.StrideH, w.DilationH, w.Top) &&
		onInput(out.W, in.W, w.W, w.StrideW, w.DilationW, w.Left)
}

// onInput is touches along one axis.
func onInput(windows, length, taps, stride, dilation, before int) bool {
	for i := range windows {
		at := i*stride - before
		if at < 0 {
			skipped := (-at + dilation - 1) / dilation
			if skipped >= taps {
				return false
			}
			at += skipped * dilation
		}
		if at >= length {
			return false
		}
	}
	return true
}

// joinShape is the shape of Add and Concat.
func (l *Layer) joinShape() error {
	out := l.operands[0].shape
	typ := l.operands[0].typ
	for _, o := range l.operands[1:] {
		a, b, same := out, o.shape, "equal shapes"
		if l.Kind == Concat {
			a.C, b.C, same = 0, 0, "equal heights and widths"
			out.C += o.shape.C
		}
		if a != b {
			return fmt.Errorf("reads shapes %v and %v, want %s", l.operands[0].shape, o.shape, same)
		}
		typ = typ.Union(o.typ)
	}
	terms := 1
	if l.Kind == Add {
		terms = len(l.operands)
		if err := l.checkFactors(); err != nil {
			return err
		}
	}
	if !out.legal() {
		return fmt.Errorf("output shape %v, want at most %d elements", out, maxElements)
	}
	l.implied(terms, out)
	l.Input = typ
	return nil
}

func (l *Layer) checkFactors() error {
	if l.Factors != nil && len(l.Factors) != len(l.operands) {
		return fmt.Errorf("has %d factors, want %d", len(l.Factors), len(l.operands))
	}
	for k, f := range l.Factors {
		if f < 1 || f > maxDim {
			return fmt.Errorf("factor %d is %d, want 1..%d", k, f, maxDim)
		}
	}
	return nil
}

// moveShape is the shape of Upsample and PixelShuffle.
func (l *Layer) moveShape(in Shape) error {
	f := l.Factor
	if f < 1 || f > maxWindow {
		return fmt.Errorf("factor %d, want 1..%d", f, maxWindow)
	}
	out := Shape{in.H * f, in.W * f, in.C}
	if l.Kind == PixelShuffle {
		if in.C%(f*f) != 0 {
			return fmt.Errorf("a factor of %d turns %d channels into one, had %d", f, f*f, in.C)
		}
		out.C = in.C / (f * f)
	}
	if !out.legal() {
		return fmt.Errorf("output shape %v, want at most %d elements", out, maxElements)
	}
	l.implied(1, out)
	return nil
}

// Moves returns, for each element of the output of Upsample or PixelShuffle, which
// element it is of an input of shape in, which l takes (see OutputShape).
func (l *Layer) Moves(in Shape) []int32 {
	f, channels := l.Factor, in.C
	if l.Kind == PixelShuffle {
		channels /= f * f
	}
	from := make([]int32, 0, in.H*f*in.W*f*channels)
	for y := range in.H * f {
		for x := range in.W * f {
			first, step := (y/f*in.W+x/f)*in.C, 1
			if phase := y%f*f + x%f; l.Kind == PixelShuffle && l.DepthFirst {
				first += phase * channels
			} else if l.Kind == PixelShuffle {
				first, step = first+phase, f*f
			}
			for c := range channels {
				from = append(from, int32(first+c*step))
			}
		}
	}
	return from
}

// OutputShape returns the shape that a layer gives for operands of these
// shapes, whatever their types. Its error is what NewNetwork would say, without the
// layer's name.
func (l Layer) OutputShape(in ...Shape) (Shape, error) {
	l.Kind, l.Input, l.operands = l.Kind.OrLinear(), DataType{Bits: 8}, nil
	for k, s := range in {
		l.operands = append(l.operands, operand{k, s, l.Input})
	}
	err := l.shape()
	return l.Shape, err
}
