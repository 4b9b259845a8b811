package train

import "github.com/a2qgen/a2qgen/quant/tile"

// padded is an image, channels last, with zeros around it.
type padded struct {
	v    []float32
	line int // elements of a row
	at   int // where the image begins
	// rows and run are how much of it is read: rows, and elements of one.
	rows, run int
}

// extent is how far a side goes: before zeros, then the image as far as anything reads it,
// up to size.
type extent struct{ before, size int }

// newPadded returns an image of so many channels, with room for the rows that a product of
// windows of this stride may read beyond (tile.Slack).
func newPadded(rows, cols extent, channels, stride int) padded {
	line := cols.size * channels
	return padded{
		v:    make([]float32, rows.size*line+tile.Slack*stride*channels),
		line: line, at: rows.before*line + cols.before*channels,
		rows: max(0, rows.size-rows.before), run: max(0, cols.size-cols.before) * channels,
	}
}

// fill copies an image of so many rows of pitch elements in. Nothing writes elsewhere, so the
// zeros stay.
func (p *padded) fill(image []float32, rows, pitch int) {
	line := min(pitch, p.run)
	if line == 0 {
		return // the windows lie in the padding
	}
	for y := range min(rows, p.rows) {
		copy(p.v[p.at+y*p.line:][:line], image[y*pitch:])
	}
}

// axis is a convolution along one side: kernel, stride, zeros in front, inputs and
// outputs.
type axis struct{ kernel, stride, before, in, out int }

// window returns what the windows go over.
func (a axis) window() extent { return extent{a.before, (a.out-1)*a.stride + a.kernel} }

// lead is how many outputs before its own an input has in some phase.
func (a axis) lead() int { return (a.kernel+a.stride-1)/a.stride - 1 }

// back returns what the windows of all phases go over on the outputs' gradient.
func (a axis) back() extent {
	e := extent{a.lead(), a.lead() + a.out}
	for r := range a.stride {
		if p := a.phase(r); p.taps > 0 {
			e.size = max(e.size, p.from+p.count-1+p.taps)
		}
	}
	return e
}

// phase is the inputs that the taps r, r+stride, ... of a kernel meet: count from first on, a
// stride apart. Output o has under tap k input o*stride - before + k, so input i has tap
// r + j*stride in output q - j, q = (i + before - r)/stride: a window of taps outputs, the last tap
// first, that begins at from and moves by one from input to input.
type phase struct{ r, taps, first, count, from int }

func (a axis) phase(r int) phase {
	p := phase{r: r, taps: max(0, a.kernel-r+a.stride-1) / a.stride}
	p.first = ((r-a.before)%a.stride + a.stride) % a.stride
	p.count = max(0, a.in-p.first+a.stride-1) / a.stride
	p.from = (p.first+a.before-r)/a.stride - (p.taps - 1) + a.lead()
	return p
}

// way is a phase of rows and one of columns, with the weights that its windows meet: taps in
// the order of the window, each out x in.
type way struct {
	rows, cols       phase
	strideH, strideW int
	taps             []float32
}

// waysBack returns those of a convolution that has so many weights per tap.
func waysBack(rows, cols axis, perTap int) []way {
	var ways []way
	for y := range rows.stride {
		for x := range cols.stride {
			w := way{rows: rows.phase(y), cols: cols.phase(x), strideH: rows.stride, strideW: cols.stride}
			w.taps = make([]float32, w.rows.taps*w.cols.taps*perTap)
			if w.rows.count > 0 && w.cols.count > 0 {
				ways = append(ways, w)
			}
		}
	}
	return ways
}

// layOut sets taps from a matrix out x k, of kernels of so many columns.
func (w *way) layOut(matrix []float32, k, columns int) {
	to := w.taps
	if len(to) == 0 {
		return
	}
	out := len(matrix) / k
	in := len(to) / (w.rows.taps * w.cols.taps * out)
	for j := w.rows.taps - 1; j >= 0; j-- {
		for i := w.cols.taps - 1; i >= 0; i-- {
			tap := (w.rows.r+j*w.strideH)*columns + w.cols.r + i*w.strideW
			for o := range out {
				copy(to[:in], matrix[o*k+tap*in:])
				to = to[in:]
			}
		}
	}
}
