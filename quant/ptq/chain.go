package ptq

import (
	"math"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
)

// Equalisation ends when no factor is further from 1, or after so many rounds.
const (
	// In the logarithm of the factor, so that 1.001 and 1/1.001 are as far.
	settled     = 1e-3
	equalRounds = 40
)

// equalize equalises all pairs of layers with weights, one after the other, until
// nothing changes much, and returns the number of pairs (arXiv 1906.04721, section
// 4.1). Pairs with a branch, a sum or a concatenation between them stay as they
// are. A pair is changed again by its neighbours, since the middle layer of three
// has its columns in one pair and its rows in the next: hence rounds, until all
// agree.
func (g *graph) equalize() (int, error) {
	type pair struct{ from, to int }
	var pairs []pair
	for i := range g.Layers {
		if to := g.follower(i); to >= 0 {
			pairs = append(pairs, pair{i, to})
		}
	}
	for range equalRounds {
		most := 0.0
		for _, p := range pairs {
			f, err := g.equalizePair(p.from, p.to)
			if err != nil {
				return 0, err
			}
			for _, x := range f {
				most = max(most, math.Abs(math.Log(x)))
			}
		}
		if most < settled {
			break
		}
	}
	return len(pairs), nil
}

// follower returns the layer with weights that alone reads what layer i gives,
// through layers that treat channels apart and alike at any scale; else -1. Pixel
// shuffle and concatenation change which channel is which, a bias or batch norm
// between is not homogeneous, and a second reader would see scaled values: all of
// them end the walk.
func (g *graph) follower(i int) int {
	if !g.Layers[i].Kind.Weighted() {
		return -1
	}
	for len(g.Readers[i]) == 1 {
		i = g.Readers[i][0]
		l := &g.Layers[i]
		switch {
		case l.Kind.Weighted():
			return i
		case l.BatchNorm != nil || l.Bias != nil:
			return -1
		}
		// These keep channels apart and are positively homogeneous: max, mean, copy
		// and ReLU.
		switch l.Kind {
		case quant.MaxPool, quant.AvgPool, quant.Upsample, quant.Requantize:
		default:
			return -1
		}
	}
	return -1
}

// equalizePair equalises two layers of the graph, and returns the factor of each
// channel between them.
func (g *graph) equalizePair(from, to int) ([]float64, error) {
	a, b := &g.Layers[from], &g.Layers[to]
	first, second := matrixOf(a), matrixOf(b)
	// The channels of the tensor that it reads, not of the first layer's own shape:
	// behind a flatten several columns read one channel.
	second.Channels, second.Groups = g.Shape(g.Layers[to].From[0]).C, max(b.Groups, 1)
	f, err := Equalize(first, second)
	if err != nil {
		return nil, err
	}
	first.store(a)
	second.store(b)
	return f, nil
}

// matrixOf returns a layer's weights and bias as copies: float64 while they are
// changed, rounded once by store.
func matrixOf(l *nn.Layer) *Matrix {
	m := &Matrix{Rows: l.Out, K: l.In, Weights: wide(l.Weights), Channels: 1}
	if l.Bias != nil {
		m.Bias = wide(l.Bias)
	}
	return m
}

// store writes m's numbers to a layer.
func (m *Matrix) store(l *nn.Layer) {
	for i, w := range m.Weights {
		l.Weights[i] = float32(w)
	}
	for i, b := range m.Bias {
		l.Bias[i] = float32(b)
	}
}

func wide(v []float32) []float64 {
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = float64(x)
	}
	return out
}
