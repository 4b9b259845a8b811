package ptq

import (
	"math"

	"github.com/a2qgen/a2qgen/quant"
)

// ActScale names a rule for the scale of a quantiser of activations.
type ActScale string

const (
	// LeastError is the scale of the least squared error (derived).
	LeastError ActScale = "mse"
	// MinMax clips nothing: the largest activation of the samples is the largest integer's.
	MinMax ActScale = "minmax"
	// Entropy clips where the histogram, at the quantiser's levels, is nearest to what it was, by the
	// Kullback-Leibler divergence; EntropyMass by the divergence of the helper that the authors of CFWS released
	// (arXiv 2312.10588), which charges clipped mass twice more. That their paper means it is not known.
	Entropy     ActScale = "kl"
	EntropyMass ActScale = "kl-mass"
	// Sigma is the step that is best for a Gaussian, times the standard deviation (arXiv 2012.11230, the authors'
	// code).
	Sigma ActScale = "sigma"
)

// actOptions are those of every method: how the scales of activations between layers are chosen. A method that has an
// option of the same name has another default. The outputs of a network that is no classifier keep LeastError: they
// are read as numbers, and clipping them is an error whatever follows.
func actOptions(by ActScale) []Option {
	return []Option{
		{Name: "acts", Usage: "how scales of activations are chosen", Default: string(by), Words: []string{
			string(LeastError), string(MinMax), string(Entropy), string(EntropyMass), string(Sigma)}},
		// The authors' code takes the step of one bit less than it has, which has a larger error for a Gaussian.
		{Name: "step-offset", Usage: "sigma takes the step of so many bits less: 0 is best for a Gaussian, 1 as released",
			Default: "0", Low: 0, High: 1, Whole: true},
	}
}

// CommonOptions are the options that every method has beside its own.
func CommonOptions() []Option { return actOptions(LeastError) }

// actRule is what a method's resolved options say of the scales of activations.
type actRule struct {
	by     ActScale
	offset int
}

func (v Values) actRule() actRule {
	return actRule{ActScale(v["acts"]), int(v.number("step-offset"))}
}

// observed is what is known of the activations that one quantiser serves.
type observed struct {
	// values are some of them.
	values []float64
	spread spread
}

// scale returns the scale of a quantiser of type t for them.
func (o *observed) scale(r actRule, t quant.DataType) float32 {
	hi := float64(t.Max())
	switch r.by {
	case MinMax:
		return positive(o.spread.widest / hi)
	case Entropy, EntropyMass:
		bins := clipBins(histogram(o.values, klBins), int(t.Max())+1, r.by == EntropyMass)
		return positive(peak(o.values) / hi * float64(bins) / klBins)
	case Sigma:
		return o.spread.scale(gaussianStep(r.steps(t)), t)
	}
	return leastError(o.values, t)
}

// steps returns of how many bits the step of a Gaussian is for a quantiser of type t.
func (r actRule) steps(t quant.DataType) int { return max(t.Bits-r.offset, 1) }

// positive returns a scale as the file holds it: 1 where it is 0, as it is where all numbers are.
func positive(scale float64) float32 {
	if s := float32(scale); s > 0 {
		return s
	}
	return 1
}

// spread adds up what the deviation of numbers is made from.
type spread struct {
	// count of all numbers, above of those above 0.
	count, above int
	// sum and squares are of those above 0; all is the sum of squares of all.
	sum, squares, all float64
	// widest is the largest magnitude.
	widest float64
}

func (s *spread) add(x float64) {
	s.count++
	s.all += x * x
	s.widest = max(s.widest, math.Abs(x))
	if x > 0 {
		s.above++
		s.sum, s.squares = s.sum+x, s.squares+x*x
	}
}

// merge adds what o has.
func (s *spread) merge(o spread) {
	s.count, s.above = s.count+o.count, s.above+o.above
	s.sum, s.squares, s.all = s.sum+o.sum, s.squares+o.squares, s.all+o.all
	s.widest = max(s.widest, o.widest)
}

// scale returns that of a quantiser of type t for numbers of spread s by the step of a Gaussian. Numbers that are all
// the same have no deviation, and nothing of them is clipped.
func (s *spread) scale(step float64, t quant.DataType) float32 {
	real := step * s.deviation(t.Signed)
	if real == 0 {
		real = s.widest / float64(t.Max())
	}
	return positive(real)
}

