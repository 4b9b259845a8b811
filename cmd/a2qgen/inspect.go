package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/a2qgen/a2qgen/cmd/a2qgen/study"
	"github.com/a2qgen/a2qgen/internal/table"
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

// inspectCommand needs no data: bounds follow from the integers and types alone.
func inspectCommand() *cli.Command {
	return &cli.Command{
		Name: "inspect", Usage: "show sizes, bits and accumulator bounds of every layer",
		UsageText: "a2qgen inspect NET.onnx [--input-type TYPE] [--input-range LO:HI] [--input-scale F] " +
			"[--input-zero Z] [--json]",
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
			// Notes are of the file: a network in memory has none.
			doc := inspect(file.Network)
			doc.Notes = file.Notes
			return newConsole(c).result(doc, doc.print)
		},
	}
}

// inspectReport is the JSON of inspect.
type inspectReport struct {
	// Name is the file's, without its ending.
	Name string `json:"name"`
	// Input is the network's, which the first layers read.
	Input  study.Input   `json:"input"`
	Layers []layerReport `json:"layers"` // those with weights
	// Others are the layers without weights.
	Others []otherReport `json:"other_layers"`
	// Order lists the names of all layers in order of execution.
	Order []string `json:"order"`
	// Notes say what the network may not be, although the file says so.
	Notes []string `json:"notes,omitempty"`
}

// layerReport says what the accumulators of a layer need. train, project and repair print
// it too: one schema for a layer wherever it comes from.
type layerReport struct {
	// Name is the layer's in the network, Kind as users call it ("linear", "depthwise").
	Name string `json:"name"`
	Kind string `json:"kind"`
	// Reads are the layers, or "input", that feed this one.
	Reads []string `json:"reads"`
	// In is the length of a row of the weight matrix, the terms of one sum: Cin*kh*kw of a
	// convolution. Out counts rows, or channels.
	In  int `json:"in"`
	Out int `json:"out"`
	// Shape is that of the output: height, width, channels.
	Shape [3]int `json:"shape"`
	// WeightBits (M) and InputBits (N) are the widths of the declared types.
	WeightBits  int  `json:"weight_bits"`
	InputBits   int  `json:"input_bits"`
	InputSigned bool `json:"input_signed"`
	// AccBits is the declared width, 0 for none.
	AccBits int `json:"acc_bits"`
	// AccBitsNeeded is the least width of two's complement that no input, subset of the
	// terms or order of adding them can leave.
	AccBitsNeeded int `json:"acc_bits_needed"`
	// AccStart says where accumulators start: "zero", or "shifted" by channel.
	AccStart string `json:"acc_start"`
	// AccMin and AccMax bound the sums over all channels, start values included.
	AccMin int64 `json:"acc_min"`
	AccMax int64 `json:"acc_max"`
	// L1Max is the largest sum of absolute weights of a channel, which the l1 bounds of
	// A2Q and A2Q+ limit; TapsMax the largest number of nonzero weights of one.
	L1Max   int64 `json:"l1_max"`
	TapsMax int   `json:"taps_max"`
	// Sparsity is the share of weights that are 0, 0..1.
	Sparsity float64 `json:"sparsity"`
}

// otherReport describes a layer without weights.
type otherReport struct {
	// Such layers only pass on, pool, add or requantise: they have no accumulator to
	// certify, but decide what the next weighted layer reads.
	Name  string   `json:"name"`
	Kind  string   `json:"kind"`
	Reads []string `json:"reads"`
	Shape [3]int   `json:"shape"`
	// The types before and after: an add or a sum pool widens, a requantisation narrows.
	InputBits    int  `json:"input_bits"`
	InputSigned  bool `json:"input_signed"`
	OutputBits   int  `json:"output_bits"`
	OutputSigned bool `json:"output_signed"`
}

// inspect describes net. Layers with and without weights are listed apart, since their
// tables have different columns; Order puts them together again.
func inspect(net *quant.Network) *inspectReport {
	doc := &inspectReport{Name: net.Name, Others: []otherReport{}, Input: study.NewInput(&net.Input)}
	for i := range net.Layers {
		l := &net.Layers[i]
		doc.Order = append(doc.Order, l.Name)
		// Linear and convolutional layers: they alone have accumulators to bound.
		if l.Kind.Weighted() {
			doc.Layers = append(doc.Layers, inspectLayer(net, l))
			continue
		}
		out := l.Output()
		doc.Others = append(doc.Others, otherReport{
			Name: l.Name, Kind: kindOf(l), Reads: readsOf(net, l), Shape: sides(l.Shape),
			InputBits: l.Input.Bits, InputSigned: l.Input.Signed, OutputBits: out.Bits, OutputSigned: out.Signed})
	}
	return doc
}

