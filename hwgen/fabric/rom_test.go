package fabric

import (
	"testing"
)

// memory holds words of 8 bits.
func memory(words ...byte) [][]byte {
	var m [][]byte
	for _, w := range words {
		m = append(m, []byte{w})
	}
	return m
}

// TestROM counts by hand: bits 7 and 6 are equal, 5 is the address, 4 is 1, 3 to 1 are 0,
// bit 0 is bit 7 inverted, so their LUT is one, but each has a register.
func TestROM(t *testing.T) {
	n := NewNetlist(lut6)
	address := n.Word(2)
	word := n.ROM(ColumnsOf(memory(0b11010000, 0b00110001, 0b00010001, 0b11110000), 0, 8), address)
	if word[7] != word[6] || word[5] != address[0] || word[4] != Yes || word[3] != No ||
		word[0] == word[7] || word[0].Constant() {
		t.Errorf("word is %v at address %v", word, address)
	}
	n.Use(n.RegisterAll(word)...)
	if ff, _ := n.RegistersLeft(); ff != 3 || len(n.slices) != 1 {
		t.Errorf("%d registers, %d LUTs, want 3 and 1", ff, len(n.slices))
	}
}

// TestHalfConstant: the upper half of the words is 0, so the top bit of the address resets
// the register (a LUT with the enable), and the lower half is left, a LUT of two bits.
func TestHalfConstant(t *testing.T) {
	n := NewNetlist(lut6)
	n.ROM(ColumnsOf(memory(0, 1, 1, 0, 0, 0, 0, 0), 0, 1), n.Word(3))
	if n.resets != 1 || len(n.slices) != 1 {
		t.Errorf("%d resets, %d LUTs, want 1 and 1", n.resets, len(n.slices))
	}
}

// TestMirrored: of 24 words, 24 to 31 are as 16 to 23, which have the half to themselves; of
// 5, all above 4 are as that one.
func TestMirrored(t *testing.T) {
	for _, c := range []struct{ address, words, want int }{
		{7, 8, 7}, {24, 24, 16}, {31, 24, 23}, {5, 5, 4}, {6, 5, 4}, {7, 5, 4}, {7, 6, 5}, {6, 6, 4}, {7, 7, 6},
		{3, 3, 2},
	} {
		if got := mirrored(c.address, c.words); got != c.want {
			t.Errorf("address %d of %d words is as %d, want %d", c.address, c.words, got, c.want)
		}
	}
}
