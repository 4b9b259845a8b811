package train

import (
	"math/rand/v2"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
)

// node is a step with its memory: an operation, then batch norm and activation
// as far as they are there.
type node struct {
	*step
	in   []operand
	out  *tensor
	op   *nn.Op
	back backward
	w    weighted // back, where it has weights
	// adjoint is the operation as nn has it, with the memory of the two goroutines; nil where it slides.
	adjoint *adjoint
	memory  [2]*nn.Work[float32]

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

// newNode allocates the node of a step that reads in. Gradients are allocated only
// from the first node that learns on: the input and what only pools it has none.
// rng draws the weights.
func newNode(st *step, in []operand, batch int, rng *rand.Rand) *node {
	n := &node{step: st, in: in}
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
		n.act = newActivation(st.out.C, st.Relu, n.norm)
		n.pre = in[0].v
		if st.Kind != quant.Requantize {
			n.pre = make([]float32, size)
		}
	}
	return n
}

// operation builds op and its way back.
func (n *node) operation(batch int, rng *rand.Rand) {
	var in []quant.Shape
	for _, x := range n.in {
		in = append(in, x.shape)
	}
	q := n.Geometry()
	n.op = nn.NewOp(&q, in, n.step.out)
	// At most half a batch, which is what one goroutine has.
	n.chunk = n.op.Span((batch + 1) / 2)
	for half := range n.memory {
		if !slides(n.op) {
			n.memory[half] = nn.NewWork[float32](n.op, n.chunk)
		}
	}
	a := newAdjoint(n.op, len(in), batch, &n.memory)
	if !n.Kind.OrLinear().Weighted() {
		n.back, n.adjoint = a, a
		return
	}
	w := newWeights(n.Rows(), n.op.Terms, n.op.Out.C, n.bias, rng)
	if slides(n.op) {
		n.w = newSliding(w, n.op)
	} else {
		n.w, n.adjoint = newProduct(w, a), a
	}
	n.back = n.w
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
		n.operate(pre, s)
		if n.norm != nil && n.training {
			n.norm.collect(pre, half)
		}
	})
}

// operate sets y, the span's samples of what the operation gives.
func (n *node) operate(y []float32, s span) {
	if c, ok := n.back.(*sliding); ok {
		c.forward(s.of(n.in[0].v, n.op.In.Size()), y, s.half)
		return
	}
	var w nn.Weights[float32]
	if n.w != nil {
		w = n.w.multiplier()
	}
	n.adjoint.forward(n.in, w, y, s)
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
	if c, ok := n.back.(*sliding); ok {
		s.both(size, c.gather)
	}
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
		n.back.backward(n.in, g, s)
	})
}

// quantise turns a node of the float phase into one for QAT. From here on the
// activation's output is s*integer.
func (n *node) quantise() {
	if n.w != nil {
		n.w.parameters().quantise(*n.step.quantiser, n.step.scales)
	}
	if n.act != nil {
		n.act.quantise(n.own)
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
