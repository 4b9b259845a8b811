package quant

import "fmt"

// Executor evaluates a network exactly, on integers. It is the reference that
// the cycle model and the emitted Verilog must equal. An Executor is immutable:
// goroutines may share one, each with a Trace of its own.
type Executor struct {
	net     *Network
	kernels []kernel
	// steps are the layers' thresholds, nil where there are none or too many.
	steps []*steps
}

// kernel computes the accumulators of one layer, without start values, from
// what the layer reads. scratch is the caller's.
type kernel func(in [][]int32, acc []int64, scratch *scratch)

// Trace holds what one evaluation computed, layer by layer, each tensor in the
// order of Shape. Run reuses its buffers, so copy what must outlive the next
// Run. The zero Trace is ready.
type Trace struct {
	// In is the sample, as Run was given it.
	In []int32
	// Acc[i][e] is the final accumulator of element e of layer i.
	Acc [][]int64
	// Out[i][e] is its output; Out[i] is empty on a layer that ends in scores.
	Out [][]int32
	// Scores[k] ranks the elements of output k of the network: its layer's scores or, if
	// that has none, what it gives.
	Scores [][]int64
	// Label[k] is the lowest index among the largest scores of output k; where there is one
	// score, 1 if it is above Output.Boundary, else 0.
	Label []int

	scratch
	in  [][]int32
	own *Executor // the executor that the buffers fit
}

// NewExecutor prepares a network, as NewNetwork returned it, for evaluation.
func NewExecutor(n *Network) *Executor {
	e := &Executor{net: n, kernels: make([]kernel, len(n.Layers)), steps: make([]*steps, len(n.Layers))}
	for i := range n.Layers {
		l := &n.Layers[i]
		if e.kernels[i] = newKernel(l); l.Thresholds != nil {
			e.steps[i] = newSteps(l)
		}
	}
	return e
}

// Network returns the network that e evaluates.
func (e *Executor) Network() *Network { return e.net }

// Check returns an error unless x is a legal input of the network: as many
// integers as the network reads, each in the range of their type.
func (e *Executor) Check(x []int32) error {
	q := &e.net.Input
	if len(x) != q.Shape.Size() {
		return fmt.Errorf("quant: network %q: got %d inputs, want %d", e.net.Name, len(x), q.Shape.Size())
	}
	lo, hi := int32(q.Type.Min()), int32(q.Type.Max())
	for i, v := range x {
		if v < lo || v > hi || v == 0 && q.Type.Bipolar {
			return fmt.Errorf("quant: network %q: input %d is %d, want %v", e.net.Name, i, v, q.Type)
		}
	}
	return nil
}

// Run evaluates the network on one sample of integers, in the order of
// Network.Input, and leaves every layer's accumulators and outputs in tr. It
// does not allocate once tr has been used with e. Panics where Check reports an
// error.
func (e *Executor) Run(x []int32, tr *Trace) {
	if err := e.Check(x); err != nil {
		panic(err.Error())
	}
	if tr.own != e {
		e.allocate(tr)
	}
	tr.In = x
	for i := range e.kernels {
		l := &e.net.Layers[i]
		in := tr.in[:len(l.operands)]
		for k, o := range l.operands {
			in[k] = tr.Of(o.from)
		}
		e.kernels[i](in, tr.Acc[i], &tr.scratch)
		l.begin(tr.Acc[i])
		if e.steps[i] != nil {
			e.steps[i].applyAll(tr.Acc[i], tr.Out[i], tr.workers)
		} else {
			l.emit(tr.Acc[i], tr.Out[i])
		}
	}
	clear(tr.in)
	for k := range e.net.Outputs {
		e.rank(tr, k)
	}
}

// Of returns what layers read of layer i: its outputs, or the sample where i is Source.
func (tr *Trace) Of(i int) []int32 {
	if i == Source {
		return tr.In
	}
	return tr.Out[i]
}

// begin adds the start values.
func (l *Layer) begin(acc []int64) {
	if l.Start == nil {
		return
	}
	for len(acc) > 0 {
		for c, v := range l.Start {
			acc[c] += v
		}
		acc = acc[l.Out:]
	}
}

