package quant

import (
	"errors"
	"fmt"
	"math"
)

// pixelBits is the width of a pixel.
const pixelBits = 8

// Pixels returns a network whose outputs are the real outputs y of n as 8-bit pixels, 255*y rounded to
// the nearest integer, half to even, and limited to 0..255: n with a layer of thresholds behind it, which
// is named "pixels". Scale and offset are then part of the thresholds, found by bisection as those of
// any layer are, so that every pixel is the graph's own.
//
// It returns an error where the file does not say what the outputs stand for, or where they rank classes.
func (n *Network) Pixels() (*Network, error) {
	last := &n.Layers[len(n.Layers)-1]
	switch {
	case n.Dequantize == nil:
		return nil, errors.New("quant: no pixels: the file does not say which real numbers its outputs stand for")
	case last.Score != nil:
		return nil, fmt.Errorf("quant: no pixels: layer %q ends in scores, want an image", last.Name)
	}
	l := Layer{Name: "pixels", Kind: Requantize, Thresholds: &Thresholds{Output: DataType{Bits: pixelBits},
		Inverted: make([]bool, last.Out)}}
	for c := range last.Out {
		l.pixels(c, last.outputRange(c), func(v int64) int64 { return pixel(n.Dequantize(c, v)) })
	}
	pixels := *n
	pixels.Layers = append(append([]Layer(nil), n.Layers...), l)
	pixels.Dequantize = func(_ int, v int64) float64 { return float64(v) / (1<<pixelBits - 1) }
	return NewNetwork(pixels)
}

// pixel returns the pixel of a real number from 0 to 1.
func pixel(y float64) int64 {
	return int64(max(0, min(1<<pixelBits-1, math.RoundToEven(y*(1<<pixelBits-1)))))
}

// outputRange returns what channel c of the layer gives.
func (l *Layer) outputRange(c int) AccRange {
	if l.Thresholds != nil {
		return AccRange{l.Thresholds.Output.Min(), l.Thresholds.Output.Max()}
	}
	return l.AccRange(c)
}

// pixels appends the staircase of channel c, whose values r become of, which rises or falls with them.
func (l *Layer) pixels(c int, r AccRange, of func(int64) int64) {
	t := l.Thresholds
	t.Inverted[c] = of(r.Min) > of(r.Max)
	for k := range int64(t.Levels()) {
		// The largest value that gives at most k steps from the end where it begins.
		low, high := r.Min-1, r.Max
		for low < high {
			middle := low + (high-low+1)/2
			steps := of(middle)
			if t.Inverted[c] {
				steps = t.Output.Max() - steps
			}
			if steps <= k {
				low = middle
			} else {
				high = middle - 1
			}
		}
		t.Values = append(t.Values, low)
	}
}
