package gradient

import (
	"math"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
)

// Tape is the memory of a span of samples that goes through some layers, forward and back.
type Tape[T nn.Float] struct {
	g *nn.Graph
	// First is the first layer that is run; those before it have been.
	first int
	nodes []node[T] // by layer; empty ones before first
	// given holds, in real units, what layers from first on read of those before it, and the source.
	given map[int][]T
	n     int // samples in the span
}

// node is a layer on a tape.
type node[T nn.Float] struct {
	op   *nn.Op
	work *nn.Work[T]
	w    nn.Weights[T]
	gain []T // of the batch norm, with shift: v*gain + shift
	move []T
	in   [][]T // what it reads
	sum  []T   // what the operation gives, with bias
	out  []T
	// dOut is the gradient to out, and to sum once the layer is passed; nil where no gradient comes.
	dOut    []T
	dIn     [][]T
	reaches bool // depends on the layer that the gradients are wanted of
}

// newTape returns memory for spans of at most so many samples, through layers first and later of g.
// Gradients go back to layer first, or to all layers with weights where through is set.
func newTape[T nn.Float](g *nn.Graph, first, samples int, through bool) *Tape[T] {
	t := &Tape[T]{g: g, first: first, nodes: make([]node[T], len(g.Layers)), given: map[int][]T{}}
	for i := first; i < len(g.Layers); i++ {
		l, d := &g.Layers[i], &t.nodes[i]
		d.op = g.Op(i)
		d.work = nn.NewWork[T](d.op, samples)
		if l.Kind == quant.MaxPool {
			d.work.From = make([]int32, samples*d.op.Out.Size())
		}
		d.reaches = i == first || through && l.Kind.Weighted()
		for _, from := range l.From {
			if from < first {
				t.given[from] = make([]T, samples*g.Shape(from).Size())
			} else {
				d.reaches = d.reaches || t.nodes[from].reaches
			}
		}
		d.in, d.dIn = make([][]T, len(l.From)), make([][]T, len(l.From))
		size := samples * d.op.Out.Size()
		d.sum, d.out = make([]T, size), make([]T, size)
		if d.reaches {
			d.dOut = make([]T, size)
		}
		d.numbers(l)
	}
	return t
}

// numbers sets weights, and batch norm as a factor and a shift.
func (d *node[T]) numbers(l *nn.Layer) {
	if l.Kind.Weighted() {
		d.w = nn.Weights[T]{Matrix: converted[T](l.Weights), Bias: converted[T](l.Bias)}
		if d.op.Form == nn.Channelwise {
			d.w.Matrix = nn.Transposed(d.w.Matrix, l.Out, l.In)
		}
	}
	if b := l.BatchNorm; b != nil {
		for c, gain := range b.Gains() {
			d.gain = append(d.gain, T(gain))
			d.move = append(d.move, T(float64(b.Beta[c])-gain*float64(b.Mean[c])))
		}
	}
}

func converted[T nn.Float](v []float32) []T {
	out := make([]T, len(v))
	for i, x := range v {
		out[i] = T(x)
	}
	return out
}

// load takes samples lo to hi of what earlier layers gave.
func (t *Tape[T]) load(live *nn.Live, lo, hi int) {
	t.n = hi - lo
	for from, v := range t.given {
		x := live.Of(from)
		for i, e := range x.Of(lo, hi) {
			v[i] = T(x.Scale * float64(e))
		}
	}
}

// forward runs the layers and returns what the last gives.
func (t *Tape[T]) forward() []T {
	for i := t.first; i < len(t.nodes); i++ {
		l, d := &t.g.Layers[i], &t.nodes[i]
		for k, from := range l.From {
			v := t.given[from]
			if from >= t.first {
				v = t.nodes[from].out
			}
			d.in[k] = t.of(from, v)
		}
		sum := t.of(i, d.sum)
		nn.Forward(d.op, d.in, d.w, sum, d.work)
		if l.Kind == quant.AvgPool {
			for k := range sum {
				sum[k] /= T(d.op.Taps())
			}
		}
		d.finish(l, sum, t.of(i, d.out))
	}
	return t.of(len(t.nodes)-1, t.nodes[len(t.nodes)-1].out)
}

