package plan_test

import (
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/quant"
)

// TestRefuses: what no Verilog is for is refused by the plan, with the layer and both numbers.
func TestRefuses(t *testing.T) {
	x, source := quant.DataType{Bits: 2}, quant.Source
	// Thresholds of two channels: the sums of two operands of 2 bits are 0..6.
	stairs := &quant.Thresholds{Output: quant.DataType{Bits: 1}, Values: []int64{2, 4}}
	score := &quant.Score{Gain: []int64{1, 1}, Bias: []int64{0, 0}, Exact: true}
	sums := []quant.Layer{{Name: "low", Kind: quant.Add, From: []int{source, source}},
		{Name: "high", Kind: quant.Add, From: []int{0, source}, Thresholds: stairs}}
	linear := []quant.Layer{sums[0], {Name: "fc", From: []int{0}, In: 2, Out: 2, Input: quant.DataType{Bits: 3},
		WeightBits: 2, Weights: []int32{1, -2, 0, 1}, Score: score}}
	for _, c := range []struct {
		name    string
		shape   quant.Shape
		layers  []quant.Layer
		accBits int // of layer "low"
		want    string
	}{
		{"widest accumulators into a sum", quant.Vector(2), sums, 32, ""},
		{"wide accumulators into a sum", quant.Vector(2), sums, 33,
			`hwgen: layer "low": passes accumulators of 33 bits on to layer "high", want at most 32`},
		{"wide accumulators into weights", quant.Vector(2), linear, 64,
			`hwgen: layer "low": passes accumulators of 64 bits on to layer "fc", want at most 32`},
		{"scores of an image", quant.Shape{H: 2, W: 3, C: 2}, []quant.Layer{{Name: "low", Kind: quant.Add,
			From: []int{source, source}, Score: score}}, 4, ""},
	} {
		n, err := quant.NewNetwork(quant.Network{Name: "refused", InputShape: []int{c.shape.C, c.shape.H, c.shape.W},
			Input: quant.InputQuantizer{Type: x, Shape: c.shape,
				Quantize: func(_ int, v float64) int32 { return int32(v) }},
			Layers: c.layers})
		if err != nil {
			t.Fatal(err)
		}
		_, err = plan.Plan(n, hwgen.Options{Folding: hwgen.Folding{"low": {AccBits: c.accBits}}})
		if got := message(err); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestSumsHaveNoMemories: a place for a memory that the layer does not have is refused.
func TestSumsHaveNoMemories(t *testing.T) {
	sum := &quant.Layer{Name: "sum", Kind: quant.Add, From: []int{quant.Source, quant.Source}, In: 2, Out: 4}
	for _, f := range []hwgen.Fold{{PE: 1, SIMD: 2, Weights: hwgen.InLUTs}, {PE: 1, SIMD: 2, Replay: hwgen.InBlockRAM}} {
		if got, want := message(f.Check(sum)), "want none for a layer of kind add"; !strings.Contains(got, want) {
			t.Errorf("%+v: %q, want %q in it", f, got, want)
		}
	}
	if err := (hwgen.Fold{PE: 1, SIMD: 2}).Check(sum); err != nil {
		t.Error(err)
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
