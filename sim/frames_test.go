package sim_test

import (
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/sim"
)

// TestDrawFramesOfSum: a sum of as many operands as the input has elements has no weights that
// could drive a channel to its extreme; frames are drawn all the same.
func TestDrawFramesOfSum(t *testing.T) {
	in := quant.DataType{Bits: 3}
	n, err := quant.NewNetwork(quant.Network{Name: "sum", InputShape: []int{2},
		Input: quant.InputQuantizer{Type: in, Shape: quant.Vector(2),
			Quantize: func(_ int, v float64) int32 { return int32(v) }},
		Layers: []quant.Layer{{Name: "sum", Kind: quant.Add, From: []int{quant.Source, quant.Source}, Out: 2}}})
	if err != nil {
		t.Fatal(err)
	}
	frames := sim.DrawFrames(n, 12, 1)
	exec := quant.NewExecutor(n)
	for _, x := range frames {
		if err := exec.Check(x); err != nil {
			t.Error(err)
		}
	}
	if got := sim.Distinct(frames); len(frames) != 12 || got < 6 {
		t.Errorf("%d frames, %d of them different", len(frames), got)
	}
}
