package quant

import (
	"fmt"
	"slices"
)

// BisectThresholds returns the thresholds of one channel (MATH 6) from chain,
// which maps an accumulator value in [r.Min, r.Max] to the output integer, in
// the range of out. chain must be monotone: t is ascending, and
// Thresholds.Apply on it equals chain for every accumulator in r. inverted
// says that chain falls.
//
// A threshold that no accumulator exceeds is r.Max ("never"), one that all
// exceed is r.Min-1 ("always").
//
// It returns an error if chain leaves out's range or is seen not to be
// monotone: every value is checked where r has at most 4096, otherwise those
// around each step and a fixed sample.
func BisectThresholds(r AccRange, out DataType, chain func(acc int64) int64) (t []int64, inverted bool, err error) {
	if r.Min > r.Max {
		panic(fmt.Sprintf("quant: thresholds over the empty range %d..%d", r.Min, r.Max))
	}
	s := staircase{chain: chain, out: out, r: r}
	first, last := s.eval(r.Min), s.eval(r.Max)
	s.falling = last < first
	s.t = make([]int64, 1<<out.Bits-1)
	s.bottom, s.top = s.height(first), s.height(last)
	for k := range s.t {
		if int64(k) < s.bottom {
			s.t[k] = r.Min - 1
		} else {
			s.t[k] = r.Max
		}
	}
	s.climb(r.Min, s.bottom, r.Max, s.top)
	s.verify()
	if s.err != nil {
		return nil, false, s.err
	}
	return s.t, s.falling, nil
}

// exhaustive is the largest number of accumulator values that are all checked.
const exhaustive = 4096

// staircase is a bisection under way. Heights count steps climbed: they rise
// with the accumulator whether the chain rises or falls.
type staircase struct {
	chain       func(int64) int64
	out         DataType
	r           AccRange
	falling     bool
	bottom, top int64
	t           []int64
	err         error // the first
}

// eval returns chain(acc), and notes where it is out of range.
func (s *staircase) eval(acc int64) int64 {
	y := s.chain(acc)
	if !s.out.Holds(y) {
		if s.err == nil {
			s.err = fmt.Errorf("quant: accumulator %d gives output %d, want %v", acc, y, s.out)
		}
		return s.out.Min()
	}
	return y
}

func (s *staircase) height(y int64) int64 {
	if s.falling {
		return int64(len(s.t)) - s.out.Number(y)
	}
	return s.out.Number(y)
}

// climb sets the thresholds of the steps between lo, at height from, and hi,
// at height to.
func (s *staircase) climb(lo, from, hi, to int64) {
	for from < to && s.err == nil {
		if hi-lo == 1 {
			for k := from; k < to; k++ {
				s.t[k] = lo
			}
			return
		}
		mid := lo + (hi-lo)/2
		h := s.height(s.eval(mid))
		if h < from || h > to {
			s.notMonotone(mid)
			return
		}
		s.climb(lo, from, mid, h)
		lo, from = mid, h
	}
}

// verify compares the thresholds with the chain.
func (s *staircase) verify() {
	lo, hi := s.r.Min, s.r.Max
	if hi-lo < exhaustive {
		for acc := lo; acc <= hi; acc++ {
			s.check(acc)
		}
		return
	}
	for k, t := range s.t {
		if k > 0 && t == s.t[k-1] {
			continue
		}
		for acc := max(lo, t-2); acc <= min(hi, t+3); acc++ {
			s.check(acc)
		}
	}
	const sample = 509 // prime, so that the stride is no multiple of a period
	for i := int64(0); i < sample; i++ {
		s.check(lo + (hi-lo)/sample*i + i)
	}
}

// check compares the thresholds with the chain at acc.
func (s *staircase) check(acc int64) {
	if s.err != nil || acc > s.r.Max {
		return
	}
	// The number of thresholds below acc.
	n, _ := slices.BinarySearch(s.t, acc)
	if s.height(s.eval(acc)) != int64(n) {
		s.notMonotone(acc)
	}
}

func (s *staircase) notMonotone(acc int64) {
	if s.err == nil {
		s.err = fmt.Errorf("quant: output is not monotone in the accumulator: %d at %d, %d at %d, %d at %d",
			s.chain(s.r.Min), s.r.Min, s.chain(acc), acc, s.chain(s.r.Max), s.r.Max)
	}
}
