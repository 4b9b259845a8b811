package linebuffer

import (
	"fmt"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
)

// witness returns the recurrences of line_buffer.v.
func witness(p map[string]int, _ []hwgen.Memory, e block.Ends) block.Unit {
	return &lines{Ends: e, places: p["DEPTH"], at: p["START"], free: p["START"], p: p, levels: p["LEVELS"],
		turns: make([]int, p["LEVELS"])}
}

// lines reads a place of the endless input stream after the other, through an output register.
type lines struct {
	block.Ends
	p              map[string]int
	places, levels int
	turns          []int
	at, free       int     // the next read's place, and the beats that are free before it
	reads          []int64 // cycles of the reads
	needs          []int   // the beat that each waits for, -1 for none
	freed          []int   // beats free behind each
}

// of returns number k of an array of parameters.
func (l *lines) of(name string, k int) int { return l.p[fmt.Sprintf("%s[%d]", name, k)] }

// outside says that copy c of the next read is of the border.
func (l *lines) outside(c int) bool {
	row, column := l.of("BELOW", c)-l.p["TOP"], l.of("BESIDE", c)-l.p["LEFT"]
	for k, turn := range l.turns {
		row, column = row+turn*l.of("DOWN", k), column+turn*l.of("RIGHT", k)
	}
	return l.p["BORDER"] == 1 && (row < 0 || row >= l.p["H"] || column < 0 || column >= l.p["W"])
}

// needed returns the last beat that a copy of the next read is of, -1 where all are of the border.
func (l *lines) needed() int {
	need := -1
	for c := range max(1, l.p["READS"]) {
		if !l.outside(c) {
			need = max(need, l.at+l.of("OFFSETS", c))
		}
	}
	return need
}

// follow finds what reads up to n need and free.
func (l *lines) follow(n int) {
	for len(l.needs) <= n {
		need := l.needed()
		if l.p["BORDER"] == 1 && first(l.turns) {
			// The border does not run ahead of the frame: so many beats behind it are there.
			need = max(need, l.at+l.p["BEGUN"])
		}
		k := 0
		for k < l.levels && l.turns[k] == l.of("COUNTS", k)-1 {
			l.turns[k] = 0
			k++
		}
		if k < l.levels {
			l.turns[k]++
		}
		l.at, l.free = l.at+l.of("JUMPS", k), l.free+l.of("FREES", k)
		l.needs, l.freed = append(l.needs, need), append(l.freed, l.free)
	}
}

// first says that no loop has taken a step.
func first(turns []int) bool {
	for _, t := range turns {
		if t != 0 {
			return false
		}
	}
	return true
}

// read returns the cycle of read n: after the one before, with the register free and its beat there.
func (l *lines) read(n int) int64 {
	l.follow(n)
	for k := len(l.reads); k <= n; k++ {
		t := max(l.Out(0, k-1), 0)
		if k > 0 {
			t = max(t, l.reads[k-1]+1)
		}
		if l.needs[k] >= 0 {
			t = max(t, l.In(0, l.needs[k])+1)
		}
		if k == len(l.reads) { // not read meanwhile, on behalf of Out
			l.reads = append(l.reads, t)
		}
	}
	return l.reads[n]
}

// Offers implements block.Unit.
func (l *lines) Offers(_, n int) int64 { return l.read(n) + 1 }

// Takes implements block.Unit: beat n finds a place behind the first read that leaves fewer than all
// in use.
func (l *lines) Takes(_, n int, t int64) int64 {
	if n-l.p["START"] < l.places {
		return t
	}
	k := 0
	for l.follow(k); n-l.freed[k] >= l.places; l.follow(k) {
		k++
	}
	return max(t, l.read(k)+1)
}
