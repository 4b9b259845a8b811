package pad

import (
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
)

// witness returns the recurrences of pad.v.
func witness(p map[string]int, _ []hwgen.Memory, e block.Ends) block.Unit {
	u := &padded{Ends: e}
	came := 0
	for y := range p["TOP"] + p["H"] + p["BOTTOM"] {
		for x := range p["LEFT"] + p["W"] + p["RIGHT"] {
			inside := y >= p["TOP"] && y < p["TOP"]+p["H"] && x >= p["LEFT"] && x < p["LEFT"]+p["W"]
			for range p["BEATS"] {
				if inside {
					u.at = append(u.at, len(u.needs))
					u.needs = append(u.needs, came)
					came++
					continue
				}
				// Of the border: behind the first beat of the image.
				u.needs = append(u.needs, 0)
			}
		}
	}
	return u
}

// padded gives a beat of the image or the border after the other through two registers.
type padded struct {
	block.Ends
	needs []int   // of each beat that leaves in a frame: the beat of the frame that has come before
	at    []int   // of each beat that comes: the one that it leaves as
	went  []int64 // cycles in which beats entered the registers
}

// enters returns the cycle in which beat n enters the registers.
func (p *padded) enters(n int) int64 {
	for k := len(p.went); k <= n; k++ {
		frame, at := k/len(p.needs), k%len(p.needs)
		t := max(p.In(0, frame*len(p.at)+p.needs[at])+1, p.Out(0, k-2)+1)
		if k > 0 {
			t = max(t, p.went[k-1]+1)
		}
		if k == len(p.went) { // not found meanwhile, on behalf of In or Out
			p.went = append(p.went, t)
		}
	}
	return p.went[n]
}

// Offers implements block.Unit.
func (p *padded) Offers(_, n int) int64 { return p.enters(n) + 1 }

// Takes implements block.Unit: as the beat before it goes on.
func (p *padded) Takes(_, n int, t int64) int64 {
	if n == 0 {
		return t
	}
	before := n - 1
	return max(t, p.enters(before/len(p.at)*len(p.needs)+p.at[before%len(p.at)]))
}
