package ptq

import (
	"math"
	"sync"
)

// gaussianStep returns the step d of 2^bits levels (k + 1/2) d, half of them below 0, that has the least mean squared
// error for a Gaussian of deviation 1: 1.596 for one bit, 0.335 for four, as the table of arXiv 2012.11230 has it. A
// level q is then the mean of its interval on average, E[x q] = E[q^2] (Max 1960), which with the density f and the
// upper tail Q is, for the 2^(bits-1) levels of either sign,
//
//	f(0)/2 + sum_k f(k d) = d (1/8 + sum_k 2k Q(k d)),  k = 1..2^(bits-1)-1
//
// The left side is above where d is too small, below where it is too large: it is found by halving.
func gaussianStep(bits int) float64 { return gaussianSteps[bits]() }

// gaussianSteps are those of up to 16 bits, which has 2^15 terms, once they are asked for.
var gaussianSteps = func() (steps [17]func() float64) {
	for bits := range steps {
		steps[bits] = sync.OnceValue(func() float64 { return halvedStep(bits) })
	}
	return steps
}()

// halvedStep finds gaussianStep.
func halvedStep(bits int) float64 {
	density := func(x float64) float64 { return math.Exp(-x*x/2) / math.Sqrt(2*math.Pi) }
	lo, hi := math.Exp2(float64(-bits)), 2.0
	for range 50 {
		d := (lo + hi) / 2
		balance := density(0)/2 - d/8
		for k := 1; k < 1<<(bits-1); k++ {
			x := float64(k) * d
			tail := math.Erfc(x/math.Sqrt2) / 2
			balance += density(x) - 2*x*tail
		}
		if balance > 0 {
			lo = d
		} else {
			hi = d
		}
	}
	return (lo + hi) / 2
}
