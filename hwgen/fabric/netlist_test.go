package fabric

import "testing"

// TestProducts compares with Yosys 0.23, `synth_xilinx -nodsp -flatten` on dot_product.v
// of one lane behind a memory of 64 random weights: LUTs but for the memory's, and
// flip-flops, those of the weight included.
func TestProducts(t *testing.T) {
	for _, c := range []struct {
		m, n    int
		signed  bool
		bits    int
		lut, ff int
	}{
		{1, 4, false, 5, 4, 6}, {2, 1, false, 2, 2, 4}, {2, 4, false, 6, 5, 8}, {2, 4, true, 6, 5, 8}, {3, 4,
			false, 7, 10, 22},
		{4, 4, false, 8, 11, 25}, {4, 4, true, 8, 10, 25}, {4, 4, false, 5, 8, 20}, {5, 4, false, 9, 19, 33},
		{6, 4, false, 10, 21, 34}, {6, 4, true, 9, 19, 33}, {7, 4, true, 11, 26, 42}, {8, 4, false, 12, 31, 43},
		{8, 4, false, 9, 27, 38}, {8, 4, true, 12, 28, 43}, {8, 1, false, 9, 19, 22},
	} {
		n := NewNetlist(lut6)
		n.Use(n.Product(n.RegisterAll(n.Word(c.m)), n.Word(c.n), c.signed, c.bits)...)
		ff, shift := n.RegistersLeft()
		if n.luts+shift != c.lut || ff != c.ff {
			t.Errorf("%+v: %d LUTs and %d shift registers, %d flip-flops", c, n.luts, shift, ff)
		}
	}
}

// TestPairProducts counts by hand, as Yosys 0.23 does: N LUTs for the sum of the inputs (its carry is
// the top bit), and per bit of the weights N+1, the bits of an unsigned row: above them a carry
// goes on alone, and bits that repeat a sign share their LUT. Flip-flops are the inputs and their
// sum once per stage, the sums so far, and the weights of both lanes that are still to come.
func TestPairProducts(t *testing.T) {
	for _, c := range []struct {
		m, n    int
		signed  bool
		lut, ff int
	}{{4, 4, false, 4 + 4*5, 4*13 + 5 + 7 + 8 + 9 + 2*(3+2+1)}, {2, 3, false, 3 + 2*4, 2*10 + 4 + 6 + 2*1},
		{2, 3, true, 3 + 4 + 4, 2*10 + 4 + 6 + 2*1}} {
		n := NewNetlist(lut6)
		pair := [2][]Signal{n.Word(c.m), n.Word(c.m)}
		n.Use(n.PairProduct(pair, [2][]Signal{n.Word(c.n), n.Word(c.n)}, c.signed, false, c.m+c.n+1)...)
		ff, shift := n.RegistersLeft()
		if n.luts != c.lut || ff != c.ff || shift != 0 {
			t.Errorf("%+v: %d LUTs, %d flip-flops, %d shift registers", c, n.luts, ff, shift)
		}
	}
}

// TestProductsLUT4 compares with Yosys 0.23, `synth_ecp5` on product.v alone. Digit 0 of 4 input
// bits is five functions of four inputs, a later one three of five inputs (two LUT4 each), two of
// four, and an inverter; chains are of N+2 bits, and one more below them in later digits.
// Registers in a row stay flip-flops. Of two input bits the first digit is too short for a chain.
func TestProductsLUT4(t *testing.T) {
	for _, c := range []struct{ m, n, lut4, ccu2c, ff int }{
		{2, 4, 5, 3, 6}, {3, 4, 10, 6, 19}, {4, 4, 14, 7, 21}, {5, 4, 19, 10, 37}, {6, 4, 23, 11, 40},
		{8, 4, 32, 15, 63}, {2, 2, 4, 0, 4}, {4, 2, 9, 3, 15}, {4, 8, 26, 11, 33}, {8, 8, 60, 23, 91},
	} {
		n := NewNetlist(lut4)
		n.Use(n.Product(n.Word(c.m), n.Word(c.n), false, c.m+c.n)...)
		ff, shift := n.RegistersLeft()
		if n.luts+n.wide != c.lut4 || n.chains != 2*c.ccu2c || ff != c.ff || shift != 0 {
			t.Errorf("%+v: %d LUT4, %d CCU2C, %d flip-flops, %d shift registers", c,
				n.luts+n.wide, n.chains/2, ff, shift)
		}
	}
}

// TestAdditionLUT4 compares with Yosys 0.23, `synth_ecp5`: accumulator.v of a sum of 6 bits
// without its LUT for the enable (each bit has one that restarts), and sums of two words.
func TestAdditionLUT4(t *testing.T) {
	for _, c := range []struct{ bits, lut4, ccu2c int }{{8, 8, 4}, {9, 9, 5}, {12, 12, 6}, {16, 16, 8}} {
		n := NewNetlist(lut4)
		n.Accumulate(n.Word(6), n.Fresh(), make([]Signal, c.bits))
		if n.luts != c.lut4 || n.chains != 2*c.ccu2c {
			t.Errorf("accumulator %+v: %d LUT4, %d CCU2C", c, n.luts, n.chains/2)
		}
	}
	for _, c := range []struct{ bits, lut4, ccu2c int }{{2, 3, 0}, {4, 0, 3}, {5, 0, 3}, {6, 0, 4}, {8, 0, 5}} {
		n := NewNetlist(lut4)
		n.Add(n.Word(c.bits), n.Word(c.bits), c.bits+1)
		if n.luts+n.wide != c.lut4 || n.chains != 2*c.ccu2c {
			t.Errorf("sum %+v: %d LUT4, %d CCU2C", c, n.luts+n.wide, n.chains/2)
		}
	}
}

