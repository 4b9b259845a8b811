package ptq

import (
	"math"

	"github.com/a2qgen/a2qgen/quant/nn"
	"gonum.org/v1/gonum/mat"
)

// seen is what a group of a layer reads.
type seen struct {
	moment mat.Symmetric // nil: not asked for, or too large
	mean   []float64
	size   []float64 // the mean magnitude
}

const (
	// maxMoment is the longest row with a moment of its own: above, every input
	// counts as much as every other.
	maxMoment = 4096
	// maxWindows bounds the windows that make a moment.
	maxWindows = 1 << 14
	// momentBatch is the number of windows that a moment takes at once.
	momentBatch = 512
)

// Mean returns the mean of the integers that each weight of a row of group g is multiplied by.
func (s *Site) Mean(g int) []float64 { return s.see(g, s.Values["hessian"] == string(Inputs)).mean }

// Covariance returns that of the integers that a row of group g is multiplied by, since balance takes the
// mean of the error to 0; nil of rows too long for one.
func (s *Site) Covariance(g int) mat.Symmetric { return s.see(g, true).moment }

// see returns what group g reads, and looks at it where that is not known yet.
func (s *Site) see(g int, moment bool) seen {
	if s.seen == nil {
		s.seen = make([]seen, s.Groups())
	}
	moment = moment && s.Layer().In <= maxMoment
	if at := &s.seen[g]; at.mean == nil || moment && at.moment == nil {
		*at = s.collect(g, moment)
	}
	return s.seen[g]
}

// collect reads the windows of group g: all of them for the mean, an even part of
// them for the moment. The mean must be that of all windows, since the bias
// corrects it exactly; the moment is a statistic, for which a part does.
func (s *Site) collect(g int, moment bool) seen {
	l := s.Layer()
	op := s.g.Op(s.i)
	n, positions := s.in.Samples(), op.Out.Positions()
	step := windowStep(n, positions, l.In)
	m := NewMoments(min(l.In, maxMoment))
	windows := make([]float32, positions*l.In)
	var batch []int32
	mean, size := make([]float64, l.In), make([]float64, l.In)
	for k := range n {
		nn.Windows(op, s.in.Of(k, k+1), g, windows)
		for i, v := range windows {
			mean[i%l.In] += float64(v)
			size[i%l.In] += math.Abs(float64(v))
			if moment && (k*positions+i/l.In)%step == 0 {
				batch = append(batch, int32(v))
			}
		}
		// A product of matrices is faster than one rank-one update per window.
		if len(batch) >= momentBatch*l.In || k == n-1 {
			m.Add(batch)
			batch = batch[:0]
		}
	}
	for i := range mean {
		mean[i] /= float64(n * positions)
		size[i] /= float64(n * positions)
	}
	out := seen{mean: mean, size: size}
	if moment {
		out.moment = m.Covariance()
	}
	return out
}
