package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2/maybe"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"github.com/a2qgen/a2qgen/cmd/a2qgen/report"
)

// sweepReport is the JSON of sweep. It is written whole after every cell; what is not
// trained yet is not in it.
type sweepReport struct {
	// Title is the command that repeats the sweep.
	Title string `json:"command"`
	// Name is the spec's; Data the set with the sizes of its parts.
	Name string `json:"name"`
	Data string `json:"data"`
	// Results have one entry per cell, in the order of training, with a run for each seed.
	Seeds   []uint64      `json:"seeds"`
	Results []sweepResult `json:"results"`
}

// sweepResult sums up the runs of a method at a width. Spread is over seeds, which draw
// weights and the order of samples, not over data.
type sweepResult struct {
	// Method and AccBits are the cell's; AccBits is 0 for base, and the most that a layer
	// may have within a LUT limit.
	Method  string `json:"method"`
	AccBits int    `json:"acc_bits"`
	// LUTLimit is 0 where all layers have AccBits.
	LUTLimit int `json:"lut_limit,omitempty"`
	// LUTMean is the mean estimate of the designs, or 0.
	LUTMean float64 `json:"lut_mean,omitempty"`
	// Mean, SD (sample standard deviation), Min and Max of the integer accuracy
	// on the test samples, in percent, over the seeds.
	Mean float64 `json:"mean_percent"`
	SD   float64 `json:"sd_percent"`
	Min  float64 `json:"min_percent"`
	Max  float64 `json:"max_percent"`
	// FloatMean is that of the float phases, without any quantiser.
	FloatMean float64 `json:"float_mean_percent"`
	// ValidationMean is that of the accuracy on held-out training samples, or 0.
	ValidationMean float64 `json:"validation_mean_percent"`
	// L1Max, TapsMax, NeededBits and WeightBits are the largest over the seeds.
	L1Max      int64      `json:"l1_max"`
	TapsMax    int        `json:"taps_max"`
	NeededBits int        `json:"needed_bits"`
	WeightBits int        `json:"weight_bits"`
	Runs       []sweepRun `json:"runs"`
}

// add adds a run. Maxima are over the seeds: what a method needs is what its worst run
// does.
func (r *sweepResult) add(run *sweepRun) {
	r.Runs = append(r.Runs, *run)
	r.L1Max, r.TapsMax = max(r.L1Max, run.L1Max), max(r.TapsMax, run.TapsMax)
	r.NeededBits, r.WeightBits = max(r.NeededBits, run.NeededBits), max(r.WeightBits, run.WeightBits)
}

// finish computes mean and spread once all seeds are there; one run has no deviation.
func (r *sweepResult) finish() {
	var integer, float, held, lut []float64
	for _, run := range r.Runs {
		integer, float = append(integer, run.IntegerPercent), append(float, run.FloatPercent)
		held, lut = append(held, run.ValidationPercent), append(lut, float64(run.LUT))
	}
	r.LUTMean = stat.Mean(lut, nil)
	r.Mean, r.FloatMean, r.ValidationMean = stat.Mean(integer, nil), stat.Mean(float, nil), stat.Mean(held, nil)
	r.Min, r.Max = floats.Min(integer), floats.Max(integer)
	// gonum's StdDev of one number is NaN, which JSON cannot hold.
	if len(integer) > 1 {
		r.SD = stat.StdDev(integer, nil)
	}
}

// methods lists the rows of the table, in the order of --methods, in which they were
// trained.
func (d *sweepReport) methods() (names []string) {
	for _, r := range d.Results {
		if !slices.Contains(names, r.Method) {
			names = append(names, r.Method)
		}
	}
	return names
}

// columns lists the widths, the largest first, then the limits of LUT. A table reads from
// the unconstrained end to the tightest limit.
func (d *sweepReport) columns() (all []sweepLimit) {
	for i := range d.Results {
		if l := d.Results[i].limit(); l != (sweepLimit{}) && !slices.Contains(all, l) {
			all = append(all, l)
		}
	}
	slices.SortFunc(all, func(a, b sweepLimit) int {
		// Those with 0 LUT, the plain widths, first.
		if (a.lut > 0) != (b.lut > 0) {
			return a.lut - b.lut
		}
		return (b.acc - a.acc) + (b.lut - a.lut)
	})
	return all
}

// limit is the zero value for base.
func (r *sweepResult) limit() sweepLimit { return sweepLimit{r.AccBits, r.LUTLimit} }

