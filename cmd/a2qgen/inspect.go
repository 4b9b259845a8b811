package main

import (
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/a2qgen/a2qgen/quant"
)

const inspectHelp = `Prints, for every layer, the size, the bits of weights (M) and inputs (N), the
declared accumulator width P, the smallest P that cannot overflow, the exact range
of the accumulator over all inputs and all orders of the sum, the largest l1 norm
and the largest number of nonzero weights of a channel, and the share of zeros.

Example:
   a2qgen inspect net.onnx
   a2qgen inspect net.onnx --json`

func inspectCommand() *cli.Command {
	return &cli.Command{
		Name: "inspect", Usage: "show sizes, bits and accumulator bounds of every layer",
		UsageText: "a2qgen inspect NET.onnx [--json]", Description: inspectHelp,
		Flags: []cli.Flag{jsonFlag()},
		Action: func(c *cli.Context) error {
			path, err := oneArgument(c, "NET.onnx")
			if err != nil {
				return err
			}
			net, err := readNetwork(path)
			if err != nil {
				return err
			}
			doc := inspect(net)
			return newConsole(c).result(doc, doc.print)
		},
	}
}

// inspectReport is the JSON of inspect.
type inspectReport struct {
	Name   string        `json:"name"`
	Layers []layerReport `json:"layers"`
}

// layerReport says what the accumulators of a layer need.
type layerReport struct {
	Name        string `json:"name"`
	Kind        string `json:"kind"`
	In          int    `json:"in"`
	Out         int    `json:"out"`
	WeightBits  int    `json:"weight_bits"`
	InputBits   int    `json:"input_bits"`
	InputSigned bool   `json:"input_signed"`
	// AccBits is the declared width, 0 for none.
	AccBits       int     `json:"acc_bits"`
	AccBitsNeeded int     `json:"acc_bits_needed"`
	AccMin        int64   `json:"acc_min"`
	AccMax        int64   `json:"acc_max"`
	L1Max         int64   `json:"l1_max"`
	TapsMax       int     `json:"taps_max"`
	Sparsity      float64 `json:"sparsity"`
}

func inspect(net *quant.Network) *inspectReport {
	doc := &inspectReport{Name: net.Name}
	for i := range net.Layers {
		l := &net.Layers[i]
		r := layerReport{Name: l.Name, Kind: "linear", In: l.In, Out: l.Out, WeightBits: l.WeightBits,
			InputBits: l.Input.Bits, InputSigned: l.Input.Signed, AccBits: l.AccBits,
			L1Max: l.L1Max(), TapsMax: l.TapsMax(), Sparsity: l.Sparsity()}
		r.AccBitsNeeded, _ = l.NeededBits()
		for c := range l.Out {
			acc := l.AccRange(c)
			r.AccMin, r.AccMax = min(r.AccMin, acc.Min), max(r.AccMax, acc.Max)
		}
		doc.Layers = append(doc.Layers, r)
	}
	return doc
}

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
}

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
	return fmt.Sprintf("%s: certified: %d..%d fits in %d bits, no input can overflow it",
		l.Name, l.AccMin, l.AccMax, l.AccBits)
}
