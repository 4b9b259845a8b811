package quant

import "fmt"

// Executor evaluates a network exactly, on integers. It is the reference that
// the cycle model and the emitted Verilog must equal. An Executor is immutable:
// goroutines may share one, each with a Trace of its own.
type Executor struct {
	net    *Network
	layers []packedLayer
}

// Trace holds what one evaluation computed, layer by layer. Run reuses its
// buffers, so copy what must outlive the next Run. The zero Trace is ready.
type Trace struct {
	// Acc[i][c] is the final accumulator of channel c of layer i.
	Acc [][]int64
	// Out[i][c] is its output after the thresholds; Out[i] is empty on a layer
	// that ends in scores.
	Out [][]int32
	// Scores ranks the channels of the last layer: its scores or, if it has
	// thresholds, its outputs.
	Scores []int64
	// Label is the lowest index among the largest scores.
	Label int

	x   nonzeros
	own *Executor // the executor that the buffers fit
}

// NewExecutor prepares a network, as NewNetwork returned it, for evaluation.
func NewExecutor(n *Network) *Executor {
	e := &Executor{net: n, layers: make([]packedLayer, len(n.Layers))}
	for i := range n.Layers {
		e.layers[i] = packLayer(&n.Layers[i])
	}
	return e
}

// Network returns the network that e evaluates.
func (e *Executor) Network() *Network { return e.net }

// Check returns an error unless x is a legal input of the network: as many
// integers as the first layer has inputs, each in the range of their type.
func (e *Executor) Check(x []int32) error {
	l := &e.net.Layers[0]
	if len(x) != l.In {
		return fmt.Errorf("quant: layer %q: got %d inputs, want %d", l.Name, len(x), l.In)
	}
	lo, hi := int32(l.Input.Min()), int32(l.Input.Max())
	for i, v := range x {
		if v < lo || v > hi {
			return fmt.Errorf("quant: layer %q: input %d is %d, want %v", l.Name, i, v, l.Input)
		}
	}
	return nil
}

// Run evaluates the network on one input vector and leaves every layer's
// accumulators and outputs in tr. It does not allocate once tr has been used
// with e. Panics where Check reports an error.
func (e *Executor) Run(x []int32, tr *Trace) {
	if err := e.Check(x); err != nil {
		panic(err.Error())
	}
	if tr.own != e {
		e.allocate(tr)
	}
	for i := range e.layers {
		tr.x.gather(x)
		e.layers[i].multiply(&tr.x, tr.Acc[i])
		l := &e.net.Layers[i]
		if l.Thresholds == nil {
			break // NewNetwork allows this on the last layer only
		}
		for c, acc := range tr.Acc[i] {
			tr.Out[i][c] = int32(l.Thresholds.Apply(c, acc))
		}
		x = tr.Out[i]
	}
	e.rank(tr)
}

// rank fills in the scores and the label from the last layer's results.
func (e *Executor) rank(tr *Trace) {
	last := len(e.net.Layers) - 1
	if s := e.net.Layers[last].Score; s != nil {
		for c, acc := range tr.Acc[last] {
			tr.Scores[c] = acc*s.Gain[c] + s.Bias[c]
		}
	} else {
		for c, y := range tr.Out[last] {
			tr.Scores[c] = int64(y)
		}
	}
	tr.Label = 0
	for c, v := range tr.Scores {
		if v > tr.Scores[tr.Label] {
			tr.Label = c
		}
	}
}

// allocate sizes tr's buffers for e's network.
func (e *Executor) allocate(tr *Trace) {
	layers := e.net.Layers
	widest := 0
	*tr = Trace{Acc: make([][]int64, len(layers)), Out: make([][]int32, len(layers)), own: e}
	for i := range layers {
		l := &layers[i]
		widest = max(widest, l.In)
		tr.Acc[i] = make([]int64, l.Out)
		if l.Thresholds != nil {
			tr.Out[i] = make([]int32, l.Out)
		}
	}
	tr.Scores = make([]int64, e.net.OutputSize())
	tr.x = nonzeros{index: make([]int32, 0, widest), value: make([]int64, 0, widest)}
}
