package quant

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// pixelBits is the width of a pixel.
const pixelBits = 8

// Pixels returns a network whose outputs are the real outputs y of n as 8-bit pixels, 255*y rounded to
// the nearest integer, half to even, and limited to 0..255: n with a layer of thresholds behind it, which
// is named "pixels". Scale and offset are then part of the thresholds, found by bisection as those of
// any layer are, so that every pixel is the graph's own. Of several outputs those that are images become
// pixels, and the others stay as they are.
//
// It returns an error where the file does not say what the outputs stand for, or where they rank classes.
func (n *Network) Pixels() (*Network, error) {
	pixels := *n
	pixels.Layers, pixels.Outputs = slices.Clone(n.Layers), slices.Clone(n.Outputs)
	for k := range n.Outputs {
		if len(n.Outputs) > 1 && !n.isImage(k) {
			continue
		}
		t, err := n.pixelThresholds(k)
		if err != nil {
			return nil, err
		}
		name := "pixels"
		if made := len(pixels.Layers) - len(n.Layers); made > 0 {
			name += fmt.Sprint(made + 1)
		}
		o := &pixels.Outputs[k]
		pixels.Layers = append(pixels.Layers, Layer{Name: name, Kind: Requantize, From: []int{o.Layer}, Thresholds: t})
		o.Layer = len(pixels.Layers) - 1
		o.Dequantize = func(_ int, v int64) float64 { return float64(v) / (1<<pixelBits - 1) }
	}
	if len(pixels.Layers) == len(n.Layers) {
		return nil, fmt.Errorf("quant: no pixels: none of the outputs %s is an image of known real numbers",
			strings.Join(n.OutputNames(), ", "))
	}
	return NewNetwork(pixels)
}

// isImage says that output k has positions whose channels stand for real numbers.
func (n *Network) isImage(k int) bool {
	l := n.OutputLayer(k)
	return l.Shape.Positions() > 1 && l.Score == nil && n.Outputs[k].Dequantize != nil
}

// pixelThresholds returns the thresholds that make pixels of output k.
func (n *Network) pixelThresholds(k int) (*Thresholds, error) {
	last, real := n.OutputLayer(k), n.Outputs[k].Dequantize
	switch {
	case real == nil:
		return nil, errors.New("quant: no pixels: the file does not say which real numbers its outputs stand for")
	case last.Score != nil:
		return nil, fmt.Errorf("quant: no pixels: layer %q ends in scores, want an image", last.Name)
	}
	t := &Thresholds{Output: DataType{Bits: pixelBits}}
	falls := make([]bool, last.Out)
	for c := range last.Out {
		row, inverted, err := BisectThresholds(last.outputRange(c), t.Output,
			func(v int64) int64 { return Pixel(real(c, v)) })
		if err != nil {
			return nil, fmt.Errorf("quant: no pixels: channel %d of layer %q: %w", c, last.Name, err)
		}
		t.Values, falls[c] = append(t.Values, row...), inverted
	}
	if slices.Contains(falls, true) {
		t.Inverted = falls
	}
	return t, nil
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
