package train

import (
	"fmt"
	"slices"
	"strings"

	"github.com/a2qgen/a2qgen/internal/strict"
	"github.com/a2qgen/a2qgen/quant"
	"gopkg.in/yaml.v3"
)

// Kinds of layers that a spec may name.
const (
	LinearLayer        = "linear"
	ConvLayer          = "conv"
	ConvTransposeLayer = "conv_transpose"
	DepthwiseLayer     = "depthwise"
	MaxPoolLayer       = "maxpool"
	AvgPoolLayer       = "avgpool"
	GlobalAvgPoolLayer = "global_avgpool"
	ResidualLayer      = "residual"
	ConcatLayer        = "concat"
	UpsampleLayer      = "upsample"
	PixelShuffleLayer  = "pixel_shuffle"
)

// maxNesting bounds how deep residuals and branches lie in one another. So hostile
// YAML cannot recurse without end.
const maxNesting = 8

// Layers lists the layers of a network in order. In YAML a layer is a number,
// the outputs of a linear layer, or a map of one key, its kind:
//
//	layers: [64, 64]
//	layers:
//	  - conv: {out: 32, kernel: 3, stride: 2, pad: 1}
//	  - residual: {body: [{conv: {out: 32, kernel: 3, pad: 1}}]}
//	  - 128
type Layers []LayerSpec

// LayerSpec is one layer of a spec. Which fields a kind has, and their
// defaults, is in layerFields.
type LayerSpec struct {
	Kind string `yaml:"-"`
	// Name of the layer in files and reports; empty is the kind and a number.
	Name string `yaml:"name,omitempty"`
	// Out is the number of output channels of linear, conv and conv_transpose.
	Out int `yaml:"out,omitempty"`
	// Kernel, Stride, Pad (at both ends of each side) and Dilation, in positions. The
	// output of a conv_transpose has stride*(input-1) + kernel - 2 pad of them.
	Kernel   Sides `yaml:"kernel,omitempty,flow"`
	Stride   Sides `yaml:"stride,omitempty,flow"`
	Pad      Sides `yaml:"pad,omitempty,flow"`
	Dilation Sides `yaml:"dilation,omitempty,flow"`
	// Groups of a conv divide its input and output channels.
	Groups int `yaml:"groups,omitempty"`
	// Factor of upsample and pixel_shuffle.
	Factor int `yaml:"factor,omitempty"`
	// Relu says whether a ReLU follows: by default everywhere but behind the
	// output and behind the last layer of a residual's branches.
	Relu *bool `yaml:"relu,omitempty"`
	// Norm says whether batch norm follows, by default true; without it the layer
	// has a bias. Images that are trained to images want none: it takes their
	// brightness out.
	Norm *bool `yaml:"norm,omitempty"`
	// Method, WeightBits, ActBits (of what leaves the layer) and AccBits stand
	// for those of the spec; empty or 0 keeps the spec's.
	Method     quant.Method `yaml:"method,omitempty"`
	WeightBits int          `yaml:"weight_bits,omitempty"`
	ActBits    int          `yaml:"act_bits,omitempty"`
	AccBits    int          `yaml:"acc_bits,omitempty"`
	// Taps of a linear layer stand for those of the spec.
	Taps quant.Taps `yaml:"taps,omitempty,flow"`
	// Body and Shortcut of a residual, whose outputs are added; an empty
	// shortcut is the residual's input.
	Body     Layers `yaml:"body,omitempty"`
	Shortcut Layers `yaml:"shortcut,omitempty"`
	// Branches of a concat, which all read its input; an empty one passes it on.
	Branches []Layers `yaml:"branches,omitempty"`
}

