package ptq

import (
	"fmt"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
)

// graph is a model that this package changes.
type graph struct{ *nn.Graph }

// newGraph returns the graph of a copy of m. Transposed convolutions are refused: their rows
// of weights are phases, whose windows and scales this package does not have.
func newGraph(m *nn.Model) (*graph, error) {
	g, err := m.Clone().Graph()
	if err != nil {
		return nil, fmt.Errorf("ptq: model %q: %w", m.Name, err)
	}
	for i := range g.Layers {
		if l := &g.Layers[i]; l.Kind == quant.ConvTranspose {
			return nil, fmt.Errorf("ptq: model %q: layer %q is a transposed convolution, which is not projected: "+
				"train from it instead (train --start)", m.Name, l.Name)
		}
	}
	return &graph{g}, nil
}

// clone returns a copy of g with a model of its own.
func (g *graph) clone() *graph {
	c := *g.Graph
	c.Model = g.Model.Clone()
	return &graph{&c}
}

// foldNorms takes the batch norms behind layers with weights into their weights
// and biases. An output channel's gain may be negative or 0; neither matters to what
// follows.
func (g *graph) foldNorms() {
	for i := range g.Layers {
		if l := &g.Layers[i]; l.Kind.Weighted() {
			l.FoldNorm()
		}
	}
}

// passes says that layer i gives integers of those that it reads. Such layers have
// no quantiser, and share the scale of what they read. A ReLU takes the negative
// half away, so its result deserves a scale of its own.
func (g *graph) passes(i int) bool {
	l := &g.Layers[i]
	switch l.Kind {
	case quant.MaxPool, quant.Upsample, quant.PixelShuffle, quant.Concat:
		return !l.Relu && l.BatchNorm == nil
	}
	return false
}
