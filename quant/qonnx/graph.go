package qonnx

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/a2qgen/a2qgen/quant/qonnx/onnxpb"
)

// graph is an ONNX graph with its nodes in topological order. Subgraphs (If,
// Loop) are attributes of nodes and refused with their operators.
type graph struct {
	// nodes are those that the outputs depend on.
	nodes   []*node
	inits   map[string]*onnxpb.TensorProto
	input   string
	shape   []int64 // of the input as declared; a size of 0 or less is unknown
	elem    elemType
	outputs []string
	// opset is the version of the standard operators. Defaults, and whether a
	// parameter is an attribute or an input, depend on it.
	opset int64
	meta  map[string]string
	// producer and version are those of the program that wrote the file.
	producer, version string
	// left names the nodes that no output depends on.
	left map[string]bool
	// types holds FINN's data type annotations, e.g. "INT2", by tensor. FINN
	// keeps them in ONNX's quantization_annotation under the key finn_datatype.
	types map[string]string
}

// node is one operator. An empty input name is an optional input that is left
// out.
type node struct {
	name, op, domain string
	in, out          []string
	attrs            map[string]*onnxpb.AttributeProto
	// opset is that of the graph.
	opset int64
}

// maxRank bounds the number of axes of a tensor. ONNX sets no limit;
// DepthToSpace written with Reshape and Transpose has six axes.
const maxRank = 16

// newGraph checks m's graph and sorts it. Constants come before the ends:
// initializers may be listed among the inputs (they had to be before IR version
// 4), and are then defaults, not inputs.
func newGraph(m *onnxpb.ModelProto) (*graph, error) {
	p := m.GetGraph()
	if p == nil {
		return nil, fmt.Errorf("holds no graph: is it an ONNX file?")
	}
	g := &graph{
		inits: map[string]*onnxpb.TensorProto{},
		meta:  map[string]string{},
		types: map[string]string{},
	}
	if err := g.setModel(m); err != nil {
		return nil, err
	}
	if err := g.setConstants(p); err != nil {
		return nil, err
	}
	if err := g.setEnds(p); err != nil {
		return nil, err
	}
	return g, g.setNodes(p.GetNode())
}

// setModel takes over what the file says beside its graph. ONNX wants every name
// once, and so do the functions below: of two, no reader can tell which is meant.
func (g *graph) setModel(m *onnxpb.ModelProto) error {
	g.producer, g.version = m.GetProducerName(), m.GetProducerVersion()
	for _, s := range m.GetOpsetImport() {
		if !standardDomain(s.GetDomain()) {
			continue
		}
		// ONNX's own domain has two spellings, so that one file may import it
		// twice.
		if g.opset != 0 && g.opset != s.GetVersion() {
			return fmt.Errorf("uses versions %d and %d of ONNX's operators, want one", g.opset, s.GetVersion())
		}
		g.opset = s.GetVersion()
	}
	for _, e := range m.GetMetadataProps() {
		if old, ok := g.meta[e.GetKey()]; ok && old != e.GetValue() {
			return fmt.Errorf("metadata %s: is %s and %s, want one value", show(e.GetKey()), show(old),
				show(e.GetValue()))
		}
		g.meta[e.GetKey()] = e.GetValue()
	}
	return nil
}

// setConstants finds the initializers and FINN's annotations.
func (g *graph) setConstants(p *onnxpb.GraphProto) error {
	for _, t := range p.GetInitializer() {
		if t.GetName() != "" && g.inits[t.GetName()] != nil {
			return fmt.Errorf("initializer %s is there twice: want one tensor of a name", show(t.GetName()))
		}
		g.inits[t.GetName()] = t
	}
	// The first is reason enough.
	for _, t := range p.GetSparseInitializer() {
		return fmt.Errorf("initializer %s is a sparse tensor: want a dense one", show(t.GetValues().GetName()))
	}
	for _, a := range p.GetQuantizationAnnotation() {
		for _, e := range a.GetQuantParameterTensorNames() {
			if e.GetKey() != "finn_datatype" {
				continue
			}
			name := a.GetTensorName()
			if old, ok := g.types[name]; ok && old != e.GetValue() {
				return fmt.Errorf("tensor %s: is annotated as %s and as %s, want one type",
					show(name), show(old), show(e.GetValue()))
			}
			g.types[name] = e.GetValue()
		}
	}
	return nil
}

