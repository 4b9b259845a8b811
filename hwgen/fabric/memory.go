package fabric

// depth says how much a column leaves synthesis to choose.
//
// In xc7 the order is that of abc -luts 2:2,3,6:5,10,20 in synth_xilinx: a function of seven or
// eight inputs is two or four LUT6 with MUXF7 and MUXF8, priced at 10 and 20 beside 5 for a
// LUT6. With one slice there is nothing to weigh; with two to four ABC may split a column
// another way; with more it also builds the multiplexers above, out of LUTs.
type depth int

const (
	shallow depth = iota // one slice: one LUT where it has six inputs
	deep                 // what the multiplexers next to the LUTs join, four in xc7
	far                  // more
)

// depthOf returns the depth of a column of so many slices of 64 words, one or more.
func (l LUT) depthOf(slices int) depth {
	switch {
	case slices == 1:
		return shallow
	case slices <= l.joined():
		return deep
	}
	return far
}

// slice is 64 words of a column of a memory, by its contents and the lowest of its address.
type slice struct {
	words   uint64
	address Signal
	depth   depth
}

// rom returns the word of a memory at an address, low bit first. Equal columns, also of
// memories read at the same address, are built once; a column that is an address bit is
// that bit.
//
// columns[i] is bit i of the word over all addresses; address has the low bit first, at least
// one signal, and as many as address the words. The result must go through registers, as in
// rom.v: addSlices counts on one behind each column. Constant columns are sign bits, zero
// weights and unused high bits: they cost nothing, here and in all logic after them.
func (n *Netlist) ROM(columns []Column, address []Signal) []Signal {
	word := make([]Signal, len(columns))
	key := make([]byte, 0, 64)
	for i, c := range columns {
		if bit, is := c.Constant(); is {
			word[i] = Signal(OneIf(bit))
			continue
		}
		if a, inverse, is := c.addressBit(); is {
			word[i] = address[a] ^ Signal(OneIf(inverse))
			continue
		}
		key = appendSignals(append(key[:0], c.key()...), address)
		if n.adders[string(key)] == nil {
			n.adders[string(key)] = n.Word(1)
			n.reset[n.adders[string(key)][0]>>1] = n.addSlices(c, address)
		}
		word[i] = n.adders[string(key)][0]
	}
	return word
}

// BlockROM returns the word of a memory in block RAM, of depth words, out of its register. A constant
// column is none of the block RAM: opt takes it out before the mapping. What comes out is taken
// for different columns, even where contents are equal. One word is no memory, and constant.
func (n *Netlist) BlockROM(columns []Column, depth int) []Signal {
	word, width := make([]Signal, len(columns)), 0
	for i, c := range columns {
		bit, is := c.Constant()
		word[i] = Signal(OneIf(bit))
		if !is {
			word[i] = n.Fresh()
			width++
		}
	}
	if width > 0 {
		n.blockRAM += n.family.BlockRAMs(width, depth)
	}
	return word
}

// BlockRAM returns the units of block RAM of all memories of BlockROM.
func (n *Netlist) BlockRAM() int { return n.blockRAM }

// addSlices counts the LUTs of a column with a register behind it. Where one half of the
// words is constant, Yosys makes the top bit of the address a reset of that register, whose
// LUT is shared with nothing; what is left is the other half.
//
// c is the column; address, low bit first, serves as its identity by its low bit. It says
// whether the register got a reset: such a one begins no shift register, which has none. A
// column of an odd depth arrives with its missing words filled in, see mirrored.
func (n *Netlist) addSlices(c Column, address []Signal) (reset bool) {
	n.Use(address...)
	n.muxes += n.family.LUT.Muxes(len(c))
	d := n.family.LUT.depthOf(len(c))
	// Slice by slice first: halves of whole slices are dropped by the address bits above the
	// six.
	for len(c) > 1 {
		rest := c.withoutConstantHalf()
		if len(rest) == len(c) {
			break
		}
		c, reset = rest, true
	}
	// What is left in one slice: halves of its words, by the address bits inside the LUT.
	if len(c) == 1 {
		words, smaller := withoutConstantHalves(c[0], min(len(address), 6))
		c, reset = Column{words}, reset || smaller
	}
	// However many address bits went into it, a register has one reset.
	n.resets += OneIf(reset)
	for _, s := range c {
		if s&1 == 1 && n.family.InverseFree {
			s = ^s
		}
		if !trivialSlice(s) {
			n.slices[slice{s, address[0], d}] = true
		}
	}
	return reset
}

