package train

import "github.com/a2qgen/a2qgen/quant/nn"

// depthwise convolves each channel with a kernel of its own. Its matrix is channels
// x taps; the loops run over the channels of a position, so they read it taps x
// channels.
type depthwise struct {
	*weights
	slide *nn.Slide
	taps  []float32    // taps x channels: the matrix transposed
	grads [2][]float32 // its gradient, for each goroutine
}

// newDepthwise returns the operation with weights w, channels x taps.
func newDepthwise(w *weights, slide *nn.Slide) *depthwise {
	d := &depthwise{weights: w, slide: slide, taps: make([]float32, w.out*w.k)}
	for half := range d.grads {
		d.grads[half] = make([]float32, w.out*w.k)
	}
	return d
}

// derive transposes the matrix; it follows every requantisation.
func (d *depthwise) derive() { nn.Transpose(d.taps, d.matrix(), d.out, d.k) }

func (d *depthwise) multiplier() nn.Weights[float32] {
	return nn.Weights[float32]{Matrix: d.taps, Bias: d.b.v}
}

// backward adds the gradient of the taps up as taps x channels, in the order of the
// loops, and transposed at the end of the span.
func (d *depthwise) backward(in []operand, g []float32, s span) {
	w, n := d.slide, d.out
	d.addBias(g, s.half)
	part, beta := d.gradient(s.half)
	gw := d.grads[s.half]
	clear(gw)
	x, dx := s.of(in[0].v, w.In.Size()), in[0].gradient(s)
	line := w.Out.W * n
	for i := range s.samples() * w.Out.H {
		// Sample and output row i; the taps of one row of the kernel meet one row
		// of the input.
		from := i / w.Out.H * w.In.Size()
		for ky := range w.H {
			row := w.Line(i%w.Out.H, ky)
			if row < 0 {
				continue
			}
			lo, hi, tap := from+row*w.In.W*n, from+(row+1)*w.In.W*n, ky*w.W*n
			d.backwardLine(g[i*line:(i+1)*line], x[lo:hi], cut(dx, lo, hi), d.taps[tap:], gw[tap:])
		}
	}
	d.addGradient(part, gw, beta)
}

// backwardLine takes the gradient g of an output row back to the input row that
// a row of taps lies on, unless dx is nil, and to those taps.
func (d *depthwise) backwardLine(g, x, dx, t, gw []float32) {
	w, n := d.slide, d.out
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
			nn.MultiplyAdd(gw[kx*n:(kx+1)*n], x[ix*n:(ix+1)*n], g[:n])
			if dx != nil {
				nn.MultiplyAdd(dx[ix*n:(ix+1)*n], t[kx*n:(kx+1)*n], g[:n])
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
