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
zeros; for the other layers what they pass on, and which layer each of several outputs
shows. A shifted accumulator starts from a constant of its channel, which is part of the
range. Notes follow where the file may hold another network than was trained (A2Q layers
that Brevitas exported plainly).

--why lists all causes for which a network is refused at once: node, reason, and what to
change in the export; the exit status is 1 then. --explain NODE, the name of a node or of
its output, says what became of it: which layer, or whose thresholds, which it shows.

` + inputHelp + `

Example:
   a2qgen inspect net.onnx
   a2qgen inspect qkeras.onnx --input INT8:4
   a2qgen inspect net.onnx --json
   a2qgen inspect export.onnx --why
   a2qgen inspect net.onnx --explain /layers.0/BatchNormalization`

// inspectCommand needs no data: bounds follow from the integers and types alone.
func inspectCommand() *cli.Command {
	return &cli.Command{
		Name: "inspect", Usage: "show sizes, bits and accumulator bounds of every layer",
		UsageText: "a2qgen inspect NET.onnx [--input TYPE[:FRACTION]] [--input-range LO:HI] [--input-scale F] " +
			"[--input-zero Z] [--why | --explain NODE] [--json]",
		Description: inspectHelp,
		Flags: append(inputFlags(),
			&cli.BoolFlag{Name: "why", DisableDefaultText: true, Usage: "list all causes for which the network is refused"},
			&cli.StringFlag{Name: "explain", Usage: "say what became of `NODE`"}, jsonFlag()),
		Action: func(c *cli.Context) error {
			path, err := oneArgument(c, "NET.onnx")
			if err != nil {
				return err
			}
			switch {
			case c.Bool("why") && c.IsSet("explain"):
				return usagef("inspect: --why does not go with --explain")
			case c.Bool("why"):
				return whyAction(c, path)
			case c.IsSet("explain"):
				return explainAction(c, path)
			}
			// Bounds are over all inputs of the type: a file that does not say it needs to be told.
			file, err := readTold(c, path)
			if err != nil {
				return err
			}
			// Notes are of the file: a network in memory has none.
			doc := &inspectReport{study.Inspect(file.Network)}
			doc.Notes = file.Notes
			return newConsole(c).result(doc, nil)
		},
	}
}

// inspectReport prints the JSON of inspect.
type inspectReport struct{ *study.Inspection }

// print writes a table of the layers with weights, then one certificate per layer.
func (r *inspectReport) print(w io.Writer) {
	r.table().WriteText(w)
	// Behind the bounds: for a chain, the most frequent network, these are all.
	if g := r.graph(); g != nil {
		fmt.Fprintln(w, "\nGraph")
		g.WriteText(w)
	}
	if o := r.outputs(); o != nil {
		fmt.Fprintln(w, "\nOutputs")
		o.WriteText(w)
	}
}

// outputs lists the outputs where there are several; else the last layer is the one.
func (r *inspectReport) outputs() *table.Table {
	if len(r.Outputs) < 2 {
		return nil
	}
	t := table.New(table.Left("output", "layer", "shape", "gives"))
	for _, o := range r.Outputs {
		gives := "integers"
		if o.Ranked {
			gives = "label and score"
		}
		t.Row(o.Name, o.Layer, shown(o.Shape), gives)
	}
	return t
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
		t.Row(l.Name, l.Kind, l.In, l.Out, l.WeightBits, l.InputType, declared(l), l.AccBitsNeeded,
			l.AccMin, l.AccMax, l.L1Max, l.TapsMax, 100*l.Sparsity)
		t.Note("%s", certificate(l))
	}
	// The type of the samples bounds the first layer's sums as much as its weights do.
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
	// The table of layers says it all then.
	if plain {
		return nil
	}
	// Layers without weights have no bounds to tell, but they are nodes that others read.
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

// declared is P for a table, "-" for none.
func declared(l *study.Bounds) string {
	// 0 bits would be a width, "-" is none.
	if l.AccBits == 0 {
		return "-"
	}
	return fmt.Sprint(l.AccBits)
}

// certificate says in a sentence whether the layer's accumulators can overflow. It is the
// sentence of the whole product: a range that was computed exactly from the integers,
// beside the width that holds it.
func certificate(l *study.Bounds) string {
	switch {
	case l.AccBits == 0:
		return fmt.Sprintf("%s: no accumulator limit; %d bits are enough for every input", l.Name, l.AccBitsNeeded)
	// Only of files from elsewhere: what a2qgen writes was certified.
	case l.AccBitsNeeded > l.AccBits:
		return fmt.Sprintf("%s: UNSAFE: declares %d bits, needs %d", l.Name, l.AccBits, l.AccBitsNeeded)
	}
	start := ""
	// Else a reader who adds up the weights would not come to this range.
	if l.AccStart == "shifted" {
		start = ", from its start values,"
	}
	return fmt.Sprintf("%s: certified: %d..%d%s fits in %d bits, no input can overflow it",
		l.Name, l.AccMin, l.AccMax, start, l.AccBits)
}