// withoutConstantHalf returns the half of a column of several slices that is not constant
// where the other one is, or else all of it.
//
// len(c) is a power of two, or the upper half is the shorter one. The half that is left out
// need not be of zeros: opt_dff makes a set (FDSE) of ones as it makes a reset (FDRE) of zeros.
func (c Column) withoutConstantHalf() Column {
	half := 1 << (AddressWidth(len(c)) - 1)
	if _, is := c[half:].Constant(); is {
		return c[:half]
	}
	if _, is := c[:half].Constant(); is {
		return c[half:]
	}
	return c
}

// withoutConstantHalves does so, again and again, with a slice of so many address bits; what
// is left does not depend on the bits that are gone.
//
// words is a truth table of 64 entries that repeats beyond 2^bits; from the top, since opt_dff
// looks at the multiplexer next to the register, which is that of the highest address bit.
func withoutConstantHalves(words uint64, bits int) (rest uint64, smaller bool) {
	for top := bits - 1; top >= 0; top-- {
		f := function{table: words}
		lower, upper := f.half(top, false), f.half(top, true)
		switch {
		case constantSlice(lower):
			words = upper
		case constantSlice(upper):
			words = lower
		default:
			return words, smaller
		}
		smaller = true
	}
	return words, smaller
}

// MemoryTerms are the LUTs of everything but shift registers and control. A slice of up to
// 64 words is a LUT6; deeper columns leave synthesis something to choose.
//
// LUTs of logic and of slices that one LUT holds are exact: Yosys has no choice there. All else
// is in LUTs by its structure, with 1 as prior, a reset one LUT; the fit says how far ABC
// departs from it.
func (n *Netlist) MemoryTerms() []Term {
	var slices [far + 1]int
	plain := 0
	for s := range n.slices {
		switch luts := n.family.LUT.LUTs(inputsOf(s.words)); {
		case s.depth == shallow && luts == 1:
			plain++
		default:
			slices[s.depth] += luts
		}
	}
	return append([]Term{Exactly("luts", float64(n.luts)), Exactly("memory_slices", float64(plain)),
		Fitted("memory_resets", float64(n.resets), 1), Fitted("deep_slices", float64(slices[deep]), 1),
		Fitted("far_slices", float64(slices[far]), 1), Fitted("far_muxes", float64(n.muxes), 1)},
		n.narrowTerms(slices[shallow])...)
}

// narrowTerms are what a family of LUT6 that take in the operands of adders does not have:
// functions of several LUTs, chains of cells, and comparisons by subtraction, which test for
// equality with some LUT per bit beside the chain. wideSlices are the LUTs of slices of
// more inputs than a LUT has.
func (n *Netlist) narrowTerms(wideSlices int) []Term {
	var terms []Term
	if n.family.LUT.Inputs < sliceInputs {
		terms = append(terms, Fitted("wide_luts", float64(n.wide), 1), Fitted("wide_slices", float64(wideSlices), 1))
	}
	if !n.family.Adder.Absorbs {
		terms = append(terms, Exactly("carry_chains", float64(n.chains)))
	}
	if !n.family.Adder.Lookahead {
		terms = append(terms, Fitted("compared_bits", float64(n.compared), 1),
			Fitted("chosen_bits", float64(n.chosen), 1), Fitted("chosen_bits_long", float64(n.chosenLong), 1))
	}
	return terms
}

// inputsOf returns on how many bits of its address a slice depends.
func inputsOf(words uint64) int {
	_, support := simplified(words, []Signal{2, 4, 6, 8, 10, 12}) // any six that differ
	return len(support)
}

// constantSlice says whether all 64 words of a slice are alike.
func constantSlice(s uint64) bool { return s == 0 || s == ^uint64(0) }
