package taps_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen/taps"
)

// TestArrange: an order is one of all columns, takes the steps that New takes with it, no fewer than
// Least and no more than as it was; and it is found again.
func TestArrange(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 0))
	better := 0
	for range 40 {
		pe, banks, in := 1+rng.IntN(3), 1+rng.IntN(5), 1+rng.IntN(30)
		w := draw(rng, pe*(1+rng.IntN(8)), in)
		order, steps := taps.Arrange(w, in, pe, banks, 0.2)
		sorted := slices.Sorted(slices.Values(order))
		for i, c := range sorted {
			if c != i || len(sorted) != in {
				t.Fatalf("order %v is none of %d columns", order, in)
			}
		}
		var moved []int32
		for row := range len(w) / in {
			for _, c := range order {
				moved = append(moved, w[row*in+c])
			}
		}
		natural, least := taps.Length(w, in, pe, taps.Interleaved(banks)), taps.Least(w, in, pe, banks)
		if got := len(taps.New(moved, in, pe, taps.Interleaved(banks)).Steps); got != steps {
			t.Fatalf("arranged: %d steps, want %d as Arrange says", got, steps)
		}
		if steps < least || least > natural {
			t.Fatalf("arranged %d, natural %d: fewer than Least's %d", steps, natural, least)
		}
		if steps < natural {
			better++
		}
		if again, _ := taps.Arrange(w, in, pe, banks, 0.2); !slices.Equal(again, order) {
			t.Fatalf("another order: %v, before %v", again, order)
		}
	}
	// Matrices this small are often at their best as they are.
	if better < 15 {
		t.Errorf("arranged %d of 40 better than they were, want 15", better)
	}
}
