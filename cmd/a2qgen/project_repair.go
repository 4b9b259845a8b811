package main

import (
	"fmt"
	"io"
	"time"

	"github.com/google/renameio/v2/maybe"
	"github.com/urfave/cli/v2"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/data"
	"github.com/a2qgen/a2qgen/quant/ptq"
	"github.com/a2qgen/a2qgen/quant/qonnx"
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

// repairNetwork makes the integer network at path fit, and writes it. The file is
// rewritten rather than written anew: graphs of any origin keep their nodes, scales and
// names, only weight integers and declared widths change. What comes out is read and
// certified from its bytes before it reaches the disk.
func repairNetwork(c *cli.Context, con *console, path string) (*repairReport, error) {
	start := time.Now()
	read, err := readFile(path, nil)
	if err != nil {
		return nil, err
	}
	net, file := read.Network, read.Data
	// A note says that the file may not be the network that was trained: repairing it
	// keeps that.
	for _, note := range read.Notes {
		con.line("note: %s", note)
	}
	r := ptq.NetworkRepair{Bits: c.Int("acc"), Layers: c.StringSlice("layer")}
	// Without it each layer keeps its own: shifted where it has start values.
	if c.IsSet("rule") {
		r.Rule = quant.Rule(c.String("rule"))
	}
	doc := &repairReport{Network: path, Out: c.String("out"), AccBits: r.Bits, Layers: []repairedReport{}}
	var test *data.Set
	if c.IsSet("data") {
		if test, err = doc.calibrate(c, net, &r); err != nil {
			return nil, err
		}
	}
	// Layers that fit are not in changes: nothing but what must change does.
	changes, layers, err := r.Repair(c.Context, net)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if file, err = qonnx.Rewrite(path, file, changes); err != nil {
		return nil, err
	}
	// The bytes that will be written, through the reader that generate uses.
	repaired, err := qonnx.Decode(path, file)
	if err == nil {
		err = certifyChanged(repaired, changes)
	}
	if err != nil {
		return nil, err
	}
	doc.add(layers, repaired)
	if test != nil && test.Labels != nil {
		if doc.BeforePercent, doc.AfterPercent, err = beforeAfter(c, con, net, repaired, test); err != nil {
			return nil, err
		}
	}
	// Last: a repair that fails, or is stopped while it is scored, leaves no file.
	if err := maybe.WriteFile(doc.Out, file, 0o644); err != nil {
		return nil, err
	}
	doc.Seconds = seconds(start)
	return doc, nil
}

// calibrate opens --data for the moments of inputs and returns its test part. The second
// moments of each layer's inputs weigh the integers: a unit taken off a weight whose input
// is mostly 0 costs little.
func (r *repairReport) calibrate(c *cli.Context, net *quant.Network, to *ptq.NetworkRepair) (*data.Set, error) {
	source := sampleSourceOf(c)
	// Calibrated on the training part and scored on the test part, as project does.
	sets, err := source.openBoth()
	if err != nil {
		return nil, err
	}
	fit, err := fitSamples(net, sets.train)
	if err != nil {
		return nil, err
	}
	r.Data, r.Samples = fit.Name, min(c.Int("samples"), fit.Len())
	to.Samples = spreadSamples(fit.Set, r.Samples)
	// A test part that does not suit the network is found before the repair, which may take
	// its time. Without labels it is not scored, and may be anything.
	if sets.test.Labels != nil {
		_, err = fitSamples(net, sets.test)
	}
	return sets.test, err
}

// certifyChanged applies the integer test to the layers that were changed: the others may
// never have declared a width. A layer that was not asked for may well need more than P:
// that is no failure here.
func certifyChanged(net *quant.Network, changes map[string]qonnx.Integers) error {
	for i := range net.Layers {
		l := &net.Layers[i]
		if ch, ok := changes[l.Name]; ok {
			if err := l.Certify(ch.AccBits); err != nil {
				return err
			}
		}
	}
	return nil
}

// beforeAfter scores both networks. Both by the same executor on the same samples, so that
// the difference is the repair's.
func beforeAfter(
	c *cli.Context, con *console, old, repaired *quant.Network, test *data.Set,
) (before, after *float64, err error) {
	a, err := evaluate(c.Context, con, old, test)
	if err != nil {
		return nil, nil, err
	}
	b, err := evaluate(c.Context, con, repaired, test)
	if err != nil {
		return nil, nil, err
	}
	return &a.AccuracyPercent, &b.AccuracyPercent, nil
}

// add describes the repaired layers, with the width that the new integers need, from the
// file that was written.
func (r *repairReport) add(layers []ptq.RepairReport, net *quant.Network) {
	r.All = inspect(net).Layers
	for _, l := range layers {
		row := repairedReport{Name: l.Name, Rule: string(l.Rule), NeededBefore: l.Before,
			WeightsChanged: l.Weights, UnitsChanged: l.Units, RelativeLoss: l.RelativeLoss}
		for i := range r.All {
			if r.All[i].Name == l.Name {
				row.NeededAfter = r.All[i].AccBitsNeeded
			}
		}
		r.Layers = append(r.Layers, row)
	}
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
	var t table
	t.row("layer", "rule", "needed", "needs", "weights changed", "units", "loss")
	for _, l := range r.Layers {
		t.row(l.Name, l.Rule, l.NeededBefore, l.NeededAfter, l.WeightsChanged, l.UnitsChanged,
			fmt.Sprintf("%.4f", l.RelativeLoss))
	}
	t.print(w)
	for i := range r.All {
		fmt.Fprintf(w, "  %s\n", r.All[i].certificate())
	}
}
