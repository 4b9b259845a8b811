package quant

import (
	"fmt"
	"slices"
	"strings"
)

// Output is a tensor that a network gives: what a layer gives, which other layers may
// read too, unless it ends in scores.
type Output struct {
	// Name is that of the source graph's output, unique in a network.
	Name string
	// Layer is an index of Network.Layers. Two outputs may show one layer.
	Layer int
	// Dequantize returns the real number that the source graph has for value v
	// of channel c: of the layer's accumulator where it ends in scores, else of its
	// output. A Softmax or ArgMax that ends the graph is left out: these are logits.
	// It is nil where the source does not say.
	Dequantize func(c int, v int64) float64
	// Boundary is for an output of a single element, which tells two classes apart:
	// the largest score or, without scores, output that means class 0.
	Boundary int64
}

// OutputLayer returns the layer whose tensor output k is.
func (n *Network) OutputLayer(k int) *Layer { return &n.Layers[n.Outputs[k].Layer] }

// OutputOf returns the first output that shows layer i, or -1 for none.
func (n *Network) OutputOf(i int) int {
	return slices.IndexFunc(n.Outputs, func(o Output) bool { return o.Layer == i })
}

// Classifier returns the output whose elements are what labels count: the first of one position
// that ends in scores or, where none does, the first of one position; -1 where all are images.
func (n *Network) Classifier() int {
	first := -1
	for k := range n.Outputs {
		switch l := n.OutputLayer(k); {
		case l.Shape.Positions() > 1:
		case l.Score != nil:
			return k
		case first < 0:
			first = k
		}
	}
	return first
}

// OutputNamed returns the output of a name. Its error lists those that there are.
func (n *Network) OutputNamed(name string) (int, error) {
	k := slices.IndexFunc(n.Outputs, func(o Output) bool { return o.Name == name })
	if k < 0 {
		return 0, fmt.Errorf("quant: network %q: no output %q, want one of %s", n.Name, name,
			strings.Join(n.OutputNames(), ", "))
	}
	return k, nil
}

// OutputNames returns the names of all outputs, in their order.
func (n *Network) OutputNames() []string {
	names := make([]string, len(n.Outputs))
	for k, o := range n.Outputs {
		names[k] = o.Name
	}
	return names
}

// soleOutput is the name of the one output of a network that does not say.
const soleOutput = "output"

// checkOutputs checks the outputs, of which the last layer is one where there are none. read
// says which layers are read.
func (n *Network) checkOutputs(read []bool) error {
	shown := make([]bool, len(n.Layers))
	for k, o := range n.Outputs {
		switch {
		case o.Layer < 0 || o.Layer >= len(n.Layers):
			return fmt.Errorf("quant: output %q: is layer %d, want 0..%d", o.Name, o.Layer, len(n.Layers)-1)
		case slices.Contains(n.OutputNames()[:k], o.Name):
			return fmt.Errorf("quant: two outputs are named %q", o.Name)
		}
		shown[o.Layer] = true
	}
	for i := range n.Layers {
		l := &n.Layers[i]
		switch {
		case !read[i] && !shown[i]:
			return fmt.Errorf("quant: layer %q: nothing reads it, and it is no output", l.Name)
		case l.Score != nil && !shown[i]:
			return l.errorf("ends in scores but is no output")
		case shown[i] && l.Thresholds == nil && l.Score == nil && l.Output().Bits > maxOutBits:
			return l.errorf("gives %v, want at most %d bits where there are neither thresholds nor scores", l.Output(),
				maxOutBits)
		}
	}
	return nil
}
