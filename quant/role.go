package quant

import "slices"

// Role says where in a network a layer stands. Ends have 8-bit weights and no
// accumulator target, hidden layers share M, N and P (MATH 5, arXiv 2401.10432,
// section 5). Those papers have chains; Roles says what it means in a graph.
type Role struct {
	// Weighted says that the layer multiplies by weights. All else of a layer
	// without is false: pools, sums and moves have no target of their own.
	Weighted bool
	// First says that some path leads from the network's input to the layer past no
	// weights, Last that some path leads from it to an output past no weights.
	First, Last bool
}

// Hidden says that the layer has weights and is no end.
func (r Role) Hidden() bool { return r.Weighted && !r.First && !r.Last }

// Roles returns the role of each layer of a graph: layer i is of kind kinds[i], empty
// for linear, and reads the layers from[i], which come before it, or Source; nil is
// the layer before. What no layer reads is an output, and so are the layers outputs, which
// may be read too.
//
// A path decides, not an operand's place: an addition is the same whichever way round
// it is written, so the layers behind it are too. Paths go through all that has no
// weights, also through pools and requantisers: they make the samples coarser, but what
// an end loses of them, or adds to the result, no weight on that path can make good.
// So
//
//   - a layer behind a sum or a concatenation that the input enters directly is first,
//     however many layers the other operand has passed;
//   - where the output is a sum, the layers that end its operands are all last, those
//     of residuals before it too if only shortcuts without weights lie between;
//   - a chain of two layers with weights has no hidden one;
//   - a sole layer with weights is first and last. First then decides on widths and
//     target, since a target is one for inputs of a type.
func Roles(from [][]int, kinds []Kind, outputs ...int) []Role {
	fed, ends := fedBySource(from, kinds), endingPaths(from, kinds, outputs)
	roles := make([]Role, len(kinds))
	for i, kind := range kinds {
		if kind.OrLinear().Weighted() {
			roles[i] = Role{Weighted: true, First: fed[i], Last: ends[i]}
		}
	}
	return roles
}

// fedBySource says which layers read values of the input that have met no weights.
func fedBySource(from [][]int, kinds []Kind) []bool {
	fed := make([]bool, len(kinds))
	for i := range kinds {
		fed[i] = slices.ContainsFunc(Operands(from[i], i), func(k int) bool {
			return k == Source || fed[k] && !kinds[k].OrLinear().Weighted()
		})
	}
	return fed
}

// endingPaths says which layers give values that reach an output without meeting
// weights.
func endingPaths(from [][]int, kinds []Kind, outputs []int) []bool {
	ends, read := make([]bool, len(kinds)), make([]bool, len(kinds))
	for _, o := range outputs {
		ends[o] = true
	}
	// Backwards, so that all readers of a layer have been seen before it.
	for i := len(kinds) - 1; i >= 0; i-- {
		ends[i] = ends[i] || !read[i]
		for _, k := range Operands(from[i], i) {
			if k != Source {
				read[k] = true
				ends[k] = ends[k] || ends[i] && !kinds[i].OrLinear().Weighted()
			}
		}
	}
	return ends
}

// Operands returns the layers that layer i reads: from or, where that is nil, the layer
// before.
func Operands(from []int, i int) []int {
	if from == nil {
		return []int{i - 1}
	}
	return from
}

// Roles returns the role of each layer of n.
func (n *Network) Roles() []Role {
	from, kinds := make([][]int, len(n.Layers)), make([]Kind, len(n.Layers))
	for i := range n.Layers {
		from[i], kinds[i] = n.Layers[i].From, n.Layers[i].Kind
	}
	outputs := make([]int, len(n.Outputs))
	for k, o := range n.Outputs {
		outputs[k] = o.Layer
	}
	return Roles(from, kinds, outputs...)
}

// Constrained says which layers take part in an accumulator target: those that
// declare one or, in a network that declares none, the hidden layers, or all with
// weights where none is hidden. A network that declares some was made for a target,
// and its own choice, which may include the ends, counts.
func (n *Network) Constrained() []bool {
	yes, declared, hidden := make([]bool, len(n.Layers)), false, false
	roles := n.Roles()
	for i := range n.Layers {
		declared = declared || roles[i].Weighted && n.Layers[i].AccBits > 0
		hidden = hidden || roles[i].Hidden()
	}
	for i := range yes {
		switch {
		case declared:
			yes[i] = roles[i].Weighted && n.Layers[i].AccBits > 0
		case hidden:
			yes[i] = roles[i].Hidden()
		default:
			yes[i] = roles[i].Weighted
		}
	}
	return yes
}
