package plan

import (
	"slices"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/taps"
	"github.com/a2qgen/a2qgen/quant"
)

// Hidden channels have no order of their own: the rows of a layer may trade places if the columns
// of the one layer that reads them do too. A tap unit is faster in some orders than in others, and
// the exchange costs nothing: the unit before only has its rows elsewhere in its memories.

// tries are the efforts that see whether there is an order of so few steps, and how near to them
// each must come for the next: more effort saves a few percent only.
var tries = []struct{ effort, near float64 }{{0.05, 1.25}, {0.2, 1.1}, {full, 1}}

// full is the effort of the order that is built.
const full = 1

// arrangement is what taps.Arrange found for a layer.
type arrangement struct {
	order []int
	steps int
}

// arrangementKey says for what.
type arrangementKey struct {
	matrix
	pe, lanes int
	effort    float64
}

// arrangement returns the order of a layer's columns for so many rows and lanes at once. It is
// looked for once.
func (s *searches) arrangement(l *quant.Layer, pe, lanes int, effort float64) arrangement {
	key := arrangementKey{matrixOf(l), pe, lanes, effort}
	a, ok := s.arrangements[key]
	if !ok {
		a.order, a.steps = taps.Arrange(l.Weights, l.In, pe, lanes, effort)
		s.arrangements[key] = a
	}
	return a
}

// arranged returns the layer as a fold wants its columns: itself where the order is natural.
func (p *planner) arranged(l *quant.Layer, f hwgen.Fold) *quant.Layer {
	if f.Order != hwgen.Arranged {
		return l
	}
	return withColumns(l, p.arrangement(l, f.PE, f.Lanes, full).order)
}

// arrangeable says whether a layer's columns may be in any order: they are the rows of one layer
// with weights, which nothing else reads and which is no output.
func (p *planner) arrangeable(l *quant.Layer) bool {
	if l.Kind != quant.Linear || len(l.From) != 1 || l.From[0] == quant.Source {
		return false
	}
	from := l.From[0]
	readers := 0
	for i := range p.network.Layers {
		readers += reads(&p.network.Layers[i], from)
	}
	// An image brings its channels at every position.
	before := &p.network.Layers[from]
	return readers == 1 && p.network.OutputOf(from) < 0 && before.Kind == quant.Linear && before.Out == l.In
}

// crowded says that rows have taps in half of their columns or more. Any order spreads so many
// nearly evenly: there is little to find, and much to move.
func crowded(l *quant.Layer) bool { return 2*tapsOf(l) >= l.In*l.Out }

// arrange puts the columns of layer i in the order of its fold, and the rows of the layer before in
// the same. The network that it replaces stays as it is.
func (p *planner) arrange(i int, f hwgen.Fold) {
	l := &p.network.Layers[i]
	if f.Order != hwgen.Arranged {
		return
	}
	order, from := p.arrangement(l, f.PE, f.Lanes, full).order, l.From[0]
	layers := slices.Clone(p.network.Layers)
	layers[i] = *withColumns(l, order)
	layers[from] = *withRows(&layers[from], order)
	moved := *p.network
	moved.Layers = layers
	p.network, p.layers[from].Channels = &moved, order
}

// withColumns returns l with its columns in another order: column i is l's column order[i].
func withColumns(l *quant.Layer, order []int) *quant.Layer {
	moved := *l
	moved.Weights = make([]int32, 0, len(l.Weights))
	for row := range l.Out {
		for _, column := range order {
			moved.Weights = append(moved.Weights, l.Weights[row*l.In+column])
		}
	}
	return &moved
}

// withRows returns l with its rows in another order: row i is l's row order[i].
func withRows(l *quant.Layer, order []int) *quant.Layer {
	moved := *l
	moved.Weights = inOrder(l.Weights, order, l.In)
	moved.Start = inOrder(l.Start, order, 1)
	if t := l.Thresholds; t != nil {
		moved.Thresholds = &quant.Thresholds{Output: t.Output, Values: inOrder(t.Values, order, t.Levels()),
			Inverted: inOrder(t.Inverted, order, 1)}
	}
	return &moved
}

// inOrder returns the rows of all, each so long, in another order; nil stays nil.
func inOrder[T any](all []T, order []int, length int) []T {
	if all == nil {
		return nil
	}
	moved := make([]T, 0, len(all))
	for _, row := range order {
		moved = append(moved, all[row*length:(row+1)*length]...)
	}
	return moved
}
