package main

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2/maybe"

	"github.com/a2qgen/a2qgen/cmd/a2qgen/report"
	"github.com/a2qgen/a2qgen/cmd/a2qgen/study"
	"github.com/a2qgen/a2qgen/internal/table"
)

// sweepReport writes the results of a sweep, for people and for programs.
type sweepReport struct{ *study.SweepReport }

// table has one row per method and one column per limit; its first head is name. Cells
// that the sweep has not come to are empty. Methods without a limit are lines of limitless,
// not rows.
func (d *sweepReport) table(name string, cell func(r *study.SweepResult) string) *table.Table {
	var heads []string
	for _, l := range d.Limits() {
		// A limit is a P for all layers, or LUT for the design: its name says which.
		heads = append(heads, l.Name())
	}
	// Right even where cells have two numbers: their digits stand below each other.
	t := table.New(table.Left(name), table.Right(heads...))
	for _, m := range d.Methods() {
		// That is base: it has a line of its own.
		if d.At(m, study.Limit{}) != nil {
			continue
		}
		// A cell for each limit, also where nothing is there yet: columns must not move.
		row := []any{m}
		for _, l := range d.Limits() {
			if r := d.At(m, l); r != nil {
				row = append(row, cell(r))
			} else {
				row = append(row, nil)
			}
		}
		t.Row(row...)
	}
	return t
}

// sweepView is a table of a sweep.
type sweepView struct {
	// head tells the tables apart on a console; text introduces the one in Markdown, and
	// figure is the plot below it there.
	head, text, figure string
	cell               func(r *study.SweepResult) string
}

// views are the tables that d has something for.
func (d *sweepReport) views() []sweepView {
	// The accuracy is what a sweep is for: it is there in any case, and first.
	views := []sweepView{{"method", "", "", accuracyOf}}
	// Settings are to be chosen by held-out samples, not by the test samples.
	if d.HeldOut() {
		views = append(views, sweepView{"held out", "On held-out training samples:", "",
			func(r *study.SweepResult) string { return fmt.Sprintf("%.2f", r.ValidationMean) }})
	}
	views = append(views, sweepView{"", "Largest l1 norm of a channel under the method, most nonzero weights (taps), " +
		"widest weights (bits):", "![accuracy over P](results.svg)",
		func(r *study.SweepResult) string { return fmt.Sprintf("%d, %d, %d", r.L1Max, r.TapsMax, r.WeightBits) }})
	if d.HasLUT() {
		views = append(views, sweepView{"LUT", "LUT of the design by estimate, mean:",
			"![accuracy over LUT](lut.svg)", lutOf})
	}
	return views
}

// accuracyOf has mean and standard deviation, with n-1 for n seeds.
func accuracyOf(r *study.SweepResult) string { return fmt.Sprintf("%.2f ± %.2f", r.Mean, r.SD) }

// lutOf has the mean estimate.
func lutOf(r *study.SweepResult) string { return fmt.Sprintf("%.0f", r.LUTMean) }

// limitless are the lines about what knows no accumulator. The float accuracy is that of the
// first result: all share the float phases, seed by seed.
func (d *sweepReport) limitless() (lines []string) {
	// A sweep that has only begun is written too.
	if len(d.Results) > 0 {
		lines = append(lines, fmt.Sprintf("float %.2f %%", d.Results[0].FloatMean))
	}
	for _, m := range d.Methods() {
		if r := d.At(m, study.Limit{}); r != nil {
			line := fmt.Sprintf("%s, no accumulator limit: %s %%, needs P=%d", m, accuracyOf(r), r.NeededBits)
			if d.HasLUT() {
				line += fmt.Sprintf(", %s LUT", lutOf(r))
			}
			lines = append(lines, line)
		}
	}
	return lines
}

// print writes the accuracies, then held-out accuracies and LUT where there are some.
func (d *sweepReport) print(w io.Writer) {
	fmt.Fprintf(w, "network   %s\ndata      %s\nseeds     %v\n", d.Name, d.Data, d.Seeds)
	for _, l := range d.limitless() {
		fmt.Fprintf(w, "          %s\n", l)
	}
	for _, v := range d.views() {
		// Norms and taps are for the Markdown: a console shows what is decided by.
		if v.head != "" {
			d.table(v.head, v.cell).WriteText(w)
		}
	}
}

