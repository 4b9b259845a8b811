package crop_test

import (
	"math/rand/v2"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
	"github.com/a2qgen/a2qgen/hwgen/block/blocktest"
	"github.com/a2qgen/a2qgen/hwgen/block/crop"
	"github.com/a2qgen/a2qgen/quant"
)

// kind draws regions and slices of channels of small images, each beat of one element or of several.
var kind = blocktest.Kind{
	Draw: func(rng *rand.Rand) blocktest.Case {
		in := quant.Shape{H: block.Pick(rng, 1, 2, 3, 5), W: block.Pick(rng, 1, 2, 4, 6), C: block.Pick(rng, 1, 2, 4, 6)}
		if rng.IntN(3) == 0 {
			first := rng.IntN(in.C)
			lanes := blocktest.Divisor(rng, gcd(gcd(in.C, first), in.C-first))
			return sliced(in, lanes, first, block.Pick(rng, 1, 1, 2))
		}
		r := quant.Region{StepDown: block.Pick(rng, 1, 1, 2), StepAcross: block.Pick(rng, 1, 2, 3)}
		r.Top, r.Left = rng.IntN(in.H), rng.IntN(in.W)
		r.StepDown, r.StepAcross = min(r.StepDown, in.H), min(r.StepAcross, in.W)
		r.Rows, r.Cols = 1+rng.IntN((in.H-1-r.Top)/r.StepDown+1), 1+rng.IntN((in.W-1-r.Left)/r.StepAcross+1)
		return cropped(in, blocktest.Divisor(rng, in.C), quant.Layer{Kind: quant.Crop, Region: r})
	},
	Cases: []blocktest.Case{
		cropped(quant.Shape{H: 4, W: 5, C: 4}, 2, quant.Layer{Kind: quant.Crop, Region: quant.Region{Top: 1, Left: 1, Rows: 2,
			Cols: 2, StepDown: 1, StepAcross: 2}}).Named("inside, every second column"),
		cropped(quant.Shape{H: 3, W: 2, C: 1}, 1, quant.Layer{Kind: quant.Crop, Region: quant.Region{Rows: 3, Cols: 1}}).
			Named("all rows"),
		sliced(quant.Shape{H: 2, W: 2, C: 6}, 1, 1, 2).Named("every second channel"),
	},
	Mutations: []blocktest.Mutation{
		blocktest.Replace("drops only with room", "crop.v", "spill_ready || !keep;", "spill_ready;"),
		blocktest.Replace("takes a beat without room", "crop.v", "spill_ready || !keep;", "1'b1;"),
		blocktest.Replace("passes what one loop keeps", "crop.v", "keep = &kept", "keep = |kept"),
		blocktest.Replace("passes everything on", "crop.v", "s_valid && keep", "s_valid"),
		blocktest.Replace("passes without a beat", "crop.v", "s_valid && keep", "keep"),
		blocktest.Replace("moves without a beat", "crop.v", "moves = s_valid && s_ready", "moves = s_ready"),
		blocktest.Replace("moves in a stall", "crop.v", "moves = s_valid && s_ready", "moves = s_valid"),
		blocktest.Replace("the first turn is 0", "crop.v", "left_q <= START[LEFT_BITS-1:0]", "left_q <= {LEFT_BITS{1'b0}}"),
		blocktest.Replace("no way to the next round", "crop.v", "last ? END[LEFT_BITS-1:0] :", "last ? {LEFT_BITS{1'b0}} :"),
		blocktest.Replace("kept turns are neighbours", "crop.v", ": APART[LEFT_BITS-1:0]", ": {LEFT_BITS{1'b0}}"),
		blocktest.Replace("outer loops move with every kept turn", "crop.v", "moves && here && last",
			"moves && here"),
		blocktest.Replace("outer loops move with the last turn's way", "crop.v", "moves && here && last",
			"moves && last"),
		blocktest.Replace("a turn less", "crop.v", "LAST_TURN = TURNS - 1", "LAST_TURN = TURNS - 2"),
		blocktest.Replace("turns count on", "crop.v", "last ? {TURN_BITS{1'b0}} : turn_q + 1'b1", "turn_q + 1'b1"),
		blocktest.Replace("dropped turns count", "crop.v", "(moves && here) turn_q", "(moves) turn_q"),
	},
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// sliced passes channels on, step apart, from first on: step counts where a beat is one element.
func sliced(in quant.Shape, lanes, first, step int) blocktest.Case {
	l := quant.Layer{Kind: quant.Select}
	if lanes > 1 {
		step = 1
	}
	for c := first; c < in.C; c += step {
		l.Channels = append(l.Channels, c)
	}
	return cropped(in, lanes, l)
}

// cropped is the layer l on an image of shape in, whose beats have lanes elements of three bits.
func cropped(in quant.Shape, lanes int, l quant.Layer) blocktest.Case {
	l.Name = "crop"
	n, err := blocktest.OverImage(quant.DataType{Bits: 3}, in, l)
	if err != nil {
		panic(err)
	}
	b := &crop.Block{Layer: &n.Layers[0], In: in,
		Input: hwgen.InOrder(hwgen.Tensor{Holds: hwgen.HoldsInputs}, in.Size(), 3, false, lanes)}
	r := n.Layers[0].Region
	return blocktest.Case{Block: b, Network: n, Inputs: b.Reads(nil), Latency: b.Latency(),
		Traits: map[string]bool{"channels": l.Kind == quant.Select, "several elements": lanes > 1, "above": r.Top > 0,
			"left": r.Left > 0, "rows apart": r.StepDown > 1, "columns apart": r.StepAcross > 1,
			"everything": n.Layers[0].Shape == in}}
}

func TestBlocks(t *testing.T)    { blocktest.Check(t, kind) }
func TestMutations(t *testing.T) { blocktest.Mutate(t, kind) }

// TestApart: slices are channels whose distance is the same, and above 0.
func TestApart(t *testing.T) {
	for _, c := range []struct {
		channels []int
		step     int
		ok       bool
	}{{[]int{3}, 1, true}, {[]int{1, 2, 3}, 1, true}, {[]int{0, 2, 4}, 2, true}, {[]int{0, 2, 3}, 2, false},
		{[]int{2, 1}, -1, false}, {[]int{1, 1}, 0, false}} {
		if step, ok := crop.Apart(c.channels); step != c.step || ok != c.ok {
			t.Errorf("%v: %d, %v, want %d, %v", c.channels, step, ok, c.step, c.ok)
		}
	}
}