// setEnds finds the graph's one input, among those that are no initializers,
// and its outputs. Sizes of 0 are those of symbolic axes, such as "batch_size":
// protobuf returns 0 for a field that is not there.
func (g *graph) setEnds(p *onnxpb.GraphProto) error {
	seen := map[string]bool{}
	for _, v := range p.GetInput() {
		if seen[v.GetName()] {
			return fmt.Errorf("graph input %s is there twice: want one tensor of a name", show(v.GetName()))
		}
		seen[v.GetName()] = true
		if g.inits[v.GetName()] != nil { // its default
			continue
		}
		if g.input != "" {
			return fmt.Errorf("the graph has inputs %s and %s, want one", show(g.input), show(v.GetName()))
		}
		g.input, g.elem = v.GetName(), elemType(v.GetType().GetTensorType().GetElemType())
		dims := v.GetType().GetTensorType().GetShape().GetDim()
		if len(dims) == 0 {
			return fmt.Errorf("graph input %s: has no shape", show(g.input))
		}
		if len(dims) > maxRank {
			return fmt.Errorf("graph input %s: has %d axes, want at most %d", show(g.input), len(dims), maxRank)
		}
		for _, d := range dims {
			g.shape = append(g.shape, d.GetDimValue())
		}
	}
	if g.input == "" {
		return fmt.Errorf("the graph has no input")
	}
	for _, v := range p.GetOutput() {
		g.outputs = append(g.outputs, v.GetName())
	}
	if len(g.outputs) == 0 {
		return fmt.Errorf("the graph has no output")
	}
	return nil
}

// setNodes fills in g.nodes. ONNX graphs are in static single assignment form:
// a name is defined once, by an initializer, an input or a node. Empty names
// are outputs that are left out.
func (g *graph) setNodes(protos []*onnxpb.NodeProto) error {
	maker := map[string]*node{}
	for _, p := range protos {
		n, err := newNode(p)
		if err != nil {
			return err
		}
		n.opset = g.opset
		for _, out := range n.out {
			if out == "" {
				continue
			}
			if maker[out] != nil || g.inits[out] != nil || out == g.input {
				return n.errorf("output %s is defined twice", show(out))
			}
			maker[out] = n
		}
	}
	if err := g.sort(maker); err != nil {
		return err
	}
	g.left = map[string]bool{}
	for _, n := range maker {
		g.left[n.name] = true
	}
	for _, n := range g.nodes {
		delete(g.left, n.name)
	}
	return nil
}

// sort appends to g.nodes what the outputs need, each node after the makers of
// its inputs. maker tells each tensor's node. ONNX wants nodes sorted, and some
// tools do not sort them. A depth-first search also leaves out what no output
// needs, which need not be supported then. The stack is explicit: a file of 256
// MiB may chain millions of nodes.
func (g *graph) sort(maker map[string]*node) error {
	const (
		open = 1 // its inputs are being visited
		done = 2
	)
	type frame struct {
		n    *node
		next int // index of the next input to visit
	}
	state := map[*node]int{}
	var stack []frame
	visit := func(tensor string, by *node) error {
		n := maker[tensor]
		switch {
		case n != nil && state[n] == open:
			return n.errorf("lies on a cycle")
		case n != nil && state[n] == 0:
			state[n] = open
			stack = append(stack, frame{n: n})
		case n == nil && tensor != g.input && g.inits[tensor] == nil && by == nil:
			return fmt.Errorf("graph output %s: no node makes it", show(tensor))
		case n == nil && tensor != g.input && g.inits[tensor] == nil:
			return by.errorf("input %s is neither an initializer nor made by a node", show(tensor))
		}
		return nil
	}
	for _, out := range g.outputs {
		if err := visit(out, nil); err != nil {
			return err
		}
		for len(stack) > 0 {
			top := &stack[len(stack)-1]
			if top.next == len(top.n.in) {
				state[top.n] = done
				g.nodes = append(g.nodes, top.n)
				stack = stack[:len(stack)-1]
				continue
			}
			tensor, by := top.n.in[top.next], top.n
			top.next++
			if tensor == "" {
				continue
			}
			if err := visit(tensor, by); err != nil {
				return err
			}
		}
	}
	return nil
}