// at returns the result of a method at a limit, nil where there is none yet.
func (d *sweepReport) at(method string, l sweepLimit) *sweepResult {
	i := slices.IndexFunc(d.Results, func(r sweepResult) bool { return r.Method == method && r.limit() == l })
	if i < 0 {
		return nil
	}
	return &d.Results[i]
}

// rows returns the table: one row per method, one column per limit. Methods without a
// limit are lines below the table (limits), not rows.
func (d *sweepReport) rows(cell func(r *sweepResult) string) [][]string {
	head := []string{"method"}
	for _, l := range d.columns() {
		head = append(head, l.String())
	}
	rows := [][]string{head}
	for _, m := range d.methods() {
		// That is base: it has a line of its own below.
		if d.at(m, sweepLimit{}) != nil {
			continue
		}
		row := []string{m}
		for _, l := range d.columns() {
			text := "" // where the sweep has not come to it
			if r := d.at(m, l); r != nil {
				text = cell(r)
			}
			row = append(row, text)
		}
		rows = append(rows, row)
	}
	return rows
}

// limits are the lines about what knows no accumulator. The float accuracy is that of the
// first result: all share the float phases, seed by seed.
func (d *sweepReport) limits() (lines []string) {
	if len(d.Results) > 0 {
		lines = append(lines, fmt.Sprintf("float %.2f %%", d.Results[0].FloatMean))
	}
	for _, m := range d.methods() {
		if r := d.at(m, sweepLimit{}); r != nil {
			line := fmt.Sprintf("%s, no accumulator limit: %s %%, needs P=%d", m, r.cell(), r.NeededBits)
			if d.hardware() {
				line += fmt.Sprintf(", %s LUT", r.lut())
			}
			lines = append(lines, line)
		}
	}
	return lines
}

// validation is the mean on held-out training samples. Settings are to be chosen by it,
// not by the test samples.
func (r *sweepResult) validation() string { return fmt.Sprintf("%.2f", r.ValidationMean) }

// lut is the mean estimate.
func (r *sweepResult) lut() string { return fmt.Sprintf("%.0f", r.LUTMean) }

// hardware says that designs were estimated. LUT are estimates for the default family.
func (d *sweepReport) hardware() bool {
	return slices.ContainsFunc(d.Results, func(r sweepResult) bool { return r.LUTMean > 0 })
}

// held says that the runs held out training samples. Where none did, ValidationMean is 0
// and the table would be one of zeros.
func (d *sweepReport) held() bool {
	return slices.ContainsFunc(d.Results, func(r sweepResult) bool { return r.ValidationMean > 0 })
}

// cell is mean and standard deviation. SD has n-1 for n seeds.
func (r *sweepResult) cell() string { return fmt.Sprintf("%.2f ± %.2f", r.Mean, r.SD) }

// print writes the accuracies, then held-out accuracies and LUT where there are some.
func (d *sweepReport) print(w io.Writer) {
	fmt.Fprintf(w, "network   %s\ndata      %s\nseeds     %v\n", d.Name, d.Data, d.Seeds)
	for _, l := range d.limits() {
		fmt.Fprintf(w, "          %s\n", l)
	}
	var t table
	t.rows = d.rows((*sweepResult).cell)
	t.print(w)
	if d.held() {
		t.rows = d.rows((*sweepResult).validation)
		// The head's first cell tells the three tables apart.
		t.rows[0][0] = "held out"
		t.print(w)
	}
	if d.hardware() {
		t.rows = d.rows((*sweepResult).lut)
		t.rows[0][0] = "LUT"
		t.print(w)
	}
}

// write writes the report's files to dir. All are replaced whole, after every cell: a
// reader never sees half a table.
func (d *sweepReport) write(dir string) error {
	doc, err := toJSON(d)
	if err != nil {
		return err
	}
	files := map[string][]byte{"results.json": doc, "results.csv": d.csv(), "results.md": d.markdown()}
	if files["results.svg"], err = d.figure().SVG(); err != nil {
		return err
	}
	if d.hardware() {
		if files["lut.svg"], err = d.lutFigure().SVG(); err != nil {
			return err
		}
	}
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
	for _, m := range d.methods() {
		s := report.Series{Name: m}
		for _, l := range d.columns() {
			if l.lut > 0 {
				continue
			}
			r := d.at(m, l)
			if r == nil { // base: a level
				r = d.at(m, sweepLimit{})
				s.Dashed = true
			}
			if r == nil { // not trained yet
				continue
			}
			s.X, s.Y = append(s.X, float64(l.acc)), append(s.Y, r.Mean)
		}
		f.Series = append(f.Series, s)
	}
	return f
}

