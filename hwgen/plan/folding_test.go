package plan_test

import (
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
	"github.com/a2qgen/a2qgen/hwgen/block/fifo"
	"github.com/a2qgen/a2qgen/hwgen/cost"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/quant"
)

// foldLUTs estimates a hidden layer of a fold: queue, replay buffer and unit.
func foldLUTs(t *testing.T, l *quant.Layer, f hwgen.Fold) int {
	t.Helper()
	n := quant.Network{Name: "fold", InputShape: []int{l.In}, Input: quant.InputQuantizer{Type: l.Input,
		Quantize: func(_ int, v float64) int32 { return int32(v) }},
		Layers: []quant.Layer{*l}}
	net, err := quant.NewNetwork(n)
	if err != nil {
		t.Fatal(err)
	}
	d, err := plan.Plan(net, hwgen.Options{Folding: hwgen.Folding{l.Name: f}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := cost.Estimate(d, "xc7")
	if err != nil {
		t.Fatal(err)
	}
	lut := r.Total.LUT
	if nf, sf := l.Out/f.PE, l.In/f.SIMD; nf > 1 {
		queue := &fifo.Block{Layer: l.Name, Width: f.SIMD * l.Input.Bits, Depth: max(2, sf)}
		m, err := cost.ModelOf("xc7")
		if err != nil {
			t.Fatal(err)
		}
		lut += m.Price(queue).LUT
	}
	return lut
}

// chosenFold returns the fold that a plan chooses for a layer alone.
func chosenFold(t *testing.T, l *quant.Layer, cycles int) hwgen.Fold {
	t.Helper()
	net, err := quant.NewNetwork(quant.Network{Name: "fold", InputShape: []int{l.In}, Layers: []quant.Layer{*l},
		Input: quant.InputQuantizer{Type: l.Input, Quantize: func(_ int, v float64) int32 { return int32(v) }}})
	if err != nil {
		t.Fatal(err)
	}
	// A little below a whole number of cycles, so that rounding does not take one off.
	d, err := plan.Plan(net, hwgen.Options{FPS: 1e8 / (float64(cycles) + 0.5)})
	if err != nil {
		t.Fatal(err)
	}
	f := d.Layers[0].Fold
	return hwgen.Fold{PE: f.PE, SIMD: f.SIMD}
}

// TestFoldsAreCheap compares the fold that the plan chooses with every
// other of that speed by estimate. The layers are those of the examples and of the sweep;
// the first is that of the examples' networks at 100,000 frames per second and 100 MHz, for
// which the plan once took 2x4 where 1x8 is cheaper.
func TestFoldsAreCheap(t *testing.T) {
	for _, c := range []struct{ in, out, m, n, a, p, cycles int }{
		{64, 64, 4, 4, 4, 12, 1000}, {64, 64, 4, 4, 4, 12, 250}, {784, 64, 8, 8, 4, 24, 1000}, {256, 256, 4, 4,
			4, 12, 1000},
		{64, 10, 8, 4, 0, 17, 1000}, {100, 36, 3, 2, 2, 9, 100}, {32, 32, 2, 1, 1, 7, 64}, {48, 60, 5, 6, 6, 14, 300},
	} {
		l := block.Sample{Seed: 1, Params: map[string]int{"mw": c.in, "mh": c.out, "m": c.m, "n": c.n, "a": c.a,
			"p": c.p}}.Layer()
		chosen := chosenFold(t, l, c.cycles)
		have, best, least := foldLUTs(t, l, chosen), chosen, 0
		for pe := 1; pe <= c.out; pe++ {
			for simd := 1; simd <= c.in && c.out%pe == 0; simd++ {
				f := hwgen.Fold{PE: pe, SIMD: simd}
				if c.in%simd > 0 || f.Cycles(c.in, c.out) > c.cycles || pe*simd > 2*chosen.PE*chosen.SIMD {
					continue
				}
				if lut := foldLUTs(t, l, f); least == 0 || lut < least {
					best, least = f, lut
				}
			}
		}
		t.Logf("%+v: %dx%d takes %d LUTs, %dx%d %d", c, chosen.PE, chosen.SIMD, have, best.PE, best.SIMD, least)
		if float64(have) > 1.03*float64(least) {
			t.Errorf("%+v: the plan takes %dx%d of %d LUTs by estimate where %dx%d has %d", c, chosen.PE,
				chosen.SIMD, have,
				best.PE, best.SIMD, least)
		}
	}
}

// TestRowsAlone: an entry that says rows alone gets the fewest columns that keep up: 12 rows, 4 at a time,
// in 12 cycles leave 4 beats for 40 columns.
func TestRowsAlone(t *testing.T) {
	l := quant.Layer{Name: "fc", In: 40, Out: 12, Input: quant.DataType{Bits: 2}, WeightBits: 2,
		Weights: make([]int32, 480), Score: &quant.Score{Gain: make([]int64, 12), Bias: make([]int64, 12)}}
	net, err := quant.NewNetwork(quant.Network{Name: "rows", InputShape: []int{40}, Layers: []quant.Layer{l},
		Input: quant.InputQuantizer{Type: l.Input, Quantize: func(_ int, v float64) int32 { return int32(v) }}})
	if err != nil {
		t.Fatal(err)
	}
	for cycles, simd := range map[int]int{12: 10, 3: 40, 1: 40, 120: 1} {
		d, err := plan.Plan(net, hwgen.Options{FPS: 1e8 / (float64(cycles) + 0.5), Folding: hwgen.Folding{"fc": {PE: 4}}})
		if err != nil {
			t.Fatal(err)
		}
		if f := d.Layers[0].Fold; f.PE != 4 || f.SIMD != simd {
			t.Errorf("%d cycles: PE %d, SIMD %d, want 4 and %d", cycles, f.PE, f.SIMD, simd)
		}
	}
}
