package plan_test

import (
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/cost"
	"github.com/a2qgen/a2qgen/hwgen/emit"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/quanttest"
)

// TestBlockLUTs: the more a block of RAM counts for, the fewer blocks and the more LUTs a design takes; and
// its manifest gives it again, though queues, which no folding places, lie where that price puts them.
func TestBlockLUTs(t *testing.T) {
	changed := 0
	networks := []*quant.Network{shortcut(t)}
	for seed := range uint64(8) {
		networks = append(networks, quanttest.RandomGraph(rand.New(rand.NewPCG(seed, 77))))
	}
	for seed, n := range networks {
		var before *cost.Report
		for _, luts := range []int{1, 1 << 20} {
			d, err := plan.Plan(n, hwgen.Options{FPS: 1e5, BlockLUTs: luts})
			if err != nil {
				t.Fatal(err)
			}
			used, err := cost.Estimate(d, string(d.Family))
			if err != nil {
				t.Fatal(err)
			}
			if before != nil {
				if used.Total.Blocks() > before.Total.Blocks() || used.Total.LUT < before.Total.LUT {
					t.Errorf("seed %d: %+v where a block is dear, %+v where it is cheap", seed, used.Total, before.Total)
				}
				if used.Total.Blocks() < before.Total.Blocks() {
					changed++
				}
			}
			before = used
			if again := plannedAgain(t, d); again.Hash != d.Hash {
				t.Errorf("seed %d, %d LUT: hash %s from the manifest, want %s", seed, luts, again.Hash, d.Hash)
			}
		}
	}
	if changed < 3 {
		t.Errorf("%d designs have fewer blocks where one is dear: too few to say", changed)
	}
}

// shortcut is a convolution over 24x24 positions of 8 channels and the sum of its output with its input,
// for which the shortcut has a queue of more than two rows.
func shortcut(t *testing.T) *quant.Network {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 3))
	x, in := quant.DataType{Bits: 4}, quant.Shape{C: 8, H: 24, W: 24}
	conv := quant.Layer{Name: "conv", Kind: quant.Conv, From: []int{quant.Source}, Groups: 1, In: 72, Out: 8,
		Input: x, WeightBits: 4, Weights: make([]int32, 72*8), Thresholds: staircase(x, 8),
		Window: quant.Window{H: 3, W: 3, StrideH: 1, StrideW: 1, Top: 1, Left: 1, Bottom: 1, Right: 1}}
	for k := range conv.Weights {
		conv.Weights[k] = int32(rng.IntN(15)) - 7
	}
	sum := quant.Layer{Name: "sum", Kind: quant.Add, From: []int{0, quant.Source}, In: 2, Out: 8, Input: x,
		Thresholds: staircase(x, 8)}
	n, err := quant.NewNetwork(quant.Network{Name: "shortcut", InputShape: []int{8, 24, 24},
		Input:  quant.InputQuantizer{Type: x, Shape: in, Quantize: func(_ int, v float64) int32 { return int32(v) }},
		Layers: []quant.Layer{conv, sum}})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// staircase returns thresholds of so many channels, one for each value of x but the least.
func staircase(x quant.DataType, channels int) *quant.Thresholds {
	s := &quant.Thresholds{Output: x}
	for range channels {
		for k := range x.Max() {
			s.Values = append(s.Values, 2*k)
		}
	}
	return s
}

// plannedAgain emits d and plans the manifest's design.
func plannedAgain(t *testing.T, d *hwgen.Design) *hwgen.Design {
	t.Helper()
	files, err := emit.Files(d, nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "design")
	if err := emit.WriteDir(dir, files); err != nil {
		t.Fatal(err)
	}
	m, err := emit.ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := plan.Plan(d.Given, m.Plan())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := emit.Files(again, nil); err != nil {
		t.Fatal(err)
	}
	return again
}
