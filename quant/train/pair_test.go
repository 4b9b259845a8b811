package train

import "testing"

// TestBounds: the halves of any length meet and cover it.
func TestBounds(t *testing.T) {
	for n := range 9 {
		lo, mid := bounds(0, n)
		from, hi := bounds(1, n)
		if lo != 0 || mid != from || hi != n || mid > n {
			t.Errorf("%d elements: halves %d..%d and %d..%d", n, lo, mid, from, hi)
		}
	}
}

// TestPair: both ways of running cover all elements and allocate nothing.
func TestPair(t *testing.T) {
	for _, n := range []int{1, 7, pairMin + 1} {
		v := make([]int, n)
		p := newPair(n, func(half int) {
			lo, hi := bounds(half, n)
			for i := lo; i < hi; i++ {
				v[i]++
			}
		})
		runs := 0
		if a := testing.AllocsPerRun(20, func() { p.run(); runs++ }); a != 0 {
			t.Errorf("%d elements: %v allocations per run, want 0", n, a)
		}
		for i := range v {
			if v[i] != runs {
				t.Fatalf("%d elements: element %d was visited %d times in %d runs", n, i, v[i], runs)
			}
		}
	}
}
