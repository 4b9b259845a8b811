package quant_test

import (
	"math"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
)

// TestPixels: every value of every channel gives the pixel of its real number, whether that rises or
// falls with it, is out of range or lies half-way.
func TestPixels(t *testing.T) {
	scales, offsets := []float64{1.0 / 510, -0.004, 0.02, 0}, []float64{0.1, 0.9, -0.3, 0.5}
	l := quant.Layer{Name: "sum", Kind: quant.Requantize}
	n, err := quant.NewNetwork(quant.Network{Name: "image", Layers: []quant.Layer{l}, Input: quant.InputQuantizer{
		Type: quant.DataType{Bits: 9, Signed: true}, Shape: quant.Shape{H: 1, W: 1, C: 4},
		Quantize: func(_ int, v float64) int32 { return int32(v) }},
		Outputs: []quant.Output{{Dequantize: func(c int, v int64) float64 { return scales[c]*float64(v) + offsets[c] }}}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := n.Pixels()
	if err != nil {
		t.Fatal(err)
	}
	e := quant.NewExecutor(p)
	var trace quant.Trace
	for v := int32(-256); v < 256; v++ {
		e.Run([]int32{v, v, v, v}, &trace)
		for c, got := range trace.Out[len(trace.Out)-1] {
			y := scales[c]*float64(v) + offsets[c]
			if want := math.Min(255, math.Max(0, math.RoundToEven(y*255))); float64(got) != want {
				t.Errorf("channel %d, value %d: pixel %d, want %v", c, v, got, want)
			}
		}
	}
	if p.OutputLayer(0).Shape != n.OutputLayer(0).Shape {
		t.Errorf("shape %v, want %v", p.OutputLayer(0).Shape, n.OutputLayer(0).Shape)
	}
	n.Outputs[0].Dequantize = nil
	if _, err := n.Pixels(); err == nil || !strings.Contains(err.Error(), "real numbers") {
		t.Errorf("without real outputs: %v", err)
	}
}
