package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"

	"github.com/google/renameio/v2/maybe"

	"github.com/a2qgen/a2qgen/cmd/a2qgen/report"
	"github.com/a2qgen/a2qgen/cmd/a2qgen/study"
	"github.com/a2qgen/a2qgen/internal/table"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/train"
)

// demoReport is the JSON of demo: that of each step.
type demoReport struct {
	// Limits are the networks that are compared, without a limit first. Each step's document is
	// that of the command by itself, so that a reader of one can read the other.
	Limits []*demoRow `json:"limits"`
	// AccBits is P of the one that is shown in full: it is among Limits, and has documents that the
	// others do without.
	AccBits int            `json:"acc_bits"`
	Inspect *inspectReport `json:"inspect"`
	Eval    *evalReport    `json:"eval"`
	// Sim is the simulation without pauses.
	Sim *simReport `json:"sim"`
	// Seconds is the whole demo's time, builds included.
	Seconds float64 `json:"seconds"`
}

// shown returns the row of the limit that is shown in full.
func (r *demoReport) shown() *demoRow {
	return r.Limits[slices.IndexFunc(r.Limits, func(row *demoRow) bool { return row.AccBits == r.AccBits })]
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
	figure := d.report.unitFigure()
	svg, err := figure.SVG()
	if err != nil {
		return err
	}
	if err := maybe.WriteFile(d.path("units.svg"), svg, 0o644); err != nil {
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
	fmt.Fprintf(w, "files     %s: report.html, report.json, units.svg; net.onnx and design/ in no-limit/, p12/ .. p6/\n",
		d.out)
	fmt.Fprintf(w, "time      %.1f s\n", r.Seconds)
}

// summary says in a few lines what the demo found. It is printed last and heads the HTML
// page; README quotes it. The unlimited network's P is what its hidden layers would need
// for the same guarantee: the fair comparison.
func (r *demoReport) summary() []string {
	row, free := r.shown(), r.Limits[0]
	lines := []string{
		fmt.Sprintf("accuracy  float %.2f %%; integers, no limit %.2f %% (needs P=%d); "+
			"integers, P=%d certified %.2f %%",
			row.Train.FloatAccuracyPercent, free.Train.IntegerAccuracyPercent, free.NeededBits, row.AccBits,
			row.Train.IntegerAccuracyPercent),
	}
	// Certificates of the layers with a limit only: the others promise nothing.
	for i := range row.Train.Layers {
		if l := &row.Train.Layers[i]; l.AccBits > 0 {
			lines = append(lines, "          "+certificate(l))
		}
	}
	// Speed, proof and price, in the order of the steps.
	return append(lines,
		fmt.Sprintf("verilog   %d files, %d cycles per frame: %.0f frames/s at %g MHz",
			len(row.Generate.Files), row.Generate.IntervalCycles, row.Generate.FPS, row.Generate.ClockMHz),
		fmt.Sprintf("check     %d frames, %d beats: %d mismatches; model %.0f times faster",
			r.Sim.Result.Frames, r.Sim.BeatsCompared, r.Sim.Mismatches, r.Sim.SpeedRatio),
		fmt.Sprintf("          with pauses: %d mismatches; "+
			"all %d streams blocked at once for %d cycles, starved for %d",
			row.Sim.Mismatches, len(row.Sim.Streams), row.Sim.Pressure.Full, row.Sim.Pressure.Dry),
		fmt.Sprintf("cost      %s, P=%d: %v; no limit: %v: %s of its LUT", row.Generate.Family, row.AccBits,
			row.Generate.Resources, free.Generate.Resources,
			ratio(free.Generate.Resources.LUT, row.Generate.Resources.LUT)))
}

// page is the demo as an HTML document. The sections follow the steps, with the summary and what P
// buys before them: a reader who stops there has the result.
func (r *demoReport) page() *report.Document {
	row := r.shown()
	var trained []*trainReport
	for _, l := range r.Limits {
		trained = append(trained, l.Train)
	}
	return &report.Document{Title: "a2qgen demo: " + row.Train.Name, Sections: []report.Section{
		{Heading: "What P buys", Figures: []report.Figure{r.unitFigure()}, Table: r.limitTable()},
		{Heading: "Summary", Lines: append([]string{"Data: " + row.Train.Data}, r.summary()...)},
		{Heading: "Training", Figures: []report.Figure{accuracyFigure(trained...)}},
		{Heading: "Accumulator bounds", Table: r.Inspect.table()},
		{Heading: "Folding", Table: row.Generate.table()},
		{Heading: "Cross-check", Table: simTable(r.Sim, row.Sim)},
	}}
}

// accuracyFigure plots the training accuracy of two runs over their epochs. All runs are
// drawn over the epochs of the first, whose phases the caption names.
func accuracyFigure(runs ...*trainReport) report.Figure {
	f := report.Figure{Caption: "Accuracy on the training samples, as they were trained on",
		X: "epoch", Y: "accuracy, %"}
	for _, r := range runs {
		// The unlimited network is dashed: it is the yardstick, not the product.
		s := report.Series{Name: r.method(), Dashed: r.Method == string(quant.Base)}
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
