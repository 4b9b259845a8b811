package main

import (
	"bytes"
	"fmt"
	"io"

	"github.com/google/renameio/v2/maybe"

	"github.com/a2qgen/a2qgen/cmd/a2qgen/report"
	"github.com/a2qgen/a2qgen/cmd/a2qgen/study"
	"github.com/a2qgen/a2qgen/internal/table"
	"github.com/a2qgen/a2qgen/quant/train"
)

// demoReport is the JSON of demo: that of each step.
type demoReport struct {
	// Each step's document is that of the command by itself, so that a reader of one can
	// read the other.
	Train *trainReport `json:"train"`
	// TrainBase is the same network without a limit on its accumulators.
	TrainBase *trainReport    `json:"train_base"`
	Inspect   *inspectReport  `json:"inspect"`
	Eval      *evalReport     `json:"eval"`
	Generate  *generateReport `json:"generate"`
	Sim       *simReport      `json:"sim"`
	// SimStall is the simulation with pauses.
	SimStall *simReport      `json:"sim_stall"`
	Estimate *estimateReport `json:"estimate"`
	// Seconds is the whole demo's time, builds included.
	Seconds float64 `json:"seconds"`
}

// finish writes the reports and prints the summary. Both files are replaced whole: a
// viewer never sees half a page.
func (d *demo) finish() error {
	d.report.Seconds = study.Seconds(d.start)
	// Written although it can be printed: the page and a script may come later.
	doc, err := toJSON(&d.report)
	if err != nil {
		return err
	}
	if err := maybe.WriteFile(d.path("report.json"), doc, 0o644); err != nil {
		return err
	}
	var page bytes.Buffer
	if err := d.report.page().WriteHTML(&page); err != nil {
		return err
	}
	if err := maybe.WriteFile(d.path("report.html"), page.Bytes(), 0o644); err != nil {
		return err
	}
	return d.show("Summary", d)
}

// print writes the summary.
func (d *demo) print(w io.Writer) {
	r := &d.report
	fmt.Fprintf(w, "data      %v\n", d.sets)
	for _, line := range r.summary() {
		fmt.Fprintln(w, line)
	}
	fmt.Fprintf(w, "files     %s: net.onnx, base.onnx, design/, report.json, report.html\n", d.out)
	fmt.Fprintf(w, "time      %.1f s\n", r.Seconds)
}

// summary says in a few lines what the demo found. It is printed last and heads the HTML
// page; README quotes it. The unlimited network's P is what its hidden layers would need
// for the same guarantee: the fair comparison.
func (r *demoReport) summary() []string {
	lines := []string{
		fmt.Sprintf("accuracy  float %.2f %%; integers, no limit %.2f %% (needs P=%d); "+
			"integers, P=%d certified %.2f %%",
			r.Train.FloatAccuracyPercent, r.TrainBase.IntegerAccuracyPercent,
			constrainedBits(r.Train.Layers, r.TrainBase.Layers), r.Train.AccBits, r.Train.IntegerAccuracyPercent),
	}
	// Certificates of the layers with a limit only: the others promise nothing.
	for i := range r.Train.Layers {
		if l := &r.Train.Layers[i]; l.AccBits > 0 {
			lines = append(lines, "          "+certificate(l))
		}
	}
	// Speed, proof and price, in the order of the steps.
	return append(lines,
		fmt.Sprintf("verilog   %d files, %d cycles per frame: %.0f frames/s at %g MHz",
			len(r.Generate.Files), r.Generate.IntervalCycles, r.Generate.FPS, r.Generate.ClockMHz),
		fmt.Sprintf("check     %d frames, %d beats: %d mismatches; model %.0f times faster",
			r.Sim.Result.Frames, r.Sim.BeatsCompared, r.Sim.Mismatches, r.Sim.SpeedRatio),
		fmt.Sprintf("          with pauses: %d mismatches; "+
			"all %d streams blocked at once for %d cycles, starved for %d",
			r.SimStall.Mismatches, len(r.SimStall.Streams), r.SimStall.Pressure.Full, r.SimStall.Pressure.Dry),
		"cost      "+r.Estimate.saving(r.Train.AccBits))
}

// constrainedBits returns the largest accumulator that the layers with a limit in one
// network need in the other. Both networks have the same layers in the same order, as they
// come from one spec.
func constrainedBits(limited, other []study.Bounds) int {
	bits := 0
	// The largest, as one P is compared with one P.
	for i, l := range limited {
		if l.AccBits > 0 {
			bits = max(bits, other[i].AccBitsNeeded)
		}
	}
	return bits
}

// page is the demo as an HTML document. The sections follow the steps, with the summary
// before them: a reader who stops there has the result.
func (r *demoReport) page() *report.Document {
	return &report.Document{Title: "a2qgen demo: " + r.Train.Name, Sections: []report.Section{
		{Heading: "Summary", Lines: append([]string{"Data: " + r.Train.Data}, r.summary()...)},
		{Heading: "Training", Figures: []report.Figure{accuracyFigure(r.Train, r.TrainBase)}},
		{Heading: "Accumulator bounds", Table: r.Inspect.table()},
		{Heading: "Folding", Table: r.Generate.table()},
		{Heading: "Cross-check", Table: simTable(r.Sim, r.SimStall)},
		{Heading: "Cost over P, " + r.Estimate.Family, Table: r.Estimate.table(), Figures: r.Estimate.figures()},
	}}
}

// accuracyFigure plots the training accuracy of two runs over their epochs. All runs are
// drawn over the epochs of the first, whose phases the caption names.
func accuracyFigure(runs ...*trainReport) report.Figure {
	f := report.Figure{Caption: "Accuracy on the training samples, as they were trained on",
		X: "epoch", Y: "accuracy, %"}
	for _, r := range runs {
		// The unlimited network is dashed: it is the yardstick, not the product.
		s := report.Series{Name: r.Method, Dashed: r.Method == "base"}
		// Epochs from 1, as the progress counts them.
		for i, e := range r.History {
			s.X, s.Y = append(s.X, float64(i+1)), append(s.Y, e.AccuracyPercent)
		}
		f.Series = append(f.Series, s)
	}
	// Accuracy drops where the quantisers set in; the caption says why.
	if n := countPhase(runs[0].History, train.FloatPhase); n > 0 {
		f.Caption += fmt.Sprintf("; epochs 1 to %d in floating point, the others with quantisers", n)
	}
	return f
}

// countPhase returns how many epochs of a history belong to a phase.
func countPhase(history []study.Epoch, phase string) int {
	n := 0
	for _, e := range history {
		if e.Phase == phase {
			n++
		}
	}
	return n
}

// simTable has one row per simulation. "All blocked" and "all starved" count cycles in
// which every stream of the design was so at once: without them a pass under pauses says
// nothing about the layers in the middle.
func simTable(runs ...*simReport) *table.Table {
	t := table.New(table.Right("gap", "stall", "frames", "beats", "all blocked", "all starved", "mismatches",
		"cycles, model", "cycles, Verilog", "right"))
	for _, r := range runs {
		t.Row(r.Gap, r.Stall, r.Result.Frames, r.BeatsCompared, r.Pressure.Full, r.Pressure.Dry,
			r.Mismatches, r.CyclesModel, r.CyclesRTL, fmt.Sprintf("%d of %d", r.Correct, r.Total))
	}
	return t
}
