package nn

import (
	"context"
	"fmt"

	"github.com/a2qgen/a2qgen/quant"
)

// Tensor holds what a layer gives for some samples, one after the other, channels
// last: real numbers, or integers that are worth Scale each. Integers of up to 16
// bits are exact in float32. A batch of samples is evaluated layer by layer, so
// that a layer's weights are turned into integers once for all samples.
type Tensor struct {
	Shape quant.Shape
	V     []float32
	Scale float64        // of integers; 1 for real numbers
	Type  quant.DataType // of integers; of 0 bits for real numbers
}

// Real says that the tensor holds real numbers.
func (t *Tensor) Real() bool { return t.Type.Bits == 0 }

// Samples returns the number of samples.
func (t *Tensor) Samples() int { return len(t.V) / t.Shape.Size() }

// Of returns the elements of samples lo to hi.
func (t *Tensor) Of(lo, hi int) []float32 { return t.V[lo*t.Shape.Size() : hi*t.Shape.Size()] }

// Outputs returns what the network gives for samples, one after the other in the
// order of its input (images channels first): the real outputs of each sample,
// channels last. Quantisers that the model has are respected: then sums are
// those of the integers, exact, and what follows them is computed in float64, as
// qonnx.Read has it; but for an Add of layers without quantisers, whose sums go
// through float32. Errors are those of Source, and ctx's between layers.
func (g *Graph) Outputs(ctx context.Context, samples []float32) ([]float64, error) {
	x, err := g.Source(samples)
	if err != nil {
		return nil, err
	}
	var last *Tensor
	err = g.Walk(ctx, x, func(i int, in []*Tensor) (*Tensor, error) {
		last = g.Run(i, in, nil)
		return last, nil
	})
	if err != nil {
		return nil, err
	}
	// Scale is 1 where the outputs are real already.
	out := make([]float64, len(last.V))
	for i, v := range last.V {
		out[i] = float64(v) * last.Scale
	}
	return out, nil
}

// Source turns samples into what the network reads: channels last, and integers
// where the input has a quantiser. It returns an error where the values are no whole
// number of samples, or not finite.
func (g *Graph) Source(samples []float32) (*Tensor, error) {
	shape, q := g.Sample, g.Input
	if len(samples) == 0 || len(samples)%shape.Size() != 0 {
		return nil, fmt.Errorf("nn: %d values, want samples of %d, %v", len(samples), shape.Size(), shape)
	}
	t := &Tensor{Shape: shape, V: make([]float32, len(samples)), Scale: 1}
	if q != nil {
		t.Scale, t.Type = float64(q.Scale), q.Type()
	}
	for i, v := range samples {
		if !finite(float64(v)) {
			return nil, fmt.Errorf("nn: sample %d: element %d is %v", i/shape.Size(), i%shape.Size(), v)
		}
		if q != nil {
			v = float32(q.Integer(float64(v)))
		}
		t.V[i] = v
	}
	t.V = Transposed(t.V, shape.C, shape.Positions())
	return t, nil
}

// Live holds the tensors of a walk through a graph that some layer still reads: memory is that of the tensors
// still to be read, over all samples.
type Live struct {
	g      *Graph
	source *Tensor
	made   []*Tensor
	left   []int // readers to come
}

// NewLive returns the beginning of a walk, at which there is the input alone.
func (g *Graph) NewLive(source *Tensor) *Live {
	l := &Live{g, source, make([]*Tensor, len(g.Layers)), make([]int, len(g.Layers))}
	for i := range l.left {
		l.left[i] = len(g.Readers[i])
	}
	return l
}

// Of returns what layer i gave, or the input where i is quant.Source; nil where no layer reads it any
// more, or it is not computed yet.
func (l *Live) Of(i int) *Tensor {
	if i == quant.Source {
		return l.source
	}
	return l.made[i]
}

// Operands returns what layer i reads.
func (l *Live) Operands(i int) (in []*Tensor) {
	for _, from := range l.g.Layers[i].From {
		in = append(in, l.Of(from))
	}
	return in
}

// Put takes what layer i gave, and lets go of what only it had still to read. Layers come in order.
func (l *Live) Put(i int, out *Tensor) {
	l.made[i] = out
	for _, from := range l.g.Layers[i].From {
		if from == quant.Source {
			continue
		}
		if l.left[from]--; l.left[from] == 0 {
			l.made[from] = nil
		}
	}
}

// Walk calls do for each layer in order, with what it reads, and lets go of tensors
// that nothing reads any more. It returns do's error, or ctx's between layers.
func (g *Graph) Walk(ctx context.Context, source *Tensor, do func(i int, in []*Tensor) (*Tensor, error)) error {
	return g.WalkLive(ctx, source, func(i int, live *Live) (*Tensor, error) { return do(i, live.Operands(i)) })
}

// WalkLive is Walk for who runs layers ahead of the walk: from layer i on they read each other and live.
func (g *Graph) WalkLive(ctx context.Context, source *Tensor, do func(i int, live *Live) (*Tensor, error)) error {
	live := g.NewLive(source)
	for i := range g.Layers {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("nn: stopped: %w", err)
		}
		out, err := do(i, live)
		if err != nil {
			return err
		}
		live.Put(i, out)
	}
	return nil
}