// layerFields has the fields of each kind. The first is what a bare number
// stands for, where the kind takes one.
var layerFields = map[string][]string{
	LinearLayer: {"out", "relu", "norm", "name", "method", "weight_bits", "act_bits", "acc_bits", "taps"},
	ConvLayer: {"out", "kernel", "stride", "pad", "dilation", "groups", "relu", "norm", "name", "method",
		"weight_bits", "act_bits", "acc_bits"},
	ConvTransposeLayer: {"out", "kernel", "stride", "pad", "relu", "norm", "name", "method",
		"weight_bits", "act_bits", "acc_bits"},
	DepthwiseLayer: {"kernel", "stride", "pad", "dilation", "relu", "norm", "name", "method",
		"weight_bits", "act_bits", "acc_bits"},
	MaxPoolLayer:       {"kernel", "stride", "pad", "name"},
	AvgPoolLayer:       {"kernel", "stride", "pad", "name", "act_bits"},
	GlobalAvgPoolLayer: {"name", "act_bits"},
	ResidualLayer:      {"body", "shortcut", "relu", "name", "act_bits"},
	ConcatLayer:        {"branches", "name", "act_bits"},
	UpsampleLayer:      {"factor", "name"},
	PixelShuffleLayer:  {"factor", "name"},
}

// Linears returns linear layers of so many outputs each.
func Linears(outs ...int) Layers {
	l := make(Layers, len(outs))
	for i, out := range outs {
		l[i] = LayerSpec{Kind: LinearLayer, Out: out}
	}
	return l
}

// clone returns a copy that shares nothing with l.
func (l Layers) clone() Layers {
	c := slices.Clone(l)
	for i := range c {
		c[i].Body, c[i].Shortcut = c[i].Body.clone(), c[i].Shortcut.clone()
		c[i].Branches = slices.Clone(c[i].Branches)
		for k := range c[i].Branches {
			c[i].Branches[k] = c[i].Branches[k].clone()
		}
	}
	return c
}

// any says whether is holds for a layer of l, or of a list within one.
func (l Layers) any(is func(*LayerSpec) bool) bool {
	for i := range l {
		if is(&l[i]) || l[i].Body.any(is) || l[i].Shortcut.any(is) ||
			slices.ContainsFunc(l[i].Branches, func(b Layers) bool { return b.any(is) }) {
			return true
		}
	}
	return false
}

// UnmarshalYAML reads a list of layers. Unknown kinds and fields are errors.
func (l *Layers) UnmarshalYAML(node *yaml.Node) error {
	read, err := readLayers(node, "layers", 0)
	if err == nil {
		*l = read
	}
	return err
}

