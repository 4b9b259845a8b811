package quant

import "fmt"

// Shape is the size of a tensor of one sample, channels last: element (y, x, c)
// lies at (y*W+x)*C + c. A vector has H = W = 1.
type Shape struct{ H, W, C int }

// Vector returns the shape of n channels at one position.
func Vector(n int) Shape { return Shape{1, 1, n} }

// Positions returns the number of positions, H*W.
func (s Shape) Positions() int { return s.H * s.W }

// Size returns the number of elements.
func (s Shape) Size() int { return s.H * s.W * s.C }

// String returns "HxWxC", or "C" for a vector.
func (s Shape) String() string {
	if s.H == 1 && s.W == 1 {
		return fmt.Sprint(s.C)
	}
	return fmt.Sprintf("%dx%dx%d", s.H, s.W, s.C)
}

// legal says that each side is at least 1 and that the size stays in bounds.
func (s Shape) legal() bool {
	return s.H >= 1 && s.W >= 1 && s.C >= 1 && s.H <= maxDim && s.W <= maxDim && s.C <= maxDim &&
		s.H*s.W <= maxElements && s.H*s.W*s.C <= maxElements
}

// Region is Rows x Cols positions of an image: rows Top, Top+StepDown, ... and columns
// Left, Left+StepAcross, .... A zero step means 1.
type Region struct {
	Top, Left, Rows, Cols, StepDown, StepAcross int
}

// Normal returns r with steps of at least 1.
func (r Region) Normal() Region {
	r.StepDown, r.StepAcross = max(r.StepDown, 1), max(r.StepAcross, 1)
	return r
}

// within says that r lies within an image of that shape.
func (r Region) within(in Shape) bool {
	ok := func(first, count, step, length int) bool {
		return first >= 0 && count >= 1 && step >= 1 && count <= length && step <= length &&
			first+(count-1)*step < length
	}
	r = r.Normal()
	return ok(r.Top, r.Rows, r.StepDown, in.H) && ok(r.Left, r.Cols, r.StepAcross, in.W)
}

// Window is the sliding window of a convolution or a pool. A zero stride or
// dilation means 1.
type Window struct {
	// H and W are the kernel's size in taps.
	H, W int
	// StrideH and StrideW are the distances between windows, in positions.
	StrideH, StrideW int
	// DilationH and DilationW are the distances between taps.
	DilationH, DilationW int
	// Top, Left, Bottom and Right are the positions added around the input.
	// Convolutions and average pools read 0 there, maximum pools nothing.
	Top, Left, Bottom, Right int
}

// Taps returns the number of positions under the window.
func (w Window) Taps() int { return w.H * w.W }

// Padded says that there are positions around the input, Around returns its shape with them.
func (w Window) Padded() bool { return w.Top+w.Left+w.Bottom+w.Right > 0 }

// Around implements what Padded says.
func (w Window) Around(in Shape) Shape {
	return Shape{in.H + w.Top + w.Bottom, in.W + w.Left + w.Right, in.C}
}

// Normal returns w with strides and dilations of at least 1, so that equal windows
// are equal.
func (w Window) Normal() Window {
	w.StrideH, w.StrideW = max(w.StrideH, 1), max(w.StrideW, 1)
	w.DilationH, w.DilationW = max(w.DilationH, 1), max(w.DilationW, 1)
	return w
}

// Slide returns the number of windows down and across an input of h x w
// positions, as in ONNX with explicit pads: floor((h + pads - reach) / stride) + 1,
// where reach = dilation*(H-1) + 1. It is 0 where the window does not fit.
func (w Window) Slide(h, width int) (rows, cols int) {
	n := w.Normal()
	return slide(h+n.Top+n.Bottom, n.DilationH*(n.H-1)+1, n.StrideH),
		slide(width+n.Left+n.Right, n.DilationW*(n.W-1)+1, n.StrideW)
}

func slide(length, reach, stride int) int {
	if reach > length {
		return 0
	}
	return (length-reach)/stride + 1
}

// Over returns the shape of what the window gives, of so many channels, that slides over
// an input of shape in. It returns an error where the window does not fit.
func (w Window) Over(in Shape, channels int) (Shape, error) {
	rows, cols := w.Slide(in.H, in.W)
	if n := w.Normal(); rows < 1 || cols < 1 {
		return Shape{}, fmt.Errorf("a window of %dx%d, dilation %dx%d, does not fit an input of %v "+
			"with pads %d, %d, %d, %d", n.H, n.W, n.DilationH, n.DilationW, in, n.Top, n.Left, n.Bottom, n.Right)
	}
	return Shape{rows, cols, channels}, nil
}

// EachTap calls f for the taps of the window at output position (y, x) that lie on
// an input of shape in, with the number of the tap and the input's position. Taps in
// the padding are left out: a sum takes them for 0 and a maximum for nothing.
func (w Window) EachTap(in Shape, y, x int, f func(tap, position int)) {
	n := w.Normal()
	for ky := range n.H {
		iy := y*n.StrideH - n.Top + ky*n.DilationH
		if iy < 0 || iy >= in.H {
			continue
		}
		for kx := range n.W {
			if ix := x*n.StrideW - n.Left + kx*n.DilationW; ix >= 0 && ix < in.W {
				f(ky*n.W+kx, iy*in.W+ix)
			}
		}
	}
}

// check returns an error unless the window makes sense by itself.
func (w Window) check() error {
	n := w.Normal()
	for _, v := range []int{n.H, n.W, n.StrideH, n.StrideW, n.DilationH, n.DilationW} {
		if v < 1 || v > maxWindow {
			return fmt.Errorf("window %dx%d, stride %dx%d, dilation %dx%d: want 1..%d", n.H, n.W, n.StrideH, n.StrideW,
				n.DilationH, n.DilationW, maxWindow)
		}
	}
	if min(w.StrideH, w.StrideW, w.DilationH, w.DilationW) < 0 {
		return fmt.Errorf("window has a negative stride or dilation")
	}
	for _, v := range []int{w.Top, w.Left, w.Bottom, w.Right} {
		if v < 0 || v > maxWindow {
			return fmt.Errorf("window pads %d, %d, %d, %d: want 0..%d", w.Top, w.Left, w.Bottom, w.Right, maxWindow)
		}
	}
	return nil
}
