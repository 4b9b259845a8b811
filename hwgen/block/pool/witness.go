package pool

import (
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
)

// witness returns the recurrences of pool.v.
func witness(p map[string]int, _ []hwgen.Memory, e block.Ends) block.Unit {
	return &pool{e, p["TAPS"], p["FOLDS"]}
}

// pool gives a beat for every beat of a last position, through two registers.
type pool struct {
	block.Ends
	taps, folds int
}

// Offers implements block.Unit.
func (p *pool) Offers(_, n int) int64 { return p.In(0, p.source(n)) + 1 }

// source is the beat that completes result n.
func (p *pool) source(n int) int { return (n/p.folds*p.taps+p.taps-1)*p.folds + n%p.folds }

// Takes implements block.Unit: a beat that gives a result waits for the result but one before it.
func (p *pool) Takes(_, n int, t int64) int64 {
	window, at := n/(p.taps*p.folds), n%(p.taps*p.folds)
	if at < (p.taps-1)*p.folds {
		return t
	}
	return max(t, p.Out(0, window*p.folds+at-(p.taps-1)*p.folds-2)+1)
}
