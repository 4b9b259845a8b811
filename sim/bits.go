package sim

import "math/bits"

// bitSet is a set of small numbers: bit i%64 of word i/64 says that i is in it.
type bitSet []uint64

// newBitSet returns an empty set for the numbers below n.
func newBitSet(n int) bitSet { return make(bitSet, (n+63)/64) }

func (b bitSet) has(i int) bool { return b[i>>6]>>(i&63)&1 != 0 }

func (b bitSet) set(i int, on bool) {
	w := &b[i>>6]
	// Without a branch: this runs for every stream in every cycle.
	*w = *w&^(1<<(i&63)) | bit(on)<<(i&63)
}

// each calls do for every number of word w of a set.
func each(w int, word uint64, do func(i int)) {
	for ; word != 0; word &= word - 1 {
		do(w<<6 + bits.TrailingZeros64(word))
	}
}

// wordOf returns word w of a set that is packed in little-endian bytes.
func wordOf(b []byte, w int) uint64 {
	var v uint64
	for i, x := range b[8*w : min(8*w+8, len(b))] {
		v |= uint64(x) << (8 * i)
	}
	return v
}

// bit is 1 for true: conditions become numbers, to be counted and put into words.
func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