// of returns the part of v that the span's samples of layer i's output fill.
func (t *Tape[T]) of(i int, v []T) []T { return v[:t.n*t.g.Shape(i).Size()] }

// finish sets out to batch norm, ReLU and quantiser of sums.
func (d *node[T]) finish(l *nn.Layer, sum, out []T) {
	for i, v := range sum {
		v = d.normed(i, v)
		if l.Relu {
			v = max(v, 0)
		}
		if l.Act != nil {
			v = T(l.Act.Integer(float64(v)) * float64(l.Act.Scale))
		}
		out[i] = v
	}
}

func (d *node[T]) normed(i int, v T) T {
	if d.gain == nil {
		return v
	}
	c := i % d.op.Out.C
	return v*d.gain[c] + d.move[c]
}

// slope returns the derivative of what finish makes of element i of the sums, v.
func (d *node[T]) slope(l *nn.Layer, i int, v T) T {
	slope := T(1)
	if d.gain != nil {
		slope = d.gain[i%d.op.Out.C]
	}
	v = d.normed(i, v)
	if l.Relu && v <= 0 || l.Act != nil && clips(l.Act, float64(v)) {
		return 0
	}
	return slope
}

// clips says that a quantiser clips v. Of -1 and +1, values beyond either count as clipped (arXiv
// 1602.02830, which passes the gradient of |v| <= 1).
func clips(a *nn.ActQuant, v float64) bool {
	lo, hi := float64(a.Type().Min()), float64(a.Type().Max())
	if a.Type().Bipolar {
		lo = -1
	}
	v /= float64(a.Scale)
	return v < lo || v > hi || math.IsNaN(v)
}

// backward takes the gradient in the last layer's dOut back to the sums of all layers that reach.
func (t *Tape[T]) backward() {
	for i := t.first; i < len(t.nodes)-1; i++ {
		clear(t.nodes[i].dOut)
	}
	for i := len(t.nodes) - 1; i >= t.first; i-- {
		l, d := &t.g.Layers[i], &t.nodes[i]
		if !d.reaches {
			continue
		}
		g := t.of(i, d.dOut)
		for k, v := range t.of(i, d.sum) {
			g[k] *= d.slope(l, k, v)
		}
		ahead := false
		for k, from := range l.From {
			d.dIn[k] = nil
			if from >= t.first && t.nodes[from].reaches {
				d.dIn[k], ahead = t.of(from, t.nodes[from].dOut), true
			}
		}
		if ahead {
			t.pass(l, d, g)
		}
	}
}

// pass gives the operands of a layer their gradients. Those of a mean are a part of the sum's; the layer's
// own stay as they are.
func (t *Tape[T]) pass(l *nn.Layer, d *node[T], g []T) {
	if l.Kind == quant.AvgPool {
		part := make([]T, len(g))
		for i, v := range g {
			part[i] = v / T(d.op.Taps())
		}
		g = part
	}
	nn.Adjoint(d.op, d.in, d.w, g, d.dIn, nil, d.work)
}

// Samples returns how many samples the span has.
func (t *Tape[T]) Samples() int { return t.n }

// Op returns the operation of layer i.
func (t *Tape[T]) Op(i int) *nn.Op { return t.nodes[i].op }

// Input returns what layer i reads as operand k for sample s of the span, in real units.
func (t *Tape[T]) Input(i, k, s int) []T {
	size := len(t.nodes[i].in[k]) / t.n
	return t.nodes[i].in[k][s*size : (s+1)*size]
}

// Sums returns the gradient of the loss of sample s to the sums of products of layer i, channels last.
func (t *Tape[T]) Sums(i, s int) []T {
	size := t.nodes[i].op.Out.Size()
	return t.nodes[i].dOut[s*size : (s+1)*size]
}

// Weights adds the gradient of the loss of sample s to the weights of layer i to dw, Rows x In.
func (t *Tape[T]) Weights(i, s int, dw []T) {
	d := &t.nodes[i]
	nn.Adjoint(d.op, [][]T{t.Input(i, 0, s)}, d.w, t.Sums(i, s), [][]T{nil}, dw, d.work)
}
