package train

import "github.com/a2qgen/a2qgen/quant"

// move copies elements: output i is input from[i]. It is nearest-neighbour
// upsampling and pixel shuffling.
type move struct {
	from []int32
	size int // of the input
}

// newMove returns the move of a step. Upsampling by f takes output (y, x, c) from
// (y/f, x/f, c); the shuffle from channel c*f*f + (y mod f)*f + (x mod f), as
// PyTorch's PixelShuffle does. The table is made once for all samples; it counts in
// channels-last elements.
func newMove(st *step) *move {
	m := &move{from: make([]int32, 0, st.out.Size()), size: st.in.Size()}
	f := st.factor
	for y := range st.out.H {
		for x := range st.out.W {
			for c := range st.out.C {
				if st.kind == quant.PixelShuffle {
					c = c*f*f + y%f*f + x%f
				}
				m.from = append(m.from, int32(((y/f)*st.in.W+x/f)*st.in.C+c))
			}
		}
	}
	return m
}

// forward copies sample by sample.
func (m *move) forward(in []operand, y []float32, s span) {
	for x := s.of(in[0].v, m.size); len(x) > 0; x = x[m.size:] {
		for i, from := range m.from {
			y[i] = x[from]
		}
		y = y[len(m.from):]
	}
}

// backward gives an element that was copied f*f times the sum of their gradients.
func (m *move) backward(in []operand, g []float32, s span) {
	if in[0].g == nil {
		return
	}
	dx := s.of(in[0].g, m.size)
	if !in[0].add {
		clear(dx)
	}
	for ; len(dx) > 0; dx = dx[m.size:] {
		for i, from := range m.from {
			dx[from] += g[i]
		}
		g = g[len(m.from):]
	}
}
