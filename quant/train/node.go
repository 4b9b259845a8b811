package train

import (
	"math/rand/v2"

	"github.com/a2qgen/a2qgen/quant"
)

// node is a step with its memory: an operation, then batch norm and activation
// as far as they are there.
type node struct {
	*step
	in  []operand
	out *tensor
	op  op
	w   weighted // op, where it has weights

	norm *batchNorm  // nil where there is none
	act  *activation // nil where the operation's output passes on as it is
	pre  []float32   // output of op; out.v where act is nil
	own  *actScale   // the quantiser that act gets in QAT; nil without
	// learns says that something up to here learns.
	learns bool

	// The samples in the batch and those that op takes at a time; whether the
	// pass under way is one of training, and the weight of its statistics.
	rows, chunk int
	training    bool
	momentum    float32
}

// spanBytes is what the operands, windows and results of an operation on a few
// samples should fill: less than a core's second-level cache. An operation then
// finds its windows where it has just written them.
const spanBytes = 512 << 10

// newNode allocates the node of a step that reads in. Gradients are allocated only
// from the first node that learns on: the input and what only pools it has none.
// rng draws the weights.
func newNode(st *step, in []operand, batch int, rng *rand.Rand) *node {
	n := &node{step: st, in: in, chunk: batch}
	for _, x := range in {
		n.learns = n.learns || x.g != nil
	}
	n.operation(batch, rng)
	n.learns = n.learns || n.w != nil
	size := batch * st.out.Size()
	n.out = &tensor{shape: st.out, v: make([]float32, size)}
	if n.learns {
		n.out.g = make([]float32, size)
	}
	// Three cases: no activation, and the operation writes the output itself; a
	// requantiser, which reads its operand in place; or a buffer of its own between
	// the two, which the backward pass needs again.
	n.pre = n.out.v
	if st.norm {
		n.norm = newBatchNorm(st.out.C)
	}
	if st.norm || st.act != nil {
		n.act = newActivation(st.out.C, st.relu, n.norm)
		n.pre = in[0].v
		if st.kind != quant.Requantize {
			n.pre = make([]float32, size)
		}
	}
	return n
}

// operation builds op.
func (n *node) operation(batch int, rng *rand.Rand) {
	st := n.step
	// 0 stands for 1 in strides and dilations, as in quant.Window.
	slide := windows{st.window, st.in, st.out}
	slide.StrideH, slide.StrideW = max(slide.StrideH, 1), max(slide.StrideW, 1)
	slide.DilationH, slide.DilationW = max(slide.DilationH, 1), max(slide.DilationW, 1)
	switch st.kind {
	case quant.Linear, quant.Conv:
		w := newWeights(st.out.C, st.terms(), st.bias, rng)
		n.w = newWeighted(st, w, slide, n.fit(batch))
		n.op = n.w
	case quant.MaxPool:
		n.op = &maxPool{slide, make([]int32, batch*st.out.Size())}
	case quant.AvgPool:
		n.op = &avgPool{slide}
	case quant.Add:
		n.op = sum{}
	case quant.Concat:
		n.op = concat{st.out.C}
	case quant.Upsample, quant.PixelShuffle:
		n.op = newMove(st)
	case quant.Requantize:
		n.op = pass{}
	default:
		panic("train: no operation of kind " + string(st.kind))
	}
}

// fit sets the samples of a span so that a convolution stays in the cache. At most
// half a batch, which is what one goroutine has.
func (n *node) fit(batch int) int {
	if n.kind != quant.Linear {
		bytes := 4 * (n.terms()*n.step.out.Positions()*n.groups + n.step.out.Size() + n.step.in.Size())
		n.chunk = min(max(spanBytes/bytes, 1), (batch+1)/2)
	}
	return n.chunk
}

// newWeighted returns the fastest form of a layer with weights: they differ in the
// order of sums, not in what is summed.
func newWeighted(st *step, w *weights, slide windows, chunk int) weighted {
	switch {
	case st.kind == quant.Linear:
		return &linear{w, 1}
	case st.depthwise():
		return newDepthwise(w, slide)
	case st.pointwise():
		return &linear{w, st.out.Positions()}
	}
	return newConv(w, slide, st.groups, chunk)
}

