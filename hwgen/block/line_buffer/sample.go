package linebuffer

import (
	"math/rand/v2"
	"slices"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
	"github.com/a2qgen/a2qgen/quant"
)

// Kind is this kind of block.
var Kind = block.Kind{Name: "line_buffer", Build: build, Witness: witness, Sweep: sweep, Batch: 8}

// build makes the window of k x k taps, stride s, dilation d and pads pad over an image of h x w
// positions and cf beats of lanes elements of n bits each, times times over; of once loops of the window,
// the innermost, all positions at once, where cf is 1.
func build(s block.Sample) (hwgen.Block, []int) {
	p := s.Params
	in := quant.Shape{H: p["h"], W: p["w"], C: p["cf"] * p["lanes"]}
	l := &quant.Layer{Name: "conv", Window: quant.Window{H: p["k"], W: p["k"], StrideH: p["s"], StrideW: p["s"],
		DilationH: p["d"], DilationW: p["d"], Top: p["pad"], Left: p["pad"], Bottom: p["pad"], Right: p["pad"]}}
	l.Shape, _ = l.Window.Over(in, in.C)
	loops := hwgen.Windows(l, in, 1, p["times"], p["lanes"])
	inner := len(loops)
	if p["once"] > 0 {
		inner -= 1 + p["once"]
	}
	b := New(Spec{Layer: l.Name, Shape: in, Loops: loops[:inner], AtOnce: loops[inner:],
		Input:  hwgen.InOrder(hwgen.Tensor{Holds: hwgen.HoldsInputs}, in.Size(), p["n"], false, p["lanes"]),
		Border: hwgen.BorderOf(l.Window, in, 0), BlockRAM: p["block"] == 1, Style: s.Style})
	return b, []int{p["n"] * p["lanes"]}
}

// sweep draws windows as convolutions and pools have them, over images as layers see them behind
// strides. Nothing but the shape matters to a block that only moves data, so the seed does not.
func sweep() []block.Sample { return slices.Concat(usualSweep(), onceSweep()) }

// onceSweep draws windows that come a row or all at once, as first layers of few channels have them.
func onceSweep() []block.Sample {
	return block.Draw("line_buffer", 23, 12, 1000, func(rng *rand.Rand) map[string]int {
		side, k := block.Pick(rng, 8, 14, 16, 28, 32), block.Pick(rng, 3, 3, 3, 5)
		return map[string]int{"h": side, "w": side, "k": k, "s": block.Pick(rng, 1, 1, 2), "d": 1, "cf": 1,
			"lanes": block.Pick(rng, 1, 1, 3, 4), "n": block.Pick(rng, 1, 4, 4, 8), "times": block.Pick(rng, 1, 1, 2, 4, 8),
			"pad": block.Pick(rng, 0, k/2, k/2), "block": block.Pick(rng, 0, 0, 1), "once": block.Pick(rng, 1, 2, 2)}
	})
}

func usualSweep() []block.Sample {
	return block.Draw("line_buffer", 19, 40, 0, func(rng *rand.Rand) map[string]int {
		side, k := block.Pick(rng, 7, 8, 12, 14, 16, 24, 28, 32, 56), block.Pick(rng, 1, 2, 3, 3, 3, 3, 5)
		p := map[string]int{"h": side, "w": side, "k": k, "s": block.Pick(rng, 1, 1, 2), "d": 1,
			"cf": block.Pick(rng, 1, 1, 2, 4, 8, 16), "lanes": block.Pick(rng, 1, 1, 2, 3, 4, 8, 16),
			"n": block.Pick(rng, 1, 2, 4, 4, 4, 8), "times": block.Pick(rng, 1, 1, 2, 4, 8, 16),
			"block": block.Pick(rng, 0, 1, 1)}
		switch {
		case k == 1:
			p["s"] = 2 // without a stride there is nothing to do
		case k == 2:
			p["s"] = 2
		case rng.IntN(4) > 0:
			p["pad"] = k / 2
		}
		if k == 3 && rng.IntN(8) == 0 {
			p["d"] = 2
		}
		return p
	})
}
