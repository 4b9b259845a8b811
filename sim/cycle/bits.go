package cycle

// words returns n bits, all 0: bit i is bit i%64 of word i/64.
func words(n int) []uint64 { return make([]uint64, (n+63)/64) }

// get returns bit i, put sets it to v.
func get(w []uint64, i int) uint64 { return w[i>>6] >> (i & 63) & 1 }

func put(w []uint64, i int, v uint64) { putBit(&w[i>>6], i&63, v) }

func putBit(w *uint64, i int, v uint64) { *w = *w&^(1<<i) | v<<i }

// Bit is b as a bit of Outputs.
func Bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
