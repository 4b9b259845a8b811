package ptq

import (
	"math"

	"github.com/a2qgen/a2qgen/quant"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
)

// scratch is memory of one goroutine.
type scratch struct{ cols []float64 }

// accumulate writes the sums of sample k to acc, in units: integers where the
// operands are, in the order of the output. Where the operands are integers of one
// scale the sums are integers, exact in float64.
func (s *stage) accumulate(k int, acc []float64, w *scratch) {
	x := s.in[0].sample(k)
	switch s.l.Kind {
	case quant.Linear, quant.Conv:
		s.multiply(x, acc, w)
	case quant.AvgPool, quant.MaxPool:
		s.pool(x, acc)
	case quant.Add:
		clear(acc)
		for _, t := range s.in {
			f := s.factor(t)
			for i, v := range t.sample(k) {
				acc[i] += f * float64(v)
			}
		}
	case quant.Concat:
		s.concat(k, acc)
	case quant.Upsample, quant.PixelShuffle:
		s.move(x, acc)
	default:
		for i, v := range x {
			acc[i] = float64(v)
		}
	}
}

// factor returns what to multiply the elements of an operand by: 1 where units
// are the operands' common scale.
func (s *stage) factor(t *tensor) float64 {
	if s.same {
		return 1
	}
	return t.scale
}

// multiply is a layer with weights, as one matrix product per group. Windows are
// the rows of one factor, the group's weights those of the other: [positions x In]
// [In x own]. The product goes to the group's channels of acc, C apart.
func (s *stage) multiply(x []float32, acc []float64, w *scratch) {
	l := s.l
	rows, groups := s.shape.Positions(), max(l.Groups, 1)
	own := s.shape.C / groups
	for g := range groups {
		w.cols = s.windows(x, g, w.cols)
		a := blas64.General{Rows: rows, Cols: l.In, Stride: l.In, Data: w.cols}
		b := blas64.General{Rows: own, Cols: l.In, Stride: l.In, Data: s.weights[g*own*l.In:]}
		y := blas64.General{Rows: rows, Cols: own, Stride: s.shape.C, Data: acc[g*own:]}
		blas64.Gemm(blas.NoTrans, blas.Trans, 1, a, b, 0, y)
	}
}

// windows writes what group g of a layer with weights reads of a sample to dst: a
// row for each output position, in the order (row, column, channel), zeros in the
// padding. A linear layer reads the whole sample as one window. The result reuses
// dst's memory.
func (s *stage) windows(x []float32, g int, dst []float64) []float64 {
	dst = dst[:0]
	if s.l.Kind == quant.Linear {
		for _, v := range x {
			dst = append(dst, float64(v))
		}
		return dst
	}
	in := s.in[0].shape
	width := in.C / max(s.l.Groups, 1)
	for y := range s.shape.H {
		for z := range s.shape.W {
			s.eachTap(y, z, func(at int, inside bool) {
				for c := range width {
					v := float32(0)
					if inside {
						v = x[at*in.C+g*width+c]
					}
					dst = append(dst, float64(v))
				}
			})
		}
	}
	return dst
}

// eachTap calls f for the taps of the window at (y, x), with the input position
// and whether it lies on the input.
func (s *stage) eachTap(y, x int, f func(position int, inside bool)) {
	in, w := s.in[0].shape, s.l.Window
	// 0 stands for 1, as in quant.Window.
	w.StrideH, w.StrideW = max(w.StrideH, 1), max(w.StrideW, 1)
	w.DilationH, w.DilationW = max(w.DilationH, 1), max(w.DilationW, 1)
	for ky := range w.H {
		for kx := range w.W {
			iy, ix := w.At(y, x, ky, kx)
			f(iy*in.W+ix, iy >= 0 && iy < in.H && ix >= 0 && ix < in.W)
		}
	}
}

// pool sums, or takes the largest of, each channel's window. Padding is -infinity
// to a maximum and 0 to a sum, as in ONNX MaxPool and AveragePool with
// count_include_pad; the division is by all taps, in unit.
func (s *stage) pool(x []float32, acc []float64) {
	c := s.shape.C
	most := s.l.Kind == quant.MaxPool
	for y := range s.shape.H {
		for z := range s.shape.W {
			out := acc[(y*s.shape.W+z)*c:][:c]
			for i := range out {
				out[i] = 0
				if most {
					out[i] = math.Inf(-1)
				}
			}
			s.eachTap(y, z, func(at int, inside bool) {
				if !inside {
					return
				}
				for i, v := range x[at*c : (at+1)*c] {
					if most {
						out[i] = max(out[i], float64(v))
					} else {
						out[i] += float64(v)
					}
				}
			})
		}
	}
}

// concat puts the operands' channels one after the other. acc is [positions x C]:
// an operand of width channels fills columns at..at+width-1.
func (s *stage) concat(k int, acc []float64) {
	at := 0
	for _, t := range s.in {
		f, width := s.factor(t), t.shape.C
		for i, v := range t.sample(k) {
			acc[i/width*s.shape.C+at+i%width] = f * float64(v)
		}
		at += width
	}
}

// move is Upsample and PixelShuffle: output (y, x, c) is one element of the
// input.
func (s *stage) move(x []float32, acc []float64) {
	in, out, f := s.in[0].shape, s.shape, s.l.Factor
	for i := range acc {
		c, z, y := i%out.C, i/out.C%out.W, i/out.C/out.W
		from := c
		// ONNX DepthToSpace of block f: input channel c f^2 + block in mode CRD,
		// block C + c in mode DCR (depth first), with block = (y mod f) f + (x mod
		// f).
		if s.l.Kind == quant.PixelShuffle {
			block := y%f*f + z%f
			from = c*f*f + block
			if s.l.DepthFirst {
				from = block*out.C + c
			}
		}
		acc[i] = float64(x[(y/f*in.W+z/f)*in.C+from])
	}
}