// pointwise says that a convolution is a linear layer at every position.
func (st *step) pointwise() bool {
	w := st.window
	return w.H == 1 && w.W == 1 && st.groups == 1 && w.Top+w.Left+w.Bottom+w.Right == 0 &&
		st.in.Positions() == st.out.Positions()
}

// spans calls f for a half of the batch, chunk by chunk.
func (n *node) spans(half int, f func(s span)) {
	lo, hi := bounds(half, n.rows)
	for at := lo; at < hi; at += n.chunk {
		f(span{at, min(at+n.chunk, hi), half})
	}
}

// begin sets what a forward pass is about. In training, batch norm takes the
// batch's statistics, with that momentum; else the running ones. Without batch
// statistics the activation's gain and shift are known beforehand; with them they
// follow the operation (addForward).
func (n *node) begin(rows int, momentum float32, training bool) {
	n.rows, n.momentum, n.training = rows, momentum, training
	if n.act == nil || n.norm != nil && training { // the pass sets it
		return
	}
	if n.norm != nil {
		n.norm.estimate()
	}
	n.act.set(n.norm)
}

// addForward adds to s what computes the output. Operation and statistics go in
// halves, then one goroutine joins the statistics, then the activation goes in
// halves.
func (n *node) addForward(s *schedule, training bool) {
	size := n.work()
	s.both(size, n.runHalf)
	if n.norm != nil && training {
		s.alone(func() {
			n.norm.settle(n.momentum)
			n.act.set(n.norm)
		})
	}
	if n.act != nil {
		s.both(size, n.applyHalf)
	}
}

// work returns the elements that a pass goes over at least.
func (n *node) work() int { return max(len(n.out.v), len(n.in[0].v)) }

// runHalf is the operation on half of the batch; statistics are collected span by
// span, while the values are in the cache.
func (n *node) runHalf(half int) {
	size := n.step.out.Size()
	n.spans(half, func(s span) {
		pre := s.of(n.pre, size)
		n.op.forward(n.in, pre, s)
		if n.norm != nil && n.training {
			n.norm.collect(pre, half)
		}
	})
}

// applyHalf is batch norm and activation on half of the batch.
func (n *node) applyHalf(half int) {
	size := n.step.out.Size()
	lo, hi := bounds(half, n.rows)
	n.act.forward(n.pre[lo*size:hi*size], n.out.v[lo*size:hi*size])
}

// addBackward adds to s what takes dL/dout from out.g, which it overwrites, and
// gives the operands their gradients, the parameters what joinHalf needs.
func (n *node) addBackward(s *schedule) {
	size := n.work()
	if n.act != nil {
		s.both(size, n.maskHalf)
	}
	if n.norm != nil {
		s.alone(n.norm.settleBack)
	}
	s.both(size, n.unwindHalf)
}

// maskHalf takes the gradient through the activation and adds up what batch norm
// wants of it.
func (n *node) maskHalf(half int) {
	size := n.step.out.Size()
	lo, hi := bounds(half, n.rows)
	n.act.backward(n.pre[lo*size:hi*size], n.out.g[lo*size:hi*size], half)
}

// unwindHalf takes the gradient through batch norm and operation, span by span.
func (n *node) unwindHalf(half int) {
	size := n.step.out.Size()
	n.spans(half, func(s span) {
		g := s.of(n.out.g, size)
		if n.norm != nil {
			n.norm.pull(s.of(n.pre, size), g)
		}
		n.op.backward(n.in, g, s)
	})
}

// quantise turns a node of the float phase into one for QAT. From here on the
// activation's output is s*integer.
func (n *node) quantise() {
	if n.w != nil {
		n.w.parameters().quantise(*n.step.weights, n.step.rows)
	}
	if n.act != nil {
		n.act.q = n.own
	}
}

// params returns the learned tensors of weights and batch norm.
func (n *node) params() []param {
	var p []param
	if n.w != nil {
		p = append(p, n.w.parameters().params()...)
	}
	if n.norm != nil {
		p = append(p, n.norm.params()...)
	}
	return p
}