// inspectLayer bounds a layer with weights. The certificate is channel by channel: the
// widest channel decides what the layer needs.
func inspectLayer(net *quant.Network, l *quant.Layer) layerReport {
	r := layerReport{Name: l.Name, Kind: kindOf(l), Reads: readsOf(net, l), In: l.In, Out: l.Out, Shape: sides(l.Shape),
		WeightBits: l.WeightBits, InputBits: l.Input.Bits, InputSigned: l.Input.Signed, AccBits: l.AccBits,
		AccStart: "zero", L1Max: l.L1Max(), TapsMax: l.TapsMax(), Sparsity: l.Sparsity()}
	if l.Start != nil {
		r.AccStart = "shifted"
	}
	// The channel that needs most is in the certificate of an error, not here.
	r.AccBitsNeeded, _ = l.NeededBits()
	// From the first channel on, not from 0: with start values all ranges may lie on one side
	// of it. Every layer has a channel.
	first := l.AccRange(0)
	r.AccMin, r.AccMax = first.Min, first.Max
	for c := 1; c < l.Out; c++ {
		acc := l.AccRange(c)
		r.AccMin, r.AccMax = min(r.AccMin, acc.Min), max(r.AccMax, acc.Max)
	}
	return r
}

// kindOf returns the kind of a layer as users call it. A depthwise convolution is a Conv
// whose groups are its channels: its sums are short, and so are the accumulators that it
// needs.
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

// sides is a shape as JSON has it: height, width, channels.
func sides(s quant.Shape) [3]int { return [3]int{s.H, s.W, s.C} }

// print writes a table of the layers with weights, then one certificate per layer.
func (r *inspectReport) print(w io.Writer) {
	r.table().WriteText(w)
	if g := r.graph(); g != nil {
		fmt.Fprintln(w, "\nGraph")
		g.WriteText(w)
	}
}

// table has the bounds of the layers with weights: M and N are the bits of weights and
// inputs, P the declared accumulator, "needs" the smallest safe one. The certificates are its
// notes.
func (r *inspectReport) table() *table.Table {
	t := table.New(table.Left("layer", "kind"), table.Right("in", "out", "M", "N", "P", "needs", "acc min", "acc max",
		"l1 max", "taps"), table.Fixed(1, "%", "zeros"))
	for i := range r.Layers {
		l := &r.Layers[i]
		// Sparsity is a share in JSON and percent for people.
		t.Row(l.Name, l.Kind, l.In, l.Out, l.WeightBits, l.inputType(), l.declared(), l.AccBitsNeeded,
			l.AccMin, l.AccMax, l.L1Max, l.TapsMax, 100*l.Sparsity)
		t.Note("%s", l.certificate())
	}
	t.Note("input: %v", &r.Input)
	for _, note := range r.Notes {
		t.Note("note: %s", note)
	}
	return t
}

// graph lists all layers in order where there is more to a network than a chain of
// matrices; nil where the table of layers already is the graph. Residual and encoder-decoder
// networks read more than the layer before: the edges are part of what an importer can get
// wrong.
func (r *inspectReport) graph() *table.Table {
	plain := len(r.Others) == 0
	// The two lists are put in the order of execution again, by their names.
	rows := map[string][]any{}
	for i := range r.Layers {
		l := &r.Layers[i]
		plain = plain && l.Kind == string(quant.Linear)
		rows[l.Name] = []any{l.Name, l.Kind, strings.Join(l.Reads, ", "), shown(l.Shape)}
	}
	if plain {
		return nil
	}
	for i := range r.Others {
		o := &r.Others[i]
		rows[o.Name] = []any{o.Name, o.Kind, strings.Join(o.Reads, ", "), shown(o.Shape)}
	}
	t := table.New(table.Left("layer", "kind", "reads", "output"))
	for _, name := range r.Order {
		t.Row(rows[name]...)
	}
	return t
}

// shown writes height, width and channels as the network's own messages do.
func shown(s [3]int) string { return quant.Shape{H: s[0], W: s[1], C: s[2]}.String() }

// inputType is N with its sign, such as INT4 or UINT8.
func (l *layerReport) inputType() quant.DataType {
	return quant.DataType{Bits: l.InputBits, Signed: l.InputSigned}
}

// declared is P for a table, "-" for none.
func (l *layerReport) declared() string {
	if l.AccBits == 0 {
		return "-"
	}
	return fmt.Sprint(l.AccBits)
}

// certificate says in a sentence whether the layer's accumulators can overflow. It is the
// sentence of the whole product: a range that was computed exactly from the integers,
// beside the width that holds it.
func (l *layerReport) certificate() string {
	switch {
	case l.AccBits == 0:
		return fmt.Sprintf("%s: no accumulator limit; %d bits are enough for every input", l.Name, l.AccBitsNeeded)
	// Only of files from elsewhere: what a2qgen writes was certified.
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
