package train

import (
	"math/rand/v2"
	"strconv"

	"github.com/a2qgen/a2qgen/quant"
)

// calibration is how many training samples set the first activation scales,
// and calibrationTop the fraction of values that they do not clip.
const (
	calibration    = 2048
	calibrationTop = 0.999
)

// block is a linear layer and what follows it; norm and act are nil in the
// classifier. The buffers hold a batch x out each.
type block struct {
	lin  *linear
	norm *batchNorm
	act  *activation

	pre []float32 // output of lin, then normalised in place
	z   []float32 // output of norm, or logits
	y   []float32 // output of act
	g   []float32 // gradient, turned from dL/dy into dL/dpre in place
}

// net is a network in its float phase or, after quantise, in QAT. It has one
// set of buffers: one goroutine uses it at a time.
type net struct {
	batch  int
	blocks []*block
	x      []float32 // inputs, batch x in
}

func newNet(s *Spec, in, classes int, rng *rand.Rand) *net {
	n := &net{batch: s.Batch, x: make([]float32, s.Batch*in)}
	for _, out := range s.Layers {
		b := n.add(in, out, false, rng)
		b.norm, b.act = newBatchNorm(out), &activation{}
		b.z, b.y = make([]float32, s.Batch*out), make([]float32, s.Batch*out)
		in = out
	}
	b := n.add(in, classes, true, rng)
	b.z = b.pre
	return n
}

func (n *net) add(in, out int, bias bool, rng *rand.Rand) *block {
	size := n.batch * out
	b := &block{lin: newLinear(in, out, bias, rng), pre: make([]float32, size), g: make([]float32, size)}
	n.blocks = append(n.blocks, b)
	return b
}

// quantise turns a float net into one for QAT. top[i] is the largest value
// that hidden block i should represent.
func (n *net) quantise(s *Spec, top []float32) {
	last := len(n.blocks) - 1
	for i, b := range n.blocks {
		z, rows := s.weightQuantizer(i), b.lin.out
		if i == last {
			rows = 1 // one scale keeps the scores' order exact
		}
		b.lin.quantise(z, rows)
		if b.act != nil {
			b.act.quantise(s.ActBits, b.lin.out, top[i])
		}
	}
}

// weightQuantizer returns the quantiser of linear layer i.
func (s *Spec) weightQuantizer(i int) quant.Quantizer {
	switch {
	case i == 0:
		return quant.Quantizer{Method: quant.Base, WeightBits: s.FirstWeightBits, Input: quant.DataType{Bits: s.InputBits}}
	case i == len(s.Layers):
		return quant.Quantizer{Method: quant.Base, WeightBits: s.LastWeightBits, Input: quant.DataType{Bits: s.ActBits}}
	}
	return quant.Quantizer{Method: s.Method, Rule: s.Rule, WeightBits: s.WeightBits, Input: quant.DataType{Bits: s.ActBits}, AccBits: s.AccBits}
}

// layerName returns the name of linear layer i in errors and files.
func layerName(i int) string { return "fc" + strconv.Itoa(i+1) }

// prepare requantises all weights after they changed.
func (n *net) prepare() {
	for _, b := range n.blocks {
		b.lin.prepare()
	}
}

// forward runs rows samples of n.x with batch statistics and returns the
// logits; momentum is batchNorm.forward's.
func (n *net) forward(rows int, momentum float32) []float32 {
	x := n.x
	for _, b := range n.blocks {
		b.lin.forward(x, b.pre, rows)
		if b.norm == nil {
			break
		}
		b.norm.forward(b.pre, b.z, rows, momentum)
		b.act.forward(b.z[:rows*b.lin.out], b.y)
		x = b.y
	}
	return n.logits(rows)
}

// evaluate runs rows samples of n.x with the running statistics.
func (n *net) evaluate(rows int) []float32 {
	x := n.x
	for _, b := range n.blocks {
		b.lin.forward(x, b.pre, rows)
		if b.norm == nil {
			break
		}
		b.norm.evaluate(b.pre, b.z, rows)
		b.act.forward(b.z[:rows*b.lin.out], b.y)
		x = b.y
	}
	return n.logits(rows)
}

func (n *net) logits(rows int) []float32 {
	b := n.blocks[len(n.blocks)-1]
	return b.z[:rows*b.lin.out]
}

// backward takes dL/dlogits from the last block's g and sets every gradient.
func (n *net) backward(rows int) {
	for i := len(n.blocks) - 1; i >= 0; i-- {
		b := n.blocks[i]
		if b.norm != nil {
			b.act.backward(b.z[:rows*b.lin.out], b.g)
			b.norm.backward(b.pre, b.g, rows)
		}
		if i == 0 {
			b.lin.backward(n.x, b.g, nil, rows)
			return
		}
		prev := n.blocks[i-1]
		b.lin.backward(prev.y, b.g, prev.g, rows)
	}
}

// regularise adds the regulariser's gradients and returns its value.
func (n *net) regularise(lambda float64) float64 {
	sum := 0.0
	for _, b := range n.blocks {
		if b.lin.q != nil {
			sum += b.lin.q.regularise(lambda)
		}
	}
	return sum
}

// params returns all learned tensors in a fixed order.
func (n *net) params() []param {
	var p []param
	for _, b := range n.blocks {
		p = append(p, b.lin.params()...)
		if b.norm != nil {
			p = append(append(p, b.norm.params()...), b.act.params()...)
		}
	}
	return p
}

// state returns all numbers that evaluation depends on: the learned tensors,
// then the running statistics.
func (n *net) state() [][]float32 {
	var s [][]float32
	for _, p := range n.params() {
		s = append(s, p.v)
	}
	for _, b := range n.blocks {
		if b.norm != nil {
			s = append(s, b.norm.mean, b.norm.variance)
		}
	}
	return s
}

// tops returns calibrationTop's percentile of each hidden block's output over
// the first samples of t.
func (n *net) tops(t *table) []float32 {
	hidden := n.blocks[:len(n.blocks)-1]
	seen := make([][]float32, len(hidden))
	for at := 0; at < min(t.n, calibration); at += n.batch {
		rows := t.gatherRange(at, min(at+n.batch, t.n, calibration), n.x)
		n.evaluate(rows)
		for i, b := range hidden {
			seen[i] = append(seen[i], b.y[:rows*b.lin.out]...)
		}
	}
	top := make([]float32, len(hidden))
	for i, v := range seen {
		top[i] = percentile(v, calibrationTop)
	}
	return top
}

// accuracy returns the fraction of t that evaluation classifies correctly, or
// 0 where t is nil.
func (n *net) accuracy(t *table) float64 {
	if t == nil {
		return 0
	}
	n.prepare()
	correct := 0
	for at := 0; at < t.n; at += n.batch {
		rows := t.gatherRange(at, min(at+n.batch, t.n), n.x)
		logits := n.evaluate(rows)
		classes := len(logits) / rows
		for i := 0; i < rows; i++ {
			if argmax(logits[i*classes:(i+1)*classes]) == int(t.labels[at+i]) {
				correct++
			}
		}
	}
	return float64(correct) / float64(t.n)
}
