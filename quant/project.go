package quant

import (
	"fmt"
	"math"
	"slices"
)

// ProjectL1 replaces w by the nearest vector, in the Euclidean sense, whose
// sum of absolute values is at most radius (Duchi et al., ICML 2008, figure
// 1). Panics if radius is negative or NaN.
//
// The projection lowers every magnitude by one theta >= 0, to no less than 0,
// where theta is such that the norm becomes radius.
func ProjectL1(w []float64, radius float64) {
	if !(radius >= 0) {
		panic(fmt.Sprintf("quant: projection on an l1 ball of radius %v", radius))
	}
	theta := l1Threshold(w, radius)
	if theta == 0 {
		return
	}
	for i, v := range w {
		w[i] = math.Copysign(max(math.Abs(v)-theta, 0), v)
	}
}

// l1Threshold returns the theta of ProjectL1; 0 if w lies in the ball.
func l1Threshold(w []float64, radius float64) float64 {
	u := make([]float64, len(w))
	norm := 0.0
	for i, v := range w {
		u[i] = math.Abs(v)
		norm += u[i]
	}
	if norm <= radius {
		return 0
	}
	slices.Sort(u)
	slices.Reverse(u)
	if radius == 0 {
		return u[0]
	}
	// The entries that stay positive are the largest rho ones, rho the last j
	// with j*u_j > C_j - radius, C_j the sum of the j largest.
	sum, theta := 0.0, 0.0
	for j, v := range u {
		sum += v
		if float64(j+1)*v <= sum-radius {
			break
		}
		theta = (sum - radius) / float64(j+1)
	}
	return max(theta, 0)
}
