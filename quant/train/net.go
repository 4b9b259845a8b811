package train

import (
	"math/rand/v2"

	"github.com/a2qgen/a2qgen/quant"
)

// calibration is how many training samples set the first activation scales,
// calibrationTop the fraction of values that they do not clip, and
// calibrationMost about how many values of a quantiser are looked at.
const (
	calibration     = 2048
	calibrationTop  = 0.999
	calibrationMost = 1 << 20
)

// net is a network in its float phase or, after quantise, in QAT: a graph of nodes
// in order of execution. It has one set of buffers: one goroutine uses it at a
// time. The schedules are the passes, built anew whenever the nodes change:
// quantisers first, then forward in training or evaluation, then backward.
type net struct {
	batch int
	x     []float32 // inputs, batch x input shape, channels last
	input *tensor   // has x
	nodes []*node
	acts  []*actScale // of all nodes, each once

	requantise, train, eval, back, advance schedule
}

// newNet draws the network of s: see newPlan. outputs is the number of classes, or
// of a target's elements where classifier is not set.
func newNet(s *Spec, input quant.Shape, row bool, outputs int, classifier bool, rng *rand.Rand) (*net, error) {
	p, err := newPlan(s, input, row, outputs, classifier)
	if err != nil {
		return nil, err
	}
	return p.build(rng), nil
}

// build allocates a planned network and draws its weights.
func (p *plan) build(rng *rand.Rand) *net {
	n := &net{batch: p.spec.Batch, x: make([]float32, p.spec.Batch*p.input.Size())}
	n.input = &tensor{shape: p.input, v: n.x}
	scales := map[*actPlan]*actScale{}
	for i := range p.steps {
		st := &p.steps[i]
		var in []operand
		for _, from := range st.From {
			in = append(in, operand{tensor: n.tensor(from)})
		}
		node := newNode(st, in, n.batch, rng)
		if st.act != nil {
			// Steps that share a plan of a quantiser share the quantiser: one
			// scale, one parameter.
			if scales[st.act] == nil {
				scales[st.act] = newActScale(st.act, st.out.Size())
				scales[st.act].fitIn(p.spec.ActScale)
				n.acts = append(n.acts, scales[st.act])
			}
			node.own = scales[st.act]
		}
		n.nodes = append(n.nodes, node)
	}
	n.plan()
	return n
}

// plan builds the schedules of the passes over the nodes as they are. Weights are
// requantised in one stage, all layers together, since no layer's need another's;
// then what depends on whole matrices is derived.
func (n *net) plan() {
	n.requantise, n.train, n.eval, n.back, n.advance = schedule{}, schedule{}, schedule{}, schedule{}, schedule{}
	for _, node := range n.nodes {
		node.addForward(&n.train, true)
		node.addForward(&n.eval, false)
	}
	n.planBack()
	for _, node := range n.nodes {
		if node.w != nil {
			node.w.parameters().addPrepare(&n.requantise)
			node.w.parameters().addAdvance(&n.advance)
		}
	}
	for _, node := range n.nodes {
		if node.w != nil {
			n.requantise.alone(node.w.derive)
		}
	}
}

// planBack builds that of the backward pass. Of the readers of a tensor the last
// comes first and overwrites its gradient; the others add to it. So gradients need
// not be cleared, and the order of their sums is fixed. Weights come last: their
// parts of both halves are complete then.
func (n *net) planBack() {
	filled := map[*tensor]bool{}
	for i := len(n.nodes) - 1; i >= 0; i-- {
		node := n.nodes[i]
		if !node.learns {
			continue
		}
		node.addBackward(&n.back)
		for k := range node.in {
			node.in[k].add = filled[node.in[k].tensor]
			filled[node.in[k].tensor] = true
		}
	}
	for _, node := range n.nodes {
		if node.w != nil {
			n.back.alone(node.w.parameters().complete)
		}
	}
	for _, node := range n.nodes {
		if node.w != nil {
			node.w.parameters().addJoin(&n.back)
		}
	}
}

// tensor returns what node i gives, or the input.
func (n *net) tensor(i int) *tensor {
	if i == quant.Source {
		return n.input
	}
	return n.nodes[i].out
}

// output returns the last node's output.
func (n *net) output() *tensor { return n.nodes[len(n.nodes)-1].out }

// quantise turns a float net into one for QAT. top[i] is the largest value
// that the i-th quantiser should represent; nil leaves the scales for later.
func (n *net) quantise(top []float32) {
	for _, node := range n.nodes {
		node.quantise()
	}
	for i, t := range top {
		n.acts[i].start(t)
	}
	n.plan()
}

// prepare requantises all weights; it goes before the first forward after they
// changed.
func (n *net) prepare() { n.requantise.run() }

// forward runs rows samples of n.x with batch statistics and returns the outputs,
// rows x outputs; momentum is the weight of the batch in the running statistics.
// With a momentum of 0 the running statistics stay.
func (n *net) forward(rows int, momentum float32) []float32 {
	for _, node := range n.nodes {
		node.begin(rows, momentum, true)
	}
	n.train.run()
	return n.outputs(rows)
}