// deviation returns the standard deviation by which Sigma scales. Behind a ReLU it is that of the numbers above 0, as
// in the code of arXiv 2012.11230, but divided by their count where that has one more, lest it divide by 0. Of signed
// numbers it is the one about 0: that code takes their mean off before it rounds and adds it afterwards, and integers
// with a scale alone have 0 for their centre. 0 where there are no such numbers.
func (s *spread) deviation(signed bool) float64 {
	switch {
	case signed && s.count > 0:
		return math.Sqrt(s.all / float64(s.count))
	case !signed && s.above > 0:
		mean := s.sum / float64(s.above)
		return math.Sqrt(max(s.squares/float64(s.above)-mean*mean, 0))
	}
	return 0
}

// klBins is the number of bins of the histograms of Entropy, as is usual (METHODS 4).
const klBins = 2048

// klNoise is the difference of divergences that is taken for a rounding error.
const klNoise = 1e-12

// histogram counts the magnitudes of v, 0 left out, in bins of equal width up to the largest.
func histogram(v []float64, bins int) []float64 {
	h, widest := make([]float64, bins), peak(v)
	for _, x := range v {
		if x = math.Abs(x); x > 0 {
			h[min(int(x/widest*float64(bins)), bins-1)]++
		}
	}
	return h
}

// clipBins returns the number T of bins of the histogram h at whose end to clip, from levels on: where what is left
// of the distribution at so many levels is nearest to it. The reconstruction is METHODS 4's; calibration by entropy
// was published in slides alone (TensorRT, 2017):
//
//	p = the first T bins, to the last of which all later ones are added
//	q = the first T bins in levels parts of equal width, each spread evenly over its bins that are not empty
//
// and with P and Q their sums, nearest is the smallest of (1/P) sum p (ln(p/P) - ln(q/Q)), the divergence, or, with
// mass, of (1/P) sum p (ln(P p) - ln(Q q)), which is the divergence and 2 ln(P/Q), a charge for what is clipped: so
// mass never clips more. Bins T-1 that are empty are no ends: p would have mass where q has none, where the first is
// infinite and the other says nothing. The last bin of h is not empty. Of equal ones it is the largest T: of numbers on
// a grid every T has a divergence of 0 that leaves one of them.
func clipBins(h []float64, levels int, mass bool) int {
	c := newCounts(h)
	best, least := len(h), math.Inf(1)
	for t := len(h); t >= min(levels, len(h)); t-- {
		if h[t-1] == 0 {
			continue
		}
		if d := c.divergence(t, min(levels, len(h)), mass); d < least-klNoise {
			best, least = t, d
		}
	}
	return best
}

// counts are sums over the bins of a histogram before each: of its counts, of 1 where they are not 0, and of n ln n.
// With them a divergence costs as much as there are levels, not bins.
type counts struct{ bins, sum, some, entropy []float64 }

func newCounts(h []float64) *counts {
	n := len(h) + 1
	c := &counts{h, make([]float64, n), make([]float64, n), make([]float64, n)}
	for i, k := range h {
		c.sum[i+1], c.some[i+1], c.entropy[i+1] = c.sum[i]+k, c.some[i], c.entropy[i]
		if k > 0 {
			c.some[i+1], c.entropy[i+1] = c.some[i]+1, c.entropy[i]+k*math.Log(k)
		}
	}
	return c
}

// divergence returns that of clipBins for the first t bins.
func (c *counts) divergence(t, levels int, mass bool) float64 {
	total, kept, last := c.sum[len(c.bins)], c.sum[t], c.bins[t-1]
	tail := total - kept
	// sum p ln p - sum p ln q, of which only bin t-1 is not the histogram's own.
	d := c.entropy[t] + (last+tail)*math.Log(last+tail) - last*math.Log(last)
	for g := range levels {
		lo, hi := g*t/levels, (g+1)*t/levels
		n := c.sum[hi] - c.sum[lo]
		if n == 0 {
			continue
		}
		p := n
		if g == levels-1 {
			p += tail
		}
		d -= p * math.Log(n/(c.some[hi]-c.some[lo]))
	}
	ratio := math.Log(total / kept)
	if mass {
		return d/total + ratio
	}
	return d/total - ratio
}
