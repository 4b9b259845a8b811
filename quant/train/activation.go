package train

import (
	"math"
	"slices"

	"github.com/a2qgen/a2qgen/quant/lanes"
)

// actScale is a quantiser of N bits for activations with one scale s = 2^e for
// a tensor, or for several whose integers are added or concatenated:
//
//	y = s * clip(round(z/s)), ties to even,
//
// to 0..2^N-1 or, signed, to -2^(N-1)..2^(N-1)-1. Gradients are straight
// through [LSQ, arXiv 1902.08153, eq. 2-3]; with u = z/s
//
//	dL/dz = G where not clipped, else 0
//	dL/ds = sum G * (y/s - u where not clipped, y/s elsewhere)
//	dL/de = ln2 * s * dL/ds.
//
// LSQ divides dL/ds by sqrt(values*m) to suit SGD, m the largest integer; here
// r = 1/sqrt(f*m), f the values of a sample, multiplies dL/de (Adam does not
// see a constant factor).
type actScale struct {
	plan   *actPlan
	lo, hi float32 // ends of the integers
	r      float32
	e      param // empty where the scale is fixed
	s      float32
	fit    *actFit // nil where e is learned by gradient
}

// newActScale returns the quantiser of p for a tensor of size values per sample.
// Where p fixes no scale it is a parameter, e, so that Adam's steps are relative
// and s stays positive.
func newActScale(p *actPlan, size int) *actScale {
	t := p.typ()
	a := &actScale{plan: p, lo: float32(t.Min()), hi: float32(t.Max()), s: p.scale}
	a.r = float32(1 / math.Sqrt(float64(size)*float64(a.hi)))
	if p.scale == 0 {
		a.e = newParam(1)
	}
	return a
}

// start sets a learned scale so that the largest integer stands for top. A channel
// that is dead in calibration may give a top of 0, whose logarithm is none: 1e-6
// stands for it.
func (a *actScale) start(top float32) {
	if len(a.e.v) > 0 {
		a.e.v[0] = float32(math.Log2(float64(max(top, 1e-6) / a.hi)))
	}
}

// scale returns s.
func (a *actScale) scale() float32 {
	if len(a.e.v) > 0 {
		a.s = float32(math.Exp2(float64(a.e.v[0])))
	}
	return a.s
}

// learn adds the gradient from dL/ds. Gradients from all the tensors that share the
// scale add up: net.backward clears them first.
func (a *actScale) learn(ds float64) {
	if len(a.e.v) > 0 && a.fit == nil {
		a.e.g[0] += float32(math.Ln2*float64(a.scale())*ds) * a.r
	}
}

// activation follows a layer's operation and batch norm, z = gain*x + shift: a
// ReLU or nothing, then under QAT a quantiser.
type activation struct {
	f    int // channels
	relu bool
	q    *actScale // nil in the float phase

	gain, shift []float32    // to z/s
	lo, hi, s   float32      // clip z/s to these; s is 1 without quantiser
	ds          [2]float64   // gradients of s, of each half's samples
	few         [2][]float32 // those of a few rows, by channels
	mu          []float32    // of the batch norm, which takes sums of gradients
	sums        []*moments   // two
	codes       [2]*codeSums // of each half, where the scale is fitted
}

// newActivation returns the activation behind b, which may be nil. Its sums are
// those of b, so one pass over the gradients serves both; without b they are its
// own, and nobody reads them.
func newActivation(f int, relu bool, b *batchNorm) *activation {
	a := &activation{f: f, relu: relu, gain: make([]float32, f), shift: make([]float32, f)}
	if b == nil {
		b = newBatchNorm(f)
	}
	for half := range a.few {
		a.few[half] = make([]float32, f)
	}
	a.mu, a.sums = b.mu, []*moments{&b.part[0], &b.part[1]}
	return a
}

// set takes over the batch norm's gain and shift, or 1 and 0 where it is nil, and
// the scale. The division by s is part of gain and shift: the loops below multiply
// once.
func (a *activation) set(b *batchNorm) {
	a.lo, a.hi, a.s = float32(math.Inf(-1)), float32(math.Inf(1)), 1
	if a.q != nil {
		a.lo, a.hi, a.s = a.q.lo, a.q.hi, a.q.scale()
	}
	if a.relu {
		a.lo = 0
	}
	inv := 1 / a.s
	for c := range a.gain {
		a.gain[c], a.shift[c] = inv, 0
		if b != nil {
			a.gain[c], a.shift[c] = b.gain[c]*inv, b.shift[c]*inv
		}
	}
}

// forward sets y from rows of x. A NaN or an infinity becomes NaN.
func (a *activation) forward(x, y []float32) {
	if a.q == nil {
		lanes.Limit(x, y, a.gain, a.shift, a.relu)
		return
	}
	lanes.Quantise(x, y, a.gain, a.shift, a.lo, a.hi, a.s)
}

// backward turns rows of g = dL/dy into dL/dz in place, and adds g and g*(x-mu) to
// the sums of the batch norm that it has. It goes by flushRows rows, over which
// float32 sums are exact enough (see moments).
func (a *activation) backward(x, g []float32, half int) {
	m := a.sums[half]
	m.values += len(x) / a.f
	for len(x) > 0 {
		n := min(flushRows*a.f, len(x))
		if a.q != nil {
			a.mask(x[:n], g[:n], half)
		} else {
			// lo is -infinity without a ReLU, and 0 with one.
			lanes.LimitBack(x[:n], g[:n], a.gain, a.shift, a.mu, m.few1, m.few2, a.lo)
		}
		m.flush()
		x, g = x[n:], g[n:]
	}
}

// quantise puts q behind the activation.
func (a *activation) quantise(q *actScale) {
	a.q = q
	if q != nil && q.fit != nil {
		a.codes = [2]*codeSums{newCodeSums(a.f), newCodeSums(a.f)}
	}
}

// mask is backward for a few rows under a quantiser.
func (a *activation) mask(x, g []float32, half int) {
	if a.q.fit != nil {
		a.codes[half].collect(a, x)
	}
	m, few := a.sums[half], a.few[half]
	lanes.QuantiseBack(x, g, a.gain, a.shift, a.mu, m.few1, m.few2, few, a.lo, a.hi)
	for _, v := range few {
		a.ds[half] += float64(v)
	}
	clear(few)
}

// learn gives the scale its gradient, or the sums that it is fitted by. Both halves have
// masked by then; their sums are in a fixed order.
func (a *activation) learn() {
	if a.q != nil && a.q.fit != nil {
		a.codes[0].add(a.codes[1])
		a.q.fit.take(a.codes[0])
	}
	if a.q != nil {
		a.q.learn(a.ds[0] + a.ds[1])
	}
	a.ds = [2]float64{}
}

// percentile returns the value below which the fraction p of v lies; it
// sorts v.
func percentile(v []float32, p float64) float32 {
	if len(v) == 0 {
		panic("train: percentile of nothing")
	}
	slices.Sort(v)
	return v[min(int(p*float64(len(v))), len(v)-1)]
}
