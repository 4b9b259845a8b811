package quant

import (
	"fmt"
	"math"
)

// Project writes to q the integers of a, of at most +-clip, that are nearest
// to u, in the metric of the importances h: it minimises sum h_i*(u_i-q_i)^2.
// With u the weights over their scale and h the diagonal of the layer's
// Hessian, sum of x_i^2 over calibration inputs, it is a rounding rule for
// post-training use. A nil h is all ones. u, h and q have one length.
//
// Exact, by taking back units from the rounded weights, the cheapest first:
// lowering |q_i| from n costs h_i*(2(|u_i|-n)+1), which rises as n falls, so
// that the units of a weight are taken in order and no choice of as many units
// costs less (separable convex; derived), first those of each bank, then those of
// the row. Takes O(log len) a unit. Panics if an h is negative or anything NaN.
func (a Allowance) Project(u, h []float64, clip int32, q []int32) {
	if len(q) != len(u) || h != nil && len(h) != len(u) || clip < 0 {
		panic(fmt.Sprintf("quant: projection of %d weights with %d importances on %d integers up to %d",
			len(u), len(h), len(q), clip))
	}
	for i, x := range u {
		if math.IsNaN(x) || h != nil && !(h[i] >= 0) {
			panic(fmt.Sprintf("quant: projection of weight %d, %v", i, x))
		}
		// Half a unit is not worth taking.
		n := math.Min(math.Ceil(math.Abs(x)-0.5), float64(clip))
		q[i] = int32(math.Copysign(max(n, 0), x))
	}
	if !a.Shared {
		takeBack(u, h, q, a.Units, func(i int) bool { return q[i] > 0 })
		takeBack(u, h, q, a.Units, func(i int) bool { return q[i] < 0 })
		return
	}
	// What a bank has to give back goes whatever the rest of the row has.
	for b := range a.Lanes {
		takeBack(u, h, q, a.Cap, func(i int) bool { return i%a.Lanes == b })
	}
	takeBack(u, h, q, a.Units, func(int) bool { return true })
}

// takeBack takes units of the weights that are in until they have at most so many.
func takeBack(u, h []float64, q []int32, units int64, in func(i int) bool) {
	total := int64(0)
	var heap costHeap
	cost := func(i int) float64 {
		c := 2*(math.Abs(u[i])-math.Abs(float64(q[i]))) + 1
		if h != nil && h[i] != 1 {
			c *= h[i]
		}
		return c
	}
	for i, n := range q {
		if n != 0 && in(i) {
			total += int64(max(n, -n))
			heap = append(heap, unitCost{cost(i), i})
		}
	}
	for i := len(heap)/2 - 1; i >= 0; i-- {
		heap.sink(i)
	}
	for ; total > units; total-- {
		i := heap[0].index
		if q[i] > 0 {
			q[i]--
		} else {
			q[i]++
		}
		if q[i] != 0 {
			heap[0].cost = cost(i)
		} else {
			heap[0] = heap[len(heap)-1]
			heap = heap[:len(heap)-1]
		}
		heap.sink(0)
	}
}

// unitCost is what it costs to take a unit from a weight.
type unitCost struct {
	cost  float64
	index int
}

// costHeap has the least cost on top.
type costHeap []unitCost

// sink moves element i down to its place.
func (h costHeap) sink(i int) {
	for {
		least := i
		for c := 2*i + 1; c <= 2*i+2 && c < len(h); c++ {
			if h[c].cost < h[least].cost {
				least = c
			}
		}
		if least == i {
			return
		}
		h[i], h[least] = h[least], h[i]
		i = least
	}
}
