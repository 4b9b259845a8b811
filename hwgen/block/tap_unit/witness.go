package tapunit

import (
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
)

// witness returns the recurrences of tap_unit.v. A step's way to the end of the pipeline: the
// schedule's registers, lanes, tree, accumulator, and what the search of thresholds.v takes. Which
// steps end rows says the top bit of the schedule's words.
func witness(p map[string]int, memories []hwgen.Memory, e block.Ends) block.Unit {
	u := &unit{Ends: e, p: p, beats: p["MW"] / p["SIMD"], reads: p["READ_STAGES"], steps: p["STEPS"]}
	u.stages = u.reads + 2 + block.Clog2(p["LANES"]) + max(0, 2*p["OUTPUT_BITS"]-1)
	schedule := memories[0]
	for i, word := range schedule.Words {
		if top := schedule.Bits - 1; word[top/8]>>(top%8)&1 != 0 {
			u.ends = append(u.ends, i)
		}
	}
	return u
}

// unit does steps of a whole vector, one per cycle but where a result that has no place halts all.
type unit struct {
	block.Ends
	p                           map[string]int
	beats, reads, steps, stages int
	ends                        []int   // steps of a vector that end rows
	issued                      []int64 // cycles in which each step began
	stands, leaves              []int64 // cycles in which each result comes to the end, and leaves it
}

// running returns the first cycle from t on in which the pipeline moves, as far as results that
// began before step do not halt it.
func (u *unit) running(step int, t int64) int64 {
	for n := max(0, u.results(step)-u.stages-2); n < u.results(step); n++ {
		if stands, leaves := u.result(n); stands <= t && t < leaves {
			t = leaves
		}
	}
	return t
}

// results returns how many rows the steps before step end.
func (u *unit) results(step int) int {
	n := step / u.steps * len(u.ends)
	for _, end := range u.ends {
		if end < step%u.steps {
			n++
		}
	}
	return n
}

// base returns the first element of a window, counted over all images.
func (u *unit) base(window int) int {
	columns, rows := u.p["COLUMNS"], u.p["ROWS"]
	image, y, x := window/columns/rows, window/columns%rows, window%columns
	row := (columns-1)*u.p["RIGHT"] + u.p["DOWN"]
	return image*((rows-1)*row+(columns-1)*u.p["RIGHT"]+u.p["NEXT"]) + y*row + x*u.p["RIGHT"]
}

// lastOf returns the last beat that a vector needs.
func (u *unit) lastOf(vector int) int {
	if u.p["WINDOW"] == 1 {
		return u.base(vector) + u.p["SPAN"] - 1
	}
	return (vector+1)*u.beats - 1
}

// issue returns the cycle in which a step begins: behind the one before, with its vector whole.
func (u *unit) issue(step int) int64 {
	for k := len(u.issued); k <= step; k++ {
		t := u.In(0, u.lastOf(k/u.steps)) + 1
		if k > 0 {
			t = max(t, u.issued[k-1]+1)
		}
		if t = u.running(k, t); k == len(u.issued) { // not found meanwhile, on behalf of In
			u.issued = append(u.issued, t)
		}
	}
	return u.issued[step]
}

// result computes when result n stands at the end and when it leaves it: those before it that
// stood there meanwhile halted it.
func (u *unit) result(n int) (stands, leaves int64) {
	for k := len(u.stands); k <= n; k++ {
		began := u.issue(k/len(u.ends)*u.steps + u.ends[k%len(u.ends)])
		stands := began + int64(u.stages)
		for j := k - 1; j >= 0 && u.stands[j] > began; j-- {
			stands += u.leaves[j] - u.stands[j]
		}
		leaves := max(stands, u.Out(0, k-2)+1)
		if k == len(u.stands) {
			u.stands, u.leaves = append(u.stands, stands), append(u.leaves, leaves)
		}
	}
	return u.stands[n], u.leaves[n]
}

// Offers implements block.Unit.
func (u *unit) Offers(_, n int) int64 {
	_, leaves := u.result(n)
	return leaves + 1
}

// Takes implements block.Unit: a vector's half is free when the one before the last has been read, and
// elements of an image when the window is behind them, which takes reads moves of the pipeline behind its last step.
func (u *unit) Takes(_, n int, t int64) int64 {
	vector := n/u.beats - 2
	if u.p["WINDOW"] == 1 {
		// The first window that leaves fewer elements than all places in use.
		for vector = -1; n-u.base(vector+1) >= u.p["DEPTH"]; {
			vector++
		}
	}
	if vector < 0 {
		return t
	}
	last := (vector+1)*u.steps - 1
	freed := u.issue(last)
	for range u.reads {
		freed = u.running(last+1, freed+1)
	}
	return max(t, freed+1)
}
