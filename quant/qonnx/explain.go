package qonnx

import (
	"fmt"
	"slices"
	"strings"

	"github.com/a2qgen/a2qgen/quant"
)

// made is how a network came about: where its layers, thresholds and scores are from.
type made struct {
	// nodes and ends are, for each layer, the node that it comes from and the rounding
	// that its thresholds end in.
	nodes []*node
	ends  []*rounding
	// input makes the integers of the samples; endings are how the outputs end.
	input   *rounding
	endings []*ending
}

// Reading is a file with what became of it, read or refused.
type Reading struct {
	// File is nil where the file is refused.
	File *File
	// Refusals are the causes then.
	Refusals []Refusal
	g        *graph
	im       *importer
}

// Explanation says what became of a node.
type Explanation struct {
	Node     string `json:"node"`
	Operator string `json:"operator"`
	// Shape is that of its first output for one sample; nil where it was not computed.
	Shape []int `json:"shape,omitempty"`
	// Became says it in sentences.
	Became []string `json:"became"`
	// Staircases are those that the node has a part in.
	Staircases []Staircase `json:"staircases,omitempty"`
}

// Staircase is the thresholds of a layer: its output is the number of thresholds below the
// accumulator, counted from the type's smallest value, or down from its largest in the
// channels that are inverted.
type Staircase struct {
	Layer string `json:"layer"`
	// Output is the FINN name of the type.
	Output   string    `json:"output"`
	Channels []Channel `json:"channels"`
}

// Channel is one channel of a Staircase. Accumulators lie in AccMin..AccMax.
type Channel struct {
	AccMin     int64   `json:"acc_min"`
	AccMax     int64   `json:"acc_max"`
	Inverted   bool    `json:"inverted"`
	Thresholds []int64 `json:"thresholds"`
}

// Examine reads a file as ReadFile does, and keeps what it takes to explain the result.
// What is wrong with the graph is in Refusals; the error is of what cannot be read at all.
func Examine(path string, told Told) (*Reading, error) {
	r := &Reading{}
	var err error
	r.File, r.g, r.im, err = readGraph(path, told)
	if err == nil {
		return r, nil
	}
	if r.g == nil {
		return nil, err
	}
	r.File, r.Refusals = nil, Refusals(err)
	return r, nil
}

// Explain says what became of a node, which goes by its name or that of one of its
// outputs.
func (r *Reading) Explain(name string) (*Explanation, error) {
	i := slices.IndexFunc(r.g.nodes, func(n *node) bool { return n.name == name || slices.Contains(n.out, name) })
	if i < 0 {
		return r.absent(name)
	}
	n := r.g.nodes[i]
	e := &Explanation{Node: n.id(), Operator: clip(n.op)}
	if k := slices.IndexFunc(r.Refusals, func(f Refusal) bool { return f.Node == n.id() }); k >= 0 {
		e.Became = []string{fmt.Sprintf("refused: %s; %s", r.Refusals[k].Reason, r.Refusals[k].Remedy)}
		return e, nil
	}
	if r.im == nil || r.im.values[n.out[0]] == nil {
		e.Became = []string{"not looked at: it depends on a node that is refused"}
		return e, nil
	}
	v := r.im.values[n.out[0]]
	e.Shape = v.dims()
	switch v := v.(type) {
	case *tensor:
		e.Became = []string{constantText(v)}
	case *ranking:
		e.Became = []string{"left out: it ranks the outputs, and the label is the largest score without it"}
	case *stream:
		r.explainStream(e, n, v)
	}
	return e, nil
}

// absent explains a name that no needed node has.
func (r *Reading) absent(name string) (*Explanation, error) {
	if r.g.left[name] {
		return &Explanation{Node: clip(name), Became: []string{"left out: no output depends on it"}}, nil
	}
	var names []string
	for _, n := range r.g.nodes {
		names = append(names, n.id())
	}
	const most = 12
	if more := len(names) - most; more > 0 {
		names = append(names[:most], fmt.Sprintf("and %d more", more))
	}
	return nil, fmt.Errorf("qonnx: no node %s; there are %s", show(name), strings.Join(names, ", "))
}

// constantText says what is known of a constant.
func constantText(t *tensor) string {
	text := "a constant, computed while reading"
	if t.q != nil {
		text += fmt.Sprintf(": integers of %d..%d, with a scale", t.q.lo, t.q.hi)
	}
	return text
}

// explainStream says where node n, which gives s, went.
func (r *Reading) explainStream(e *Explanation, n *node, s *stream) {
	e.explainLayers(r, n)
	if len(e.Became) > 0 {
		return
	}
	switch {
	case r.File == nil:
		e.Became = append(e.Became, "understood; the network is refused for other nodes")
	case slices.ContainsFunc(s.steps, func(st step) bool { return st.at == n }):
		e.Became = append(e.Became, "part of the network's real outputs only: the order of the scores is the same "+
			"without it")
	default:
		e.Became = append(e.Became, "no layer: it passes its elements on, perhaps in another order")
	}
}

// explainLayers adds what the layers of the network have of node n.
func (e *Explanation) explainLayers(r *Reading, n *node) {
	if r.File == nil || r.im.made == nil {
		return
	}
	net, m := r.File.Network, r.im.made
	if has(m.input, n) {
		e.Became = append(e.Became, fmt.Sprintf("part of the input: samples become %v", net.Input.Type))
	}
	for i := range net.Layers {
		l := &net.Layers[i]
		if m.nodes[i] == n && (l.Kind != quant.Requantize || m.ends[i] == nil) {
			e.Became = append(e.Became, fmt.Sprintf("layer %q: %s, output %v", l.Name, l.Kind, l.Shape))
		}
		if m.ends[i] != nil && has(m.ends[i], n) {
			e.Became = append(e.Became, fmt.Sprintf("part of the thresholds of layer %q", l.Name))
			e.Staircases = append(e.Staircases, staircaseOf(l))
		}
	}
	for k := range net.Outputs {
		if l := net.OutputLayer(k); l.Score != nil && part(m.endings[k].steps, n) {
			e.Became = append(e.Became, fmt.Sprintf("part of the scores of layer %q", l.Name))
		}
	}
}

// has says that a rounding, or what it is made of, is node n's or has a step of it.
func has(r *rounding, n *node) bool {
	for ; r != nil; r = r.prior {
		if r.at == n || part(r.steps, n) {
			return true
		}
	}
	return false
}

// part says that a step is node n's.
func part(steps []step, n *node) bool {
	return slices.ContainsFunc(steps, func(st step) bool { return st.at == n })
}

// staircaseOf returns the thresholds of a layer.
func staircaseOf(l *quant.Layer) Staircase {
	t := l.Thresholds
	s := Staircase{Layer: l.Name, Output: t.Output.String()}
	for c := range l.Out {
		r := l.AccRange(c)
		s.Channels = append(s.Channels, Channel{AccMin: r.Min, AccMax: r.Max, Inverted: t.Inverted != nil && t.Inverted[c],
			Thresholds: t.Channel(c)})
	}
	return s
}
