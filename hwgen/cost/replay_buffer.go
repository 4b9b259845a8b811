package cost

import "github.com/a2qgen/a2qgen/hwgen"

// ramLUTs returns the LUTs of a distributed RAM with one write and one read port, as
// Yosys picks its primitives, and the multiplexer LUTs above them: RAM32M holds 6 bits
// of 32 words, RAM64M 3 bits of 64, in 4 LUTs; RAM32X1D and RAM64X1D 1 bit in 2.
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
func ramTerms(width, depth int) []term {
	ram, mux := ramLUTs(width, depth)
	return []term{{"ram", float64(ram), 1, false}, {"ram_mux", float64(mux), 1, false}}
}

// controlTerms are the LUTs of counters that wrap, of counters that go up and down,
// and of the handshake.
func controlTerms(counterBits, levelBits int) []term {
	return []term{{"handshake", 1, 5, false}, {"counter_bits", float64(counterBits), 1.5, false},
		{"level_bits", float64(levelBits), 1, false}}
}
