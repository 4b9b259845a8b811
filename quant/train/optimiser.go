package train

import "math"

const (
	adamBeta1   = 0.9
	adamBeta2   = 0.999
	adamEpsilon = 1e-8
	// flush, added and taken off again, rounds a moment to a multiple of about
	// 1e-27, far below epsilon: where gradients vanish it stops decaying before
	// it is subnormal, below 1e-38, where arithmetic is a hundred times slower.
	// (A comparison would be a branch on a random sign.)
	flush = 1e-20
)

// optimiser moves parameters against their gradients. There is no weight
// decay: d, t and the activation scales must not have one (MATH 3).
type optimiser struct {
	phase  *Phase
	params []param
	// first and second moments (adam) or velocity (sgd, first only), in the
	// order of the parameters.
	m, v  [][]float32
	steps int

	update     *pair
	size, root float32 // factors of the step under way, see adam
}

func newOptimiser(phase *Phase, params []param) *optimiser {
	o := &optimiser{phase: phase, params: params}
	size := 0
	for _, p := range params {
		size += len(p.v)
		o.m = append(o.m, make([]float32, len(p.v)))
		if phase.Optimiser == Adam {
			o.v = append(o.v, make([]float32, len(p.v)))
		}
	}
	o.update = newPair(size, o.updateHalf)
	return o
}

// rate returns the learning rate of an epoch, counted from 0.
func (p *Phase) rate(epoch int) float64 {
	if p.Schedule == Step {
		return p.LR * math.Pow(p.StepFactor, float64(epoch/p.StepEpochs))
	}
	return p.LR * 0.5 * (1 + math.Cos(math.Pi*float64(epoch)/float64(p.Epochs)))
}

// step applies one update at learning rate lr.
func (o *optimiser) step(lr float64) {
	o.steps++
	o.size = float32(lr)
	if o.phase.Optimiser == Adam {
		t := float64(o.steps)
		o.size = float32(lr / (1 - math.Pow(adamBeta1, t)))
		o.root = float32(1 / math.Sqrt(1-math.Pow(adamBeta2, t)))
	}
	o.update.run()
}

// updateHalf updates a half of every parameter.
func (o *optimiser) updateHalf(half int) {
	for i, p := range o.params {
		lo, hi := bounds(half, len(p.v))
		p = param{v: p.v[lo:hi], g: p.g[lo:hi]}
		if o.phase.Optimiser == Adam {
			adam(p, o.m[i][lo:hi], o.v[i][lo:hi], o.size, o.root)
		} else {
			sgd(p, o.m[i][lo:hi], float32(o.phase.Momentum), o.size)
		}
	}
}

// sgd is u = mu*u + g, p = p - lr*u.
func sgd(p param, u []float32, mu, lr float32) {
	w := p.v
	g, u := p.g[:len(w)], u[:len(w)]
	for i := range w {
		x := mu*u[i] + g[i] + flush - flush
		u[i] = x
		w[i] -= lr * x
	}
}

// adam is Kingma and Ba, algorithm 1, with size = lr/(1-beta1^t) and
// root = 1/sqrt(1-beta2^t).
func adam(p param, m, v []float32, size, root float32) {
	w := p.v
	g, m, v := p.g[:len(w)], m[:len(w)], v[:len(w)]
	for i := range w {
		x := g[i]
		a := m[i] + (1-adamBeta1)*(x-m[i]) + flush - flush
		b := v[i] + (1-adamBeta2)*(x*x-v[i]) + flush - flush
		m[i], v[i] = a, b
		w[i] -= size * a / (float32(math.Sqrt(float64(b)))*root + adamEpsilon)
	}
}
