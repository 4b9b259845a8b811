package replaybuffer_test

import (
	"math/rand/v2"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
	"github.com/a2qgen/a2qgen/hwgen/block/blocktest"
	replaybuffer "github.com/a2qgen/a2qgen/hwgen/block/replay_buffer"
)

// kind draws vectors of one beat, which need a second slot, of powers of two and primes, and few
// and many passes over them.
var kind = blocktest.Kind{
	Draw: func(rng *rand.Rand) blocktest.Case {
		return replay(rng, block.Pick(rng, 1, 1, 2, 3, 4, 5, 8, 13, 16, 31, 33), block.Pick(rng, 2, 2, 3, 4, 5, 8, 11),
			block.Pick(rng, 1, 1, 2, 3, 5, 9), block.Pick(rng, 1, 1, 2, 3, 4, 8))
	},
	Cases: []blocktest.Case{
		replay(rand.New(rand.NewPCG(1, 1)), 3, 2, 2, 3).Named("three beats, two passes"),
		replay(rand.New(rand.NewPCG(2, 1)), 4, 3, 1, 4).Named("a power of two of beats, three passes"),
		replay(rand.New(rand.NewPCG(3, 1)), 1, 3, 2, 2).Named("one beat, three passes"),
	},
	Mutations: []blocktest.Mutation{
		blocktest.Replace("frees a slot a pass early", "replay_buffer.v", "LAST_PASS = REPEATS - 1",
			"LAST_PASS = REPEATS - 2"),
		blocktest.Replace("reads what is not written", "replay_buffer.v", "wire available  = !first_pass ||",
			"wire available  = 1'b1 ||"),
		blocktest.Replace("takes a beat into a full memory", "replay_buffer.v", "assign s_ready = level_q != FULL",
			"assign s_ready = 1'b1"),
		blocktest.Replace("waits for the last pass to end", "replay_buffer.v", "wire free       = read && final_pass",
			"wire free       = read && final_pass && pass_done"),
		blocktest.Replace("data ignores the stall", "replay_buffer.v", "if (read) data_q", "data_q"),
		blocktest.Replace("forgets a beat that waits", "replay_buffer.v", "valid_q <= read || (valid_q && !m_ready)",
			"valid_q <= read"),
		blocktest.Replace("leaves the slot of a vector of one beat", "replay_buffer.v",
			"read && ((LENGTH > 1) || final_pass)", "read"),
		blocktest.Replace("counts no fresh beat during a read", "replay_buffer.v", "if (s_fire && !take_fresh) fresh_q",
			"if (s_fire && !read) fresh_q"),
	},
}

// replay reads vectors of length beats of lanes words of bits bits repeats times. A beat comes in
// and is read into the output register: two cycles before the first leaves.
func replay(rng *rand.Rand, length, repeats, lanes, bits int) blocktest.Case {
	n, content := blocktest.DrawWords(rng, length, lanes, bits)
	inBlocks := rng.IntN(2) == 0
	return blocktest.Case{
		Block:   &replaybuffer.Block{Layer: "fc", Width: lanes * bits, Length: length, Repeats: repeats, BlockRAM: inBlocks},
		Network: n, Inputs: []hwgen.Content{content}, Latency: length*repeats + 2,
		Traits: map[string]bool{"one beat": length == 1, "power of two": length&(length-1) == 0, "long": length > 16,
			"two passes": repeats == 2, "block RAM": inBlocks, "one bit": lanes*bits == 1, "wide": lanes*bits > 64},
	}
}

func TestBlocks(t *testing.T)    { blocktest.Check(t, kind) }
func TestMutations(t *testing.T) { blocktest.Mutate(t, kind) }
