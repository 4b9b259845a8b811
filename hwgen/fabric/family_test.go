package fabric

import (
	"strings"
	"testing"
)

// lut6 and lut4 are what the tests of this package are of: the LUTs, adders and shift registers of
// xc7 and ecp5 (boards/families, which this package cannot import).
var (
	lut6 = &Family{LUT: LUT{Inputs: 6, Wide: 8}, Adder: Adder{Absorbs: true, Lookahead: true}, InverseFree: true,
		ShiftRegister: &ShiftRegister{Least: 3, Most: 32}}
	lut4 = &Family{LUT: LUT{Inputs: 4, Wide: 7}, Adder: Adder{CellBits: 2, CellLUTs: 2, LeastBits: 5}}
)

// TestLUTs counts by hand. A function of 5 inputs is two LUT4 and a PFUMX, of 7 eight and
// multiplexers, of 8 twice that and a LUT that chooses; of 6 inputs one LUT6, of 8 four and a
// MUXF8. A LUT4 chooses one of two, a LUT6 one of four.
func TestLUTs(t *testing.T) {
	for _, c := range []struct {
		lut          LUT
		inputs, luts int
	}{
		{lut4.LUT, 2, 1}, {lut4.LUT, 4, 1}, {lut4.LUT, 5, 2}, {lut4.LUT, 6, 4}, {lut4.LUT, 7, 8}, {lut4.LUT, 8, 17},
		{lut6.LUT, 6, 1}, {lut6.LUT, 8, 4}, {LUT{4, 4}, 6, 7},
	} {
		if got := c.lut.LUTs(c.inputs); got != c.luts {
			t.Errorf("%+v: %d LUTs for a function of %d inputs, want %d", c.lut, got, c.inputs, c.luts)
		}
	}
	// A column of 64 words per slice; four slices are joined beside their LUTs, or two.
	for _, c := range []struct {
		lut           LUT
		slices, muxes int
	}{
		{lut6.LUT, 1, 0}, {lut6.LUT, 4, 0}, {lut6.LUT, 5, 1}, {lut6.LUT, 8, 1}, {lut6.LUT, 16, 1}, {lut6.LUT, 32, 3},
		{lut4.LUT, 2, 0}, {lut4.LUT, 3, 1}, {lut4.LUT, 4, 1}, {lut4.LUT, 8, 3}, {lut4.LUT, 16, 7},
	} {
		if got := c.lut.Muxes(c.slices); got != c.muxes {
			t.Errorf("%+v: %d LUTs above %d slices, want %d", c.lut, got, c.slices, c.muxes)
		}
	}
}

// TestChains: two bits per CCU2C, which is two LUTs; up to four bits are LUTs alone
// (Yosys 0.23, ecp5/arith_map.v). A CARRY4 costs nothing.
func TestChains(t *testing.T) {
	for bits, luts := range map[int]int{1: 0, 4: 0, 5: 6, 6: 6, 7: 8, 16: 16} {
		if got := lut4.Adder.Chain(bits); got != luts {
			t.Errorf("a chain of %d bits takes %d LUTs, want %d", bits, got, luts)
		}
		if got := lut6.Adder.Chain(bits); got != 0 {
			t.Errorf("a CARRY4 chain of %d bits takes %d LUTs", bits, got)
		}
	}
}

// TestCheck: what a price would miss is named.
func TestCheck(t *testing.T) {
	whole := func() *Family {
		f := *lut4
		f.LUTRAM = []RAM{{Words: 16, Bits: 4, LUTs: 6}}
		f.BlockRAM = BlockRAM{Unit: "ebr18", PerBlock: 1, Shapes: []BlockShape{{36, 512, 1}}}
		f.Synthesis = Synthesis{Command: "synth", LUT: map[string]int{"LUT4": 1}, FF: map[string]int{"FF": 1}}
		return &f
	}
	if err := whole().Check(); err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(*Family){
		"lut has 7 inputs":                func(f *Family) { f.LUT.Inputs = 7 },
		"lut has 4 inputs and 3":          func(f *Family) { f.LUT.Wide = 3 },
		"adder wants absorbs":             func(f *Family) { f.Adder.CellLUTs = 0 },
		"adder.absorbs wants lut.inputs":  func(f *Family) { f.Adder.Absorbs = true },
		"adder.lookahead wants lut":       func(f *Family) { f.Adder.Lookahead = true },
		"lut_ram is missing":              func(f *Family) { f.LUTRAM = nil },
		"lut_ram[0] has 16 words of 0":    func(f *Family) { f.LUTRAM = []RAM{{Words: 16, LUTs: 1}} },
		"shift_register is of 1":          func(f *Family) { f.ShiftRegister = &ShiftRegister{1, 32} },
		"synthesis wants command":         func(f *Family) { f.Synthesis.Command = "" },
		"block_ram wants unit":            func(f *Family) { f.BlockRAM.Unit = "" },
		"block_ram.shapes[0] has 0 words": func(f *Family) { f.BlockRAM.Shapes = []BlockShape{{36, 0, 1}} },
	} {
		f := whole()
		spoil(f)
		if err := f.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
