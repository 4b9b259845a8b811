package main

import (
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/a2qgen/a2qgen/cmd/a2qgen/study"
	"github.com/a2qgen/a2qgen/internal/table"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/ptq"
)

// repairReport is the JSON of project --repair.
type repairReport struct {
	// Network is the file that was read, Out the one that was written.
	Network string `json:"network"`
	Out     string `json:"out"`
	// AccBits is the P that was asked for.
	AccBits int `json:"acc_bits"`
	// Data is what decided which units count; empty where all inputs count
	// alike.
	Data    string `json:"data,omitempty"`
	Samples int    `json:"samples,omitempty"`
	// Accuracies on the test samples of --data, left out without labels.
	BeforePercent *float64 `json:"accuracy_before_percent,omitempty"`
	AfterPercent  *float64 `json:"accuracy_after_percent,omitempty"`
	Seconds       float64  `json:"seconds"`
	// Layers are those that were changed.
	Layers []repairedReport `json:"layers"`
	// All are the layers with weights as the file now has them.
	All []layerReport `json:"all_layers"`
}

// repairedReport is a layer that did not fit. A layer that fitted already has no entry.
type repairedReport struct {
	// Rule says where the accumulators start: "split" at 0, "shifted" at a constant of
	// their channel.
	Name string `json:"name"`
	Rule string `json:"rule"`
	// NeededBefore and NeededAfter are the smallest safe widths, bits.
	NeededBefore int `json:"needed_before"`
	NeededAfter  int `json:"needed_after"`
	// WeightsChanged counts weights; UnitsChanged sums by how many integer steps they
	// moved.
	WeightsChanged int   `json:"weights_changed"`
	UnitsChanged   int64 `json:"units_changed"`
	// RelativeLoss is E[(change of a sum)^2] / E[sum^2] over the samples.
	RelativeLoss float64 `json:"relative_loss"`
}

// repairNetwork makes the integer network at path fit, and writes it.
func repairNetwork(c *cli.Context, con *console, path string) (*repairReport, error) {
	r := &study.Repair{Path: path, Out: c.String("out"), Samples: c.Int("samples"),
		Settings: ptq.NetworkRepair{Bits: c.Int("acc"), Layers: c.StringSlice("layer")}}
	// Without it each layer keeps its own: shifted where it has start values.
	if c.IsSet("rule") {
		r.Settings.Rule = quant.Rule(c.String("rule"))
	}
	if c.IsSet("data") {
		source := sampleSourceOf(c)
		r.Source = &source
	}
	done, err := r.Run(c.Context, con.progress())
	if err != nil {
		return nil, err
	}
	return newRepairReport(r, done), nil
}

// newRepairReport describes the repaired layers, with the width that the new integers need,
// from the file that was written.
func newRepairReport(r *study.Repair, done *study.Repaired) *repairReport {
	doc := &repairReport{Network: r.Path, Out: r.Out, AccBits: r.Settings.Bits, Data: done.Data, Samples: done.Samples,
		BeforePercent: done.Before, AfterPercent: done.After, Seconds: done.Seconds, Layers: []repairedReport{},
		All: inspect(done.Network).Layers}
	for _, l := range done.Changes {
		row := repairedReport{Name: l.Name, Rule: string(l.Rule), NeededBefore: l.Before,
			WeightsChanged: l.Weights, UnitsChanged: l.Units, RelativeLoss: l.RelativeLoss}
		for i := range doc.All {
			if doc.All[i].Name == l.Name {
				row.NeededAfter = doc.All[i].AccBitsNeeded
			}
		}
		doc.Layers = append(doc.Layers, row)
	}
	return doc
}

// print writes what was changed, then the certificate of every layer as it is now.
func (r *repairReport) print(w io.Writer) {
	fmt.Fprintf(w, "network   %s, P=%d: %s\n", r.Network, r.AccBits, r.Out)
	if r.Data == "" {
		fmt.Fprintln(w, "data      none: all inputs count alike")
	} else {
		fmt.Fprintf(w, "data      %s: %d samples\n", r.Data, r.Samples)
	}
	if r.BeforePercent != nil {
		fmt.Fprintf(w, "accuracy  before %.2f %%, repaired %.2f %% (test samples, integer executor)\n",
			*r.BeforePercent, *r.AfterPercent)
	}
	if len(r.Layers) == 0 {
		fmt.Fprintf(w, "every layer asked for fits in %d bits: nothing changed\n", r.AccBits)
		return
	}
	t := table.New(table.Left("layer", "rule"), table.Right("needed", "needs", "weights changed", "units"),
		table.Fixed(4, "", "loss"))
	for _, l := range r.Layers {
		t.Row(l.Name, l.Rule, l.NeededBefore, l.NeededAfter, l.WeightsChanged, l.UnitsChanged, l.RelativeLoss)
	}
	for i := range r.All {
		t.Note("%s", r.All[i].certificate())
	}
	t.WriteText(w)
}
