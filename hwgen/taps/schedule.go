// Package taps plans in which order a unit does the taps of its rows: a tap is one unit of a
// weight, +1 or -1, at its column. A budget of the l1 norm bounds the taps of a row, whatever
// its length; a unit that does no others works as long as there are taps.
//
// A schedule says nothing of where the vector lies but that each lane reads a memory of its own
// (a bank), one element per step: a buffer of a vector and the lines of an image alike.
package taps

import "fmt"

// Tap is an element that a lane reads in a step, and its sign. The zero value is no tap.
type Tap struct {
	// Used says that there is one.
	Used bool
	// Slot is its place in the lane's bank.
	Slot int
	// Minus says that the element is subtracted.
	Minus bool
}

// Step is what all lanes do in a cycle.
type Step struct {
	// Taps are those of the lanes of PE 0, of PE 1 and so on.
	Taps []Tap
	// Last says that the step ends a row in every PE.
	Last bool
}

// Schedule is the steps of a vector. In each, PE rows take up to Lanes taps each.
type Schedule struct {
	PE, Lanes int
	Steps     []Step
}

// Banks says where the columns of a matrix lie.
type Banks interface {
	// Of returns the bank of a column, that is the lane that reads it, and its slot in there.
	Of(column int) (bank, slot int)
	// Count returns how many banks there are.
	Count() int
	// Copies says that every bank holds all columns, so that a tap may be any lane's: the bank that
	// Of returns is then of no account.
	Copies() bool
}

// Interleaved are so many banks among which columns take turns: column c lies in bank c mod n,
// slot c div n.
type Interleaved int

// Of implements Banks.
func (n Interleaved) Of(column int) (bank, slot int) { return column % int(n), column / int(n) }

// Count implements Banks.
func (n Interleaved) Count() int { return int(n) }

// Copies implements Banks.
func (n Interleaved) Copies() bool { return false }

// Copied are so many banks that hold all columns, each in the slot that Slot says.
type Copied struct {
	Banks int
	Slot  func(column int) int
}

// Of implements Banks.
func (c Copied) Of(column int) (bank, slot int) { return 0, c.Slot(column) }

// Count implements Banks.
func (c Copied) Count() int { return c.Banks }

// Copies implements Banks.
func (c Copied) Copies() bool { return true }

// New returns the schedule of a matrix of weights, rows of in columns each, with pe rows at once
// in their order. A weight of k is k taps.
//
// A bank gives one element per step, so rows take as many steps as the bank that most of their
// taps lie in has taps, of all PEs the slowest; a row without taps takes one.
func New(weights []int32, in, pe int, banks Banks) *Schedule {
	s := &Schedule{PE: pe, Lanes: banks.Count()}
	queues := make([][]Tap, pe*s.Lanes) // of the lanes: their taps, first to last
	for first := 0; first < len(weights); first += pe * in {
		for i := range queues {
			queues[i] = queues[i][:0]
		}
		for p := range pe {
			row := weights[first+p*in : first+(p+1)*in]
			queue(row, banks, queues[p*s.Lanes:(p+1)*s.Lanes])
		}
		s.Steps = append(s.Steps, steps(queues)...)
	}
	return s
}

// queue appends the taps of a row to the queues of its lanes.
func queue(row []int32, banks Banks, queues [][]Tap) {
	dealt := 0
	for column, w := range row {
		if w == 0 {
			continue
		}
		bank, slot := banks.Of(column)
		for range abs(w) {
			// Copies take turns: no lane has two taps more than another.
			if banks.Copies() {
				bank = dealt % banks.Count()
			}
			queues[bank] = append(queues[bank], Tap{true, slot, w < 0})
			dealt++
		}
	}
}

// steps takes a tap of every queue at a time.
func steps(queues [][]Tap) []Step {
	count := 1
	for _, q := range queues {
		count = max(count, len(q))
	}
	all := make([]Step, count)
	for i := range all {
		all[i].Taps = make([]Tap, len(queues))
		for lane, q := range queues {
			if i < len(q) {
				all[i].Taps[lane] = q[i]
			}
		}
	}
	all[count-1].Last = true
	return all
}

// Count returns how many taps weights are: the sum of their magnitudes.
func Count(weights []int32) int {
	n := 0
	for _, w := range weights {
		n += abs(w)
	}
	return n
}

// Length returns how many steps New takes, without making them.
func Length(weights []int32, in, pe int, banks Banks) int {
	if banks.Copies() {
		return Least(weights, in, pe, banks.Count())
	}
	load, total := make([]int, pe*banks.Count()), 0
	for first := 0; first < len(weights); first += pe * in {
		clear(load)
		longest := 1
		for i, w := range weights[first : first+pe*in] {
			if w == 0 {
				continue
			}
			bank, _ := banks.Of(i % in)
			lane := i/in*banks.Count() + bank
			load[lane] += abs(w)
			longest = max(longest, load[lane])
		}
		total += longest
	}
	return total
}

// Least returns how many steps there are at least, whatever the order of the columns and however
// much their taps are spread: as many as the fullest row of each group takes in even banks.
func Least(weights []int32, in, pe, banks int) int {
	total := 0
	for first := 0; first < len(weights); first += pe * in {
		most := 1
		for row := range pe {
			most = max(most, (Count(weights[first+row*in:first+(row+1)*in])+banks-1)/banks)
		}
		total += most
	}
	return total
}

// Pad appends steps without taps to at least count. They stand before the end of the last rows,
// as every row ends with a step.
func (s *Schedule) Pad(count int) {
	for len(s.Steps) < count {
		last := len(s.Steps) - 1
		// The step that was the last moves back: the new one ends the rows instead.
		s.Steps[last].Last = false
		s.Steps = append(s.Steps, Step{Taps: make([]Tap, s.PE*s.Lanes), Last: true})
	}
}

// Ends returns which steps end rows.
func (s *Schedule) Ends() []bool {
	ends := make([]bool, len(s.Steps))
	for i, step := range s.Steps {
		ends[i] = step.Last
	}
	return ends
}

// Used returns how many taps the schedule does, of Steps*PE*Lanes that it could.
func (s *Schedule) Used() int {
	n := 0
	for _, step := range s.Steps {
		for _, t := range step.Taps {
			if t.Used {
				n++
			}
		}
	}
	return n
}

// String says how well the lanes are used.
func (s *Schedule) String() string {
	return fmt.Sprintf("%d taps in %d steps of %d lanes", s.Used(), len(s.Steps), s.PE*s.Lanes)
}

func abs(w int32) int { return int(max(w, -w)) }
