package quant

import (
	"errors"
	"fmt"
	"math"
	"slices"
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
	t := &Thresholds{Output: DataType{Bits: pixelBits}}
	falls := make([]bool, last.Out)
	for c := range last.Out {
		row, inverted, err := BisectThresholds(last.outputRange(c), t.Output,
			func(v int64) int64 { return Pixel(n.Dequantize(c, v)) })
		if err != nil {
			return nil, fmt.Errorf("quant: no pixels: channel %d of layer %q: %w", c, last.Name, err)
		}
		t.Values, falls[c] = append(t.Values, row...), inverted
	}
	if slices.Contains(falls, true) {
		t.Inverted = falls
	}
	pixels := *n
	pixels.Layers = append(slices.Clone(n.Layers), Layer{Name: "pixels", Kind: Requantize, Thresholds: t})
	pixels.Dequantize = func(_ int, v int64) float64 { return float64(v) / (1<<pixelBits - 1) }
	return NewNetwork(pixels)
}

// Pixel returns the pixel of a real number from 0 to 1.
func Pixel(y float64) int64 {
	return int64(max(0, min(1<<pixelBits-1, math.RoundToEven(y*(1<<pixelBits-1)))))
}

// outputRange returns what channel c of the layer gives.
func (l *Layer) outputRange(c int) AccRange {
	if l.Thresholds != nil {
		return AccRange{l.Thresholds.Output.Min(), l.Thresholds.Output.Max()}
	}
	return l.AccRange(c)
}