// lutFigure has a series for each method at one P for all layers, and one with P and M by
// layer. Points are placed by what their designs take, not by the limit that was asked
// for.
func (d *sweepReport) lutFigure() *report.Figure {
	f := &report.Figure{Caption: d.Name, X: "LUT of the design, by estimate", Y: "accuracy, percent"}
	for _, m := range d.methods() {
		one, own := report.Series{Name: m}, report.Series{Name: m + ", P and M by layer"}
		for i := range d.Results {
			r := &d.Results[i]
			s := &one
			// A point of base is on the first series, too: its design is estimated alike.
			if r.LUTLimit > 0 {
				s = &own
			}
			if r.Method == m {
				s.X, s.Y = append(s.X, r.LUTMean), append(s.Y, r.Mean)
			}
		}
		f.Series = append(f.Series, one)
		if len(own.X) > 0 {
			f.Series = append(f.Series, own)
		}
	}
	return f
}

// csv has one line per run, with nothing averaged: lut_limit and lut are 0 without.
func (d *sweepReport) csv() []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.Write([]string{"method", "acc_bits", "seed", "float_percent", "integer_percent", "needed_bits", "l1_max",
		"taps_max", "weight_bits", "lut_limit", "lut"})
	for _, r := range d.Results {
		for _, run := range r.Runs {
			w.Write(cells(r.Method, r.AccBits, run.Seed, fmt.Sprintf("%.2f", run.FloatPercent),
				fmt.Sprintf("%.2f", run.IntegerPercent), run.NeededBits, run.L1Max, run.TapsMax, run.WeightBits,
				run.LUTLimit, run.LUT))
		}
	}
	w.Flush() // b takes everything
	return b.Bytes()
}

// markdown is the report for people, with the plots beside it by their file names.
func (d *sweepReport) markdown() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b,
		"# %s\n\n    %s\n\n%s. Seeds %v; integer accuracy on the test samples in percent, mean ± standard deviation.\n",
		d.Name, d.Title, d.Data, d.Seeds)
	for _, l := range d.limits() {
		fmt.Fprintf(&b, "\n* %s", l)
	}
	b.WriteString("\n\n")
	markdownTable(&b, d.rows((*sweepResult).cell))
	if d.held() {
		b.WriteString("\nOn held-out training samples:\n\n")
		markdownTable(&b, d.rows((*sweepResult).validation))
	}
	b.WriteString("\nLargest l1 norm of a channel under the method, most nonzero weights (taps), " +
		"widest weights (bits):\n\n")
	markdownTable(&b, d.rows(func(r *sweepResult) string {
		return fmt.Sprintf("%d, %d, %d", r.L1Max, r.TapsMax, r.WeightBits)
	}))
	b.WriteString("\n![accuracy over P](results.svg)\n")
	if d.hardware() {
		d.lutMarkdown(&b)
	}
	return b.Bytes()
}

// lutMarkdown adds what designs cost and which widths layers got.
func (d *sweepReport) lutMarkdown(b *bytes.Buffer) {
	b.WriteString("\nLUT of the design by estimate, mean:\n\n")
	markdownTable(b, d.rows((*sweepResult).lut))
	b.WriteString("\n![accuracy over LUT](lut.svg)\n")
	rows := [][]string{{"method", "at most", "seed", "P and M by layer", "LUT", "accuracy"}}
	for _, r := range d.Results {
		for _, run := range r.Runs {
			// Runs at one P for all layers have nothing to list.
			if len(run.Widths) == 0 {
				continue
			}
			var widths []string
			for _, w := range run.Widths {
				widths = append(widths, fmt.Sprintf("%s %d, %d", w.Layer, w.AccBits, w.WeightBits))
			}
			rows = append(rows, cells(r.Method, r.limit(), run.Seed, strings.Join(widths, "; "), run.LUT,
				fmt.Sprintf("%.2f", run.IntegerPercent)))
		}
	}
	if len(rows) > 1 {
		b.WriteString("\n")
		markdownTable(b, rows)
	}
}

// markdownTable writes rows, the first as the head, as GitHub's Markdown has tables.
func markdownTable(w io.Writer, rows [][]string) {
	for i, r := range rows {
		fmt.Fprintf(w, "| %s |\n", strings.Join(r, " | "))
		if i == 0 {
			fmt.Fprintf(w, "|%s\n", strings.Repeat("---|", len(r)))
		}
	}
}
