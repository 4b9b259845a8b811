package train

import "math"

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
