package nn

import (
	"github.com/a2qgen/a2qgen/quant"
	"gonum.org/v1/gonum/blas"
)

// Adjoint is the way back of Forward. From g, the gradient of a loss to the outputs y, it adds the
// gradient to operand k to dx[k], unless that is nil, and that to the weights to dw, unless that is
// nil: rows of Terms, row-major, as the layer has them, whatever the form. in, w and work are
// Forward's; MaxPool reads in work.From what its Forward left there, for these samples.
//
// Derived: each output is a sum of products, of whose factors each gets the other times g; a copy
// gives its g back, a maximum to the first of its largest elements alone.
func Adjoint[T Float](o *Op, in [][]T, w Weights[T], g []T, dx [][]T, dw []T, work *Work[T]) {
	switch o.Kind {
	case quant.Linear, quant.Conv, quant.ConvTranspose:
		adjointWeighted(o, in[0], w, g, dx[0], dw, work)
	case quant.AvgPool:
		spreadWindows(o, g, dx[0])
	case quant.MaxPool:
		spreadLargest(o, g, dx[0], work.From)
	case quant.Add, quant.Requantize:
		for _, d := range dx {
			if d != nil {
				AddTo(d, g)
			}
		}
	case quant.Concat:
		spreadParts(o, g, dx)
	case quant.Upsample, quant.PixelShuffle:
		spreadMoves(o, g, dx[0])
	default:
		panic("nn: no adjoint of kind " + string(o.Kind))
	}
}

func adjointWeighted[T Float](o *Op, x []T, w Weights[T], g, dx, dw []T, work *Work[T]) {
	switch o.Form {
	case Direct:
		n, out := len(x)/o.Terms, o.Out.C
		adjointProduct(NewMatrix(x, n, o.Terms, o.Terms), NewMatrix(g, n, out, out),
			NewMatrix(w.Matrix, out, o.Terms, o.Terms), dx, matrixOrNone(dw, out, o.Terms, o.Terms))
	case Columns:
		adjointWindows(o, x, w, g, dx, dw, work)
	case Channelwise:
		adjointDepthwise(o, x, w, g, dx, dw, work)
	case Phased:
		adjointPhases(o, x, w, g, dx, dw, work)
	}
}

// matrixOrNone is NewMatrix, and none of no data.
func matrixOrNone[T Float](data []T, rows, cols, stride int) Matrix[T] {
	if data == nil {
		return Matrix[T]{}
	}
	return NewMatrix(data, rows, cols, stride)
}

// adjointProduct is that of y = x W': dW += g' x, and dx += g W.
func adjointProduct[T Float](x, g, w Matrix[T], dx []T, dw Matrix[T]) {
	if dw.Data != nil {
		Gemm(blas.Trans, blas.NoTrans, g, x, 1, dw)
	}
	if dx != nil {
		Gemm(blas.NoTrans, blas.NoTrans, g, w, 1, NewMatrix(dx, x.Rows, x.Cols, x.Stride))
	}
}

// adjointWindows is adjointProduct of each group's windows, which are copied out again: an input in
// several windows gets the sum of what they get.
func adjointWindows[T Float](o *Op, x []T, w Weights[T], g, dx, dw []T, work *Work[T]) {
	rows, out := len(g)/o.Out.C, o.Out.C/o.Groups
	cols := NewMatrix(work.Cols, rows, o.Terms, o.Terms)
	for group := range o.Groups {
		dy := NewMatrix(g[group*out:], rows, out, o.Out.C)
		at := group * out * o.Terms
		if dw != nil {
			CopyOut(&o.Slide, x, cols.Data, o.Group(group))
			Gemm(blas.Trans, blas.NoTrans, dy, cols, 1, NewMatrix(dw[at:], out, o.Terms, o.Terms))
		}
		if dx != nil {
			// The windows are not needed any more: cols takes their gradient.
			Gemm(blas.NoTrans, blas.NoTrans, dy, NewMatrix(w.Matrix[at:], out, o.Terms, o.Terms), 0, cols)
			AddBack(&o.Slide, cols.Data, dx, o.Group(group))
		}
	}
}

// adjointPhases is adjointWindows for each phase, with the gradients of its positions.
func adjointPhases[T Float](o *Op, x []T, w Weights[T], g, dx, dw []T, work *Work[T]) {
	samples := len(x) / o.In.Size()
	for f := range o.Phases {
		p := &o.Phases[f]
		rows := samples * p.Out.Positions()
		cols, dy := NewMatrix(work.Cols, rows, o.Terms, o.Terms), NewMatrix(work.Part, rows, p.Out.C, p.Out.C)
		Separate(o, f, samples, g, dy.Data)
		if dw != nil {
			CopyOut(p, x, cols.Data, o.All())
			Gemm(blas.Trans, blas.NoTrans, dy, cols, 1, PhaseRows(o, dw, f))
		}
		if dx != nil {
			Gemm(blas.NoTrans, blas.NoTrans, dy, PhaseRows(o, w.Matrix, f), 0, cols)
			AddBack(p, cols.Data, dx, o.All())
		}
	}
}

