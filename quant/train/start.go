package train

import (
	"fmt"
	"math"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
)

// startFrom gives r's float network the weights, biases and batch norm of m:
// of its layers with weights, in order, to the network's own. Other layers and
// quantisers of m do not matter. It returns an error that names both layers of
// the first pair that does not fit.
//
// A batch norm of m in a layer that has none here goes into weights and bias.
// Where m has none but the layer here does, the layer gets one that changes
// nothing but for the bias, with the statistics of training samples.
func (r *run) startFrom(m *nn.Model) error {
	if _, err := m.Graph(); err != nil {
		return fmt.Errorf("train: start: network %q: %w", m.Name, err)
	}
	from, to := weightedLayers(m), r.net.weighted()
	if len(from) != len(to) {
		return fmt.Errorf("train: start: network %q has %d layers with weights, the spec has %d",
			m.Name, len(from), len(to))
	}
	var bare []*node // to get a batch norm
	for i, l := range from {
		n := to[i]
		if err := n.fits(l); err != nil {
			return fmt.Errorf("train: start: layer %q of network %q does not fit %s, layer %q: %w",
				l.Name, m.Name, n.path, n.Name, err)
		}
		w := n.w.parameters()
		copy(w.w.v, l.Weights)
		switch {
		case n.norm == nil:
			w.fold(l)
		case l.BatchNorm != nil:
			n.norm.start(l.BatchNorm, l.Bias)
		default:
			bare = append(bare, n)
			n.norm.pass(l.Bias)
		}
	}
	r.net.adapt(bare, r.train)
	// The average begins at the new numbers.
	r.avg = newAverage(r.config().Average, r.net.averaged())
	return nil
}

// weightedLayers returns the layers of m with weights, in order.
func weightedLayers(m *nn.Model) []*nn.Layer {
	var w []*nn.Layer
	for i := range m.Layers {
		if len(m.Layers[i].Weights) > 0 {
			w = append(w, &m.Layers[i])
		}
	}
	return w
}

// weighted returns the nodes with weights, in order.
func (n *net) weighted() []*node {
	var w []*node
	for _, node := range n.nodes {
		if node.w != nil {
			w = append(w, node)
		}
	}
	return w
}

// fits returns an error unless l has n's sizes. Weights of
// equal sizes are not enough: a 3x3 kernel over 4 channels is as long as a linear
// layer of 36 inputs.
func (n *node) fits(l *nn.Layer) error {
	w := n.w.parameters()
	if l.Rows() != w.out || l.In != w.k {
		return fmt.Errorf("its weights are %d x %d, want %d x %d", l.Rows(), l.In, w.out, w.k)
	}
	if l.Kind.OrLinear() != n.Kind {
		return fmt.Errorf("it is %s, want %s", withArticle(l.Kind), withArticle(n.Kind))
	}
	if a, b := l.Window.Normal(), n.Window.Normal(); n.Kind != quant.Linear && a != b {
		return fmt.Errorf("its window is %+v, want %+v", a, b)
	}
	return nil
}

// fold takes l's weights and bias, with its batch norm in them.
func (w *weights) fold(l *nn.Layer) {
	own := *l
	own.Weights, own.Bias = w.w.v, w.b.v
	clear(own.Bias)
	copy(own.Bias, l.Bias)
	own.FoldNorm()
}

// start makes b compute from's result on inputs that still lack bias, which may be
// nil: the bias moves the mean. from's epsilon is put right in gamma.
// gamma/sqrt(var+e) stays the same if gamma is multiplied by
// sqrt(var+e')/sqrt(var+e).
func (b *batchNorm) start(from *nn.BatchNorm, bias []float32) {
	copy(b.beta.v, from.Beta)
	copy(b.mean, from.Mean)
	copy(b.variance, from.Var)
	for c := range b.mean {
		if bias != nil {
			b.mean[c] -= bias[c]
		}
		v := float64(from.Var[c])
		b.gamma.v[c] = float32(float64(from.Gamma[c]) * math.Sqrt((v+normEpsilon)/(v+float64(from.Epsilon))))
	}
}

// pass makes b add bias, which may be nil, and nothing else.
func (b *batchNorm) pass(bias []float32) {
	for c := range b.mean {
		b.mean[c], b.variance[c] = 0, 1
		b.gamma.v[c], b.beta.v[c] = float32(math.Sqrt(1+normEpsilon)), 0
	}
	copy(b.beta.v, bias)
}

// adapt gives the batch norms of nodes, which pass their inputs on, the statistics
// of samples of t without changing what they compute: training, which normalises by
// statistics, starts from the same function then. Means and squares are in float64,
// of the values before batch norm, up to the same samples that set activation
// scales.
func (n *net) adapt(nodes []*node, t *table) {
	if len(nodes) == 0 {
		return
	}
	sums := make([][2][]float64, len(nodes))
	for i, node := range nodes {
		sums[i] = [2][]float64{make([]float64, node.norm.f), make([]float64, node.norm.f)}
	}
	samples := min(t.n, calibration)
	n.over(t, samples, func(_, rows int, _ []float32) {
		for i, node := range nodes {
			for k, v := range node.pre[:rows*node.out.shape.Size()] {
				c := k % node.norm.f
				sums[i][0][c] += float64(v)
				sums[i][1][c] += float64(v) * float64(v)
			}
		}
	})
	for i, node := range nodes {
		node.norm.centre(sums[i], float64(samples*node.out.shape.Positions()))
	}
}

// centre takes the sums of count inputs and of their squares as statistics, and
// sets gamma and beta so that b computes what pass made it compute. z = gamma
// (x-mean)/sqrt(var+e) + beta is x + beta' for gamma = sqrt(var+e) and beta = beta'
// + mean.
func (b *batchNorm) centre(sums [2][]float64, count float64) {
	for c := range b.mean {
		mean := sums[0][c] / count
		variance := max(sums[1][c]/count-mean*mean, 0)
		b.mean[c], b.variance[c] = float32(mean), float32(variance)
		b.gamma.v[c] = float32(math.Sqrt(variance + normEpsilon))
		b.beta.v[c] += float32(mean)
	}
}
