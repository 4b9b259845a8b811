package train

// depthwise convolves each channel with a kernel of its own. Its matrix is channels
// x taps; the loops run over the channels of a position, so they read it taps x
// channels. As matrix products they would be of 1 x taps each.
type depthwise struct {
	*weights
	slide windows
	taps  []float32    // taps x channels: the matrix transposed
	grads [2][]float32 // its gradient, for each goroutine
}

// newDepthwise returns the operation with weights w, channels x taps.
func newDepthwise(w *weights, slide windows) *depthwise {
	d := &depthwise{weights: w, slide: slide, taps: make([]float32, w.out*w.k)}
	for half := range d.grads {
		d.grads[half] = make([]float32, w.out*w.k)
	}
	return d
}

func (d *depthwise) parameters() *weights { return d.weights }

// derive transposes the matrix; it follows every requantisation.
func (d *depthwise) derive() { transpose(d.taps, d.matrix(), d.out, d.k) }

// transpose sets dst to the transpose of src, rows x cols.
func transpose(dst, src []float32, rows, cols int) {
	for r := range rows {
		for c, v := range src[r*cols : (r+1)*cols] {
			dst[c*rows+r] = v
		}
	}
}

// forward goes by output rows: each starts from the bias and gets the taps of each
// input row below it in turn.
func (d *depthwise) forward(in []operand, y []float32, s span) {
	w, n := &d.slide, d.out
	line := w.out.W * n
	for x := s.of(in[0].v, w.in.Size()); len(x) > 0; x = x[w.in.Size():] {
		for oy := range w.out.H {
			d.start(y[:line])
			for ky := range w.H {
				if row := w.line(oy, ky); row >= 0 {
					d.forwardLine(y[:line], x[row*w.in.W*n:(row+1)*w.in.W*n], d.taps[ky*w.W*n:])
				}
			}
			y = y[line:]
		}
	}
}

// start sets the positions of y to the bias, or 0. The layer has a bias only
// without batch norm.
func (d *depthwise) start(y []float32) {
	if len(d.b.v) == 0 {
		clear(y)
		return
	}
	for ; len(y) > 0; y = y[d.out:] {
		copy(y, d.b.v)
	}
}

// line returns the input row under row ky of the windows of output row oy, or
// -1 where that lies in the padding.
func (w *windows) line(oy, ky int) int {
	if iy := oy*w.StrideH - w.Top + ky*w.DilationH; iy >= 0 && iy < w.in.H {
		return iy
	}
	return -1
}

// forwardLine adds a row of taps t on the input row x to the output row y. Most
// windows lie on the input as a whole: their taps go by threes. at is the input
// column of the window's first tap, below 0 in the left padding.
func (d *depthwise) forwardLine(y, x, t []float32) {
	w, n := &d.slide, d.out
	for at := -w.Left; len(y) > 0; at += w.StrideW {
		kx := 0
		for ; at >= 0 && kx+3 <= w.W && at+(kx+2)*w.DilationW < w.in.W; kx += 3 {
			gather3(y[:n], x[(at+kx*w.DilationW)*n:], w.DilationW*n, t[kx*n:])
		}
		for ; kx < w.W; kx++ {
			if ix := at + kx*w.DilationW; ix >= 0 && ix < w.in.W {
				multiplyAdd(y[:n], x[ix*n:(ix+1)*n], t[kx*n:(kx+1)*n])
			}
		}
		y = y[n:]
	}
}

// gather3 is y += x0*t0 + x1*t1 + x2*t2, added in this order, where x0, x1 and x2
// lie gap apart and t0, t1 and t2 side by side. Three taps per pass read and write
// y once instead of three times.
func gather3(y, x []float32, gap int, t []float32) {
	x0, x1, x2 := x[:len(y)], x[gap:][:len(y)], x[2*gap:][:len(y)]
	t0, t1, t2 := t[:len(y)], t[len(y):][:len(y)], t[2*len(y):][:len(y)]
	for i, v := range y {
		y[i] = v + x0[i]*t0[i] + x1[i]*t1[i] + x2[i]*t2[i]
	}
}

// multiplyAdd is y += a*b.
func multiplyAdd(y, a, b []float32) {
	a, b = a[:len(y)], b[:len(y)]
	for i := range y {
		y[i] += a[i] * b[i]
	}
}

// backward adds the gradient of the taps up as taps x channels, in the order of the
// loops, and transposed at the end of the span.
func (d *depthwise) backward(in []operand, g []float32, s span) {
	w, n := &d.slide, d.out
	d.addBias(g, s.half)
	part, beta := d.gradient(s.half)
	gw := d.grads[s.half]
	clear(gw)
	x := s.of(in[0].v, w.in.Size())
	var dx []float32
	if in[0].g != nil {
		dx = s.of(in[0].g, w.in.Size())
		if !in[0].add {
			clear(dx)
		}
	}
	line := w.out.W * n
	for i := range s.samples() * w.out.H {
		// Sample and output row i; the taps of one row of the kernel meet one row
		// of the input.
		from := i / w.out.H * w.in.Size()
		for ky := range w.H {
			row := w.line(i%w.out.H, ky)
			if row < 0 {
				continue
			}
			lo, hi, tap := from+row*w.in.W*n, from+(row+1)*w.in.W*n, ky*w.W*n
			d.backwardLine(g[i*line:(i+1)*line], x[lo:hi], cut(dx, lo, hi), d.taps[tap:], gw[tap:])
		}
	}
	d.addGradient(part, gw, beta)
}

// backwardLine takes the gradient g of an output row back to the input row that
// a row of taps lies on, unless dx is nil, and to those taps.
func (d *depthwise) backwardLine(g, x, dx, t, gw []float32) {
	w, n := &d.slide, d.out
	for at := -w.Left; len(g) > 0; at += w.StrideW {
		kx := 0
		for ; at >= 0 && kx+3 <= w.W && at+(kx+2)*w.DilationW < w.in.W; kx += 3 {
			ix := (at + kx*w.DilationW) * n
			scatter3(gw[kx*n:], n, x[ix:], w.DilationW*n, g[:n])
			if dx != nil {
				scatter3(dx[ix:], w.DilationW*n, t[kx*n:], n, g[:n])
			}
		}
		for ; kx < w.W; kx++ {
			ix := at + kx*w.DilationW
			if ix < 0 || ix >= w.in.W {
				continue
			}
			multiplyAdd(gw[kx*n:(kx+1)*n], x[ix*n:(ix+1)*n], g[:n])
			if dx != nil {
				multiplyAdd(dx[ix*n:(ix+1)*n], t[kx*n:(kx+1)*n], g[:n])
			}
		}
		g = g[n:]
	}
}

// scatter3 is y0 += a0*g, y1 += a1*g and y2 += a2*g, where the y lie yGap apart and
// the a aGap. The sums of different y are apart, so the order in which they are
// added is that of single taps.
func scatter3(y []float32, yGap int, a []float32, aGap int, g []float32) {
	y0, y1, y2 := y[:len(g)], y[yGap:][:len(g)], y[2*yGap:][:len(g)]
	a0, a1, a2 := a[:len(g)], a[aGap:][:len(g)], a[2*aGap:][:len(g)]
	for i, v := range g {
		y0[i] += a0[i] * v
		y1[i] += a1[i] * v
		y2[i] += a2[i] * v
	}
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

// each calls f for the taps of a window that lie on the input, with the number of
// the tap and the input's position. Taps in the padding are left out: a mean takes
// them for 0 and a maximum for nothing.
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
