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
	case ConvTranspose:
		return l.transposedShape(in)
	case AvgPool, MaxPool:
		return l.poolShape(in)
	case Add, Concat:
		return l.joinShape()
	case Upsample, PixelShuffle, SpaceToDepth:
		return l.moveShape(in)
	case Select:
		return l.selectShape(in)
	case Crop:
		if l.Region = l.Region.Normal(); !l.Region.within(in) {
			return fmt.Errorf("passes on %+v of %v positions, which does not lie within", l.Region, in)
		}
		l.implied(1, Shape{l.Region.Rows, l.Region.Cols, in.C})
		return nil
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
	switch l.Kind.OrLinear() {
	case Linear:
		return in.Size()
	case ConvTranspose:
		return l.Window.Taps() / l.Window.Phases() * in.C
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

// Block returns the factors of Upsample, PixelShuffle and SpaceToDepth, down and across.
func (l *Layer) Block() (down, across int) {
	if l.Across == 0 {
		return l.Factor, l.Factor
	}
	return l.Factor, l.Across
}

// factors names the factors for an error.
func (l *Layer) factors() string {
	if down, across := l.Block(); across != down {
		return fmt.Sprintf("%dx%d", down, across)
	}
	return fmt.Sprint(l.Factor)
}

// moveShape is the shape of Upsample, PixelShuffle and SpaceToDepth.
func (l *Layer) moveShape(in Shape) error {
	down, across := l.Block()
	if min(down, across) < 1 || max(down, across) > maxWindow {
		return fmt.Errorf("factor %s, want 1..%d", l.factors(), maxWindow)
	}
	out, block := Shape{in.H * down, in.W * across, in.C}, down*across
	switch {
	case l.Kind == PixelShuffle && in.C%block != 0:
		return fmt.Errorf("a factor of %s turns %d channels into one, had %d", l.factors(), block, in.C)
	case l.Kind == PixelShuffle:
		out.C = in.C / block
	case l.Kind == SpaceToDepth && (in.H%down != 0 || in.W%across != 0):
		return fmt.Errorf("a factor of %s does not divide %dx%d positions", l.factors(), in.H, in.W)
	case l.Kind == SpaceToDepth:
		out = Shape{in.H / down, in.W / across, in.C * block}
	}
	if !out.legal() {
		return fmt.Errorf("output shape %v, want at most %d elements", out, maxElements)
	}
	l.implied(1, out)
	return nil
}

// selectShape is the shape of Select.
func (l *Layer) selectShape(in Shape) error {
	if len(l.Channels) < 1 || len(l.Channels) > maxDim {
		return fmt.Errorf("selects %d channels, want 1..%d", len(l.Channels), maxDim)
	}
	for _, c := range l.Channels {
		if c < 0 || c >= in.C {
			return fmt.Errorf("selects channel %d, want 0..%d", c, in.C-1)
		}
	}
	out := Shape{in.H, in.W, len(l.Channels)}
	if !out.legal() {
		return fmt.Errorf("output shape %v, want at most %d elements", out, maxElements)
	}
	l.implied(1, out)
	return nil
}

// Moves returns, for each element of the output of a layer whose Kind.Moves, which element
// it is of an input of shape in, which l takes (see OutputShape).
func (l *Layer) Moves(in Shape) []int32 {
	out, err := l.OutputShape(in)
	if err != nil {
		panic("quant: Moves of a shape that the layer does not take: " + err.Error())
	}
	source := l.mover(in)
	from := make([]int32, 0, out.Size())
	for y := range out.H {
		for x := range out.W {
			for c := range out.C {
				iy, ix, ic := source(y, x, c)
				from = append(from, int32((iy*in.W+ix)*in.C+ic))
			}
		}
	}
	return from
}

// mover returns where element (y, x, c) of the output of a layer that moves elements comes
// from, of an input of shape in.
func (l *Layer) mover(in Shape) func(y, x, c int) (iy, ix, ic int) {
	down, across := l.Block()
	block := down * across
	switch l.Kind {
	case Upsample:
		return func(y, x, c int) (int, int, int) { return y / down, x / across, c }
	case PixelShuffle:
		return func(y, x, c int) (int, int, int) {
			return y / down, x / across, l.blocked(c, y%down*across+x%across, in.C/block, block)
		}
	case SpaceToDepth:
		return func(y, x, c int) (int, int, int) {
			k := c % block // (channel, row, column)
			if c /= block; l.DepthFirst {
				k, c = (c*block+k)/in.C, (c*block+k)%in.C
			}
			return y*down + k/across, x*across + k%across, c
		}
	case Select:
		return func(y, x, c int) (int, int, int) { return y, x, l.Channels[c] }
	case Crop:
		r := l.Region.Normal()
		return func(y, x, c int) (int, int, int) { return r.Top + y*r.StepDown, r.Left + x*r.StepAcross, c }
	}
	panic("quant: no element is moved by a layer of kind " + string(l.Kind))
}

// blocked returns which channel holds position k of a block, of block positions, of channel
// c of channels.
func (l *Layer) blocked(c, k, channels, block int) int {
	if l.DepthFirst {
		return k*channels + c
	}
	return c*block + k
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
