package train

import "math"

// objective is what steps minimise. It has scratch for one row, so one goroutine
// uses it at a time. Logits are float32, probabilities and sums float64: the
// gradient is rounded once.
type objective struct {
	smoothing float64
	distil    Distil
	p, q      []float64 // probabilities of the two networks
}

// newObjective returns the objective of s for the float phase or, with quantised,
// for QAT; width is the number of outputs. The float phase has no teacher: it is
// what QAT learns from.
func newObjective(s *Spec, width int, quantised bool) *objective {
	o := &objective{smoothing: s.LabelSmoothing, p: make([]float64, width), q: make([]float64, width)}
	if quantised {
		o.distil = s.Distil
	}
	return o
}

// classify returns the mean loss over n samples and how many of them have their
// largest logit (lowest index on ties) at the label; grad becomes dL/dlogits.
// teacher holds the float network's logits, or is nil where there is no
// distillation.
func (o *objective) classify(logits []float32, labels []uint8, teacher, grad []float32,
	n int) (loss float64, correct int) {
	classes := len(o.p)
	loss, correct = crossEntropy(logits, labels, grad, n, classes)
	if o.smoothing > 0 {
		loss += smooth(logits, labels, grad, n, classes, o.smoothing)
	}
	if teacher != nil {
		loss = (1-o.distil.Weight)*loss + o.soft(logits, teacher, grad, n, classes)
	}
	return loss, correct
}

// regress is classify for outputs that are to equal target; it returns the mean
// squared error to it as well. The loss is (1-w) times that error plus w times
// the error to the teacher's outputs.
func (o *objective) regress(out, target, teacher, grad []float32, n int) (loss, squares float64) {
	out, grad = out[:n*len(o.p)], grad[:n*len(o.p)]
	clear(grad)
	if teacher == nil {
		squares = squaredError(out, target, grad, 1)
		return squares, squares
	}
	w := o.distil.Weight
	squares = squaredError(out, target, grad, 1-w)
	return (1-w)*squares + w*squaredError(out, teacher, grad, w), squares
}

// crossEntropy returns the mean over n samples of -log softmax(logits)[label]
// and how many samples have their largest logit (lowest index on ties) at the
// label; grad becomes dL/dlogits = (softmax - onehot)/n.
func crossEntropy(logits []float32, labels []uint8, grad []float32, n, classes int) (loss float64, correct int) {
	inv := 1 / float64(n)
	for i := 0; i < n; i++ {
		row, g := logits[i*classes:(i+1)*classes], grad[i*classes:(i+1)*classes]
		label := int(labels[i])
		best := argmax(row)
		if best == label {
			correct++
		}
		// The largest logit is taken off before exp, which keeps every exponent at
		// or below 0: nothing overflows and the sum is at least 1.
		top, sum := float64(row[best]), 0.0
		for c, v := range row {
			e := math.Exp(float64(v) - top)
			sum += e
			g[c] = float32(e)
		}
		scale := float32(inv / sum)
		for c := range g {
			g[c] *= scale
		}
		g[label] -= float32(inv)
		loss += math.Log(sum) - (float64(row[label]) - top)
	}
	return loss * inv, correct
}

// smooth turns the loss and the gradient of crossEntropy into those for targets
// of 1-smoothing at the label plus smoothing/classes everywhere (arXiv
// 1512.00567, section 7): it returns what to add to the mean loss,
// smoothing * mean(logit at the label - mean logit), since both kinds of target
// sum to 1.
func smooth(logits []float32, labels []uint8, grad []float32, n, classes int, smoothing float64) float64 {
	loss, share := 0.0, smoothing/float64(n)
	for i := range n {
		row, g := logits[i*classes:(i+1)*classes], grad[i*classes:(i+1)*classes]
		sum := 0.0
		for c, v := range row {
			sum += float64(v)
			g[c] -= float32(share / float64(classes))
		}
		g[labels[i]] += float32(share)
		loss += float64(row[labels[i]]) - sum/float64(classes)
	}
	return loss * share
}

// soft returns w T^2 mean(KL(q || p)) for p and q the softmax of the logits and
// of the teacher's, both divided by T, and turns the gradient g of the hard
// loss into (1-w) g + w T (p - q)/n (arXiv 1503.02531, section 2: T^2 keeps the
// gradients' size).
func (o *objective) soft(logits, teacher, grad []float32, n, classes int) float64 {
	w, t := o.distil.Weight, o.distil.Temperature
	loss, pull := 0.0, w*t/float64(n)
	for i := range n {
		lo, hi := i*classes, (i+1)*classes
		softmax(logits[lo:hi], t, o.p)
		softmax(teacher[lo:hi], t, o.q)
		g := grad[lo:hi]
		for c, p := range o.p {
			q := o.q[c]
			g[c] = float32((1-w)*float64(g[c]) + pull*(p-q))
			// 0 log 0 counts 0. The least float64 stands for a p that has
			// underflowed, whose logarithm is none.
			if q > 0 {
				loss += q * (math.Log(q) - math.Log(max(p, math.SmallestNonzeroFloat64)))
			}
		}
	}
	return w * t * t * loss / float64(n)
}

// softmax sets p to the softmax of z/t.
func softmax(z []float32, t float64, p []float64) {
	top, sum := float64(z[argmax(z)]), 0.0
	for c, v := range z {
		p[c] = math.Exp((float64(v) - top) / t)
		sum += p[c]
	}
	for c := range p {
		p[c] /= sum
	}
}

// squaredError returns the mean of (out - want)^2 over all elements and adds weight
// times its gradient to grad. The mean is over samples and elements, so its size
// does not grow with an image.
func squaredError(out, want, grad []float32, weight float64) float64 {
	sum, inv := 0.0, 1/float64(len(out))
	factor := float32(2 * inv * weight)
	want, grad = want[:len(out)], grad[:len(out)]
	for i, v := range out {
		d := v - want[i]
		sum += float64(d) * float64(d)
		grad[i] += factor * d
	}
	return sum * inv
}

// argmax returns the lowest index of the largest value.
func argmax(v []float32) int {
	best := 0
	for i, x := range v {
		if x > v[best] {
			best = i
		}
	}
	return best
}
