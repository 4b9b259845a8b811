package nn

import (
	"github.com/a2qgen/a2qgen/quant"
	"gonum.org/v1/gonum/blas"
)

// phasesOf returns the windows of the phases of a transposed convolution (quant.Window.Phase).
func phasesOf(w Slide) []Slide {
	phases := make([]Slide, w.Phases())
	for f := range phases {
		win, rows, cols := w.Phase(f, w.Out)
		phases[f] = Slide{win, w.In, quant.Shape{H: rows, W: cols, C: w.Out.C}}
	}
	return phases
}

// All is the range of all input channels.
func (o *Op) All() Channels { return Channels{0, o.In.C} }

// PhaseRows returns the rows of weights of phase f out of the matrix of all, whose rows are
// (channel, phase).
func PhaseRows[T Float](o *Op, matrix []T, f int) Matrix[T] {
	return NewMatrix(matrix[f*o.Terms:], o.Out.C, o.Terms, o.Terms*len(o.Phases))
}

// eachPosition calls see for the positions of phase f in so many samples, in order, with the
// position that each is of the samples' outputs.
func (o *Op) eachPosition(f, samples int, see func(phase, whole int)) {
	p, n := &o.Phases[f], 0
	for s := range samples {
		for y := range p.Out.H {
			at := (s*o.Out.H+y*o.StrideH+f/o.StrideW)*o.Out.W + f%o.StrideW
			for range p.Out.W {
				see(n, at)
				n, at = n+1, at+o.StrideW
			}
		}
	}
}

// Interleave writes the positions of phase f in part, of so many samples, to where they lie
// in y; Separate reads them from there.
func Interleave[T Float](o *Op, f, samples int, part, y []T) {
	n := o.Out.C
	o.eachPosition(f, samples, func(phase, whole int) { copy(y[whole*n:(whole+1)*n], part[phase*n:]) })
}

// Separate is the inverse of Interleave.
func Separate[T Float](o *Op, f, samples int, y, part []T) {
	n := o.Out.C
	o.eachPosition(f, samples, func(phase, whole int) { copy(part[phase*n:(phase+1)*n], y[whole*n:]) })
}

// transposed computes the phases one after the other, and puts each where it belongs.
func transposed[T Float](o *Op, x []T, w Weights[T], y []T, work *Work[T]) {
	samples, n := len(x)/o.In.Size(), o.Out.C
	for f := range o.Phases {
		p := &o.Phases[f]
		rows := samples * p.Out.Positions()
		cols := NewMatrix(work.Cols, rows, o.Terms, o.Terms)
		CopyOut(p, x, cols.Data, o.All())
		part := NewMatrix(work.Part, rows, n, n)
		Gemm(blas.NoTrans, blas.Trans, cols, PhaseRows(o, w.Matrix, f), 0, part)
		Interleave(o, f, samples, part.Data, y)
	}
	for ; len(w.Bias) > 0 && len(y) > 0; y = y[n:] {
		AddTo(y[:n], w.Bias)
	}
}