// write writes the report's files to dir. All are replaced whole, after every cell: a
// reader never sees half a table.
func (d *sweepReport) write(dir string) error {
	doc, err := toJSON(d)
	if err != nil {
		return err
	}
	var csv bytes.Buffer
	if err := d.runs().WriteCSV(&csv); err != nil {
		return err
	}
	// Rendered all before one is written, so that an error of a plot leaves the old set.
	files := map[string][]byte{"results.json": doc, "results.csv": csv.Bytes(), "results.md": d.markdown()}
	// The plot of what was trained so far: its axes grow with the sweep.
	if files["results.svg"], err = d.figure().SVG(); err != nil {
		return err
	}
	if d.HasLUT() {
		if files["lut.svg"], err = d.lutFigure().SVG(); err != nil {
			return err
		}
	}
	// In any order: each file is whole by itself, and the next cell writes all again.
	for name, data := range files {
		if err := maybe.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// figure plots the accuracy over P, one series per method. base has no P and is a dashed
// level from end to end.
func (d *sweepReport) figure() *report.Figure {
	f := &report.Figure{Caption: d.Name, X: "accumulator width P, bits", Y: "accuracy, percent"}
	for _, m := range d.Methods() {
		base := d.At(m, study.Limit{})
		s := report.Series{Name: m, Dashed: base != nil}
		for _, l := range d.Limits() {
			r := base
			// base is the same at each P, so its line is level.
			if r == nil {
				r = d.At(m, l)
			}
			if r != nil && l.LUTLimit == 0 { // else not trained yet, or on the other plot
				s.X, s.Y = append(s.X, float64(l.AccBits)), append(s.Y, r.Mean)
			}
		}
		f.Series = append(f.Series, s)
	}
	return f
}

// lutFigure has a series for each method at one P for all layers, and one with P and M by
// layer. Points are placed by what their designs take, not by the limit that was asked
// for. A point of base is on the first series, too: its design is estimated alike.
func (d *sweepReport) lutFigure() *report.Figure {
	f := &report.Figure{Caption: d.Name, X: "LUT of the design, by estimate", Y: "accuracy, percent"}
	for _, m := range d.Methods() {
		// Two, as the question is whether widths by layer are better at the same LUT.
		series := [2]report.Series{{Name: m}, {Name: m + ", P and M by layer"}}
		for i := range d.Results {
			r, s := &d.Results[i], &series[0]
			// By what was asked for, not by the result: a limit may be met with one P for all.
			if r.LUTLimit > 0 {
				s = &series[1]
			}
			if r.Method == m {
				s.X, s.Y = append(s.X, r.LUTMean), append(s.Y, r.Mean)
			}
		}
		f.Series = append(f.Series, series[0])
		// Without --lut there are none, and a name in the legend would have no line.
		if len(series[1].X) > 0 {
			f.Series = append(f.Series, series[1])
		}
	}
	return f
}

// runs has one row per run, with nothing averaged: lut_limit and lut are 0 without. It is the
// CSV, whose heads are for programs.
func (d *sweepReport) runs() *table.Table {
	t := table.New(table.Left("method"), table.Right("acc_bits", "seed"),
		table.Fixed(2, "", "float_percent", "integer_percent"),
		table.Right("needed_bits", "l1_max", "taps_max", "weight_bits", "lut_limit", "lut"))
	for _, r := range d.Results {
		for _, run := range r.Runs {
			t.Row(r.Method, r.AccBits, run.Seed, run.FloatPercent, run.IntegerPercent, run.NeededBits, run.L1Max,
				run.TapsMax, run.WeightBits, run.LUTLimit, run.LUT)
		}
	}
	return t
}

// markdown is the report for people, with the plots beside it by their file names.
func (d *sweepReport) markdown() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b,
		"# %s\n\n    %s\n\n"+
			"%s. Seeds %v; integer accuracy on the test samples in percent, mean ± standard deviation.\n",
		d.Name, d.Command, d.Data, d.Seeds)
	for _, l := range d.limitless() {
		fmt.Fprintf(&b, "\n* %s", l)
	}
	b.WriteString("\n")
	for _, v := range d.views() {
		if v.text != "" {
			fmt.Fprintf(&b, "\n%s\n", v.text)
		}
		b.WriteString("\n")
		// A buffer takes all: there is no error to look at.
		d.table("method", v.cell).WriteMarkdown(&b)
		if v.figure != "" {
			fmt.Fprintf(&b, "\n%s\n", v.figure)
		}
	}
	// Last, as it is the longest, and of interest once a limit has been chosen.
	if t := d.widths(); len(t.Rows) > 0 {
		b.WriteString("\n")
		t.WriteMarkdown(&b)
	}
	return b.Bytes()
}

// widths says which widths layers got within a limit of LUT. Runs at one P for all layers
// have nothing to list.
func (d *sweepReport) widths() *table.Table {
	t := table.New(table.Left("method"), table.Right("at most", "seed"), table.Left("P and M by layer"),
		table.Right("LUT"), table.Fixed(2, "", "accuracy"))
	for _, r := range d.Results {
		for _, run := range r.Runs {
			var widths []string
			// Written out: a trained network with these widths can be asked for by a spec.
			for _, w := range run.Widths {
				widths = append(widths, fmt.Sprintf("%s %d, %d", w.Layer, w.AccBits, w.WeightBits))
			}
			if len(widths) > 0 {
				t.Row(r.Method, r.Name(), run.Seed, strings.Join(widths, "; "), run.LUT, run.IntegerPercent)
			}
		}
	}
	return t
}
