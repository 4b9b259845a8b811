package nn

// depthwise convolves each channel with a kernel of its own. It goes by output rows:
// each starts from the bias and gets the taps of each input row below it in turn. The
// loops run over the channels of a position, so they read weights taps x channels.
func depthwise[T Float](o *Op, x []T, w Weights[T], y []T) {
	n := o.Out.C
	line := o.Out.W * n
	for ; len(x) > 0; x = x[o.In.Size():] {
		for oy := range o.Out.H {
			begin(y[:line], w.Bias)
			for ky := range o.H {
				if row := Row(&o.Slide, x, oy, ky); row != nil {
					depthwiseLine(&o.Slide, y[:line], row, w.Matrix[ky*o.W*n:])
				}
			}
			y = y[line:]
		}
	}
}

// begin sets the positions of y to the bias, or 0.
func begin[T Float](y, bias []T) {
	if len(bias) == 0 {
		clear(y)
		return
	}
	for ; len(y) > 0; y = y[len(bias):] {
		copy(y, bias)
	}
}

// depthwiseLine adds a row of taps t on the input row x to the output row y. Most
// windows lie on the input as a whole: their taps go by threes. at is the input
// column of the window's first tap, below 0 in the left padding.
func depthwiseLine[T Float](w *Slide, y, x, t []T) {
	n := w.Out.C
	for at := -w.Left; len(y) > 0; at += w.StrideW {
		kx := 0
		for ; at >= 0 && kx+3 <= w.W && at+(kx+2)*w.DilationW < w.In.W; kx += 3 {
			gather3(y[:n], x[(at+kx*w.DilationW)*n:], w.DilationW*n, t[kx*n:])
		}
		for ; kx < w.W; kx++ {
			if ix := at + kx*w.DilationW; ix >= 0 && ix < w.In.W {
				MultiplyAdd(y[:n], x[ix*n:(ix+1)*n], t[kx*n:(kx+1)*n])
			}
		}
		y = y[n:]
	}
}

// gather3 is y += x0*t0 + x1*t1 + x2*t2, added in this order, where x0, x1 and x2
// lie gap apart and t0, t1 and t2 side by side. Three taps per pass read and write
// y once instead of three times.
func gather3[T Float](y, x []T, gap int, t []T) {
	x0, x1, x2 := x[:len(y)], x[gap:][:len(y)], x[2*gap:][:len(y)]
	t0, t1, t2 := t[:len(y)], t[len(y):][:len(y)], t[2*len(y):][:len(y)]
	for i, v := range y {
		y[i] = v + x0[i]*t0[i] + x1[i]*t1[i] + x2[i]*t2[i]
	}
}

// MultiplyAdd is y += a*b, element by element.
func MultiplyAdd[T Float](y, a, b []T) {
	a, b = a[:len(y)], b[:len(y)]
	for i := range y {
		y[i] += a[i] * b[i]
	}
}
