package forkstream_test

import (
	"math/rand/v2"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
	"github.com/a2qgen/a2qgen/hwgen/block/blocktest"
	forkstream "github.com/a2qgen/a2qgen/hwgen/block/fork_stream"
)

// kind draws two to five readers, each with pauses of its own, of short and long frames.
var kind = blocktest.Kind{
	Draw: func(rng *rand.Rand) blocktest.Case {
		return fork(rng, block.Pick(rng, 2, 2, 2, 3, 4, 5), block.Pick(rng, 1, 1, 2, 3, 7, 8, 16),
			block.Pick(rng, 1, 1, 2, 3, 5), block.Pick(rng, 1, 1, 2, 3, 4, 8))
	},
	Cases: []blocktest.Case{
		fork(rand.New(rand.NewPCG(1, 1)), 2, 5, 2, 3).Named("two readers"),
		fork(rand.New(rand.NewPCG(2, 1)), 3, 1, 1, 2).Named("three readers, one beat per frame"),
	},
	Mutations: []blocktest.Mutation{
		blocktest.Replace("waits for the slowest reader only if all are full", "fork_stream.v", "!(|full)", "!(&full)"),
		blocktest.Replace("waits for reader 0 alone", "fork_stream.v", "!(|full)", "!full[0]"),
		blocktest.Replace("holds one beat", "fork_stream.v", "assign full[i]    = two_q", "assign full[i]    = one_q"),
		blocktest.Replace("holds three beats", "fork_stream.v", "assign full[i]    = two_q",
			"assign full[i]    = two_q && odd_next_q"),
		blocktest.Replace("gives the newer beat first", "fork_stream.v", "(odd_next_q ^ two_q)", "odd_next_q"),
		blocktest.Replace("gives the other beat", "fork_stream.v", "(odd_next_q ^ two_q)", "(odd_next_q ^ !two_q)"),
		blocktest.Replace("repeats a beat", "fork_stream.v", "two_q || (one_q && !m_fire)", "two_q || one_q"),
		blocktest.Replace("forgets the second beat", "fork_stream.v", "one_q <= s_fire || two_q ||", "one_q <= s_fire ||"),
		blocktest.Replace("forgets a beat that comes as one waits", "fork_stream.v",
			"two_q <= (one_q && s_fire && !m_fire) ||",
			"two_q <="),
		blocktest.Replace("changes stores without a beat", "fork_stream.v", "else if (s_fire) odd_next_q",
			"else if (s_ready) odd_next_q"),
		blocktest.Replace("overwrites a beat that waits", "fork_stream.v", "if (s_ready && odd_next_q) odd_q",
			"if (odd_next_q) odd_q"),
	},
}

// fork gives frames of beats beats of lanes words of bits bits to so many readers. A beat is seen a
// cycle after it came.
func fork(rng *rand.Rand, readers, beats, lanes, bits int) blocktest.Case {
	n, content := blocktest.DrawWords(rng, beats, lanes, bits)
	return blocktest.Case{
		Block:   &forkstream.Block{Layer: "fc", From: "fc", Width: lanes * bits, Readers: readers, Beats: beats},
		Network: n, Inputs: []hwgen.Content{content}, Latency: beats + 1,
		Traits: map[string]bool{"two readers": readers == 2, "one beat": beats == 1, "odd frames": beats%2 == 1,
			"one bit": lanes*bits == 1, "wide": lanes*bits > 32},
	}
}

func TestBlocks(t *testing.T)    { blocktest.Check(t, kind) }
func TestMutations(t *testing.T) { blocktest.Mutate(t, kind) }
