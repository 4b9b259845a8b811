package tapunit

import (
	"math/bits"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/quant"
)

// window is an image in which the vectors are the windows of a convolution: of its elements in order,
// those of the border among them. Distances are in beats, of so many channels of a position.
type window struct {
	image         quant.Shape // with its border
	kernel        quant.Window
	channels      int
	rows, columns int // of windows
	// span is from the first beat of a window to its last, both counted; right, down and next what
	// lies between the first ones of two windows side by side, at the end of a row, and of two images.
	span, right, down, next int
	depth                   int // places of a copy
}

// newWindow returns the window of a convolution of one group, whose image comes so many channels per beat;
// its depth is still to be set.
func newWindow(l *quant.Layer, channels int) *window {
	k, in := l.Window.Normal(), l.Window.Around(l.OperandShape(0))
	w := &window{image: in, kernel: k, channels: channels, rows: l.Shape.H, columns: l.Shape.W}
	beats := in.C / channels // of a position
	w.span = w.slot((k.H*k.W-1)*in.C+in.C-1)/channels + 1
	w.right = k.StrideW * beats
	row := (w.columns - 1) * w.right
	w.down = k.StrideH*in.W*beats - row
	w.next = w.beats() - (w.rows-1)*k.StrideH*in.W*beats - row
	return w
}

// beats returns those of an image with its border.
func (w *window) beats() int { return w.image.Size() / w.channels }

// keep sets the depth for vectors that take so many steps, in reads stages: a power of two.
func (w *window) keep(steps, reads int) {
	w.depth = 1 << bits.Len(uint(max(2, w.needed(steps, reads))-1))
}

// slot returns the distance in elements from the first element of a window to that of a column of the weights.
func (w *window) slot(column int) int {
	tap, channel := column/w.image.C, column%w.image.C
	y, x := tap/w.kernel.W, tap%w.kernel.W
	return (y*w.kernel.DilationH*w.image.W+x*w.kernel.DilationW)*w.image.C + channel
}

// bases returns the first beats of the windows of so many images.
func (w *window) bases(images int) []int {
	var all []int
	base := 0
	for range images {
		for y := range w.rows {
			for x := range w.columns {
				all = append(all, base)
				switch {
				case x < w.columns-1:
					base += w.right
				case y < w.rows-1:
					base += w.down
				default:
					base += w.next
				}
			}
		}
	}
	return all
}

// needed returns the places that a copy has at least, so that the slower of both sides never waits.
//
// Where steps are, window n begins steps cycles behind the one before it, and needs its elements by
// then, so one beat less in each cycle before; what window n-1 leaves is free reads cycles
// later. Else a beat comes in every cycle, and windows begin as soon as they are whole.
func (w *window) needed(steps, reads int) int {
	bases, most := w.bases(3), w.span
	if len(bases)/3*steps < w.beats() {
		begins := 0
		for _, base := range bases {
			begins = max(begins, base+w.span)
			most = max(most, begins+steps+reads-base)
			begins += steps
		}
		return most
	}
	need := 0
	for n := len(bases) - 2; n > 0; n-- {
		need = max(bases[n+1]+w.span, need-steps)
		most = max(most, max(need-steps+reads, bases[n]+w.span)-bases[n-1])
	}
	return most
}

// countBits returns the bits of a signed number that holds behind_q and used_q: neither is above the
// depth, and base may be a step ahead of what has come.
func (w *window) countBits() int {
	return 1 + bits.Len(uint(w.depth+max(w.span, w.right, w.down, w.next)))
}

// parameters are those of templates/tap_window.v.
func (w *window) parameters() []hwgen.Parameter {
	return []hwgen.Parameter{hwgen.Flag("WINDOW", true), hwgen.Number("DEPTH", w.depth), hwgen.Number("SPAN", w.span),
		hwgen.Number("COLUMNS", w.columns), hwgen.Number("ROWS", w.rows), hwgen.Number("RIGHT", w.right),
		hwgen.Number("DOWN", w.down), hwgen.Number("NEXT", w.next), hwgen.Number("COUNT_BITS", w.countBits())}
}
