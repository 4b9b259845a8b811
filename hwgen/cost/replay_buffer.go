package cost

import "github.com/a2qgen/a2qgen/hwgen"

// ramLUTs returns the LUTs of a distributed RAM with one write and one read port, as
// Yosys picks its primitives, and the multiplexer LUTs above them: RAM32M holds 6 bits
// of 32 words, RAM64M 3 bits of 64, in 4 LUTs; RAM32X1D and RAM64X1D 1 bit in 2.
//
// width is in bits per word, depth in words; both results are in LUTs. Words beyond 64 take
// another piece of the same shape, and a tree of multiplexers per bit reads them. The pieces
// count fourfold in muxes: its first step, the free MUXF7 and MUXF8 between LUT6s, is not there
// between RAM primitives. A rest of one bit is a RAM..X1D of two LUTs; of more, four are no
// worse.
func ramLUTs(width, depth int) (ram, mux int) {
	per := 6
	if depth > 32 {
		per = 3
	}
	pieces := (depth + 63) / 64
	rest := width % per
	ram = width / per * 4
	ram += min(4, 2*rest)
	return ram * pieces, width * muxes(4*pieces)
}

// replayBufferShape returns the registers and LUTs of replay_buffer.v, from its shape alone: no
// contents decide anything here.
//
// Flip-flops: write_q and read_q, pass_q, level_q and fresh_q, valid_q; a vector of one beat
// has two slots, which is one bit more in each level. data_q behind a memory of LUTs is width
// more; a block RAM has it inside, and then no LUT holds or moves data.
func replayBufferShape(r *hwgen.ReplayBuffer) shape {
	pointer, level, pass := max(1, addressWidth(r.Length)), addressWidth(r.Length+1), addressWidth(r.Repeats)
	s := shape{Kind: KindReplayBuffer, FF: 2*pointer + pass + 2*level + 1 + 2*oneIf(r.Length == 1)}
	if r.BlockRAM {
		s.RAMB18 = blockRAM18(r.Width, r.Length)
		s.Terms = controlTerms(2*pointer+pass, 2*level)
		return s
	}
	s.FF += r.Width
	s.Terms = append(controlTerms(2*pointer+pass, 2*level), ramTerms(r.Width, r.Length)...)
	return s
}

// ramTerms are the LUTs of a distributed RAM.
//
// Values are in LUTs, with 1 as prior: the fit says how far Yosys departs from the primitives
// named above, write decoding for several pieces included.
func ramTerms(width, depth int) []term {
	ram, mux := ramLUTs(width, depth)
	return []term{{"ram", float64(ram), 1, false}, {"ram_mux", float64(mux), 1, false}}
}

// controlTerms are the LUTs of counters that wrap, of counters that go up and down,
// and of the handshake.
//
// Priors: some five LUTs of valid and ready; for a counter of b bits that wraps b for the sum
// and about b/2 for the comparison with the last value; for a level that a write raises and a
// read lowers, a LUT per bit. These are fitted per kind of block, since ABC merges them with
// what each block does besides.
func controlTerms(counterBits, levelBits int) []term {
	return []term{{"handshake", 1, 5, false}, {"counter_bits", float64(counterBits), 1.5, false},
		{"level_bits", float64(levelBits), 1, false}}
}
