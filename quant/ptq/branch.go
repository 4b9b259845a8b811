package ptq

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
)

// Part says what a branch is of its layer.
type Part string

const (
	// Dense is the layer itself, with integers for weights.
	Dense Part = "dense"
	// Outliers are few weights that need more bits than the others.
	Outliers Part = "outliers"
	// Centre is what the middle of a window has beside the finer grid of the whole.
	Centre Part = "centre"
	// LowRank is a product of two small matrices, with a quantiser between.
	LowRank Part = "low-rank"
)

// Branch is a part of a layer: layers one after the other, the first of which reads what the layer
// reads. The layer is the sum of its branches: that of the sums of their last layers, each of which has
// the shape of the layer's. Their weights are integers; the first branch has the layer's name and bias,
// none has a ReLU or a quantiser at its end.
//
// What a unit of a branch's sum is worth, the scale of its last layer's weights times that of what they
// read, must be a power of two times what it is in the first branch, the same for all channels: then the
// sum is one of integers, shifted.
type Branch struct {
	Part   Part
	Layers []nn.Layer
}

// last returns the layer whose sums are the branch's.
func (b *Branch) last() *nn.Layer { return &b.Layers[len(b.Layers)-1] }

// model returns a network of the branches of layer l alone, on inputs like x: with more than one, their
// sum is a layer of its own, which has l's ReLU. Names are the branches'.
func branchModel(l *nn.Layer, branches []Branch, x *nn.Tensor) *nn.Model {
	m := &nn.Model{Name: l.Name, InputShape: []int{x.Shape.C, x.Shape.H, x.Shape.W}}
	if x.Shape.Positions() == 1 {
		m.InputShape = []int{x.Shape.C}
	}
	m.Input = &nn.ActQuant{Scale: float32(x.Scale), Bits: x.Type.Bits, Signed: x.Type.Signed}
	m.Layers = joined(l, branches, []int{quant.Source}, 0)
	return m
}

// joined returns the layers that stand for layer l in a list of layers, the first of which is number at;
// from are what l reads there. The last of them gives what l gave.
func joined(l *nn.Layer, branches []Branch, from []int, at int) []nn.Layer {
	var all []nn.Layer
	var ends []int
	for _, b := range branches {
		for k, part := range b.Layers {
			if part.From = slices.Clone(from); k > 0 {
				part.From = []int{at + len(all) - 1}
			}
			all = append(all, part)
		}
		ends = append(ends, at+len(all)-1)
	}
	end := &all[len(all)-1]
	if len(branches) > 1 {
		all = append(all, nn.Layer{Name: sumName(l.Name), Kind: quant.Add, From: ends})
		end = &all[len(all)-1]
	}
	end.Relu, end.Act = l.Relu, l.Act
	return all
}

// sumName is the name of the sum of a layer's branches.
func sumName(layer string) string { return layer + "_sum" }

// checkBranches returns an error unless the branches are parts of layer l as Branch says. x is what they
// read.
func checkBranches(l *nn.Layer, branches []Branch, x *nn.Tensor) error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("ptq: layer %q: "+format, append([]any{l.Name}, args...)...)
	}
	if len(branches) == 0 || len(branches[0].Layers) != 1 || branches[0].Layers[0].Name != l.Name {
		return fail("the first of its %d branches is not the layer itself", len(branches))
	}
	first := &branches[0].Layers[0]
	for i := range branches {
		b := &branches[i]
		if len(b.Layers) == 0 || b.last().Act != nil || b.last().Relu || b.last().Out != l.Out {
			return fail("branch %d (%s) does not end in sums of %d channels", i, b.Part, l.Out)
		}
		unit := x.Scale
		if n := len(b.Layers); n > 1 {
			if b.Layers[n-2].Act == nil {
				return fail("branch %d (%s): layer %q has no quantiser", i, b.Part, b.Layers[n-2].Name)
			}
			unit = float64(b.Layers[n-2].Act.Scale)
		}
		want := b.last().Scale(0) * unit / (first.Scale(0) * x.Scale)
		for c := range l.Out {
			had := b.last().Scale(c) * unit / (first.Scale(c) * x.Scale)
			if frac, _ := math.Frexp(had); frac != 0.5 || had != want {
				return fail("branch %d (%s), channel %d: a unit is worth %g of the first branch's, want a power of two, "+
					"as in channel 0 (%g)", i, b.Part, c, had, want)
			}
		}
	}
	return nil
}

// runBranches returns what the branches of layer l give for x. means, unless nil, receives the mean of
// each channel's sum before ReLU and quantiser.
func runBranches(ctx context.Context, l *nn.Layer, branches []Branch, x *nn.Tensor,
	means []float64) (*nn.Tensor, error) {
	m := branchModel(l, branches, x)
	g, err := m.Graph()
	if err != nil {
		return nil, fmt.Errorf("ptq: layer %q: its branches: %w", l.Name, err)
	}
	var out *nn.Tensor
	err = g.Walk(ctx, x, func(i int, in []*nn.Tensor) (*nn.Tensor, error) {
		var of []float64
		if i == len(g.Layers)-1 {
			of = means
		}
		out = g.Run(i, in, of)
		return out, nil
	})
	return out, err
}

// assemble returns g's model with branches in the place of the layers that have some.
func (g *graph) assemble(branches map[int][]Branch) *nn.Model {
	return g.rebuilt(func(i int, now func(int) int, at int) []nn.Layer {
		l := g.Layers[i]
		if b := branches[i]; b != nil {
			return joined(&l, b, renumbered(l.From, now), at)
		}
		l.From = renumbered(l.From, now)
		return []nn.Layer{l}
	})
}

// rebuilt returns g's model with other layers in the place of its own: replace returns those of layer i, none where it
// goes, the first of which becomes number at. now says which number an earlier layer, or the last of those in its
// place, has in the new model; quant.Source stays.
func (g *graph) rebuilt(replace func(i int, now func(int) int, at int) []nn.Layer) *nn.Model {
	m := g.Model.Clone()
	m.Layers = nil
	numbers := make([]int, len(g.Layers))
	now := func(i int) int {
		if i == quant.Source {
			return i
		}
		return numbers[i]
	}
	for i := range g.Layers {
		m.Layers = append(m.Layers, replace(i, now, len(m.Layers))...)
		numbers[i] = len(m.Layers) - 1
	}
	return m
}

// renumbered returns what now makes of the numbers of layers.
func renumbered(layers []int, now func(int) int) []int {
	out := make([]int, len(layers))
	for k, i := range layers {
		out[k] = now(i)
	}
	return out
}