// newNode copies a node. ONNX forbids two attributes of one name.
func newNode(p *onnxpb.NodeProto) (*node, error) {
	n := &node{
		name:   p.GetName(),
		op:     p.GetOpType(),
		domain: p.GetDomain(),
		in:     p.GetInput(),
		out:    p.GetOutput(),
		attrs:  map[string]*onnxpb.AttributeProto{},
	}
	for _, a := range p.GetAttribute() {
		if n.attrs[a.GetName()] != nil {
			return nil, n.errorf("attribute %s is there twice", show(a.GetName()))
		}
		n.attrs[a.GetName()] = a
	}
	if _, ok := quantOperators[n.op]; ok && standardDomain(n.domain) {
		n.domain = "qonnx.custom_op.general" // ONNX has none of these names
	}
	return n, nil
}

// standardDomain says whether d is ONNX's own domain, which has two spellings.
func standardDomain(d string) bool { return d == "" || d == "ai.onnx" }

// quantDomain says whether d is one of the domains that QONNX's operators have
// had. Brevitas writes onnx.brevitas, QONNX qonnx.custom_op.*, FINN finn.*; files
// written by hand or by older tools have the bare names. (ONNX's own domain, where
// older exporters put them, becomes one of these in newNode.)
func quantDomain(d string) bool {
	for _, tool := range []string{"qonnx", "finn", "brevitas", "onnx.brevitas"} {
		if d == tool || strings.HasPrefix(d, tool+".") {
			return true
		}
	}
	return false
}

// errorf returns an error that names the node.
func (n *node) errorf(format string, args ...any) error {
	return &nodeError{n, fmt.Errorf(format, args...)}
}

// nodeError is what is wrong at a node.
type nodeError struct {
	at     *node
	reason error
}

// Error names the node before the reason.
func (e *nodeError) Error() string {
	return fmt.Sprintf("node %s (%s): %v", e.at.label(), clip(e.at.op), e.reason)
}

// Unwrap returns the reason.
func (e *nodeError) Unwrap() error { return e.reason }

// label returns the node's quoted name, or where it has none its output's. ONNX
// lets nodes go without a name; outputs always have one.
func (n *node) label() string {
	if n.name == "" && len(n.out) > 0 {
		return "of output " + show(n.out[0])
	}
	return show(n.name)
}

// show quotes a name from the file, shortened so that an error stays a line.
func show(s string) string { return fmt.Sprintf("%q", clip(s)) }

// clip returns s fit for an error: of limited length, printable. A name of a
// hostile file may hold terminal escapes.
func clip(s string) string {
	const most = 100
	if len(s) > most {
		s = s[:most] + "..."
	}
	return printable(s)
}

// printable returns s with what cannot be printed replaced.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

// has says whether input i is there.
func (n *node) has(i int) bool { return i < len(n.in) && n.in[i] != "" }

// int, float and string return an attribute, or ONNX's default where the node
// leaves it out. An attribute of another type reads as zero.
func (n *node) int(name string, otherwise int64) int64 {
	if a := n.attrs[name]; a != nil {
		return a.GetI()
	}
	return otherwise
}

func (n *node) float(name string, otherwise float32) float64 {
	if a := n.attrs[name]; a != nil {
		return float64(a.GetF())
	}
	return float64(otherwise)
}

func (n *node) string(name, otherwise string) string {
	if a := n.attrs[name]; a != nil {
		return string(a.GetS())
	}
	return otherwise
}
