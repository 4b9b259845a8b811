package train

import (
	"math"

	"github.com/a2qgen/a2qgen/quant/lanes"
)

const (
	// Those of PyTorch's BatchNorm: the weight of a batch is 0.1, ONNX's momentum
	// is 0.9.
	normEpsilon  = 1e-5
	normMomentum = 0.1
)

// batchNorm normalises each of f channels over the samples and positions of a
// batch: z = gamma*(x - mean)/sqrt(var + epsilon) + beta, with the biased batch
// variance in training and running estimates in evaluation. It works out z as
// gain*x + shift and leaves that to the activation behind it, so that x is read
// once, not z stored.
type batchNorm struct {
	f           int
	gamma, beta param
	// mean and variance are the running estimates (variance unbiased), an
	// exponential average of weight normMomentum per batch.
	mean, variance []float32

	mu, istd    []float32 // mean and 1/sqrt(var+epsilon) of the last training batch
	gain, shift []float32
	part        [2]moments // of each goroutine's samples
	count       int        // values of a channel in the batch

	byG, byX, offset []float32 // dx = byG*g + byX*x + offset
}

// newBatchNorm returns the identity on f channels: gamma and variance 1, beta and
// mean 0.
func newBatchNorm(f int) *batchNorm {
	b := &batchNorm{f: f, gamma: newParam(f), beta: newParam(f)}
	for _, v := range []*[]float32{&b.mean, &b.variance, &b.mu, &b.istd, &b.gain, &b.shift, &b.byG, &b.byX, &b.offset} {
		*v = make([]float32, f)
	}
	for half := range b.part {
		b.part[half] = newMoments(f)
	}
	for i := range b.gamma.v {
		b.gamma.v[i], b.variance[i] = 1, 1
	}
	return b
}

// moments are sums over the values of each channel: of x-pivot and its square going
// forward, of g and g*(x-mu) going back. Sums over a few rows are in float32, those
// over all in float64. Each half of the batch has one, with a pivot of its own.
type moments struct {
	pivot      []float32
	few1, few2 []float32
	all1, all2 []float64
	values     int // of a channel
}

// newMoments returns empty sums of f channels.
func newMoments(f int) moments {
	return moments{
		pivot: make([]float32, f), few1: make([]float32, f), few2: make([]float32, f),
		all1: make([]float64, f), all2: make([]float64, f),
	}
}

func (m *moments) reset() {
	clear(m.all1)
	clear(m.all2)
	m.values = 0
}

// flush adds few to all. 256 float32 values added up lose 8 bits of 24 at worst;
// sums over all positions of a batch, up to millions, could lose nearly all.
func (m *moments) flush() {
	for c, v := range m.few1 {
		m.all1[c] += float64(v)
		m.all2[c] += float64(m.few2[c])
	}
	clear(m.few1)
	clear(m.few2)
}

// flushRows is how many rows are added up in float32.
const flushRows = 256

// collect takes rows of x in. The pivot is the first row: it lies within a few
// standard deviations of the mean, so that the variance does not cancel.
// E[(x-pivot)^2] - E[x-pivot]^2 is the variance for any pivot; for a pivot far from
// the mean it is a small difference of large numbers.
func (b *batchNorm) collect(x []float32, half int) {
	m := &b.part[half]
	if m.values == 0 {
		copy(m.pivot, x)
	}
	m.values += len(x) / b.f
	for len(x) > 0 {
		n := min(flushRows*b.f, len(x))
		lanes.Moments(x[:n], m.pivot, m.few1, m.few2)
		m.flush()
		x = x[n:]
	}
}

// settle works out mean and variance of the batch collected, and from them gain and
// shift. momentum is the weight of this batch in the running estimates. The running
// variance is unbiased, n/(n-1) times that of the batch (as PyTorch has it), the
// one that normalises is not.
func (b *batchNorm) settle(momentum float32) {
	p, q := &b.part[0], &b.part[1]
	b.count = p.values + q.values
	unbiased := float64(b.count) / float64(max(b.count-1, 1))
	for c := range b.f {
		mu, v := p.join(q, c)
		b.mu[c] = float32(mu)
		b.mean[c] += momentum * (b.mu[c] - b.mean[c])
		b.variance[c] += momentum * (float32(v*unbiased) - b.variance[c])
		istd := 1 / math.Sqrt(v+normEpsilon)
		b.istd[c] = float32(istd)
		b.affine(c, mu, istd)
	}
	p.reset()
	q.reset()
}

// affine sets gain and shift of a channel.
func (b *batchNorm) affine(c int, mean, istd float64) {
	gain := float64(b.gamma.v[c]) * istd
	b.gain[c], b.shift[c] = float32(gain), float32(float64(b.beta.v[c])-mean*gain)
}

// join returns mean and biased variance of a channel over two parts (Chan, Golub
// and LeVeque 1979). n = na + nb, mean = ma + gap nb/n and M2 = Ma + Mb + gap^2 na
// nb/n with M2 the sum of squares about the mean. Rounding may take a variance of 0
// below it: hence max.
func (m *moments) join(o *moments, c int) (mean, variance float64) {
	na, nb := float64(m.values), float64(o.values)
	da, db := m.all1[c]/max(na, 1), o.all1[c]/max(nb, 1)
	ma, mb := float64(m.pivot[c])+da, float64(o.pivot[c])+db
	sa, sb := m.all2[c]-na*da*da, o.all2[c]-nb*db*db
	switch {
	case na == 0:
		return mb, max(sb/nb, 0)
	case nb == 0:
		return ma, max(sa/na, 0)
	}
	n, gap := na+nb, mb-ma
	return ma + gap*nb/n, max((sa+sb+gap*gap*na*nb/n)/n, 0)
}

// estimate sets gain and shift from the running estimates.
func (b *batchNorm) estimate() {
	for c := range b.f {
		b.affine(c, float64(b.mean[c]), 1/math.Sqrt(float64(b.variance[c])+normEpsilon))
	}
}

// settleBack works out, from the sums G of g and H of g*h over the batch, h being
// the normalised x, the gradients of gamma and beta, and of x: dx = gamma*istd*(g -
// G/n - h*H/n). h = (x - mu) istd, so the sum of g*(x-mu) that activation.backward
// took is H/istd. Written out in x the gradient is byG*g + byX*x + offset, one pass
// for pull.
func (b *batchNorm) settleBack() {
	p, q := &b.part[0], &b.part[1]
	inv := 1 / float64(b.count)
	for c := range b.f {
		istd, gain := float64(b.istd[c]), float64(b.gamma.v[c])*float64(b.istd[c])
		g := p.all1[c] + q.all1[c]
		h := (p.all2[c] + q.all2[c]) * istd
		b.beta.g[c], b.gamma.g[c] = float32(g), float32(h)
		byX := -gain * istd * h * inv
		b.byG[c], b.byX[c] = float32(gain), float32(byX)
		b.offset[c] = float32(-gain*g*inv - byX*float64(b.mu[c]))
	}
	p.reset()
	q.reset()
}

// pull turns rows of g = dL/dz into dL/dx in place.
func (b *batchNorm) pull(x, g []float32) { lanes.Combine(x, g, b.byG, b.byX, b.offset) }

func (b *batchNorm) params() []param { return []param{b.gamma, b.beta} }
