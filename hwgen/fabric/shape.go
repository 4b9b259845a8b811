// Package fabric says what FPGAs build hardware of: LUTs, carry chains, memories and shift
// registers. The price of a block is a Shape: counts that follow from its Verilog and from what
// the Family has, and quantities whose LUTs are fitted to what synthesis makes of them
// (hwgen/cost).
package fabric

// Shape is what a block is made of, before coefficients.
//
// Flip-flops and block RAM follow from the Verilog's structure and have no coefficient: only
// LUTs are the technology mapper's choice. DSP slices are never used, so there is no count.
type Shape struct {
	Terms []Term // LUTs
	FF    int
	// BlockRAM counts units of Family.BlockRAM.
	BlockRAM int
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

// ControlTerms are the LUTs of the handshake, of counters that wrap and of levels that go up
// and down, each by its bits.
//
// Priors: some five LUTs of valid and ready; for a counter of b bits that wraps b for the sum
// and about b/2 for the comparison with the last value; for a level that a write raises and a
// read lowers, a LUT per bit. These are fitted per kind of block, since ABC merges them with
// what each block does besides. Where a carry chain has LUTs of its own, a counter has one and
// a level two, up and down, which are exact.
func (f *Family) ControlTerms(counters, levels []int) []Term {
	terms := append([]Term{Fitted("handshake", 1, 5)}, f.CounterTerms(counters...)...)
	if levels == nil {
		return terms
	}
	terms = append(terms, Fitted("level_bits", float64(sum(levels)), 1))
	if !f.Adder.Absorbs {
		chains := 0
		for _, b := range levels {
			chains += 2 * f.Adder.Chain(b)
		}
		terms = append(terms, Exactly("level_chains", float64(chains)))
	}
	return terms
}

// CounterTerms are the LUTs of counters of so many bits, as ControlTerms has them.
func (f *Family) CounterTerms(counters ...int) []Term {
	terms := []Term{Fitted("counter_bits", float64(sum(counters)), 1.5)}
	if !f.Adder.Absorbs {
		chains := 0
		for _, b := range counters {
			chains += f.Adder.Chain(b)
		}
		terms = append(terms, Exactly("counter_chains", float64(chains)))
	}
	return terms
}

// sum adds up bits.
func sum(bits []int) int {
	total := 0
	for _, b := range bits {
		total += b
	}
	return total
}

// Banks are block RAMs that are read with a clock while they may be written. They are written
// from the same words, of Width bits, at the same address.
type Banks struct {
	Width, Depth int // bits of a word, words of a bank
	// Words come at once, each bank takes one of them; of their write enables, Enables differ.
	// Ports are read, each at an address of its own.
	Words, Enables, Ports int
}

// SharedBlockRAM returns what block RAMs take beside their blocks: nothing where they read the old
// word by themselves.
//
// Else Yosys delays the write by a cycle, in registers for words, address and enables, and
// forwards what was overtaken: a register per bit of a word, which all ports share, and one per
// port to say so; a LUT per bit of a port to choose, and a comparison of its addresses, which is
// fitted with them.
func (f *Family) SharedBlockRAM(b Banks) (ff int, terms []Term) {
	if f.BlockRAM.ReadFirst {
		return 0, nil
	}
	address := AddressWidth(b.Depth)
	return 2*b.Width*b.Words + address + b.Enables + b.Ports, []Term{
		Fitted("forwarded_bits", float64(b.Width*b.Ports), 1),
		Fitted("forwarded_address", float64(address*b.Ports), 1)}
}

// RAMTerms are the LUTs of a RAM in LUTs with one write and one read port: its primitives,
// and the multiplexers above them.
//
// Values are in LUTs, with 1 as prior: the fit says how far Yosys departs from the primitives,
// write decoding for several pieces included.
func (f *Family) RAMTerms(width, depth int) []Term {
	ram, mux := f.ramLUTs(width, depth)
	return []Term{Fitted("ram", float64(ram), 1), Fitted("ram_mux", float64(mux), 1)}
}

// ramLUTs returns the LUTs of a RAM in LUTs, as Yosys picks its primitives, and the multiplexer
// LUTs above them.
//
// width is in bits per word, depth in words; both results are in LUTs. The primitives are the
// fewest words that hold all, or else the most that there are, in pieces that a tree of
// multiplexers per bit reads: none of it is free, as it is above LUTs. What is left of a word
// after the widest primitive takes the cheapest that hold it.
func (f *Family) ramLUTs(width, depth int) (ram, mux int) {
	words := f.ramWords(depth)
	widest, rest := RAM{}, 0
	for _, r := range f.LUTRAM {
		if r.Words == words && r.Bits > widest.Bits {
			widest = r
		}
	}
	if left := width % widest.Bits; left > 0 {
		for _, r := range f.LUTRAM {
			if n := (left + r.Bits - 1) / r.Bits * r.LUTs; r.Words == words && (rest == 0 || n < rest) {
				rest = n
			}
		}
	}
	pieces := (depth + words - 1) / words
	return (width/widest.Bits*widest.LUTs + rest) * pieces, width * f.LUT.Tree(pieces)
}

// ramWords returns the words of the primitives that a RAM of depth words is made of.
func (f *Family) ramWords(depth int) int {
	best := 0
	for _, r := range f.LUTRAM {
		// Fewer that are still enough, or more as long as none is.
		if best == 0 || best < depth && r.Words > best || r.Words >= depth && r.Words < best {
			best = r.Words
		}
	}
	return best
}

// ProductStages returns the registers of a product by a weight of so many bits, one per
// radix-4 digit (templates/product.v).
func ProductStages(weightBits int) int { return (weightBits + 1) / 2 }

// DotStages returns the registers of a dot product of so many lanes by weights of so many bits,
// from its inputs on (templates/dot_product.v): products of one lane and the levels of the tree,
// or of two lanes: their sum, a stage per bit and the levels above pairs.
func DotStages(weightBits, lanes int, pairs bool) int {
	if pairs && lanes > 1 {
		return weightBits + AddressWidth(lanes)
	}
	return ProductStages(weightBits) + AddressWidth(lanes)
}