// emit turns accumulators into outputs.
func (l *Layer) emit(acc []int64, out []int32) {
	switch {
	case l.Score != nil:
	case l.Thresholds == nil:
		for i, v := range acc {
			out[i] = int32(v)
		}
	default:
		for c := range l.Out {
			for i := c; i < len(acc); i += l.Out {
				out[i] = int32(l.Thresholds.Apply(c, acc[i]))
			}
		}
	}
}

// rank fills in the scores and the label of output k from its layer's results.
func (e *Executor) rank(tr *Trace, k int) {
	at, scores := e.net.Outputs[k].Layer, tr.Scores[k]
	if s := e.net.Layers[at].Score; s != nil {
		for i, acc := range tr.Acc[at] {
			c := i % len(s.Gain)
			scores[i] = acc*s.Gain[c] + s.Bias[c]
		}
	} else {
		for i, y := range tr.Out[at] {
			scores[i] = int64(y)
		}
	}
	tr.Label[k] = e.net.Outputs[k].label(scores)
}

// label returns the lowest index among the largest of scores; of a single one, 1 where it is
// above the boundary.
func (o *Output) label(scores []int64) int {
	best := 0
	if len(scores) == 1 && scores[0] > o.Boundary {
		return 1
	}
	for c, v := range scores {
		if v > scores[best] {
			best = c
		}
	}
	return best
}

// Labels writes, for each position of output k, the lowest index among the largest scores
// of its channels, as segmentation wants them; of one channel, 1 where it is above the output's
// Boundary. It panics where dst has another length than there are positions.
func (e *Executor) Labels(tr *Trace, k int, dst []int32) {
	shape := e.net.OutputLayer(k).Shape
	if len(dst) != shape.Positions() {
		panic(fmt.Sprintf("quant: network %q: %d labels wanted of %d positions", e.net.Name, len(dst), shape.Positions()))
	}
	for p := range dst {
		dst[p] = int32(e.net.Outputs[k].label(tr.Scores[k][p*shape.C : (p+1)*shape.C]))
	}
}

// Real writes the real numbers that output k of the source graph has for the sample last
// run, in the order of its layer's Shape, to dst. It panics where the output has no
// Dequantize, or dst has another length.
func (e *Executor) Real(tr *Trace, k int, dst []float64) {
	o, l := &e.net.Outputs[k], e.net.OutputLayer(k)
	if o.Dequantize == nil || len(dst) != len(tr.Acc[o.Layer]) {
		panic(fmt.Sprintf("quant: network %q: %d real numbers of output %q wanted of %d", e.net.Name, len(dst), o.Name,
			len(tr.Acc[o.Layer])))
	}
	for i, v := range tr.Acc[o.Layer] {
		if l.Score == nil {
			v = int64(tr.Out[o.Layer][i])
		}
		dst[i] = o.Dequantize(i%l.Out, v)
	}
}

// allocate sizes tr's buffers for e's network.
func (e *Executor) allocate(tr *Trace) {
	layers := e.net.Layers
	widest, operands := 0, 0
	workers := tr.workers
	*tr = Trace{Acc: make([][]int64, len(layers)), Out: make([][]int32, len(layers)), own: e}
	tr.workers = workers
	for i := range layers {
		l := &layers[i]
		if l.Kind == Linear {
			widest = max(widest, l.In)
		}
		operands = max(operands, len(l.operands))
		tr.Acc[i] = make([]int64, l.Shape.Size())
		if l.Score == nil {
			tr.Out[i] = make([]int32, l.Shape.Size())
		}
	}
	tr.in = make([][]int32, operands)
	tr.Scores, tr.Label = make([][]int64, len(e.net.Outputs)), make([]int, len(e.net.Outputs))
	for k := range tr.Scores {
		tr.Scores[k] = make([]int64, e.net.OutputLayer(k).Shape.Size())
	}
	tr.scratch.x = nonzeros{index: make([]int32, 0, widest), value: make([]int64, 0, widest)}
}
