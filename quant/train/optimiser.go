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

// optimiser moves parameters against their gradients. A phase has its own, which
// starts with moments of 0.
type optimiser struct {
	phase  *Phase
	params []param
	// first and second moments (adam) or velocity (sgd, first only), in the
	// order of the parameters.
	m, v  [][]float32
	steps int

	update     *pair
	size, root float32 // factors of the step under way, see adam
	keep       float32 // what weight decay leaves of a weight in it

	squares *pair
	sum     [2]float64 // of the squared gradients, by halves
}

// newOptimiser returns the optimiser of a phase. SGD has no second moments: v is
// empty then.
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
	o.squares = newPair(size, o.squaresHalf)
	return o
}

// rate returns the learning rate of a step of an epoch; both count from 0, and an
// epoch has steps of them. It rises linearly over WarmUp epochs, from the first
// step on, and then follows the schedule over the epochs left; cosine holds it
// within an epoch, cosine_step does not (arXiv 1608.03983).
func (p *Phase) rate(epoch, step, steps int) float64 {
	if epoch < p.WarmUp {
		return p.LR * float64(epoch*steps+step+1) / float64(p.WarmUp*steps)
	}
	epoch -= p.WarmUp
	at := float64(epoch)
	switch p.Schedule {
	case Step:
		return p.LR * math.Pow(p.StepFactor, float64(epoch/p.StepEpochs))
	case CosineStep:
		at += float64(step) / float64(steps)
	}
	return p.LR * 0.5 * (1 + math.Cos(math.Pi*at/float64(p.Epochs-p.WarmUp)))
}

// step applies one update at learning rate lr. Weight decay is decoupled from the
// gradient (AdamW, arXiv 1711.05101), for SGD too: a weight loses lr*decay of
// itself.
func (o *optimiser) step(lr float64) {
	o.clip()
	o.steps++
	o.size, o.keep = float32(lr), float32(1-lr*o.phase.WeightDecay)
	if o.phase.Optimiser == Adam {
		t := float64(o.steps)
		// The bias corrections of Adam are the same for all parameters, so they are
		// worked out once per step.
		o.size = float32(lr / (1 - math.Pow(adamBeta1, t)))
		o.root = float32(1 / math.Sqrt(1-math.Pow(adamBeta2, t)))
	}
	o.update.run()
}

// updateHalf updates a half of every parameter.
func (o *optimiser) updateHalf(half int) {
	for i, p := range o.params {
		lo, hi := bounds(half, len(p.v))
		decay := p.decay
		p = param{v: p.v[lo:hi], g: p.g[lo:hi], held: cut(p.held, lo, hi)}
		if decay && o.keep != 1 {
			scale(p.v, o.keep)
			for k, w := range p.held {
				p.v[k] -= (1 - o.keep) * w
			}
		}
		if o.phase.Optimiser == Adam {
			adam(p, o.m[i][lo:hi], o.v[i][lo:hi], o.size, o.root)
		} else {
			sgd(p, o.m[i][lo:hi], float32(o.phase.Momentum), o.size)
		}
	}
}

// clip scales the gradients down where their norm over all parameters exceeds the
// phase's limit. The direction stays (arXiv 1211.5063).
func (o *optimiser) clip() {
	if o.phase.ClipNorm == 0 {
		return
	}
	o.squares.run()
	norm := math.Sqrt(o.sum[0] + o.sum[1])
	if norm > o.phase.ClipNorm { // a NaN stays one and is found in the loss
		for _, p := range o.params {
			scale(p.g, float32(o.phase.ClipNorm/norm))
		}
	}
}

// squaresHalf sums the squares of a half of every gradient.
func (o *optimiser) squaresHalf(half int) {
	sum := 0.0
	for _, p := range o.params {
		lo, hi := bounds(half, len(p.g))
		for _, g := range p.g[lo:hi] {
			sum += float64(g) * float64(g)
		}
	}
	o.sum[half] = sum
}

// scale multiplies v by f.
func scale(v []float32, f float32) {
	for i := range v {
		v[i] *= f
	}
}

// sgd is u = mu*u + g, p = p - lr*u. Momentum without dampening, as PyTorch has it.
func sgd(p param, u []float32, mu, lr float32) {
	w := p.v
	g, u := p.g[:len(w)], u[:len(w)]
	for i := range w {
		x := mu*u[i] + g[i] + flush - flush
		u[i] = x
		w[i] -= lr * x
	}
}

// adam is Kingma and Ba, algorithm 1, with size = lr/(1-beta1^t) and root =
// 1/sqrt(1-beta2^t). Written as m + (1-beta)(g-m), which is one product less.
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
