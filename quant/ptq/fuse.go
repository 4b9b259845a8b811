package ptq

import (
	"slices"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
)

// fuse makes one convolution of every sum of convolutions of one tensor, and of that tensor itself: kernels lie in the
// largest window with their centres on each other, the tensor is a kernel of one 1 per channel (re-parameterisation,
// arXiv 2101.03697). The function stays, up to rounding. It returns the graph and how many sums became convolutions.
// Batch norms have to be folded before.
func (g *graph) fuse() (*graph, int, error) {
	fused := 0
	for i := 0; i < len(g.Layers); i++ {
		l, ok := g.fusedSum(i)
		if !ok {
			continue
		}
		m, err := g.without(i, l).Graph()
		if err != nil {
			return nil, 0, err
		}
		g, fused, i = &graph{m}, fused+1, -1 // numbers have changed
	}
	return g, fused, nil
}

// fusedSum returns the convolution that layer i, a sum, can be.
func (g *graph) fusedSum(i int) (nn.Layer, bool) {
	sum := &g.Layers[i]
	if sum.Kind != quant.Add || sum.BatchNorm != nil {
		return nn.Layer{}, false
	}
	source, widest, ok := g.branchesOf(i)
	if !ok {
		return nn.Layer{}, false
	}
	out := g.Layers[widest]
	cin := g.Shape(source).C / max(out.Groups, 1)
	w := out.Window.Normal()
	weights, bias := make([]float64, len(out.Weights)), make([]float64, out.Out)
	for _, from := range sum.From {
		if from == source {
			if out.Groups > 1 && cin > 1 || out.Out != g.Shape(source).C || w.StrideH != 1 || w.StrideW != 1 {
				return nn.Layer{}, false
			}
			for c := range out.Out {
				weights[c*out.In+(w.Top*w.W+w.Left)*cin+c%cin]++
			}
			continue
		}
		part := &g.Layers[from]
		v := part.Window.Normal()
		down, right := w.Top-v.Top, w.Left-v.Left
		if down < 0 || right < 0 || down+v.H > w.H || right+v.W > w.W || v.StrideH != w.StrideH ||
			v.StrideW != w.StrideW || max(part.Groups, 1) != max(out.Groups, 1) {
			return nn.Layer{}, false
		}
		for k, x := range part.Weights {
			c, tap, input := k/part.In, k%part.In/cin, k%cin
			weights[c*out.In+((down+tap/v.W)*w.W+right+tap%v.W)*cin+input] += float64(x)
		}
		for c, b := range part.Bias {
			bias[c] += float64(b)
		}
	}
	out.Weights, out.Bias = single(weights), single(bias)
	out.From, out.Relu = []int{source}, sum.Relu
	return out, true
}

// branchesOf returns what the operands of sum i have in common as their input, and the operand of the largest
// window: all are convolutions of it that nothing else reads, without ReLU and dilation, or itself.
func (g *graph) branchesOf(i int) (source, widest int, ok bool) {
	widest = -1
	for _, from := range g.Layers[i].From {
		if from == quant.Source || g.Layers[from].Kind != quant.Conv || len(g.Readers[from]) != 1 {
			continue // the tensor itself, perhaps
		}
		if widest < 0 || g.Layers[from].Window.Taps() > g.Layers[widest].Window.Taps() {
			widest = from
		}
	}
	if widest < 0 {
		return 0, 0, false
	}
	source = g.Layers[widest].From[0]
	for _, from := range g.Layers[i].From {
		if from == source {
			continue
		}
		if from == quant.Source || len(g.Readers[from]) != 1 {
			return 0, 0, false
		}
		part := &g.Layers[from]
		w := part.Window.Normal()
		if part.Kind != quant.Conv || part.Relu || part.BatchNorm != nil || part.From[0] != source ||
			w.DilationH != 1 || w.DilationW != 1 {
			return 0, 0, false
		}
	}
	return source, widest, true
}

// without returns the model with layer l in the place of sum i, and without the operands that only that has read.
func (g *graph) without(i int, l nn.Layer) *nn.Model {
	source := l.From[0]
	return g.rebuilt(func(k int, now func(int) int, _ int) []nn.Layer {
		next := g.Layers[k]
		switch {
		case k == i:
			next = l
		case k != source && slices.Contains(g.Layers[i].From, k):
			return nil
		}
		next.From = renumbered(next.From, now)
		return []nn.Layer{next}
	})
}

// single rounds to float32.
func single(v []float64) []float32 {
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = float32(x)
	}
	return out
}