// adjointDepthwise goes by output rows: row ky of the taps meets one row of the input. Its loops run over the
// channels of a position, so the gradient of the weights is added up as taps x channels, in the order of the loops,
// and transposed at the end. w has the taps first as well.
func adjointDepthwise[T Float](o *Op, x []T, w Weights[T], g, dx, dw []T, work *Work[T]) {
	n := o.Out.C
	line, width := o.Out.W*n, o.In.W*n
	gw := work.Cols[:o.Terms*n]
	clear(gw)
	for i := range len(g) / line { // sample and output row
		from := i / o.Out.H * o.In.Size()
		for ky := range o.H {
			row := o.Line(i%o.Out.H, ky)
			if row < 0 {
				continue
			}
			lo, tap := from+row*width, ky*o.W*n
			var d []T
			if dx != nil {
				d = dx[lo : lo+width]
			}
			depthwiseBack(&o.Slide, g[i*line:(i+1)*line], x[lo:lo+width], d, w.Matrix[tap:], gw[tap:])
		}
	}
	for k := 0; dw != nil && k < o.Terms; k++ {
		for c, v := range gw[k*n : (k+1)*n] {
			dw[c*o.Terms+k] += v
		}
	}
}

// depthwiseBack takes the gradient g of an output row back to the input row that a row of taps t lies on, unless dx
// is nil, and to those taps. Most windows lie on the input as a whole: their taps go by threes.
func depthwiseBack[T Float](w *Slide, g, x, dx, t, gw []T) {
	n := w.Out.C
	for at := -w.Left; len(g) > 0; at += w.StrideW {
		kx := 0
		for ; at >= 0 && kx+3 <= w.W && at+(kx+2)*w.DilationW < w.In.W; kx += 3 {
			ix := (at + kx*w.DilationW) * n
			scatter3(gw[kx*n:], n, x[ix:], w.DilationW*n, g[:n])
			if dx != nil {
				scatter3(dx[ix:], w.DilationW*n, t[kx*n:], n, g[:n])
			}
		}
		for ; kx < w.W; kx++ {
			ix := at + kx*w.DilationW
			if ix < 0 || ix >= w.In.W {
				continue
			}
			MultiplyAdd(gw[kx*n:(kx+1)*n], x[ix*n:(ix+1)*n], g[:n])
			if dx != nil {
				MultiplyAdd(dx[ix*n:(ix+1)*n], t[kx*n:(kx+1)*n], g[:n])
			}
		}
		g = g[n:]
	}
}

// scatter3 is y0 += a0*g, y1 += a1*g and y2 += a2*g, where the y lie yGap apart and
// the a aGap. The sums of different y are apart, so the order in which they are
// added is that of single taps.
func scatter3[T Float](y []T, yGap int, a []T, aGap int, g []T) {
	y0, y1, y2 := y[:len(g)], y[yGap:][:len(g)], y[2*yGap:][:len(g)]
	a0, a1, a2 := a[:len(g)], a[aGap:][:len(g)], a[2*aGap:][:len(g)]
	for i, v := range g {
		y0[i] += a0[i] * v
		y1[i] += a1[i] * v
		y2[i] += a2[i] * v
	}
}

// spreadWindows gives each element of a window the gradient of its sum.
func spreadWindows[T Float](o *Op, g, dx []T) {
	n := o.Out.C
	for ; len(dx) > 0; dx = dx[o.In.Size():] {
		for position := range o.Out.Positions() {
			o.Each(position, func(_, at int) { AddTo(dx[at*n:(at+1)*n], g[position*n:(position+1)*n]) })
		}
		g = g[o.Out.Size():]
	}
}

// spreadLargest gives the gradient to the elements that were the largest of their windows; one may be
// that of several.
func spreadLargest[T Float](o *Op, g, dx []T, from []int32) {
	n, size := o.Out.C, o.Out.Size()
	for ; len(dx) > 0; dx = dx[o.In.Size():] {
		for i, v := range g[:size] {
			dx[int(from[i])*n+i%n] += v
		}
		g, from = g[size:], from[size:]
	}
}

// spreadParts gives each operand of a concatenation its channels.
func spreadParts[T Float](o *Op, g []T, dx [][]T) {
	at := 0
	for k, d := range dx {
		width := o.widths[k]
		for i := at; len(d) > 0; i += o.Out.C {
			AddTo(d[:width], g[i:i+width])
			d = d[width:]
		}
		at += width
	}
}

// spreadMoves gives an element that was copied several times the sum of its copies' gradients.
func spreadMoves[T Float](o *Op, g, dx []T) {
	for ; len(dx) > 0; dx = dx[o.In.Size():] {
		for i, from := range o.From {
			dx[from] += g[i]
		}
		g = g[len(o.From):]
	}
}

// AddBack adds rows as CopyOut writes them to the positions of x that they came from. What lies in
// the padding is dropped.
func AddBack[T Float](w *Slide, src, x []T, ch Channels) {
	run := w.W * ch.Width
	line := w.Out.W * w.H * run
	for ; len(x) > 0; x = x[w.In.Size():] {
		for oy := range w.Out.H {
			for ky := range w.H {
				if row := Row(w, x, oy, ky); row != nil {
					addLine(w, src[ky*run:line], row, ch)
				}
			}
			src = src[line:]
		}
	}
}

// addLine adds one row of the windows of an output row to the input row that they came from.
func addLine[T Float](w *Slide, src, row []T, ch Channels) {
	run, whole := w.W*ch.Width, w.Contiguous(ch)
	for ox := range w.Out.W {
		ix, from := ox*w.StrideW-w.Left, src[ox*w.H*run:][:run]
		if whole && ix >= 0 && ix+w.W <= w.In.W {
			AddTo(row[ix*w.In.C:], from)
			continue
		}
		for kx := range w.W {
			if at := ix + kx*w.DilationW; at >= 0 && at < w.In.W {
				AddTo(row[at*w.In.C+ch.From:], from[kx*ch.Width:(kx+1)*ch.Width])
			}
		}
	}
}
