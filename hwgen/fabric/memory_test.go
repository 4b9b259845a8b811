package fabric_test

import (
	"testing"

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/hwgen/fabric"
)

// family returns what a file of boards/families says.
func family(t *testing.T, name boards.Family) *fabric.Family {
	t.Helper()
	f, err := name.Fabric()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestBlockRAM compares with UG473 (v1.14) table 1-3 to 1-5: an 18-kbit RAM holds 512 x
// 36, 1024 x 18 ... 16384 x 1 bits; and with Lattice FPGA-DS-02012, table of EBR: the same.
func TestBlockRAM(t *testing.T) {
	for _, c := range []struct{ width, depth, want int }{
		{36, 512, 1}, {37, 512, 2}, {72, 512, 2}, {128, 256, 4}, {18, 1024, 1}, {8, 2048, 1}, {1, 16384, 1}, {1,
			16385, 2}, {9, 4096, 2},
	} {
		for _, name := range []boards.Family{boards.XC7, boards.ECP5} {
			if got := family(t, name).BlockRAMs(c.width, c.depth); got != c.want {
				t.Errorf("%s: %d x %d bits: %d blocks of 18 kbit, want %d", name, c.depth, c.width, got, c.want)
			}
		}
	}
}

// TestLUTRAM counts by hand: RAM32M holds 6 bits of 32 words, RAM64M 3 bits of 64, in 4 LUTs,
// RAM..X1D one bit in 2; a RAM of 100 words is two pieces of 64, which a LUT6 per bit joins. A
// TRELLIS_DPR16X4 is 6 LUTs; 100 words are 7 pieces, which 6 LUT4 per bit join.
func TestLUTRAM(t *testing.T) {
	for _, c := range []struct {
		name                   boards.Family
		width, depth, ram, mux float64
	}{
		{boards.XC7, 6, 32, 4, 0}, {boards.XC7, 7, 32, 6, 0}, {boards.XC7, 8, 33, 12, 0}, {boards.XC7, 7, 64, 10, 0},
		{boards.XC7, 3, 100, 8, 3}, {boards.ECP5, 8, 16, 12, 0},
		{boards.ECP5, 9, 16, 18, 0}, {boards.ECP5, 8, 17, 24, 8},
		{boards.ECP5, 4, 100, 42, 24},
	} {
		terms := family(t, c.name).RAMTerms(int(c.width), int(c.depth))
		if terms[0].Value != c.ram || terms[1].Value != c.mux {
			t.Errorf("%+v: %v LUTs of RAM, %v above", c, terms[0].Value, terms[1].Value)
		}
	}
}
