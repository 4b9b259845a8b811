// Package addergraph computes an integer matrix times a vector with few adders: a graph of sums and
// differences of two terms, in which what several rows have in common is added once.
//
// Weights are written in canonical signed digits: powers of two, of either sign, as few as there
// can be. Two digits of a row are a pair; the pair that most rows have (shifted and negated alike)
// becomes an adder, whose result takes their place, until no pair comes twice. What is left of each
// row is summed up in a tree. This is the greedy sharing of two-term subexpressions of Hartley
// (IEEE TCAS II, 1996), over all rows at once. Zeros cost nothing.
package addergraph

import "fmt"

// Graph computes Rows from an input vector. Node k below Inputs is element k of the vector; node
// Inputs+k is what Adders[k] gives, whose operands come before it.
type Graph struct {
	Inputs int
	Adders []Adder
	// Rows are the products, in the order of the matrix; a row of zeros has no node.
	Rows []Term
}

// Adder is the sum of two terms, of which the first is not negative and one is not shifted.
type Adder struct{ Left, Right Term }

// Term is a node times 2^Shift, or the negative of that.
type Term struct {
	// Node is an index, Zero for the constant 0.
	Node     int
	Shift    int
	Negative bool
}

// Zero is the node of a term that is 0.
const Zero = -1

// Of returns the term of a value of its node.
func (t Term) Of(v int64) int64 {
	if t.Negative {
		v = -v
	}
	return v << t.Shift
}

// Evaluate returns the values of all nodes for an input vector.
func (g *Graph) Evaluate(x []int64) []int64 {
	values := append(make([]int64, 0, g.Inputs+len(g.Adders)), x...)
	for _, a := range g.Adders {
		values = append(values, a.Left.Of(values[a.Left.Node])+a.Right.Of(values[a.Right.Node]))
	}
	return values
}

// Levels returns of each node the most adders on a way to it; 0 for inputs.
func (g *Graph) Levels() []int {
	levels := make([]int, g.Inputs, g.Inputs+len(g.Adders))
	for _, a := range g.Adders {
		levels = append(levels, 1+max(levels[a.Left.Node], levels[a.Right.Node]))
	}
	return levels
}

// Range are the values that a node takes, both ends included.
type Range struct{ Min, Max int64 }

// Ranges returns the exact range of each node where each input takes every value of its own: the
// ends of the sum of its inputs times their weights, which is less than what its operands' ranges
// add up to where these share an input.
func (g *Graph) Ranges(inputs Range) []Range {
	ranges := make([]Range, g.Inputs+len(g.Adders))
	for node, weights := range g.Weights() {
		for _, w := range weights {
			a, b := w.Weight*inputs.Min, w.Weight*inputs.Max
			ranges[node].Min += min(a, b)
			ranges[node].Max += max(a, b)
		}
	}
	return ranges
}

// Weight is what a node has of an input.
type Weight struct {
	Input  int
	Weight int64
}

// Weights returns of each node the inputs that it is a sum of, in order, with their weights.
func (g *Graph) Weights() [][]Weight {
	all := make([][]Weight, 0, g.Inputs+len(g.Adders))
	for i := range g.Inputs {
		all = append(all, []Weight{{i, 1}})
	}
	for _, a := range g.Adders {
		all = append(all, merged(all, a.Left, a.Right))
	}
	return all
}

// merged returns the weights of the sum of two terms; what cancels out is left out.
func merged(all [][]Weight, left, right Term) []Weight {
	a, b := all[left.Node], all[right.Node]
	sum := make([]Weight, 0, len(a)+len(b))
	for len(a) > 0 || len(b) > 0 {
		var w Weight
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].Input < b[0].Input:
			w = Weight{a[0].Input, left.Of(a[0].Weight)}
			a = a[1:]
		case len(a) == 0 || b[0].Input < a[0].Input:
			w = Weight{b[0].Input, right.Of(b[0].Weight)}
			b = b[1:]
		default:
			w = Weight{a[0].Input, left.Of(a[0].Weight) + right.Of(b[0].Weight)}
			a, b = a[1:], b[1:]
		}
		if w.Weight != 0 {
			sum = append(sum, w)
		}
	}
	return sum
}

// String describes the size of the graph.
func (g *Graph) String() string {
	deepest := 0
	for _, l := range g.Levels() {
		deepest = max(deepest, l)
	}
	return fmt.Sprintf("%d rows of %d inputs, %d adders in %d levels", len(g.Rows), g.Inputs, len(g.Adders), deepest)
}
