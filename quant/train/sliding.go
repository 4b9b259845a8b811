package train

import (
	"github.com/a2qgen/a2qgen/quant/nn"
	"github.com/a2qgen/a2qgen/quant/tile"
)

// sliding is a convolution whose windows are read where they lie. With its channels last and
// zeros around it, a row of a window is one piece of memory, and the rows of the windows of an output
// row are the rows of a matrix that overlap. So is its way back to the inputs, by
// phases of the stride, and that to the weights.
type sliding struct {
	*weights
	op   *nn.Op
	taps []float32 // the matrix transposed, k x out
	// ways are those back to the inputs, one for each phase of the stride.
	ways   []way
	memory [2]slidingMemory
}

// slidingMemory is that of one goroutine.
type slidingMemory struct {
	x, g  padded
	grads []float32 // gradient of taps
	used  bool      // grads has something in this pass
}

// slides says that an operation can be computed so, and fast.
func slides(o *nn.Op) bool {
	return tile.Fast && o.Form == nn.Columns && o.Groups == 1 && o.DilationH == 1 && o.DilationW == 1
}

// newSliding returns the operation with weights w.
func newSliding(w *weights, op *nn.Op) *sliding {
	c := &sliding{weights: w, op: op, taps: make([]float32, w.out*w.k)}
	rows := axis{op.H, op.StrideH, op.Top, op.In.H, op.Out.H}
	cols := axis{op.W, op.StrideW, op.Left, op.In.W, op.Out.W}
	c.ways = waysBack(rows, cols, w.out*op.In.C)
	for half := range c.memory {
		c.memory[half] = slidingMemory{
			x:     newPadded(rows.window(), cols.window(), op.In.C, op.StrideW),
			g:     newPadded(rows.back(), cols.back(), op.Out.C, 1),
			grads: make([]float32, w.out*w.k),
		}
	}
	return c
}

// derive lays the matrix out as both directions read it; it follows every
// requantisation.
func (c *sliding) derive() {
	m := c.matrix()
	nn.Transpose(c.taps, m, c.out, c.k)
	for i := range c.ways {
		c.ways[i].layOut(m, c.k, c.op.W)
	}
}

// forward sets y, the span's samples of the output.
func (c *sliding) forward(x, y []float32, half int) {
	o, pad := c.op, &c.memory[half].x
	p := tile.Product{
		M: o.Out.W, N: o.Out.C, K: o.W * o.In.C, Runs: o.H,
		ARow: o.StrideW * o.In.C, AK: 1, ARun: pad.line,
		B: c.taps, BK: o.Out.C, BRun: o.W * o.In.C * o.Out.C,
		CRow: o.Out.C, Add: len(c.b.v) > 0,
	}
	for ; len(x) > 0; x = x[o.In.Size():] {
		pad.fill(x[:o.In.Size()], o.In.H, o.In.W*o.In.C)
		for oy := range o.Out.H {
			for at := 0; p.Add && at < o.Out.W*o.Out.C; at += o.Out.C {
				copy(y[at:], c.b.v)
			}
			p.A, p.C = pad.v[oy*o.StrideH*pad.line:], y
			p.Multiply()
			y = y[o.Out.W*o.Out.C:]
		}
	}
}

// backward goes sample by sample: the weights' gradient is the product of the windows, again where
// they lie, and the output's gradient.
func (c *sliding) backward(in []operand, g []float32, s span) {
	o, m := c.op, &c.memory[s.half]
	c.addBias(g, s.half)
	c.gradient(s.half) // gather writes it
	for i := s.lo; i < s.hi; i++ {
		own := span{i, i + 1, s.half}
		dy := g[:o.Out.Size()]
		m.x.fill(own.of(in[0].v, o.In.Size()), o.In.H, o.In.W*o.In.C)
		c.learn(m, dy)
		if in[0].g != nil {
			m.g.fill(dy, o.Out.H, o.Out.W*o.Out.C)
			c.pullBack(m, own.of(in[0].g, o.In.Size()), in[0].add)
		}
		g = g[o.Out.Size():]
	}
}

// learn adds a sample's gradient of the taps. A row of taps of the kernel meets every
// position of the output, in one sum.
func (c *sliding) learn(m *slidingMemory, dy []float32) {
	o := c.op
	n := o.W * o.In.C
	p := tile.Product{
		M: n, N: o.Out.C, K: o.Out.W, Runs: o.Out.H,
		ARow: 1, AK: o.StrideW * o.In.C, ARun: o.StrideH * m.x.line,
		B: dy, BK: o.Out.C, BRun: o.Out.W * o.Out.C,
		CRow: o.Out.C, Add: m.used,
	}
	for ky := range o.H {
		p.A, p.C = m.x.v[ky*m.x.line:], m.grads[ky*n*o.Out.C:]
		p.Multiply()
	}
	m.used = true
}

// gather ends a half's samples: its sums become its part of the gradient, out x k.
func (c *sliding) gather(half int) {
	m := &c.memory[half]
	if m.used { // else complete clears the part
		nn.Transpose(c.part[half], m.grads, c.k, c.out)
	}
	m.used = false
}

// pullBack sets dx, a sample's gradient of the input, or adds to it. m.g has the output's.
func (c *sliding) pullBack(m *slidingMemory, dx []float32, add bool) {
	o := c.op
	line := o.In.W * o.In.C
	for i := range c.ways {
		w := &c.ways[i]
		n := w.cols.taps * o.Out.C
		p := tile.Product{
			M: w.cols.count, N: o.In.C, K: n, Runs: w.rows.taps,
			ARow: o.Out.C, AK: 1, ARun: m.g.line,
			B: w.taps, BK: o.In.C, BRun: n * o.In.C,
			CRow: o.StrideW * o.In.C, Add: add,
		}
		for y := range w.rows.count {
			p.C = dx[(w.rows.first+y*o.StrideH)*line+w.cols.first*o.In.C:]
			if p.K*p.Runs > 0 {
				p.A = m.g.v[(w.rows.from+y)*m.g.line+w.cols.from*o.Out.C:]
				p.Multiply()
			} else if !add {
				p.Clear() // inputs between the windows
			}
		}
	}
}
