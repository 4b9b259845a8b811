package train

import (
	"math"
	"math/rand/v2"

	"github.com/a2qgen/a2qgen/quant/nn"
)

// param is one learned tensor and the gradient of the loss to it.
type param struct {
	v, g []float32
	// decay says that weight decay pulls on it: on the weights of linear and
	// convolutional layers only, never on d, t, activation scales, batch norm or
	// biases (MATH 3).
	decay bool
	// held, unless nil, is what v adds to: weights are held + v, and decay pulls on both.
	held []float32
}

// newParam returns n zeros with their gradient.
func newParam(n int) param { return param{v: make([]float32, n), g: make([]float32, n)} }

// weights is the weight matrix of a layer, out x k, and its bias. Two
// goroutines may add up its gradient, each from its samples.
type weights struct {
	// out counts the rows, channels those that the output has: fewer where a channel has a
	// row for each of several phases, one after the other.
	out, k, channels int
	// w is the matrix in the float phase; under a quantiser it is v of MATH 3, under dq
	// the integers.
	w param
	// b is empty where batch norm follows: it would take the bias out again.
	b param
	q *weightQuant // nil in the float phase

	part     [2][]float32 // gradient to the matrix, from each goroutine's samples
	biasPart [2][]float32
	begun    [2]bool // part has been written in this pass
}

// newWeights draws weights and biases from U(-1/sqrt(k), 1/sqrt(k)). That is
// PyTorch's default for linear layers and convolutions (Kaiming uniform with a =
// sqrt(5)).
func newWeights(out, k, channels int, bias bool, rng *rand.Rand) *weights {
	l := &weights{out: out, k: k, channels: channels, w: newParam(out * k)}
	l.w.decay = true
	if bias {
		l.b = newParam(channels)
	}
	bound := 1 / math.Sqrt(float64(k))
	for _, p := range []param{l.w, l.b} {
		for i := range p.v {
			p.v[i] = float32((2*rng.Float64() - 1) * bound)
		}
	}
	for half := range l.part {
		l.part[half] = make([]float32, out*k)
		l.biasPart[half] = make([]float32, len(l.b.v))
	}
	return l
}

// matrix returns what multiplies the inputs, out x k.
func (l *weights) matrix() []float32 {
	if l.q == nil {
		return l.w.v
	}
	return l.q.wq
}

// addPrepare adds to s what requantises the weights. The float phase multiplies by
// the matrix itself: nothing is added then.
func (l *weights) addPrepare(s *schedule) {
	if l.q != nil {
		s.both(len(l.w.v), l.requantiseHalf)
	}
}

func (l *weights) parameters() *weights { return l }

func (l *weights) multiplier() nn.Weights[float32] {
	return nn.Weights[float32]{Matrix: l.matrix(), Bias: l.b.v}
}

// gradient returns where a goroutine adds up the gradient, out x k, and the factor
// of what is there already: 0 in its first call of a pass. So a part need not be
// cleared before.
func (l *weights) gradient(half int) (part []float32, beta float32) {
	if l.begun[half] {
		beta = 1
	}
	l.begun[half] = true
	return l.part[half], beta
}

// addBias adds the columns of dy (rows x channels) to the bias's gradient. It must
// go before gradient in the same call.
func (l *weights) addBias(dy []float32, half int) {
	part := l.biasPart[half]
	if len(part) == 0 {
		return
	}
	if !l.begun[half] {
		clear(part)
	}
	for ; len(dy) > 0; dy = dy[l.channels:] {
		for c, v := range dy[:l.channels] {
			part[c] += v
		}
	}
}

// complete ends the samples of a backward pass: a goroutine that had none gets
// its part of the gradient, 0.
func (l *weights) complete() {
	for half, begun := range l.begun {
		if !begun {
			clear(l.part[half])
			clear(l.biasPart[half])
		}
	}
	l.begun = [2]bool{}
	for c := range l.b.g {
		l.b.g[c] = l.biasPart[0][c] + l.biasPart[1][c]
	}
}

// addJoin adds to s what adds the parts and takes them through the quantiser.
func (l *weights) addJoin(s *schedule) { s.both(len(l.w.v), l.joinHalf) }

// joinHalf sets the gradients of half of the quantiser's rows.
func (l *weights) joinHalf(half int) {
	rows := l.out
	lo, hi := bounds(half, rows)
	if l.q != nil {
		rows = l.q.rows
		lo, hi = l.q.bounds(half)
	}
	lo, hi = lo*len(l.w.v)/rows, hi*len(l.w.v)/rows
	a, b := l.part[0][lo:hi], l.part[1][lo:hi]
	if l.q == nil {
		sumInto(l.w.g[lo:hi], a, b)
		return
	}
	// The sum goes in place of the first part: it is the gradient to s*q, from
	// which the quantiser's backward makes those of v, d and t.
	sumInto(a, a, b)
	l.q.backwardHalf(l.w, l.part[0], half)
}

// sumInto is dst = a + b.
func sumInto(dst, a, b []float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = a[i] + b[i]
	}
}

// params returns what the optimiser changes in a fixed order: v (or the matrix; under dq
// the moves of the integers), the bias, d and t.
func (l *weights) params() []param {
	p := []param{l.w}
	if l.q != nil && l.q.moves() {
		p[0] = l.q.move
	}
	if len(l.b.v) > 0 {
		p = append(p, l.b)
	}
	if l.q != nil {
		p = append(p, l.q.d)
		if l.q.z.HasNorm() {
			p = append(p, l.q.t)
		}
	}
	return p
}
