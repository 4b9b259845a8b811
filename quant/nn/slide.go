package nn

import "github.com/a2qgen/a2qgen/quant"

// Slide is a window that slides over channels-last tensors.
type Slide struct {
	quant.Window // normal
	In, Out      quant.Shape
}

// Channels is a range of channels.
type Channels struct{ From, Width int }

// Line returns the input row under row ky of the windows of output row oy, or
// -1 where that lies in the padding.
func (w *Slide) Line(oy, ky int) int {
	if iy := oy*w.StrideH - w.Top + ky*w.DilationH; iy >= 0 && iy < w.In.H {
		return iy
	}
	return -1
}

// Row returns the elements of Line, nil where that lies in the padding.
func Row[T any](w *Slide, x []T, oy, ky int) []T {
	iy := w.Line(oy, ky)
	if iy < 0 {
		return nil
	}
	return x[iy*w.In.W*w.In.C : (iy+1)*w.In.W*w.In.C]
}

// Contiguous says that the taps of a row lie side by side, also from pixel to pixel.
// Then a row of a window is one copy.
func (w *Slide) Contiguous(ch Channels) bool { return w.DilationW == 1 && ch.Width == w.In.C }

// Each calls f for the taps of a window that lie on the input: see
// quant.Window.EachTap.
func (w *Slide) Each(position int, f func(tap, at int)) {
	w.EachTap(w.In, position/w.Out.W, position%w.Out.W, f)
}

// CopyOut copies the windows of the samples in x to rows of dst, zeros for what lies
// in the padding. Rows of dst are windows in the order of positions, each in the
// order (row, column, channel).
func CopyOut[T any](w *Slide, x, dst []T, ch Channels) {
	// In a window, row ky begins at ky*run, so an output row is copied per ky with one
	// look at the padding.
	run := w.W * ch.Width
	line := w.Out.W * w.H * run
	for ; len(x) > 0; x = x[w.In.Size():] {
		for oy := range w.Out.H {
			for ky := range w.H {
				copyLine(w, Row(w, x, oy, ky), dst[ky*run:line], ch)
			}
			dst = dst[line:]
		}
	}
}

// copyLine copies one row of the windows of an output row out of an input row.
// In dst a window begins where the one before ends.
func copyLine[T any](w *Slide, row, dst []T, ch Channels) {
	run, whole := w.W*ch.Width, w.Contiguous(ch)
	for ox := range w.Out.W {
		ix, to := ox*w.StrideW-w.Left, dst[ox*w.H*run:][:run]
		switch {
		case row == nil:
			clear(to)
		case whole && ix >= 0 && ix+w.W <= w.In.W:
			copyShort(to, row[ix*w.In.C:])
		default:
			copyTaps(w, row, to, ix, ch)
		}
	}
}

// copyShort is copy for a full dst, without a call for the windows of three
// pixels that a first layer has.
func copyShort[T any](dst, src []T) {
	if len(dst) == 3 {
		*(*[3]T)(dst) = [3]T(src[:3])
		return
	}
	copy(dst, src)
}

// copyTaps copies one row of a window, tap by tap. It is for dilated windows, those
// of a group, and those that reach into the padding.
func copyTaps[T any](w *Slide, row, dst []T, ix int, ch Channels) {
	for kx := range w.W {
		tap := dst[kx*ch.Width : (kx+1)*ch.Width]
		if at := ix + kx*w.DilationW; at >= 0 && at < w.In.W {
			copy(tap, row[at*w.In.C+ch.From:])
		} else {
			clear(tap)
		}
	}
}
