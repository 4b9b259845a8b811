package cost

import (
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
)

// memory holds words of 8 bits.
func memory(words ...byte) hwgen.Memory {
	m := hwgen.Memory{Bits: 8}
	for _, w := range words {
		m.Words = append(m.Words, []byte{w})
	}
	return m
}

// TestROM counts by hand: bits 7 and 6 are equal, 5 is the address, 4 is 1, 3 to 1 are 0,
// bit 0 is bit 7 inverted, which is a column of its own.
func TestROM(t *testing.T) {
	m := memory(0b11010000, 0b00110001, 0b00010001, 0b11110000)
	if got, want := romOf(columnsOf(m, 0, 8)), (rom{Columns: 3, Slices: 2}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := distinct(columnsOf(m, 1, 4)); got != 0 {
		t.Errorf("%d columns vary among constants", got)
	}
}

// TestDeepROM: 65 words are two slices a column; the second repeats the last word, so
// it is constant.
func TestDeepROM(t *testing.T) {
	words := make([]byte, 65)
	words[3] = 1
	r := romOf(columnsOf(memory(words...), 0, 8))
	if want := (rom{Columns: 1, Slices: 1}); r != want {
		t.Errorf("got %+v, want %+v", r, want)
	}
	for n, want := range map[int]int{1: 0, 4: 0, 5: 1, 8: 1, 16: 1, 32: 3} {
		if got := muxes(n); got != want {
			t.Errorf("muxes(%d) = %d, want %d", n, got, want)
		}
	}
}

// TestBlockRAM compares with UG473 (v1.14) table 1-3 to 1-5: an 18-kbit RAM holds 512 x
// 36, 1024 x 18 ... 16384 x 1 bits.
func TestBlockRAM(t *testing.T) {
	for _, c := range []struct{ width, depth, want int }{
		{36, 512, 1}, {37, 512, 2}, {72, 512, 2}, {128, 256, 4}, {18, 1024, 1}, {8, 2048, 1}, {1, 16384, 1}, {1, 16385, 2}, {9, 4096, 2},
	} {
		if got := blockRAM18(c.width, c.depth); got != c.want {
			t.Errorf("%d x %d bits: %d halves, want %d", c.depth, c.width, got, c.want)
		}
	}
}
