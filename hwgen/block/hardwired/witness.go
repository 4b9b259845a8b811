package hardwired

import (
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
)

// witness returns the recurrences of hardwired.v.tmpl.
func witness(p map[string]int, _ []hwgen.Memory, e block.Ends) block.Unit {
	return &unit{e, int64(p["STAGES"]), p["DEPTH"]}
}

// unit is a pipeline that never halts, and ends in a queue.
type unit struct {
	block.Ends
	stages int64
	depth  int
}

// Offers implements block.Unit: a beat passes the stages, and shows a cycle after it was queued.
func (u *unit) Offers(_, n int) int64 { return u.In(0, n) + u.stages + 1 }

// Takes implements block.Unit: a place is free a cycle after its beat left.
func (u *unit) Takes(_, n int, t int64) int64 { return max(t, u.Out(0, n-u.depth)+1) }
