package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/a2qgen/a2qgen/quant"
)

const inspectHelp = `Prints, for every layer with weights, the size, the bits of weights (M) and inputs
(N), the declared accumulator width P, the smallest P that cannot overflow, the exact
range of the accumulator over all inputs and all orders of the sum, the largest l1
norm and the largest number of nonzero weights of a channel (taps), and the share of
zeros; for the other layers what they pass on. A shifted accumulator starts from a
constant of its channel, which is part of the range. Notes follow where the file may
hold another network than was trained (A2Q layers that Brevitas exported plainly).

` + inputHelp + `

Example:
   a2qgen inspect net.onnx
   a2qgen inspect qkeras.onnx --input-type INT8 --input-scale 0.0625
   a2qgen inspect net.onnx --json`

func inspectCommand() *cli.Command {
	return &cli.Command{
		Name: "inspect", Usage: "show sizes, bits and accumulator bounds of every layer",
		UsageText:   "a2qgen inspect NET.onnx [--input-type TYPE] [--input-range LO:HI] [--input-scale F] [--input-zero Z] [--json]",
		Description: inspectHelp,
		Flags:       append(inputFlags(), jsonFlag()),
		Action: func(c *cli.Context) error {
			path, err := oneArgument(c, "NET.onnx")
			if err != nil {
				return err
			}
			file, err := readTold(c, path)
			if err != nil {
				return err
			}
			doc := inspect(file.Network)
			doc.Notes = file.Notes
			return newConsole(c).result(doc, doc.print)
		},
	}
}

// inspectReport is the JSON of inspect.
type inspectReport struct {
	Name   string        `json:"name"`
	Input  inputReport   `json:"input"`
	Layers []layerReport `json:"layers"` // those with weights
	// Others are the layers without weights.
	Others []otherReport `json:"other_layers"`
	// Order lists the names of all layers in order of execution.
	Order []string `json:"order"`
	// Notes say what the network may not be, although the file says so.
	Notes []string `json:"notes,omitempty"`
}

// inputReport describes what the first layer reads.
type inputReport struct {
	Shape  [3]int `json:"shape"` // height, width, channels
	Bits   int    `json:"bits"`
	Signed bool   `json:"signed"`
	// Assumed says that the file does not quantise its input.
	Assumed bool `json:"assumed,omitempty"`
	// Low and High are the values of the first and the last integer, the widest where
	// elements differ; left out for a sign, which takes every value.
	Low  *float64 `json:"low,omitempty"`
	High *float64 `json:"high,omitempty"`
}

func newInputReport(q *quant.InputQuantizer) inputReport {
	r := inputReport{Shape: sides(q.Shape), Bits: q.Type.Bits, Signed: q.Type.Signed, Assumed: q.Assumed}
	r.Low, r.High = ends(q.Saturation(0, nil))
	return r
}

// String says what the input holds.
func (r *inputReport) String() string {
	s := quant.DataType{Bits: r.Bits, Signed: r.Signed}.String()
	if r.Low != nil {
		s += fmt.Sprintf(", %.4g..%.4g", *r.Low, *r.High)
	}
	if r.Assumed {
		s += ", assumed: the file does not quantise it; taken as 8-bit pixels, k/255"
	}
	return s
}

// layerReport says what the accumulators of a layer need.
type layerReport struct {
	Name  string   `json:"name"`
	Kind  string   `json:"kind"`
	Reads []string `json:"reads"`
	In    int      `json:"in"`
	Out   int      `json:"out"`
	// Shape is that of the output: height, width, channels.
	Shape       [3]int `json:"shape"`
	WeightBits  int    `json:"weight_bits"`
	InputBits   int    `json:"input_bits"`
	InputSigned bool   `json:"input_signed"`
	// AccBits is the declared width, 0 for none.
	AccBits       int `json:"acc_bits"`
	AccBitsNeeded int `json:"acc_bits_needed"`
	// AccStart says where accumulators start: "zero", or "shifted" by channel.
	AccStart string  `json:"acc_start"`
	AccMin   int64   `json:"acc_min"`
	AccMax   int64   `json:"acc_max"`
	L1Max    int64   `json:"l1_max"`
	TapsMax  int     `json:"taps_max"`
	Sparsity float64 `json:"sparsity"`
}

// otherReport describes a layer without weights.
type otherReport struct {
	Name         string   `json:"name"`
	Kind         string   `json:"kind"`
	Reads        []string `json:"reads"`
	Shape        [3]int   `json:"shape"`
	InputBits    int      `json:"input_bits"`
	InputSigned  bool     `json:"input_signed"`
	OutputBits   int      `json:"output_bits"`
	OutputSigned bool     `json:"output_signed"`
}

