package fabric

import (
	"errors"
	"fmt"
	"math/bits"
)

// Family says what the FPGAs of a family build hardware of, and what their synthesis calls it.
//
// Plain data, read from a file of boards/families; a price asks it for adders, memories and
// shift registers and knows no family by name.
type Family struct {
	LUT   LUT   `yaml:"lut"`
	Adder Adder `yaml:"adder"`
	// InverseFree says that an inverter costs nothing wherever it stands. Else it is a LUT where
	// it drives a register or a carry chain; into a LUT it always moves.
	InverseFree bool `yaml:"inverse_free"`
	// LUTRAM are the RAMs in LUTs with one write and one read port.
	LUTRAM []RAM `yaml:"lut_ram"`
	// ShiftRegister is nil where synthesis makes none: registers in a row stay flip-flops.
	ShiftRegister *ShiftRegister `yaml:"shift_register"`
	BlockRAM      BlockRAM       `yaml:"block_ram"`
	Synthesis     Synthesis      `yaml:"synthesis"`
}

// LUT is the look-up table of a family.
type LUT struct {
	// Inputs of one LUT; Wide are those of the widest function that multiplexers beside the
	// LUTs make of several, at no cost: each input more doubles the LUTs.
	Inputs int `yaml:"inputs"`
	Wide   int `yaml:"wide"`
}

// Adder says what a carry chain costs, and from how many bits on there is one.
type Adder struct {
	// Absorbs says that the LUT before the chain takes in the function that makes an operand:
	// a bit costs that one LUT and the chain nothing. Else the chain is made of cells of
	// CellBits bits that are CellLUTs LUTs, operands have LUTs of their own, and sums of fewer
	// than LeastBits bits are LUTs without a chain.
	Absorbs   bool `yaml:"absorbs"`
	CellBits  int  `yaml:"cell_bits"`
	CellLUTs  int  `yaml:"cell_luts"`
	LeastBits int  `yaml:"least_bits"`
	// Lookahead says that a comparison takes three bits at a time into two LUTs, "equal" and
	// "greater", which a chain joins (Yosys's cmp2lcu.v). Else it is a subtraction and a test
	// for equality, whose LUTs per bit are fitted.
	Lookahead bool `yaml:"lookahead"`
}

// RAM is a primitive of Words words of Bits bits, in so many LUTs.
type RAM struct {
	Words int `yaml:"words"`
	Bits  int `yaml:"bits"`
	LUTs  int `yaml:"luts"`
}

// ShiftRegister says from how many registers in a row (Least) synthesis makes a shift register
// in LUTs, and how many one LUT holds (Most).
type ShiftRegister struct {
	Least int `yaml:"least"`
	Most  int `yaml:"most"`
}

// BlockRAM says which block RAMs there are. They are counted in units, of which PerBlock are
// one block of boards.Resources.
type BlockRAM struct {
	Unit     string `yaml:"unit"`
	PerBlock int    `yaml:"per_block"`
	// ReadFirst says that a word that is written while it is read is read as it was. Else
	// synthesis makes it so, see Family.SharedBlockRAM.
	ReadFirst bool         `yaml:"read_first"`
	Shapes    []BlockShape `yaml:"shapes"`
}

// BlockShape is one way to use a block: Words words of Bits bits, with one write and one read
// port, in Units units.
type BlockShape struct {
	Bits  int `yaml:"bits"`
	Words int `yaml:"words"`
	Units int `yaml:"units"`
}

// Synthesis is how Yosys synthesises for the family, and what each cell counts for.
type Synthesis struct {
	// Command is that of Yosys, without -top.
	Command string `yaml:"command"`
	// Cells of a netlist, and how many LUTs, flip-flops, units of block RAM and DSP slices each
	// is. A cell that is in none costs nothing.
	LUT      map[string]int `yaml:"lut"`
	FF       map[string]int `yaml:"ff"`
	BlockRAM map[string]int `yaml:"block_ram"`
	DSP      map[string]int `yaml:"dsp"`
	// Free are cells that cost nothing but tell how the logic is built; carry chains first.
	Free []FreeCells `yaml:"free"`
	// SamplesBelow is the rough size, in LUTs, from which on a design is no sample: it would take
	// Yosys too long. 0 is no limit.
	SamplesBelow int `yaml:"samples_below"`
}

// FreeCells is a column of a table of samples.
type FreeCells struct {
	Name  string   `yaml:"name"`
	Cells []string `yaml:"cells"`
}