// evaluate runs rows samples of n.x with the running statistics. It is what the
// exported network computes, up to rounding.
func (n *net) evaluate(rows int) []float32 {
	for _, node := range n.nodes {
		node.begin(rows, 0, false)
	}
	n.eval.run()
	return n.outputs(rows)
}

// outputs returns the outputs of the first rows samples; the next pass overwrites
// them.
func (n *net) outputs(rows int) []float32 {
	t := n.output()
	return t.v[:rows*t.shape.Size()]
}

// outputGradient is where the gradient of the loss to the outputs goes before
// backward, batch x outputs.
func (n *net) outputGradient() []float32 { return n.output().g }

// backward takes dL/doutput from outputGradient and sets every gradient; fitted scales
// follow the batch. It follows a forward.
func (n *net) backward() {
	n.back.run()
	for _, a := range n.acts {
		clear(a.e.g)
	}
	for i := len(n.nodes) - 1; i >= 0; i-- {
		if a := n.nodes[i].act; a != nil {
			a.learn()
		}
	}
	for _, a := range n.acts {
		a.follow()
	}
}

// regularise adds the regulariser's gradients and returns its value.
func (n *net) regularise(lambda float64) float64 {
	sum := 0.0
	for _, node := range n.nodes {
		if node.w != nil {
			if q := node.w.parameters().q; q != nil {
				sum += q.regularise(lambda)
			}
		}
	}
	return sum
}

// params returns all learned tensors in a fixed order. A shared scale is listed
// once, with the first node that has it. The order is that of checkpoints and of
// the optimiser's moments.
func (n *net) params() []param {
	var p []param
	seen := map[*actScale]bool{}
	for _, node := range n.nodes {
		p = append(p, node.params()...)
		if node.act != nil && node.act.q != nil && !seen[node.act.q] {
			seen[node.act.q] = true
			if q := node.act.q; len(q.e.v) > 0 {
				p = append(p, q.e)
			}
		}
	}
	return p
}

// state returns all numbers that evaluation depends on: the learned tensors, then the
// running statistics and the integers that moves are made from.
func (n *net) state() [][]float32 {
	var s [][]float32
	for _, p := range n.params() {
		s = append(s, p.v)
	}
	s = append(s, n.statistics()...)
	for _, node := range n.weighted() {
		if w := node.w.parameters(); w.q != nil && w.q.moves() {
			s = append(s, w.w.v)
		}
	}
	return s
}

// averaged returns what the average of a phase is over: all of the state but the integers
// of dq and their moves. An average of integers is none, and to round it to one that fits
// again was as good as the last integers, not better (docs/training.md).
func (n *net) averaged() [][]float32 {
	var s [][]float32
	for _, p := range n.params() {
		if p.held == nil {
			s = append(s, p.v)
		}
	}
	return append(s, n.statistics()...)
}

// statistics returns the running statistics.
func (n *net) statistics() [][]float32 {
	var s [][]float32
	for _, node := range n.nodes {
		if node.norm != nil {
			s = append(s, node.norm.mean, node.norm.variance)
		}
	}
	return s
}

// over evaluates the network on the first samples of t and calls f with the outputs of
// rows of them at a time, the first of which is sample at.
func (n *net) over(t *table, samples int, f func(at, rows int, out []float32)) {
	n.prepare()
	for at := 0; at < samples; at += n.batch {
		rows := t.gatherRange(at, min(at+n.batch, samples), n.x)
		f(at, rows, n.evaluate(rows))
	}
}

// tops returns calibrationTop's percentile of the sizes of the values that each
// quantiser will see, over the first samples of t: the largest of its tensors. A
// percentile, not the largest: one outlier would take resolution from all other
// values, and the scale is learned from there on.
func (n *net) tops(t *table) []float32 {
	seen := make([][]float32, len(n.nodes))
	samples := min(t.n, calibration)
	n.over(t, samples, func(_, rows int, _ []float32) {
		for i, node := range n.nodes {
			if node.own != nil {
				seen[i] = node.sample(seen[i], rows, samples)
			}
		}
	})
	top := make([]float32, len(n.acts))
	for i, a := range n.acts {
		for j, node := range n.nodes {
			if node.own == a {
				top[i] = max(top[i], percentile(seen[j], calibrationTop))
			}
		}
	}
	return top
}

// sample appends sizes of the values that the node gave for rows samples of so
// many: all, or every so manieth, an odd step that meets every channel.
func (n *node) sample(seen []float32, rows, samples int) []float32 {
	size := n.out.shape.Size()
	// Odd, so that it has no factor in common with the usual even numbers of
	// channels.
	every := samples*size/calibrationMost | 1
	for i := 0; i < rows*size; i += every {
		seen = append(seen, max(n.out.v[i], -n.out.v[i]))
	}
	return seen
}

// accuracy returns the fraction of t that evaluation classifies correctly, or 0
// where t is nil. Ties go to the lowest class, as in the loss.
func (n *net) accuracy(t *table) float64 {
	if t == nil {
		return 0
	}
	correct := 0
	n.over(t, t.n, func(at, rows int, logits []float32) {
		classes := len(logits) / rows
		for i := range rows {
			if argmax(logits[i*classes:(i+1)*classes]) == int(t.labels[at+i]) {
				correct++
			}
		}
	})
	return float64(correct) / float64(t.n)
}
