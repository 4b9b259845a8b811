package fabric

import "encoding/binary"

// A slice is sliceWords words of one bit of a memory, the truth table of a function of
// sliceInputs inputs: a LUT6, or several smaller LUTs.
const (
	sliceInputs = 6
	sliceWords  = 1 << sliceInputs
)

// Column is one bit of a memory over all its words: word i at bit i%64 of slice
// i/64. A memory of fewer words repeats; see mirrored for words that no address has.
//
// Slice k is the table of words 64k to 64k+63 of the bit, the INIT of a LUT6. Of a memory of 2^b
// words, b < 6, the contents repeat every 2^b bits: its LUT ignores the address bits above, so
// columns of memories of different depths can compare as equal.
type Column []uint64

// ColumnsOf returns bits from..from+count-1 of m, one column each.
//
// Words are packed as hwgen.Memory has them, bit b in byte b/8 at b%8. Column k of the result
// is bit from+k: weights of PE pe, lane s begin at bit (pe*SIMD+s)*M.
func ColumnsOf(words [][]byte, from, count int) []Column {
	slices := (len(words) + sliceWords - 1) / sliceWords
	all := make([]uint64, slices*count)
	columns := make([]Column, count)
	for k := range columns {
		columns[k] = all[k*slices : (k+1)*slices]
	}
	for i := range slices * sliceWords {
		word := words[mirrored(i%(1<<AddressWidth(len(words))), len(words))]
		for k := range columns {
			bit := word[(from+k)/8] >> ((from + k) % 8) & 1
			columns[k][i/sliceWords] |= uint64(bit) << (i % sliceWords)
		}
	}
	return columns
}

// mirrored returns the word that synthesis puts where a memory of words words has none: it
// halves the memory by the top bit of the address, and a half that is not there is as the
// other one.
//
// The missing words are never read, so Yosys may put anything there, and opt's simplification
// of a multiplexer with one undefined side is to take the other side. What stands there decides
// which columns are constant or equal: zeros would give another count.
func mirrored(address, words int) int {
	if address < words {
		return address
	}
	for top := AddressWidth(words) - 1; top >= 0; top-- {
		// Nothing is stored from here on with this bit and those above it as they are.
		if from := address >> top << top; address>>top&1 == 1 && from >= words {
			return mirrored(address-1<<top, words)
		}
	}
	return words - 1
}

// Constant says whether the column has the same bit in every word, and which.
// A mixed column gives no bit: false, false.
func (c Column) Constant() (bit, is bool) {
	for _, s := range c {
		if s != c[0] {
			return false, false
		}
	}
	return c[0] != 0, c[0] == 0 || c[0] == ^uint64(0)
}

// addressBit says whether the column of up to 64 words is a bit of the address, or the
// inverse of one, and which.
//
// Such a column needs no LUT, only its register: alternating weights of two words give it, as
// do thresholds of two folds. Beyond 64 words it is not looked for.
func (c Column) addressBit() (bit int, inverse, is bool) {
	for i, a := range addressBits {
		if len(c) == 1 && (c[0] == a || c[0] == ^a) {
			return i, c[0] != a, true
		}
	}
	return 0, false, false
}

// key returns the contents as a map key, eight bytes per slice.
func (c Column) key() string {
	b := make([]byte, 0, 8*len(c))
	for _, s := range c {
		b = binary.LittleEndian.AppendUint64(b, s)
	}
	return string(b)
}

// addressBits are the slices that equal an address bit.
//
// Bit w of addressBits[i] is bit i of w, for w < 64: the truth table of input i of a LUT6, from
// which all other tables are composed.
var addressBits = [6]uint64{0xaaaaaaaaaaaaaaaa, 0xcccccccccccccccc, 0xf0f0f0f0f0f0f0f0,
	0xff00ff00ff00ff00, 0xffff0000ffff0000, 0xffffffff00000000}

// trivialSlice says whether a slice is no LUT: constant, or a wire of the address. Slices with
// word 0 set are inverted before (an inverse is free), so inverted address bits need no case.
func trivialSlice(s uint64) bool {
	if s == 0 || s == ^uint64(0) {
		return true
	}
	for _, a := range addressBits {
		if s == a {
			return true
		}
	}
	return false
}
