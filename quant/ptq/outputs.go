package ptq

import (
	"context"
	"fmt"
	"math"

	"github.com/a2qgen/a2qgen/quant/qonnx"
)

// Outputs returns what a model gives for samples, one after the other in the
// order of its input (images channels first): the real outputs of each sample,
// channels last. Quantisers that the model has are respected: then sums are
// those of the integers, exact, and what follows them is computed in float64, as
// qonnx.Read has it. It returns an error where sizes do not fit or a sample is
// not finite.
func Outputs(ctx context.Context, m *qonnx.Model, samples []float32) ([]float64, error) {
	g, err := newGraph(m)
	if err != nil {
		return nil, err
	}
	x, err := g.source(samples, m.Input)
	if err != nil {
		return nil, err
	}
	var last *tensor
	err = g.walk(ctx, x, func(i int, in []*tensor) (*tensor, error) {
		last = g.stage(i, in).run(nil)
		return last, nil
	})
	if err != nil {
		return nil, err
	}
	// scale is 1 where the outputs are real already.
	out := make([]float64, len(last.v))
	for i, v := range last.v {
		out[i] = float64(v) * last.scale
	}
	return out, nil
}

// source turns samples into what the network reads: channels last, and integers
// where there is a quantiser. samples are channels first and the tensor channels
// last: element (c, position) goes to position*C + c. A vector has one position, so
// its order stays. It returns an error where the values are no whole number of
// samples, or not finite.
func (g *graph) source(samples []float32, q *qonnx.ActQuant) (*tensor, error) {
	shape := g.input
	if len(samples) == 0 || len(samples)%shape.Size() != 0 {
		return nil, fmt.Errorf("ptq: %d values, want samples of %d, %v", len(samples), shape.Size(), shape)
	}
	t := &tensor{shape: shape, v: make([]float32, len(samples)), scale: 1}
	if q != nil {
		t.scale, t.typ = float64(q.Scale), actType(q)
	}
	for i, v := range samples {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return nil, fmt.Errorf("ptq: sample %d: element %d is %v", i/shape.Size(), i%shape.Size(), v)
		}
		if q != nil {
			v = float32(quantised(float64(v), q))
		}
		at := i % shape.Size()
		channel, position := at/shape.Positions(), at%shape.Positions()
		t.v[i-at+position*shape.C+channel] = v
	}
	return t, nil
}
