package train

// depthwise convolves each channel with a kernel of its own. Its matrix is
// channels x taps; the loops run over the channels of a position, so they read
// it taps x channels.
type depthwise struct {
	*weights
	slide windows
	taps  []float32    // taps x channels: the matrix transposed
	grads [2][]float32 // its gradient, for each goroutine
}

func newDepthwise(w *weights, slide windows) *depthwise {
	d := &depthwise{weights: w, slide: slide, taps: make([]float32, w.out*w.k)}
	for half := range d.grads {
		d.grads[half] = make([]float32, w.out*w.k)
	}
	return d
}

func (d *depthwise) parameters() *weights { return d.weights }

func (d *depthwise) prepare() {
	d.weights.prepare()
	transpose(d.taps, d.matrix(), d.out, d.k)
}

// transpose sets dst to the transpose of src, rows x cols.
func transpose(dst, src []float32, rows, cols int) {
	for r := range rows {
		for c, v := range src[r*cols : (r+1)*cols] {
			dst[c*rows+r] = v
		}
	}
}

func (d *depthwise) forward(in []operand, y []float32, s span) {
	n := d.out
	if len(d.b.v) == 0 {
		clear(y)
	}
	for x := s.of(in[0].v, d.slide.in.Size()); len(x) > 0; x = x[d.slide.in.Size():] {
		for position := range d.slide.out.Positions() {
			row := y[:n]
			copy(row, d.b.v)
			d.slide.each(position, func(tap, at int) {
				multiplyAdd(row, x[at*n:(at+1)*n], d.taps[tap*n:(tap+1)*n])
			})
			y = y[n:]
		}
	}
}

// multiplyAdd is y += a*b.
func multiplyAdd(y, a, b []float32) {
	a, b = a[:len(y)], b[:len(y)]
	for i := range y {
		y[i] += a[i] * b[i]
	}
}

func (d *depthwise) backward(in []operand, g []float32, s span) {
	n, size := d.out, d.slide.in.Size()
	d.addBias(g, s.half)
	part, beta := d.gradient(s.half)
	gw := d.grads[s.half]
	clear(gw)
	x := s.of(in[0].v, size)
	var dx []float32
	if in[0].g != nil {
		dx = s.of(in[0].g, size)
		if !in[0].add {
			clear(dx)
		}
	}
	for len(x) > 0 {
		for position := range d.slide.out.Positions() {
			row := g[:n]
			d.slide.each(position, func(tap, at int) {
				multiplyAdd(gw[tap*n:(tap+1)*n], x[at*n:(at+1)*n], row)
				if dx != nil {
					multiplyAdd(dx[at*n:(at+1)*n], d.taps[tap*n:(tap+1)*n], row)
				}
			})
			g = g[n:]
		}
		x = x[size:]
		if dx != nil {
			dx = dx[size:]
		}
	}
	d.addGradient(part, gw, beta)
}

// addGradient adds gw, taps x channels, to part, channels x taps; with beta 0
// it overwrites part.
func (d *depthwise) addGradient(part, gw []float32, beta float32) {
	if beta == 0 {
		clear(part)
	}
	for c := range d.out {
		for k := range d.k {
			part[c*d.k+k] += gw[k*d.out+c]
		}
	}
}

// each calls f for the taps of a window that lie on the input, with the number
// of the tap and the input's position.
func (w *windows) each(position int, f func(tap, at int)) {
	oy, ox := position/w.out.W, position%w.out.W
	for ky := range w.H {
		iy := oy*w.StrideH - w.Top + ky*w.DilationH
		if iy < 0 || iy >= w.in.H {
			continue
		}
		for kx := range w.W {
			if ix := ox*w.StrideW - w.Left + kx*w.DilationW; ix >= 0 && ix < w.in.W {
				f(ky*w.W+kx, iy*w.in.W+ix)
			}
		}
	}
}
