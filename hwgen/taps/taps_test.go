package taps_test

import (
	"math/rand/v2"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen/taps"
)

// run does what a unit does with a schedule: x is the vector, and the sums of the rows come in
// their order. Signs are read as the tree of adders reads them.
func run(s *taps.Schedule, x []int64) []int64 {
	var sums []int64
	acc := make([]int64, s.PE)
	for _, step := range s.Steps {
		for pe := range s.PE {
			lanes := step.Taps[pe*s.Lanes : (pe+1)*s.Lanes]
			values := make([]int64, s.Lanes)
			for l, t := range lanes {
				if t.Used {
					values[l] = x[t.Slot*s.Lanes+l] // Interleaved
				}
			}
			acc[pe] += tree(values, taps.Signs(lanes))
		}
		if step.Last {
			sums = append(sums, acc...)
			clear(acc)
		}
	}
	return sums
}

// tree adds up level by level.
func tree(values []int64, signs []bool) int64 {
	for len(values) > 1 {
		var above []int64
		for i := 0; i+1 < len(values); i += 2 {
			if signs[0] {
				above = append(above, values[i]-values[i+1])
			} else {
				above = append(above, values[i]+values[i+1])
			}
			signs = signs[1:]
		}
		if len(values)%2 == 1 {
			above = append(above, values[len(values)-1])
		}
		values = above
	}
	if signs[0] {
		return -values[0]
	}
	return values[0]
}

// draw returns a sparse matrix.
func draw(rng *rand.Rand, rows, in int) []int32 {
	w := make([]int32, rows*in)
	for i := range w {
		if rng.IntN(3) == 0 {
			w[i] = int32(rng.IntN(7) - 3)
		}
	}
	return w
}

// TestSchedule holds schedules of random matrices to the product by its definition, and Length to
// them.
func TestSchedule(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		pe, in := 1+rng.IntN(3), 1+rng.IntN(20)
		rows := pe * (1 + rng.IntN(5))
		banks := taps.Interleaved(1 + rng.IntN(9))
		w := draw(rng, rows, in)
		s := taps.New(w, in, pe, banks)
		if got := taps.Length(w, in, pe, banks); got != len(s.Steps) {
			t.Fatalf("seed %d: %d steps, Length says %d", seed, len(s.Steps), got)
		}
		if rng.IntN(2) == 0 {
			s.Pad(len(s.Steps) + rng.IntN(3))
		}
		x := make([]int64, (in+int(banks)-1)/int(banks)*int(banks))
		for i := range x {
			x[i] = rng.Int64N(31) - 15
		}
		got := run(s, x)
		for r := range rows {
			want := int64(0)
			for c := range in {
				want += int64(w[r*in+c]) * x[c]
			}
			if len(got) != rows || got[r] != want {
				t.Fatalf("seed %d: %d rows, row %d is %v, want %d rows and %d", seed, len(got), r, got, rows, want)
			}
		}
	}
}

// TestLoads counts by hand: two banks, columns 0, 2 in the one, 1, 3 in the other.
func TestLoads(t *testing.T) {
	for _, c := range []struct {
		row  []int32
		want int
	}{
		{[]int32{0, 0, 0, 0}, 1},   // a row without taps still ends
		{[]int32{1, 1, 0, 0}, 1},   // one of each bank
		{[]int32{1, 0, -1, 0}, 2},  // both of bank 0
		{[]int32{1, -3, 1, 0}, 3},  // a weight of 3 is three taps of bank 1
		{[]int32{2, 1, -1, -1}, 3}, // 3 of bank 0, 2 of bank 1
	} {
		s := taps.New(c.row, 4, 1, taps.Interleaved(2))
		if len(s.Steps) != c.want {
			t.Errorf("%v takes %d steps, want %d", c.row, len(s.Steps), c.want)
		}
	}
}
