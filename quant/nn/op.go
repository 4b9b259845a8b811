package nn

import (
	"github.com/a2qgen/a2qgen/quant"
	"gonum.org/v1/gonum/blas"
)

// Op is the operation of a layer on tensors of known shapes: what comes before bias,
// batch norm, ReLU and quantiser. It holds no numbers of the network.
type Op struct {
	Kind quant.Kind
	// Slide has the shapes of the first operand and of the output, and the window of
	// the kinds that have one.
	Slide
	// Form is how an operation with weights is computed, Terms the length of a row of
	// them, Groups those of the channels.
	Form          Form
	Terms, Groups int
	// From is quant.Layer.Moves of the kinds that move elements.
	From []int32
	// Phases has those of a ConvTranspose, each with its own positions as Out.
	Phases []Slide

	widths []int // channels of each operand
}

// Form is a way to multiply by weights. Forms differ in the order of their sums and
// in speed, not in what is summed.
type Form int

const (
	// Direct takes the operand itself as the rows of a matrix product: a linear
	// layer, or a 1x1 convolution, which is one at every position.
	Direct Form = iota
	// Columns copies the windows out as rows of a product, group by group.
	Columns
	// Channelwise is a depthwise convolution, in which each channel has a kernel of its
	// own: as products they would be of one column each.
	Channelwise
	// Phased is a transposed convolution: a product of windows for each of its phases, whose
	// rows are every so manieth of the output.
	Phased
)

// NewOp returns the operation of l, of which only what shapes depend on matters, on
// operands of these shapes. It gives one of shape out: see quant.Layer.OutputShape.
func NewOp(l *quant.Layer, in []quant.Shape, out quant.Shape) *Op {
	o := &Op{Kind: l.Kind.OrLinear(), Slide: Slide{l.Window.Normal(), in[0], out}, Groups: max(l.Groups, 1)}
	for _, s := range in {
		o.widths = append(o.widths, s.C)
	}
	switch o.Kind {
	case quant.Linear:
		o.Terms = l.Terms(in[0])
	case quant.Conv:
		o.Terms, o.Form = l.Terms(in[0]), o.form()
	case quant.ConvTranspose:
		o.Terms, o.Form, o.Phases = l.Terms(in[0]), Phased, phasesOf(o.Slide)
	case quant.Upsample, quant.PixelShuffle:
		o.From = l.Moves(in[0])
	}
	return o
}

// Op returns the operation of layer i.
func (g *Graph) Op(i int) *Op {
	var in []quant.Shape
	for _, from := range g.Layers[i].From {
		in = append(in, g.Shape(from))
	}
	q := g.Layers[i].Geometry()
	return NewOp(&q, in, g.Shapes[i])
}

// form returns that of a convolution. Channels with several kernels each (a
// multiplier) are a grouped convolution.
func (o *Op) form() Form {
	switch pads := o.Top + o.Left + o.Bottom + o.Right; {
	case o.Groups > 1 && o.Groups == o.In.C && o.Out.C == o.In.C:
		return Channelwise
	case o.H == 1 && o.W == 1 && o.Groups == 1 && pads == 0 && o.In.Positions() == o.Out.Positions():
		return Direct
	}
	return Columns
}

// Group returns the input channels of a group. Group g has the g-th of equal parts,
// as ONNX Conv does.
func (o *Op) Group(g int) Channels {
	width := o.In.C / o.Groups
	return Channels{g * width, width}
}

// spanNumbers is how many operands, windows and results an operation on a few samples
// should have: in float32 less than a core's second-level cache. An operation then
// finds its windows where it has just written them.
const spanNumbers = 128 << 10

// Span returns the number of samples, of at most most, that are best computed at a
// time.
func (o *Op) Span(most int) int {
	if o.Kind != quant.Conv && o.Kind != quant.ConvTranspose {
		return most
	}
	numbers := o.Terms*o.Out.Positions()*o.Groups + o.Out.Size() + o.In.Size()
	return min(max(spanNumbers/numbers, 1), most)
}

// Weights are those of a layer, Out.C x Terms, Terms x Out.C for an operation that is
// Channelwise, and Out.C times the phases x Terms for one that is Phased. Bias has Out.C elements, or none.
type Weights[T Float] struct{ Matrix, Bias []T }

// Work is memory for Forward and Adjoint; one goroutine uses it at a time.
type Work[T Float] struct {
	// Cols holds windows of a span, of an operation of form Columns or Phased, Part what a
	// phase gives of the output.
	Cols, Part []T
	// From gets the position of the largest element of each output of MaxPool, for
	// which it must have room.
	From []int32
}

