package train

import "math"

const (
	normEpsilon  = 1e-5
	normMomentum = 0.1
)

// batchNorm normalises each of f features over a batch:
// y = gamma*(x - mean)/sqrt(var + epsilon) + beta, with the biased batch
// variance in training and running estimates in evaluation.
type batchNorm struct {
	f           int
	gamma, beta param
	// mean and variance are the running estimates (variance unbiased), an
	// exponential average of weight normMomentum per batch.
	mean, variance []float32

	istd       []float32 // 1/sqrt(var+epsilon) of the last training batch
	sumG, sumX []float32 // scratch, one a feature
}

func newBatchNorm(f int) *batchNorm {
	b := &batchNorm{
		f: f, gamma: newParam(f), beta: newParam(f),
		mean: make([]float32, f), variance: make([]float32, f),
		istd: make([]float32, f), sumG: make([]float32, f), sumX: make([]float32, f),
	}
	for i := range b.gamma.v {
		b.gamma.v[i], b.variance[i] = 1, 1
	}
	return b
}

// forward normalises the n rows of x by their own statistics: x becomes the
// normalised x, which backward needs, and y the result. momentum is the weight
// of this batch in the running estimates.
func (b *batchNorm) forward(x, y []float32, n int, momentum float32) {
	mu, v := b.sumG, b.sumX
	b.centre(x, n, mu, v)
	unbiased := float32(n) / float32(max(n-1, 1))
	for c := range mu {
		b.mean[c] += momentum * (mu[c] - b.mean[c])
		b.variance[c] += momentum * (v[c]*unbiased - b.variance[c])
		b.istd[c] = float32(1 / math.Sqrt(float64(v[c])+normEpsilon))
	}
	for i := 0; i < n; i++ {
		row, out := x[i*b.f:(i+1)*b.f], y[i*b.f:(i+1)*b.f]
		gamma, beta, istd := b.gamma.v[:len(row)], b.beta.v[:len(row)], b.istd[:len(row)]
		for c, d := range row {
			h := d * istd[c]
			row[c] = h
			out[c] = gamma[c]*h + beta[c]
		}
	}
}

// centre takes the mean of each feature out of x and sets mu and v to the
// features' means and biased variances.
func (b *batchNorm) centre(x []float32, n int, mu, v []float32) {
	clear(mu)
	clear(v)
	for i := 0; i < n; i++ {
		row := x[i*b.f : (i+1)*b.f]
		for c := range mu {
			mu[c] += row[c]
		}
	}
	inv := 1 / float32(n)
	for c := range mu {
		mu[c] *= inv
	}
	for i := 0; i < n; i++ {
		row := x[i*b.f : (i+1)*b.f]
		for c := range mu {
			d := row[c] - mu[c]
			row[c] = d
			v[c] += d * d
		}
	}
	for c := range v {
		v[c] *= inv
	}
}

// evaluate applies the running estimates.
func (b *batchNorm) evaluate(x, y []float32, n int) {
	gain, shift := b.sumG, b.sumX
	for c := range gain {
		gain[c] = b.gamma.v[c] / float32(math.Sqrt(float64(b.variance[c])+normEpsilon))
		shift[c] = b.beta.v[c] - b.mean[c]*gain[c]
	}
	for i := 0; i < n; i++ {
		row, out := x[i*b.f:(i+1)*b.f], y[i*b.f:(i+1)*b.f]
		for c := range gain {
			out[c] = row[c]*gain[c] + shift[c]
		}
	}
}

// backward turns g = dL/dy into dL/dx in place; h is what forward left in x.
// With G = sum g, H = sum g*h over the batch:
// dx = gamma*istd*(g - G/n - h*H/n), dgamma = H, dbeta = G.
func (b *batchNorm) backward(h, g []float32, n int) {
	gs, hs := b.beta.g, b.gamma.g
	clear(gs)
	clear(hs)
	for i := 0; i < n; i++ {
		hr, gr := h[i*b.f:(i+1)*b.f], g[i*b.f:(i+1)*b.f]
		for c := range gs {
			gs[c] += gr[c]
			hs[c] += gr[c] * hr[c]
		}
	}
	inv := 1 / float32(n)
	gain := b.sumG
	for c := range gain {
		gain[c] = b.gamma.v[c] * b.istd[c]
	}
	for i := 0; i < n; i++ {
		hr, gr := h[i*b.f:(i+1)*b.f], g[i*b.f:(i+1)*b.f]
		for c := range gain {
			gr[c] = gain[c] * (gr[c] - inv*(gs[c]+hr[c]*hs[c]))
		}
	}
}

func (b *batchNorm) params() []param { return []param{b.gamma, b.beta} }
