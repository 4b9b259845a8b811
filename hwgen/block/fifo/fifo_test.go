package fifo_test

import (
	"math/rand/v2"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
	"github.com/a2qgen/a2qgen/hwgen/block/blocktest"
	"github.com/a2qgen/a2qgen/hwgen/block/fifo"
)

// kind draws depths of 2, powers of two, beside them and primes; frames shorter and longer than
// the queue; beats of 1 bit to several words.
var kind = blocktest.Kind{
	Draw: func(rng *rand.Rand) blocktest.Case {
		depth := block.Pick(rng, 2, 2, 3, 4, 5, 7, 8, 13, 16, 31, 32, 33, 64, 100)
		beats := block.Pick(rng, 1, 1, 2, 3, 7, 8, 11, 16, 23)
		return queue(rng, depth, beats, block.Pick(rng, 1, 1, 2, 3, 5, 9), block.Pick(rng, 1, 1, 2, 3, 4, 8),
			rng.IntN(2) == 0)
	},
	Cases: []blocktest.Case{
		queue(rand.New(rand.NewPCG(1, 1)), 2, 5, 2, 3, false).Named("two places"),
		queue(rand.New(rand.NewPCG(2, 1)), 3, 4, 3, 2, false).Named("a place less than a power of two"),
		queue(rand.New(rand.NewPCG(3, 1)), 4, 1, 1, 1, false).Named("one beat per frame, one bit"),
		queue(rand.New(rand.NewPCG(4, 1)), 3, 7, 2, 3, true).Named("block RAM"),
	},
	Mutations: []blocktest.Mutation{
		blocktest.Replace("writes into a full memory", "fifo.v",
			"assign s_ready = level_q != FULL", "assign s_ready = 1'b1"),
		blocktest.Replace("one deeper", "fifo.v",
			"FULL = DEPTH[LEVEL_BITS-1:0]", "FULL = DEPTH[LEVEL_BITS-1:0] + 1'b1"),
		blocktest.Replace("one less deep", "fifo.v",
			"FULL = DEPTH[LEVEL_BITS-1:0]", "FULL = DEPTH[LEVEL_BITS-1:0] - 1'b1"),
		blocktest.Replace("reads an empty memory", "fifo.v", "assign m_valid = level_q != {LEVEL_BITS{1'b0}}",
			"assign m_valid = 1'b1"),
		blocktest.Replace("writes without a beat", "fifo.v",
			"wire s_fire = s_valid && s_ready", "wire s_fire = s_ready"),
		blocktest.Replace("gives a beat without a reader", "fifo.v", "wire m_fire = m_valid && m_ready",
			"wire m_fire = m_valid"),
		blocktest.Replace("reader wraps late", "fifo.v", "read_q <= (read_q == LAST)", "read_q <= (&read_q)"),
		blocktest.Replace("block RAM has what just came", "fifo.v", "m_data = fresh_at_front_q ? fresh_q : ram_q",
			"m_data = ram_q"),
		blocktest.Replace("what came last stays at the front", "fifo.v", "if (fresh || m_fire) fresh_at",
			"if (fresh) fresh_at"),
		blocktest.Replace("block RAM is read in a stall", "fifo.v", "if (m_fire) ram_q", "ram_q"),
		blocktest.Replace("a beat behind the last is no front", "fifo.v", "(!m_valid || (alone && m_fire))", "(!m_valid)"),
		blocktest.Replace("reads the last beat ahead", "fifo.v", "fresh || (m_fire && !alone)", "fresh || m_fire"),
		blocktest.Replace("level counts a beat that comes and goes", "fifo.v", "if (s_fire && !m_fire) level_q",
			"if (s_fire) level_q"),
	},
}

// queue is a queue of depth beats of lanes words of bits bits, whose frames have beats of them. A
// beat is seen a cycle after it came.
func queue(rng *rand.Rand, depth, beats, lanes, bits int, blockRAM bool) blocktest.Case {
	n, content := blocktest.DrawWords(rng, beats, lanes, bits)
	return blocktest.Case{
		Block:   &fifo.Block{Layer: "fc", Width: lanes * bits, Depth: depth, Beats: beats, BlockRAM: blockRAM},
		Network: n, Inputs: []hwgen.Content{content}, Latency: beats + 1,
		Traits: map[string]bool{"two places": depth == 2, "power of two": depth&(depth-1) == 0, "deep": depth > 32,
			"frame fits": beats <= depth, "one beat": beats == 1, "one bit": lanes*bits == 1, "wide": lanes*bits > 64,
			"block RAM": blockRAM},
	}
}

func TestBlocks(t *testing.T)    { blocktest.Check(t, kind) }
func TestMutations(t *testing.T) { blocktest.Mutate(t, kind) }
