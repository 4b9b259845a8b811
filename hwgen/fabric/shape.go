// Package fabric says what FPGAs build hardware of: LUTs, carry chains, memories and shift
// registers. The price of a block is a Shape: counts that follow from its Verilog, and
// quantities whose LUTs are fitted to what synthesis makes of them (hwgen/cost).
package fabric

// Shape is what a block is made of, before coefficients.
//
// Flip-flops and block RAM follow from the Verilog's structure and have no coefficient: only
// LUTs are the technology mapper's choice. DSP slices are never used, so there is no count.
type Shape struct {
	Terms []Term // LUTs
	FF    int
	// RAMB18 counts block RAMs of 18 kbit.
	RAMB18 int
}

// Term is one physical quantity of a block's LUT count.
type Term struct {
	Name string
	// How many units there are of it: bits of counters, slices of memories, or LUTs as they
	// are.
	Value float64
	// Prior is the LUTs that a unit should take by its structure: the fit stays near it
	// where the samples do not say otherwise. An Exact term is that number of LUTs and has
	// no coefficient (one LUT6 holds 64 words, one LUT adds a bit).
	Prior float64
	Exact bool
}

// Exactly is a term of so many LUTs, which are known.
func Exactly(name string, luts float64) Term {
	return Term{Name: name, Value: luts, Prior: 1, Exact: true}
}

// Fitted is a term of units of about prior LUTs each, which samples say better.
func Fitted(name string, units, prior float64) Term {
	return Term{Name: name, Value: units, Prior: prior}
}

// OneIf is 1 where b holds, else 0: a term of a count that is there or not.
func OneIf(b bool) int {
	if b {
		return 1
	}
	return 0
}

// ControlTerms are the LUTs of counters that wrap, of counters that go up and down,
// and of the handshake.
//
// Priors: some five LUTs of valid and ready; for a counter of b bits that wraps b for the sum
// and about b/2 for the comparison with the last value; for a level that a write raises and a
// read lowers, a LUT per bit. These are fitted per kind of block, since ABC merges them with
// what each block does besides.
func ControlTerms(counterBits, levelBits int) []Term {
	return []Term{Fitted("handshake", 1, 5), Fitted("counter_bits", float64(counterBits), 1.5),
		Fitted("level_bits", float64(levelBits), 1)}
}

// RAMTerms are the LUTs of a RAM in LUTs with one write and one read port: its primitives,
// and the multiplexers above them.
//
// Values are in LUTs, with 1 as prior: the fit says how far Yosys departs from the primitives
// of ramLUTs, write decoding for several pieces included.
func RAMTerms(width, depth int) []Term {
	ram, mux := ramLUTs(width, depth)
	return []Term{Fitted("ram", float64(ram), 1), Fitted("ram_mux", float64(mux), 1)}
}

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
	return ram * pieces, width * Muxes(4*pieces)
}

// ProductStages returns the registers of a product by a weight of so many bits, one per
// radix-4 digit (templates/product.v).
func ProductStages(weightBits int) int { return (weightBits + 1) / 2 }