// readLayers reads a list at depth residuals and branches deep; path names it in
// errors.
func readLayers(node *yaml.Node, path string, depth int) (Layers, error) {
	if node.Kind != yaml.SequenceNode {
		return nil, fmt.Errorf("%s is no list", path)
	}
	if depth > maxNesting {
		return nil, fmt.Errorf("%s is nested more than %d deep", path, maxNesting)
	}
	l := make(Layers, len(node.Content))
	for i, n := range node.Content {
		if err := l[i].read(n, fmt.Sprintf("%s[%d]", path, i), depth); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// read reads one layer: a number, or a map of its kind to its fields or number. A
// node has its line and column, but errors name the path, which is what a reader of
// the spec looks for.
func (l *LayerSpec) read(node *yaml.Node, path string, depth int) error {
	if node.Kind == yaml.ScalarNode {
		l.Kind = LinearLayer
		return strict.Value(node, path, &l.Out)
	}
	if node.Kind != yaml.MappingNode || len(node.Content) != 2 {
		return fmt.Errorf("%s is no number and no map of one kind of layer", path)
	}
	l.Kind = node.Content[0].Value
	fields, ok := layerFields[l.Kind]
	if !ok {
		return fmt.Errorf("%s: unknown kind %q, want %s", path, l.Kind, strings.Join(layerKinds(), ", "))
	}
	path += "." + l.Kind
	value := node.Content[1]
	if value.Kind == yaml.ScalarNode && (fields[0] == "out" && l.Kind == LinearLayer || fields[0] == "factor") {
		return strict.Value(value, path, l.field(fields[0]))
	}
	if value.Kind != yaml.MappingNode {
		return fmt.Errorf("%s: want a map of %s", path, strings.Join(fields, ", "))
	}
	return l.readFields(value, path, depth)
}

// readFields reads the fields of a layer over their defaults.
func (l *LayerSpec) readFields(node *yaml.Node, path string, depth int) error {
	fields := layerFields[l.Kind]
	l.setDefaults()
	seen := map[string]bool{}
	for i := 0; i < len(node.Content); i += 2 {
		key, value := node.Content[i].Value, node.Content[i+1]
		at := path + "." + key
		if !slices.Contains(fields, key) {
			return fmt.Errorf("%s: no such field, want %s", at, strings.Join(fields, ", "))
		}
		if seen[key] {
			return fmt.Errorf("%s stands there twice", at)
		}
		seen[key] = true
		if err := l.readField(key, value, at, depth); err != nil {
			return err
		}
	}
	// Pools do not overlap unless they say so.
	if (l.Kind == MaxPoolLayer || l.Kind == AvgPoolLayer) && !seen["stride"] {
		l.Stride = l.Kernel
	}
	return nil
}

// setDefaults sets what a field is where a spec does not name it.
func (l *LayerSpec) setDefaults() {
	fields := layerFields[l.Kind]
	for _, name := range []string{"stride", "dilation", "groups"} {
		if !slices.Contains(fields, name) {
			continue
		}
		switch f := l.field(name).(type) {
		case *int:
			*f = 1
		case *Sides:
			*f = Both(1)
		}
	}
}

// readField reads one field of l, which has the kind set; path names the field in
// errors.
func (l *LayerSpec) readField(key string, node *yaml.Node, path string, depth int) (err error) {
	switch key {
	case "body":
		l.Body, err = readLayers(node, path, depth+1)
	case "shortcut":
		l.Shortcut, err = readLayers(node, path, depth+1)
	case "branches":
		if node.Kind != yaml.SequenceNode {
			return fmt.Errorf("%s is no list", path)
		}
		l.Branches = make([]Layers, len(node.Content))
		for i, n := range node.Content {
			if l.Branches[i], err = readLayers(n, fmt.Sprintf("%s[%d]", path, i), depth+1); err != nil {
				return err
			}
		}
	default:
		f := l.field(key)
		if s, ok := f.(*Sides); ok {
			return s.read(node, path)
		}
		err = strict.Value(node, path, f)
	}
	return err
}

// field returns a pointer to the field of that name in YAML.
func (l *LayerSpec) field(name string) any {
	switch name {
	case "name":
		return &l.Name
	case "out":
		return &l.Out
	case "kernel":
		return &l.Kernel
	case "stride":
		return &l.Stride
	case "pad":
		return &l.Pad
	case "dilation":
		return &l.Dilation
	case "groups":
		return &l.Groups
	case "factor":
		return &l.Factor
	case "relu":
		return &l.Relu
	case "norm":
		return &l.Norm
	case "method":
		return &l.Method
	case "weight_bits":
		return &l.WeightBits
	case "act_bits":
		return &l.ActBits
	case "acc_bits":
		return &l.AccBits
	case "taps":
		return &l.Taps
	}
	panic("train: no field " + name)
}

// layerKinds returns the kinds that a spec may name, in order.
func layerKinds() []string {
	var kinds []string
	for k := range layerFields {
		kinds = append(kinds, k)
	}
	slices.Sort(kinds)
	return kinds
}

// MarshalYAML writes what UnmarshalYAML reads: a linear layer without further
// fields as its number.
func (l LayerSpec) MarshalYAML() (any, error) {
	if l.Kind == LinearLayer {
		rest := l
		rest.Kind, rest.Out = "", 0
		if rest.isZero() {
			return l.Out, nil
		}
	}
	// A type without this method: it would call itself.
	type fields LayerSpec
	return map[string]fields{l.Kind: fields(l)}, nil
}

// isZero says that no field is set. Only fields of a linear layer are looked at.
func (l LayerSpec) isZero() bool {
	return l.Kind == "" && l.Name == "" && l.Out == 0 && l.Kernel == Sides{} && l.Relu == nil && l.Norm == nil &&
		l.Method == "" && l.WeightBits == 0 && l.ActBits == 0 && l.AccBits == 0 &&
		!l.Taps.Any()
}