// Check returns an error for the first thing that a price would need and does not find.
func (f *Family) Check() error {
	a, s := f.Adder, f.ShiftRegister
	switch {
	case f.LUT.Inputs < 3 || f.LUT.Inputs > sliceInputs || f.LUT.Wide < f.LUT.Inputs:
		return fmt.Errorf("lut has %d inputs and %d with multiplexers, want 3..%d and no fewer", f.LUT.Inputs,
			f.LUT.Wide, sliceInputs)
	case a.Absorbs && f.LUT.Inputs < sliceInputs:
		return fmt.Errorf("adder.absorbs wants lut.inputs %d, for a digit of a product, has %d", sliceInputs,
			f.LUT.Inputs)
	case !a.Absorbs && (a.CellBits < 1 || a.CellLUTs < 1 || a.LeastBits < 1):
		return errors.New("adder wants absorbs, or cell_bits, cell_luts and least_bits")
	case a.Lookahead && f.LUT.Inputs < sliceInputs:
		return fmt.Errorf("adder.lookahead wants lut.inputs %d, has %d", sliceInputs, f.LUT.Inputs)
	case len(f.LUTRAM) == 0:
		return errors.New("lut_ram is missing")
	case s != nil && (s.Least < 2 || s.Most < s.Least):
		return fmt.Errorf("shift_register is of %d to %d registers, want two or more", s.Least, s.Most)
	case f.Synthesis.Command == "" || len(f.Synthesis.LUT) == 0 || len(f.Synthesis.FF) == 0:
		return errors.New("synthesis wants command, lut and ff")
	}
	for i, r := range f.LUTRAM {
		if r.Words < 1 || r.Bits < 1 || r.LUTs < 1 {
			return fmt.Errorf("lut_ram[%d] has %d words of %d bits in %d LUTs, want all", i, r.Words, r.Bits, r.LUTs)
		}
	}
	return f.BlockRAM.check()
}

// check wants a unit, and shapes.
func (b *BlockRAM) check() error {
	if b.Unit == "" || b.PerBlock < 1 || len(b.Shapes) == 0 {
		return errors.New("block_ram wants unit, per_block and shapes")
	}
	for i, s := range b.Shapes {
		if s.Bits < 1 || s.Words < 1 || s.Units < 1 {
			return fmt.Errorf("block_ram.shapes[%d] has %d words of %d bits in %d units, want all", i, s.Words, s.Bits,
				s.Units)
		}
	}
	return nil
}

// LUTs returns the LUTs of a function of so many inputs that has no structure: one, doubled for
// each input more. Beyond Wide, a LUT that chooses is added each time.
func (l LUT) LUTs(inputs int) int {
	switch {
	case inputs <= l.Inputs:
		return 1
	case inputs <= l.Wide:
		return 2 * l.LUTs(inputs-1)
	}
	return 2*l.LUTs(inputs-1) + 1
}

// joined is how many slices of 64 words of a column the free multiplexers join.
func (l LUT) joined() int { return 1 << max(0, l.Wide-sliceInputs) }

// muxInputs is how many inputs one LUT chooses among: m, and the bits that say which. Four of
// a LUT6, two of a LUT4.
func (l LUT) muxInputs() int {
	m := 2
	for 2*m+AddressWidth(2*m) <= l.Inputs {
		m *= 2
	}
	return m
}

// Tree returns the LUTs of a multiplexer of n inputs: in each step a LUT for as many as it
// chooses among, and none for one that is left over and passes through.
func (l LUT) Tree(n int) int {
	total, m := 0, l.muxInputs()
	for ; n > 1; n = (n + m - 1) / m {
		total += (n + m - 2) / m
	}
	return total
}

// Muxes returns the LUTs above n slices of a column, beyond what the free multiplexers join.
func (l LUT) Muxes(n int) int { return l.Tree((n + l.joined() - 1) / l.joined()) }

// Chain returns the LUTs of a carry chain of so many bits, without those of its operands. None
// where the LUTs before it are all that it takes, or where it is too short to be one.
func (a Adder) Chain(bits int) int {
	if !a.chained(bits) {
		return 0
	}
	return (bits + a.CellBits - 1) / a.CellBits * a.CellLUTs
}

// chained says whether a sum of so many bits has a chain of cells that cost LUTs.
func (a Adder) chained(bits int) bool { return !a.Absorbs && bits >= a.LeastBits }

// BlockRAMs returns the units of block RAM that a memory takes: the cheapest of the shapes.
//
// width is in bits, depth in words. All columns take one shape, where Yosys may leave some to
// LUTs (docs/cost.md, Limits).
func (f *Family) BlockRAMs(width, depth int) int {
	best := 0
	for _, s := range f.BlockRAM.Shapes {
		n := (width + s.Bits - 1) / s.Bits * ((depth + s.Words - 1) / s.Words) * s.Units
		if best == 0 || n < best {
			best = n
		}
	}
	return best
}

// AddressWidth returns the address bits of a memory of depth words.
//
// That is ceil(log2(depth)): 0 for a depth of 1, where Verilog keeps one bit that never moves
// and synthesis drops it. It also counts the bits of counters of depth values.
func AddressWidth(depth int) int { return bits.Len(uint(depth - 1)) }
