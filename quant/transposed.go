package quant

import "fmt"

// A transposed convolution multiplies no inserted zero: along an axis, output o is the sum
// of x[i]*w[k] over all i and k with i*stride + k = o + pad (ONNX, ConvTranspose). With
// o = stride*m + f, phase f of all m is a convolution of stride 1 by itself, of the taps
//
//	k = r, r+stride, ..., r+(n-1)*stride,  r = (f+pad) mod stride,  n = kernel/stride,
//
// read backwards: tap t of the window at m lies on input m + t - before, where
// before = n-1 - floor((f+pad)/stride), which may be negative, and is multiplied by
// k = r + stride*(n-1-t). Kernels are multiples of strides, so that all phases have n taps,
// and each row of weights is the dot product that hardware accumulates.

// Phases returns the number of phases of a transposed convolution: rows of weights per
// channel.
func (w Window) Phases() int {
	n := w.Normal()
	return n.StrideH * n.StrideW
}

// phase returns the taps of a phase along one axis, the positions before the input of its
// first window, and the tap of the kernel that its first one is.
func phase(kernel, stride, pad, f int) (taps, before, first int) {
	taps = kernel / stride
	return taps, taps - 1 - (f+pad)/stride, (f+pad)%stride + stride*(taps-1)
}

// Phase returns the window, of stride 1, with which phase f of a transposed convolution
// slides over its input, and how many positions of an output of shape out it has, down and
// across. Top and Left may be negative: the first window then lies further in.
func (w Window) Phase(f int, out Shape) (win Window, rows, cols int) {
	n := w.Normal()
	fy, fx := f/n.StrideW, f%n.StrideW
	win.H, win.Top, _ = phase(n.H, n.StrideH, n.Top, fy)
	win.W, win.Left, _ = phase(n.W, n.StrideW, n.Left, fx)
	return win.Normal(), (out.H - fy + n.StrideH - 1) / n.StrideH, (out.W - fx + n.StrideW - 1) / n.StrideW
}

// PhaseTap returns which tap of the whole kernel, ky*W + kx, is tap t of phase f.
func (w Window) PhaseTap(f, t int) int {
	n := w.Normal()
	_, _, ky := phase(n.H, n.StrideH, n.Top, f/n.StrideW)
	across, _, kx := phase(n.W, n.StrideW, n.Left, f%n.StrideW)
	return (ky-n.StrideH*(t/across))*n.W + kx - n.StrideW*(t%across)
}

// transposedShape is the shape of ConvTranspose: stride*(input-1) + kernel - pads.
func (l *Layer) transposedShape(in Shape) error {
	if err := l.Window.check(); err != nil {
		return err
	}
	l.Window = l.Window.Normal()
	w := l.Window
	switch {
	case max(w.DilationH, w.DilationW, l.Groups) > 1:
		return fmt.Errorf("dilation %dx%d and %d groups, want none of a transposed convolution",
			w.DilationH, w.DilationW, l.Groups)
	case w.H%w.StrideH != 0 || w.W%w.StrideW != 0:
		return fmt.Errorf("kernel %dx%d, want a multiple of the stride %dx%d: its phases then have as many taps each",
			w.H, w.W, w.StrideH, w.StrideW)
	}
	if want := l.Terms(in); l.In != want {
		return fmt.Errorf("has rows of %d weights, want %d", l.In, want)
	}
	out := Shape{w.StrideH*(in.H-1) + w.H - w.Top - w.Bottom, w.StrideW*(in.W-1) + w.W - w.Left - w.Right, l.Out}
	if out.H < w.StrideH || out.W < w.StrideW {
		return fmt.Errorf("gives %dx%d positions, want at least a stride, %dx%d", out.H, out.W, w.StrideH, w.StrideW)
	}
	return l.weighted(out)
}
