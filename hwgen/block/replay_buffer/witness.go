package replaybuffer

import (
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
)

// witness returns the recurrences of replay_buffer.v.
func witness(p map[string]int, _ []hwgen.Memory, e block.Ends) block.Unit {
	return &replay{Ends: e, length: p["LENGTH"], repeats: p["REPEATS"], slots: max(2, p["LENGTH"])}
}

// replay reads each vector of length beats repeats times through an output register.
type replay struct {
	block.Ends
	length, repeats, slots int
	reads                  []int64
}

// read returns the cycle of memory read n: after the one before, with the register free,
// and in a first pass after its beat came.
func (r *replay) read(n int) int64 {
	if n < 0 {
		return block.NotYet
	}
	for k := len(r.reads); k <= n; k++ {
		t := max(r.Out(0, k-1), 0)
		if k > 0 {
			t = max(t, r.reads[k-1]+1)
		}
		if vector := k / (r.length * r.repeats); k%(r.length*r.repeats) < r.length {
			t = max(t, r.In(0, vector*r.length+k%r.length)+1)
		}
		if k == len(r.reads) { // not read meanwhile, on behalf of Out
			r.reads = append(r.reads, t)
		}
	}
	return r.reads[n]
}

// Offers implements block.Unit.
func (r *replay) Offers(_, n int) int64 { return r.read(n) + 1 }

// Takes implements block.Unit: the slot of beat n is that of beat n-slots, free after its last read.
func (r *replay) Takes(_, n int, t int64) int64 {
	before := n - r.slots
	if before < 0 {
		return t
	}
	last := before/r.length*r.length*r.repeats + (r.repeats-1)*r.length + before%r.length
	return max(t, r.read(last)+1)
}
