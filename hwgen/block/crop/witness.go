package crop

import (
	"fmt"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
)

// witness returns the recurrences of crop.v.
func witness(p map[string]int, _ []hwgen.Memory, e block.Ends) block.Unit {
	u := &cropped{Ends: e}
	of := func(name string, k int) int { return p[fmt.Sprintf("%s[%d]", name, k)] }
	passes := func(k, turn int) bool {
		past := turn - of("FIRST", k)
		return past >= 0 && past%of("STEP", k) == 0 && past/of("STEP", k) < of("KEPT", k)
	}
	for y := range of("SIZE", 2) {
		for x := range of("SIZE", 1) {
			for b := range of("SIZE", 0) {
				u.before = append(u.before, len(u.kept))
				if passes(2, y) && passes(1, x) && passes(0, b) {
					u.kept = append(u.kept, len(u.before)-1)
				}
			}
		}
	}
	return u
}

// cropped gives some of the beats of a frame through two registers.
type cropped struct {
	block.Ends
	kept   []int // of a frame: the beats that pass
	before []int // of each beat that comes: how many have passed before it
}

// Offers implements block.Unit.
func (c *cropped) Offers(_, n int) int64 {
	return c.In(0, n/len(c.kept)*len(c.before)+c.kept[n%len(c.kept)]) + 1
}

// Takes implements block.Unit: one that passes with one of the two registers free.
func (c *cropped) Takes(_, n int, t int64) int64 {
	frame, at := n/len(c.before), n%len(c.before)
	k := c.before[at]
	if k == len(c.kept) || c.kept[k] != at {
		return t
	}
	return max(t, c.Out(0, frame*len(c.kept)+k-2)+1)
}
