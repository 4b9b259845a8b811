package qonnx

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// A view that is transposed and reshaped at random lists its elements as the
// same moves of an array do.
func TestViewsMoveAsArraysDo(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	for range 500 {
		shape := []int{1 + r.IntN(3), 2 * (1 + r.IntN(3)), 1 + r.IntN(4), 4}
		size := product(shape)
		v, _ := view{whole(channels, size)}.reshaped(shape)
		a := newArray(shape...)
		for i := range a.data {
			a.data[i] = float64(i)
		}
		for range 6 {
			if r.IntN(2) == 0 {
				perm := r.Perm(len(v))
				v, a = v.transposed(perm), transposeArray(a, perm)
				continue
			}
			to := slices.Clone(v.shape())
			if k := r.IntN(len(to) - 1); r.IntN(2) == 0 {
				to = slices.Concat(to[:k], []int{to[k] * to[k+1]}, to[k+2:], []int{1})
			} else if to[k]%2 == 0 {
				to = slices.Concat(to[:k], []int{2, to[k] / 2}, to[k+1:])
			}
			if moved, ok := v.reshaped(to); ok {
				v, a = moved, &array{to, a.data}
			}
		}
		var got []float64
		v.each(func(at [4]int) { got = append(got, float64(at[channels])) })
		if !slices.Equal(v.shape(), a.shape) || !slices.Equal(got, a.data) {
			t.Fatalf("shape %v, elements %v, want %v, %v", v.shape(), got, a.shape, a.data)
		}
	}
}

// Digits that cannot be taken apart are refused.
func TestViewThatTears(t *testing.T) {
	v := view{whole(channels, 3), whole(vertical, 4)}
	if got, ok := v.reshaped([]int{2, 6}); ok {
		t.Errorf("reshaped to %v", got)
	}
	if got, ok := v.reshaped([]int{6, 2}); !ok || !slices.Equal(got.shape(), []int{6, 2}) {
		t.Errorf("reshaped to %v, %v", got, ok)
	}
}
