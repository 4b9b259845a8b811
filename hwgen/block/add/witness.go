package add

import (
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
)

// witness returns the recurrences of add.v: behind the held operands come products by the factors,
// tree, and the search of thresholds.v.
func witness(p map[string]int, _ []hwgen.Memory, e block.Ends) block.Unit {
	stages := block.Half(p["FACTOR_BITS"]) + block.Clog2(p["OPERANDS"]) + max(0, 2*p["OUTPUT_BITS"]-1)
	s := &sum{Ends: e, operands: p["OPERANDS"]}
	// The line begins where the held operands leave: it asks goes, and goes asks it for room.
	s.line = block.Line{Ends: block.Ends{In: s.goes, Out: e.Out}, Stages: stages, Period: 1}
	return s
}

// sum holds an operand until all are there, and the pipeline behind them moves.
type sum struct {
	block.Ends
	operands int
	line     block.Line
	went     []int64 // cycles in which the operands entered the pipeline
}

// goes returns the cycle in which operands n leave their registers.
func (s *sum) goes(_, n int) int64 {
	if n < 0 {
		return block.NotYet
	}
	for k := len(s.went); k <= n; k++ {
		t := s.goes(0, k-1) + 1
		for i := range s.operands {
			t = max(t, s.In(i, k)+1)
		}
		t = s.line.Takes(0, k, t)
		if k == len(s.went) { // not found meanwhile, on behalf of line
			s.went = append(s.went, t)
		}
	}
	return s.went[n]
}

// Offers implements block.Unit.
func (s *sum) Offers(_, n int) int64 { return s.line.Offers(0, n) }

// Takes implements block.Unit: a register is free in the cycle in which it is emptied.
func (s *sum) Takes(_, n int, t int64) int64 { return max(t, s.goes(0, n-1)) }