// TestInverses: where an inverse is not free it is a LUT in front of a register or a chain, once
// for all that read it, and nothing in front of a LUT.
func TestInverses(t *testing.T) {
	for _, c := range []struct {
		family *Family
		luts   int
	}{{lut6, 1}, {lut4, 2}} {
		n := NewNetlist(c.family)
		a, b := n.Fresh(), n.Fresh()
		n.Register(a ^ 1)
		n.Register(a ^ 1)
		n.Logic(XorTable, a^1, b)
		n.pin(a ^ 1)
		if n.pin(a ^ 1); n.luts != c.luts {
			t.Errorf("%d LUTs, want %d", n.luts, c.luts)
		}
	}
}

// TestRuns counts by hand: a run of registers is a shift register from three on, however it
// goes on; reading one in between ends it; an unread end is not built.
func TestRuns(t *testing.T) {
	for _, c := range []struct {
		name           string
		length, tap    int // registers; the one that is read besides, 0 for none
		read           bool
		ff, shift      int
		inverseBetween bool
	}{
		{"two", 2, 0, true, 2, 0, false}, {"three", 3, 0, true, 0, 1, false}, {"seven", 7, 0, true, 0, 1, false},
		{"33", 33, 0, true, 0, 2, false}, {"read in between", 5, 2, true, 2, 1, false}, {"end unread", 5, 2,
			false, 2, 0, false},
		{"unread", 5, 0, false, 0, 0, false}, {"inverse in between", 4, 0, true, 4, 0, true},
	} {
		n := NewNetlist(lut6)
		s := n.Fresh()
		for i := range c.length {
			if c.inverseBetween && i == 2 {
				s ^= 1
			}
			if s = n.Register(s); i+1 == c.tap {
				n.Use(s)
			}
		}
		if c.read {
			n.Use(s)
		}
		if ff, shift := n.RegistersLeft(); ff != c.ff || shift != c.shift {
			t.Errorf("%s: %d flip-flops, %d shift registers, want %d, %d", c.name, ff, shift, c.ff, c.shift)
		}
	}
}

// TestLogic: constants and equal inputs make a function simpler, one of a single signal is
// no LUT, and equal functions are one.
func TestLogic(t *testing.T) {
	n := NewNetlist(lut6)
	a, b := n.Fresh(), n.Fresh()
	for _, c := range []struct {
		name      string
		got, want Signal
	}{
		{"a xor a", n.Logic(XorTable, a, a), No}, {"a xor 0", n.Logic(XorTable, a, No), a}, {"a xor 1",
			n.Logic(XorTable, a, Yes), a ^ 1},
		{"not a xor a", n.Logic(XorTable, a^1, a), Yes}, {"choose of equals", n.Logic(ChooseTable, b, a, a), a},
		{"choose by 1", n.Logic(ChooseTable, Yes, a, b), a}, {"constant choice", n.Logic(ChooseTable, a, Yes, No), a},
		{"equal to itself", n.Logic(equalTable, a, a, b, b, No, No), Yes}, {"greater than itself",
			n.Logic(greaterTable, a, a, b, b), No},
	} {
		if c.got != c.want {
			t.Errorf("%s is %d, want %d", c.name, c.got, c.want)
		}
	}
	if n.luts != 0 {
		t.Errorf("%d LUTs for functions of one signal", n.luts)
	}
	once, again := n.Logic(XorTable, a, b), n.Logic(XorTable, a, b)
	if once != again || n.luts != 1 {
		t.Errorf("a function twice is %d LUTs", n.luts)
	}
}

// TestLogicTables compares the tables with arithmetic, for all inputs.
func TestLogicTables(t *testing.T) {
	bit := func(i, k int) int { return i >> k & 1 }
	for i := range 64 {
		left, right := 4*bit(i, 0)+2*bit(i, 2)+bit(i, 4), 4*bit(i, 1)+2*bit(i, 3)+bit(i, 5)
		digit := -2*bit(i, 0) + bit(i, 1) + bit(i, 2)
		row := []int{0, bit(i, 3), bit(i, 4)}[max(digit, -digit)] ^ bit(i, 0)
		for _, c := range []struct {
			name  string
			table uint64
			want  int
		}{
			{"equal", equalTable, OneIf(left == right)}, {"greater", greaterTable, OneIf(left > right)},
			{"row", rowTable, row},
		} {
			if got := int(c.table >> i & 1); got != c.want {
				t.Errorf("%s of inputs %06b is %d, want %d", c.name, i, got, c.want)
			}
		}
	}
}
