package train

import "math"

// How the scales of activations are found in QAT.
const (
	// ScaleLearned takes them down the gradient of the loss (LSQ, see actScale).
	ScaleLearned = "learned"
	// ScaleWeighted takes those of least error, each channel's weighed by 1/variance.
	ScaleWeighted = "weighted"
	// ScalePooled takes those of least error, all values alike: the control.
	ScalePooled = "pooled"
)

// ActScales returns these names.
func ActScales() []string { return []string{ScaleLearned, ScaleWeighted, ScalePooled} }

const (
	// fitKeep is what a batch leaves of a fitted scale.
	fitKeep = 0.9
	// fitFloor is the least variance that a channel counts with, as a part of the mean one:
	// the error of a channel that hardly varies is not to outweigh all others.
	fitFloor = 0.01
)

// actFit is a scale that follows the least error of its quantiser instead of the loss:
//
//	min over s of  sum_c w_c * mean over c's values of (x - s*k)^2,  w_c = 1/(var_c + floor)
//
// with the codes k of the batch fixed it is s = sum w x k / sum w k^2, of which a tenth goes
// into a moving average. var_c is over the batch. Pooled, all w_c are 1: then the channels of
// largest variance decide. A reconstruction ("channel-weighted error") after the abstract of
// arXiv 2012.13762; closed form, average and floor are ours. The gradient to x stays straight
// through, 0 where clipped.
type actFit struct {
	pooled bool
	// xk and kk are sums of w*x*k and w*k*k over all tensors of the scale, x in units of s.
	xk, kk float64
}

// fitIn makes a scale that is not fixed follow the error in the way that a spec names.
func (a *actScale) fitIn(way string) {
	if len(a.e.v) > 0 && way != ScaleLearned {
		a.fit = &actFit{pooled: way == ScalePooled}
	}
}

// codeSums are sums over the values of each channel, x in units of the scale, k its code.
type codeSums struct {
	values        int // of a channel
	x, xx, xk, kk []float64
}

// newCodeSums returns empty sums of f channels.
func newCodeSums(f int) *codeSums {
	return &codeSums{x: make([]float64, f), xx: make([]float64, f), xk: make([]float64, f), kk: make([]float64, f)}
}

// collect takes rows of x in; the activation's gain and shift turn them into units.
func (s *codeSums) collect(a *activation, x []float32) {
	// As in quant's rounding: adding it rounds what is below 2^22, half to even.
	const round = 0x1.8p23
	least := float32(math.Inf(-1))
	if a.relu {
		least = 0
	}
	s.values += len(x) / a.f
	for ; len(x) > 0; x = x[a.f:] {
		for c, v := range x[:a.f] {
			u := max(v*a.gain[c]+a.shift[c], least)
			k := min(max(u, a.lo), a.hi)
			k = (k + round) - round
			s.x[c] += float64(u)
			s.xx[c] += float64(u) * float64(u)
			s.xk[c] += float64(u) * float64(k)
			s.kk[c] += float64(k) * float64(k)
		}
	}
}

// add adds o to s and empties o.
func (s *codeSums) add(o *codeSums) {
	s.values += o.values
	o.values = 0
	for i, to := range [][]float64{s.x, s.xx, s.xk, s.kk} {
		from := [][]float64{o.x, o.xx, o.xk, o.kk}[i]
		for c, v := range from {
			to[c] += v
		}
		clear(from)
	}
}

// take adds the sums of a tensor, and empties them.
func (f *actFit) take(s *codeSums) {
	floor := 0.0
	for c := range s.x {
		floor += fitFloor * s.variance(c) / float64(len(s.x))
	}
	for c := range s.x {
		w := 1.0
		// Channels that are all constant have no variance to tell them apart.
		if v := s.variance(c) + floor; !f.pooled && v > 0 {
			w = 1 / v
		}
		f.xk += w * s.xk[c]
		f.kk += w * s.kk[c]
	}
	s.values = 0
	for _, v := range [][]float64{s.x, s.xx, s.xk, s.kk} {
		clear(v)
	}
}

// variance returns that of a channel, at least 0: rounding may take it below.
func (s *codeSums) variance(c int) float64 {
	n := float64(max(s.values, 1))
	mean := s.x[c] / n
	return max(s.xx[c]/n-mean*mean, 0)
}

// follow moves the scale towards that of the batch. Where all codes are 0, or the fit has no
// positive scale, it stays.
func (a *actScale) follow() {
	f := a.fit
	if f == nil {
		return
	}
	if ratio := f.xk / f.kk; f.kk > 0 && ratio > 0 {
		a.e.v[0] += float32(math.Log2(fitKeep + (1-fitKeep)*ratio))
	}
	f.xk, f.kk = 0, 0
}
