package forkstream

import (
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
)

// witness returns the recurrences of fork_stream.v.
func witness(p map[string]int, _ []hwgen.Memory, e block.Ends) block.Unit {
	return &fork{e, p["OUTPUTS"]}
}

// fork stores two beats; a store is free a cycle after the last reader took what it holds.
type fork struct {
	block.Ends
	readers int
}

// Offers implements block.Unit.
func (f *fork) Offers(_, n int) int64 { return f.In(0, n) + 1 }

// Takes implements block.Unit.
func (f *fork) Takes(_, n int, t int64) int64 {
	for i := range f.readers {
		t = max(t, f.Out(i, n-2)+1)
	}
	return t
}
