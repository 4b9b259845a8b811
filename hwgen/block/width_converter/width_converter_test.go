package widthconverter_test

import (
	"math/rand/v2"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
	"github.com/a2qgen/a2qgen/hwgen/block/blocktest"
	widthconverter "github.com/a2qgen/a2qgen/hwgen/block/width_converter"
)

// kind draws both directions, by 2, powers of two and primes, frames of one wide beat and more.
var kind = blocktest.Kind{
	Draw: func(rng *rand.Rand) blocktest.Case {
		narrow, ratio := block.Pick(rng, 1, 1, 2, 3, 5), block.Pick(rng, 2, 2, 3, 4, 5, 7, 8, 16)
		return converter(rng, rng.IntN(2) == 0, narrow, ratio, block.Pick(rng, 1, 1, 2, 3, 7, 8),
			block.Pick(rng, 1, 1, 2, 3, 4, 5))
	},
	Cases: []blocktest.Case{
		converter(rand.New(rand.NewPCG(1, 1)), true, 1, 2, 3, 3).Named("gathers pairs"),
		converter(rand.New(rand.NewPCG(2, 1)), true, 2, 3, 2, 2).Named("gathers threes"),
		converter(rand.New(rand.NewPCG(3, 1)), false, 1, 2, 3, 3).Named("splits pairs"),
		converter(rand.New(rand.NewPCG(4, 1)), false, 2, 3, 2, 2).Named("splits threes"),
	},
	Mutations: []blocktest.Mutation{
		blocktest.Replace("swaps its parts", "width_converter.v", "shifted = {s_data, held_q}", "shifted = {held_q, s_data}"),
		blocktest.Replace("loses the waiting beat", "width_converter.v", "data_q <= next_valid_q ? next_q : s_data",
			"data_q <= s_data"),
		blocktest.Replace("gathers over a beat that waits", "width_converter.v", "assign s_ready = !at_last || !valid_q",
			"assign s_ready = 1'b1"),
		blocktest.Replace("every part waits", "width_converter.v", "assign s_ready = !at_last || !valid_q",
			"assign s_ready = !valid_q"),
		blocktest.Replace("takes a third beat", "width_converter.v", "assign s_ready = !next_valid_q",
			"assign s_ready = 1'b1"),
		blocktest.Replace("holds one beat", "width_converter.v", "assign s_ready = !next_valid_q", "assign s_ready = load"),
		blocktest.Replace("splits from the top", "width_converter.v", "m_data  = data_q[PART-1:0]",
			"m_data  = data_q[RATIO*PART-1 -: PART]"),
		blocktest.Replace("moves on in a stall", "width_converter.v", "else if (m_fire) data_q", "else data_q"),
		blocktest.Replace("gathers without a beat", "width_converter.v", "if (s_fire) held_q", "held_q"),
	},
}

// converter gathers ratio beats of narrow words into one, or splits one, in frames of wide wide
// beats. A beat is complete a cycle after its last part.
func converter(rng *rand.Rand, gathers bool, narrow, ratio, wide, bits int) blocktest.Case {
	b := &widthconverter.Block{Layer: "fc", Word: bits, In: narrow, Out: narrow * ratio, InBeats: wide * ratio}
	if !gathers {
		b.In, b.Out, b.InBeats = b.Out, b.In, wide
	}
	n, content := blocktest.DrawWords(rng, b.InBeats, b.In, bits)
	return blocktest.Case{Block: b, Network: n, Inputs: []hwgen.Content{content}, Latency: wide*ratio + 1,
		Traits: map[string]bool{"gathers": gathers, "pairs": ratio == 2, "power of two": ratio&(ratio-1) == 0,
			"one wide beat": wide == 1, "one word": narrow == 1, "one bit": bits == 1, "wide": narrow*ratio*bits > 64},
	}
}

func TestBlocks(t *testing.T)    { blocktest.Check(t, kind) }
func TestMutations(t *testing.T) { blocktest.Mutate(t, kind) }