// NewWork returns memory for spans of so many samples, without From.
func NewWork[T Float](o *Op, samples int) *Work[T] {
	w := &Work[T]{}
	switch o.Form {
	case Columns:
		w.Cols = make([]T, samples*o.Out.Positions()*o.Terms)
	case Channelwise:
		w.Cols = make([]T, o.Terms*o.Out.C) // the gradient of the weights, on the way back
	case Phased:
		most := samples * o.Phases[0].Out.Positions() // the first phase has the most positions
		w.Cols, w.Part = make([]T, most*o.Terms), make([]T, most*o.Out.C)
	}
	return w
}

// Forward sets y to what o makes of samples, one after the other, in each operand.
// AvgPool gives sums, as quant.AvgPool does. Weights are those of a layer that has
// them, with its bias.
func Forward[T Float](o *Op, in [][]T, w Weights[T], y []T, work *Work[T]) {
	switch x := in[0]; o.Kind {
	case quant.Linear, quant.Conv, quant.ConvTranspose:
		switch o.Form {
		case Direct:
			n := len(x) / o.Terms
			multiply(NewMatrix(x, n, o.Terms, o.Terms), w, y, o.Out.C, Channels{0, o.Out.C})
		case Columns:
			convolve(o, x, w, y, work)
		case Channelwise:
			depthwise(o, x, w, y)
		case Phased:
			transposed(o, x, w, y, work)
		}
	case quant.AvgPool:
		sumWindows(o, x, y)
	case quant.MaxPool:
		maxWindows(o, x, y, work.From)
	case quant.Add:
		// In the order of the operands, which fixes the rounding.
		copy(y, x)
		for _, x := range in[1:] {
			AddTo(y, x)
		}
	case quant.Concat:
		at := 0
		for k, x := range in {
			n := o.widths[k]
			for i := at; len(x) > 0; i += o.Out.C {
				copy(y[i:], x[:n])
				x = x[n:]
			}
			at += n
		}
	case quant.Upsample, quant.PixelShuffle:
		for ; len(x) > 0; x = x[o.In.Size():] {
			for i, from := range o.From {
				y[i] = x[from]
			}
			y = y[len(o.From):]
		}
	case quant.Requantize:
		copy(y, x)
	default:
		panic("nn: no operation of kind " + string(o.Kind))
	}
}

// multiply sets rows of y, of channels each, to x W' (+ b) in a range of them. The
// bias is written first and the product added to it (beta 1), which saves a pass.
func multiply[T Float](x Matrix[T], w Weights[T], y []T, channels int, ch Channels) {
	beta := T(0)
	if len(w.Bias) > 0 {
		for i := range x.Rows {
			copy(y[i*channels+ch.From:], w.Bias[ch.From:ch.From+ch.Width])
		}
		beta = 1
	}
	rows := NewMatrix(w.Matrix[ch.From*x.Cols:], ch.Width, x.Cols, x.Cols)
	Gemm(blas.NoTrans, blas.Trans, x, rows, beta, NewMatrix(y[ch.From:], x.Rows, ch.Width, channels))
}

// convolve multiplies group by group: [rows x terms] windows by the group's weights.
func convolve[T Float](o *Op, x []T, w Weights[T], y []T, work *Work[T]) {
	rows, out := len(y)/o.Out.C, o.Out.C/o.Groups
	cols := NewMatrix(work.Cols, rows, o.Terms, o.Terms)
	for g := range o.Groups {
		CopyOut(&o.Slide, x, cols.Data, o.Group(g))
		multiply(cols, w, y, o.Out.C, Channels{g * out, out})
	}
}

// Windows writes what rows of weights of group g are multiplied by, in a sample x, to
// dst: a row of Terms for each position of the output, zeros in the padding.
func Windows[T any](o *Op, x []T, g int, dst []T) {
	if o.Form == Direct {
		copy(dst, x)
		return
	}
	CopyOut(&o.Slide, x, dst, o.Group(g))
}

// sumWindows adds up each channel's windows.
func sumWindows[T Float](o *Op, x, y []T) {
	n := o.Out.C
	clear(y)
	for ; len(x) > 0; x = x[o.In.Size():] {
		for position := range o.Out.Positions() {
			row := y[:n]
			o.Each(position, func(_, at int) { AddTo(row, x[at*n:(at+1)*n]) })
			y = y[n:]
		}
	}
}

// maxWindows takes the largest of each channel's windows, the first of several; from
// gets its position.
func maxWindows[T Float](o *Op, x, y []T, from []int32) {
	n := o.Out.C
	for ; len(x) > 0; x = x[o.In.Size():] {
		for position := range o.Out.Positions() {
			row, at, first := y[:n], from[:n], true
			o.Each(position, func(_, i int) {
				for c, v := range x[i*n : (i+1)*n] {
					// v != v lets a NaN through, so that a diverged run is noticed.
					if first || v > row[c] || v != v {
						row[c], at[c] = v, int32(i)
					}
				}
				first = false
			})
			y, from = y[n:], from[n:]
		}
	}
}
