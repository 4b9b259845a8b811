package qonnx

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
)

// Metadata of a model that a2qgen writes and reads.
const (
	// metaNames lists the layers' names, separated by commas.
	metaNames = "a2qgen.layer_names"
	// metaAccBits, followed by a layer's name, declares its accumulator width.
	metaAccBits = "a2qgen.acc_bits."
	// metaAccStart, followed by a layer's name, says "shifted" where its
	// accumulators start at quant.Layer.ShiftedStart.
	metaAccStart = "a2qgen.acc_start."
	shifted      = "shifted"
	// metaInputType, metaInputScale and metaInputZero say what samples are
	// quantised to where the graph does not: see InputType.
	metaInputType  = "a2qgen.input_type"
	metaInputScale = "a2qgen.input_scale"
	metaInputZero  = "a2qgen.input_zero"
)

// metadata is what a file says of layers, by name. Written by hand as well:
// entries that no layer takes are an error, since a misspelt name would leave
// an accumulator undeclared.
type metadata struct {
	names   []string
	bits    map[string]int
	shifted map[string]bool
	// read holds the keys that a layer has taken.
	read map[string]bool
	// input is how samples are quantised, or nil.
	input *InputType
}

// newMetadata reads the entries of a file; others than a2qgen's mean nothing
// here. Keys are sorted so that of several faults the same is reported each
// time.
func newMetadata(entries map[string]string) (*metadata, error) {
	m := &metadata{bits: map[string]int{}, shifted: map[string]bool{}, read: map[string]bool{}}
	if list, given := entries[metaNames]; given {
		m.names = strings.Split(list, ",")
	}
	for i, name := range m.names {
		if !nn.LegalName(name) || slices.Contains(m.names[:i], name) {
			return nil, fmt.Errorf("metadata %s: %s is a duplicate or not a name of letters, digits and _",
				metaNames, show(name))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		text := entries[key]
		if name, ok := strings.CutPrefix(key, metaAccBits); ok {
			p, err := strconv.Atoi(text)
			if err != nil || p < 1 || p > 64 {
				return nil, fmt.Errorf("metadata %s: is %s, want a width from 1 to 64", show(key), show(text))
			}
			m.bits[name] = p
		}
		if name, ok := strings.CutPrefix(key, metaAccStart); ok {
			if text != shifted {
				return nil, fmt.Errorf("metadata %s: is %s, want %q", show(key), show(text), shifted)
			}
			m.shifted[name] = true
		}
	}
	var err error
	m.input, err = inputTypeIn(entries)
	return m, err
}

// nameOf returns the listed name of the layer whose node n is: Write names the
// nodes of a layer "/name/...". The list guards against other exporters' paths:
// PyTorch's begin with a module's name too.
func (m *metadata) nameOf(n *node) (string, bool) {
	head, _, ok := strings.Cut(strings.TrimPrefix(n.name, "/"), "/")
	if ok && strings.HasPrefix(n.name, "/") && slices.Contains(m.names, head) {
		return head, true
	}
	return "", false
}

// begin sets the accumulator width and the start values that the file declares
// for a layer with weights. It is called while the graph is evaluated, before
// layers have names: chains are evaluated on accumulators, and those include
// the start. A file of another exporter names the node instead.
func (im *importer) begin(t *site) error {
	name, ok := im.meta.nameOf(t.at)
	byNode := !ok || !im.meta.shifted[name]
	if byNode {
		name = t.at.name
	}
	if !im.meta.shifted[name] {
		return nil
	}
	if byNode && im.meta.read[metaAccStart+name] {
		return fmt.Errorf("metadata %s: two nodes have that name", show(metaAccStart+name))
	}
	im.meta.read[metaAccStart+name] = true
	p, ok := im.meta.bits[name]
	if !ok || p > 63 {
		return fmt.Errorf("metadata %s: wants %s of at most 63 too", show(metaAccStart+name), show(metaAccBits+name))
	}
	t.layer.Start = make([]int64, t.layer.Out)
	for c := range t.layer.Start {
		// MATH 2, shifted range. p is the declared width, so that start values
		// need not be written to the file.
		start, ok := t.layer.ShiftedStart(c, p)
		if !ok {
			return t.at.errorf("metadata %s: channel %d does not fit in %d bits from any start",
				show(metaAccStart+name), c, p)
		}
		t.layer.Start[c] = start
	}
	return nil
}

// prefixes of the names of layers that the file does not name. The kind of
// layer, as FINN's and PyTorch's users abbreviate it.
var prefixes = map[quant.Kind]string{
	quant.Linear: "fc", quant.Conv: "conv", quant.ConvTranspose: "convt", quant.AvgPool: "pool", quant.MaxPool: "pool",
	quant.Add: "add", quant.Concat: "concat", quant.Upsample: "up", quant.PixelShuffle: "shuffle",
	quant.Requantize: "requant", quant.SpaceToDepth: "unshuffle", quant.Select: "select", quant.Crop: "crop",
}

// name gives every layer a name and its declared width. nodes are those that
// the layers come from. Nodes that carry listed names have priority; a list
// without such nodes counts layers in order, for files whose nodes another tool
// renamed. Numbers that are taken are passed over.
func (m *metadata) name(layers []quant.Layer, nodes []*node) error {
	byNode := false
	for i, n := range nodes {
		if name, ok := m.nameOf(n); ok && !taken(layers, name) {
			layers[i].Name, byNode = name, true
		}
	}
	if m.names != nil && !byNode {
		if len(m.names) != len(layers) {
			return fmt.Errorf("metadata %s: names %d layers, the graph has %d", metaNames, len(m.names), len(layers))
		}
		for i := range layers {
			layers[i].Name = m.names[i]
		}
	}
	count := map[string]int{}
	for i := range layers {
		for prefix := prefixes[layers[i].Kind]; layers[i].Name == ""; {
			count[prefix]++
			if name := fmt.Sprint(prefix, count[prefix]); !taken(layers, name) {
				layers[i].Name = name
			}
		}
	}
	return m.setBits(layers, nodes)
}

// byName returns the position of the only node of a name, -1 for none. Names of
// nodes may be there twice in ONNX, but then they say nothing here.
func byName(nodes []*node, name string) (int, error) {
	i := slices.IndexFunc(nodes, func(n *node) bool { return n.name == name })
	if i >= 0 && slices.ContainsFunc(nodes, func(n *node) bool { return n.name == name && n != nodes[i] }) {
		return 0, fmt.Errorf("metadata %s: two nodes have that name", show(metaAccBits+name))
	}
	return i, nil
}

// taken says that a layer has the name already.
func taken(layers []quant.Layer, name string) bool {
	return slices.ContainsFunc(layers, func(l quant.Layer) bool { return l.Name == name })
}

// setBits takes over the declared accumulator widths. A layer's name has
// priority over a node's. Every entry must find its layer.
func (m *metadata) setBits(layers []quant.Layer, nodes []*node) error {
	for _, name := range slices.Sorted(maps.Keys(m.bits)) {
		i := slices.IndexFunc(layers, func(l quant.Layer) bool { return l.Name == name })
		if i < 0 {
			var err error
			if i, err = byName(nodes, name); err != nil {
				return err
			}
		}
		if i < 0 {
			return fmt.Errorf("metadata %s: there is no such layer", show(metaAccBits+name))
		}
		if !layers[i].Kind.Weighted() {
			return fmt.Errorf("metadata %s: layer %q has no weights", show(metaAccBits+name), layers[i].Name)
		}
		layers[i].AccBits = m.bits[name]
	}
	for _, name := range slices.Sorted(maps.Keys(m.shifted)) {
		if !m.read[metaAccStart+name] {
			return fmt.Errorf("metadata %s: there is no node of that name, or of that layer", show(metaAccStart+name))
		}
	}
	return nil
}
