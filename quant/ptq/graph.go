package ptq

import (
	"fmt"
	"slices"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/qonnx"
)

// graph is a model with the sizes of its tensors.
type graph struct {
	m      *qonnx.Model
	input  quant.Shape
	shapes []quant.Shape // of each layer's outputs
	reads  [][]int
	// readers lists who reads each layer.
	readers [][]int
}

// newGraph returns the graph of a copy of m, which may be changed. It returns an
// error that names the first layer that reads a later one, or whose operands do not
// fit. No From stands for the layer before, and no kind for linear: so say models
// that were built by hand.
func newGraph(m *qonnx.Model) (*graph, error) {
	g := &graph{m: clone(m), input: sampleShape(m.InputShape)}
	n := len(m.Layers)
	g.shapes, g.reads, g.readers = make([]quant.Shape, n), make([][]int, n), make([][]int, n)
	for i := range g.m.Layers {
		l := &g.m.Layers[i]
		if l.Kind == "" {
			l.Kind = quant.Linear
		}
		g.reads[i] = l.From
		if l.From == nil {
			g.reads[i] = []int{i - 1}
		}
		var in []quant.Shape
		for _, from := range g.reads[i] {
			if from < quant.Source || from >= i {
				return nil, fmt.Errorf("ptq: layer %q: reads layer %d, want an earlier one", l.Name, from)
			}
			in = append(in, g.shape(from))
			if from != quant.Source {
				g.readers[from] = append(g.readers[from], i)
			}
		}
		var err error
		q := quant.Layer{Name: l.Name, Kind: l.Kind, In: l.In, Out: l.Out, Window: l.Window,
			Groups: l.Groups, Factor: l.Factor}
		if g.shapes[i], err = q.OutputShape(in...); err != nil {
			return nil, fmt.Errorf("ptq: %w", err)
		}
	}
	if n == 0 {
		return nil, fmt.Errorf("ptq: model %q has no layers", m.Name)
	}
	return g, nil
}

// shape returns the shape of a layer's outputs, or of the input.
func (g *graph) shape(i int) quant.Shape {
	if i == quant.Source {
		return g.input
	}
	return g.shapes[i]
}

// sampleShape returns the shape of a sample, channels last: an image has three
// axes, all else is a vector.
func sampleShape(sample []int) quant.Shape {
	if len(sample) == 3 {
		return quant.Shape{H: sample[1], W: sample[2], C: sample[0]}
	}
	size := 1
	for _, d := range sample {
		size *= d
	}
	return quant.Vector(size)
}

// clone returns a copy of m that shares nothing that this package changes. Project
// sets weights, biases, quantisers and metadata, and batch norms are dropped, not
// changed: these are shared.
func clone(m *qonnx.Model) *qonnx.Model {
	c := *m
	c.Layers = slices.Clone(m.Layers)
	c.Metadata = map[string]string{}
	for k, v := range m.Metadata {
		c.Metadata[k] = v
	}
	for i := range c.Layers {
		l := &c.Layers[i]
		l.Weights, l.Bias = slices.Clone(l.Weights), slices.Clone(l.Bias)
	}
	return &c
}

// foldNorms takes the batch norms behind layers with weights into their weights
// and biases: w*g and (b-mean)*g + beta, with g = gamma/sqrt(var+epsilon).
func (g *graph) foldNorms() {
	for i := range g.m.Layers {
		if l := &g.m.Layers[i]; l.Kind.Weighted() && l.BatchNorm != nil {
			foldNorm(l)
		}
	}
}

// foldNorm is foldNorms for one layer. The new numbers are computed in float64 and
// rounded to float32 once. An output channel's gain may be negative or 0; neither
// matters to what follows.
func foldNorm(l *qonnx.Layer) {
	if l.Bias == nil {
		l.Bias = make([]float32, l.Out)
	}
	for c, gain := range normGains(l.BatchNorm) {
		l.Bias[c] = float32((float64(l.Bias[c])-float64(l.BatchNorm.Mean[c]))*gain + float64(l.BatchNorm.Beta[c]))
		row := l.Weights[c*l.In : (c+1)*l.In]
		for k, w := range row {
			row[k] = float32(float64(w) * gain)
		}
	}
	l.BatchNorm = nil
}

// roles returns the role of each layer.
func (g *graph) roles() []quant.Role {
	kinds := make([]quant.Kind, len(g.m.Layers))
	for i := range kinds {
		kinds[i] = g.m.Layers[i].Kind
	}
	return quant.Roles(g.reads, kinds)
}

// passes says that layer i gives integers of those that it reads. Such layers have
// no quantiser, and share the scale of what they read. A ReLU takes the negative
// half away, so its result deserves a scale of its own.
func (g *graph) passes(i int) bool {
	l := &g.m.Layers[i]
	switch l.Kind {
	case quant.MaxPool, quant.Upsample, quant.PixelShuffle, quant.Concat:
		return !l.Relu && l.BatchNorm == nil
	}
	return false
}
