package fifo

import (
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
)

// witness returns the recurrences of fifo.v.
func witness(p map[string]int, _ []hwgen.Memory, e block.Ends) block.Unit {
	return &queue{e, p["DEPTH"]}
}

// queue is a FIFO: its beats are seen a cycle later, a slot is free a cycle after its beat left.
type queue struct {
	block.Ends
	depth int
}

// Offers implements block.Unit.
func (q *queue) Offers(_, n int) int64 { return q.In(0, n) + 1 }

// Takes implements block.Unit.
func (q *queue) Takes(_, n int, t int64) int64 { return max(t, q.Out(0, n-q.depth)+1) }