func inspect(net *quant.Network) *inspectReport {
	doc := &inspectReport{Name: net.Name, Others: []otherReport{}, Input: newInputReport(&net.Input)}
	for i := range net.Layers {
		l := &net.Layers[i]
		doc.Order = append(doc.Order, l.Name)
		if l.Kind.Weighted() {
			doc.Layers = append(doc.Layers, inspectLayer(net, l))
			continue
		}
		out := l.Output()
		doc.Others = append(doc.Others, otherReport{Name: l.Name, Kind: kindOf(l), Reads: readsOf(net, l), Shape: sides(l.Shape),
			InputBits: l.Input.Bits, InputSigned: l.Input.Signed, OutputBits: out.Bits, OutputSigned: out.Signed})
	}
	return doc
}

func inspectLayer(net *quant.Network, l *quant.Layer) layerReport {
	r := layerReport{Name: l.Name, Kind: kindOf(l), Reads: readsOf(net, l), In: l.In, Out: l.Out, Shape: sides(l.Shape),
		WeightBits: l.WeightBits, InputBits: l.Input.Bits, InputSigned: l.Input.Signed, AccBits: l.AccBits, AccStart: "zero",
		L1Max: l.L1Max(), TapsMax: l.TapsMax(), Sparsity: l.Sparsity()}
	if l.Start != nil {
		r.AccStart = "shifted"
	}
	r.AccBitsNeeded, _ = l.NeededBits()
	for c := range l.Out {
		acc := l.AccRange(c)
		r.AccMin, r.AccMax = min(r.AccMin, acc.Min), max(r.AccMax, acc.Max)
	}
	return r
}

// kindOf returns the kind of a layer as users call it.
func kindOf(l *quant.Layer) string {
	if l.Depthwise() {
		return "depthwise"
	}
	return string(l.Kind)
}

// readsOf returns the names of what a layer reads.
func readsOf(net *quant.Network, l *quant.Layer) []string {
	var names []string
	for _, from := range l.From {
		if from == quant.Source {
			names = append(names, "input")
		} else {
			names = append(names, net.Layers[from].Name)
		}
	}
	return names
}

func sides(s quant.Shape) [3]int { return [3]int{s.H, s.W, s.C} }

func (r *inspectReport) print(w io.Writer) {
	var t table
	t.row("layer", "kind", "in", "out", "M", "N", "P", "needs", "acc min", "acc max", "l1 max", "taps", "zeros")
	for i := range r.Layers {
		l := &r.Layers[i]
		t.row(l.Name, l.Kind, l.In, l.Out, l.WeightBits, l.inputType(), l.declared(), l.AccBitsNeeded,
			l.AccMin, l.AccMax, l.L1Max, l.TapsMax, fmt.Sprintf("%.1f %%", 100*l.Sparsity))
	}
	t.print(w)
	for i := range r.Layers {
		fmt.Fprintf(w, "  %s\n", r.Layers[i].certificate())
	}
	fmt.Fprintf(w, "  input: %v\n", &r.Input)
	for _, note := range r.Notes {
		fmt.Fprintf(w, "  note: %s\n", note)
	}
	r.printGraph(w)
}

// printGraph lists all layers in order where there is more to a network than a
// chain of matrices.
func (r *inspectReport) printGraph(w io.Writer) {
	plain := len(r.Others) == 0
	for i := range r.Layers {
		plain = plain && r.Layers[i].Kind == string(quant.Linear)
	}
	if plain {
		return
	}
	rows := map[string][]any{}
	for i := range r.Layers {
		l := &r.Layers[i]
		rows[l.Name] = []any{l.Name, l.Kind, strings.Join(l.Reads, ", "), shown(l.Shape)}
	}
	for i := range r.Others {
		o := &r.Others[i]
		rows[o.Name] = []any{o.Name, o.Kind, strings.Join(o.Reads, ", "), shown(o.Shape)}
	}
	fmt.Fprintln(w, "\nGraph")
	var t table
	t.row("layer", "kind", "reads", "output")
	for _, name := range r.Order {
		t.row(rows[name]...)
	}
	t.print(w)
}

func shown(s [3]int) string { return quant.Shape{H: s[0], W: s[1], C: s[2]}.String() }

func (l *layerReport) inputType() quant.DataType {
	return quant.DataType{Bits: l.InputBits, Signed: l.InputSigned}
}

func (l *layerReport) declared() string {
	if l.AccBits == 0 {
		return "-"
	}
	return fmt.Sprint(l.AccBits)
}

// certificate says in a sentence whether the layer's accumulators can overflow.
func (l *layerReport) certificate() string {
	switch {
	case l.AccBits == 0:
		return fmt.Sprintf("%s: no accumulator limit; %d bits are enough for every input", l.Name, l.AccBitsNeeded)
	case l.AccBitsNeeded > l.AccBits:
		return fmt.Sprintf("%s: UNSAFE: declares %d bits, needs %d", l.Name, l.AccBits, l.AccBitsNeeded)
	}
	start := ""
	if l.AccStart == "shifted" {
		start = ", from its start values,"
	}
	return fmt.Sprintf("%s: certified: %d..%d%s fits in %d bits, no input can overflow it",
		l.Name, l.AccMin, l.AccMax, start, l.AccBits)
}
