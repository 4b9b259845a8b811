package concat

import (
	"fmt"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
)

// witness returns the recurrences of concat.v.
func witness(p map[string]int, _ []hwgen.Memory, e block.Ends) block.Unit {
	c := &joined{Ends: e}
	for k := range p["OPERANDS"] {
		for b := range p[fmt.Sprintf("BEATS[%d]", k)] {
			c.order = append(c.order, source{k, b})
		}
		c.beats = append(c.beats, p[fmt.Sprintf("BEATS[%d]", k)])
	}
	return c
}

// joined gives the beats of its operands in a fixed order through two registers.
type joined struct {
	block.Ends
	order []source // of a position
	beats []int    // of each operand
}

// source is a beat of an operand's position.
type source struct{ operand, beat int }

// Offers implements block.Unit.
func (j *joined) Offers(_, n int) int64 {
	s := j.order[n%len(j.order)]
	return j.In(s.operand, n/len(j.order)*j.beats[s.operand]+s.beat) + 1
}

// Takes implements block.Unit: in its turn, behind the beat before it, and with one of the two registers
// free.
func (j *joined) Takes(port, n int, t int64) int64 {
	at := n / j.beats[port] * len(j.order)
	for i, s := range j.order {
		if s == (source{port, n % j.beats[port]}) {
			at += i
		}
	}
	if at > 0 {
		before := j.order[(at-1)%len(j.order)]
		t = max(t, j.In(before.operand, (at-1)/len(j.order)*j.beats[before.operand]+before.beat)+1)
	}
	return max(t, j.Out(0, at-2)+1)
}
