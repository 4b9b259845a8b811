package pad_test

import (
	"math/rand/v2"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
	"github.com/a2qgen/a2qgen/hwgen/block/blocktest"
	"github.com/a2qgen/a2qgen/hwgen/block/pad"
	"github.com/a2qgen/a2qgen/quant"
)

// kind draws borders of any side, of some value, around images of one beat per position and of several.
var kind = blocktest.Kind{
	Draw: func(rng *rand.Rand) blocktest.Case {
		return padded(hwgen.Border{H: block.Pick(rng, 1, 2, 3, 4), W: block.Pick(rng, 1, 2, 3, 5),
			C:   block.Pick(rng, 1, 2, 2, 6),
			Top: rng.IntN(3), Left: rng.IntN(3), Bottom: rng.IntN(3), Right: rng.IntN(3), Value: rng.Int64N(2)},
			block.Pick(rng, 1, 1, 2), block.Pick(rng, 1, 2, 4))
	},
	Cases: []blocktest.Case{
		padded(hwgen.Border{H: 3, W: 2, C: 2, Top: 1, Left: 2, Bottom: 2, Right: 1, Value: 1}, 1, 3).Named("all sides"),
		padded(hwgen.Border{H: 2, W: 3, C: 1, Bottom: 1}, 1, 2).Named("below alone"),
	},
	Mutations: []blocktest.Mutation{
		blocktest.Replace("takes a beat while one is held", "pad.v", "assign s_ready = !held_q || taken",
			"assign s_ready = 1'b1"),
		blocktest.Replace("takes no beat as one leaves", "pad.v", "!held_q || taken;", "!held_q;"),
		blocktest.Replace("a border without an image", "pad.v", "held_q || (outside && begun_q)", "held_q || outside"),
		blocktest.Replace("the border waits for every beat", "pad.v", "held_q || (outside && begun_q)", "held_q"),
		blocktest.Replace("an image never ends", "pad.v", "!outside) && !(beat_end && column_end && row_end)", "!outside)"),
		blocktest.Replace("the beat leaves with the border", "pad.v", "leaves && !outside", "leaves"),
		blocktest.Replace("a border of zeros", "pad.v", "outside ? PAD : data_q", "outside ? {WIDTH{1'b0}} : data_q"),
		blocktest.Replace("no border to the left", "pad.v", "|| left_of ||", "||"),
		blocktest.Replace("a column more", "pad.v", "BEYOND_W = LEFT + W", "BEYOND_W = LEFT + W + 1"),
		blocktest.Replace("a row less", "pad.v", "BEYOND_H = TOP + H", "BEYOND_H = TOP + H - 1"),
		blocktest.Replace("moves without room", "pad.v", "leaves     = offers && spill_ready", "leaves     = offers"),
		blocktest.Replace("data change in a stall", "pad.v", "if (s_ready) data_q", "data_q"),
	},
}

// padded is the border b around an image whose beats have lanes elements, of bits bits.
func padded(b hwgen.Border, lanes, bits int) blocktest.Case {
	if b.C%lanes != 0 {
		lanes = 1
	}
	size := b.H * b.W * b.C
	part := hwgen.InOrder(hwgen.Tensor{Holds: hwgen.HoldsInputs}, size, bits, false, lanes)
	p := &pad.Block{Layer: "conv", Input: part, Border: b}
	return blocktest.Case{Block: p, Network: blocktest.Vector(size, quant.DataType{Bits: bits}),
		Inputs: []hwgen.Content{{part}}, Latency: p.Cycles() + 2,
		Traits: map[string]bool{"ones": b.Value == 1, "several beats": b.C > lanes, "above": b.Top > 0, "left": b.Left > 0,
			"below": b.Bottom > 0, "right": b.Right > 0}}
}

func TestBlocks(t *testing.T)    { blocktest.Check(t, kind) }
func TestMutations(t *testing.T) { blocktest.Mutate(t, kind) }
