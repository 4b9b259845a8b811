package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/google/renameio/v2/maybe"

	"github.com/a2qgen/a2qgen/cmd/a2qgen/study"
	"github.com/a2qgen/a2qgen/internal/table"
	"github.com/a2qgen/a2qgen/quant/train"
)

// comparisonReport writes what project --table found.
type comparisonReport struct{ *study.Comparison }

// table has a line for each width, a column for each method.
func (d *comparisonReport) table(cell func(c *study.ComparisonCell) string) *table.Table {
	methods := d.Methods
	t := table.New(table.Left("P"), table.Right(methods...))
	// Cells come width by width, all methods of one side by side.
	for at := 0; at < len(d.Cells); at += len(methods) {
		row := []any{d.Cells[at].AccBits}
		// What the methods lose without a limit is the level to compare the others with.
		if d.Cells[at].AccBits == 0 {
			row[0] = "none"
		}
		for i := range methods {
			// The same cells in three forms: what is shown of a spread is the caller's choice.
			row = append(row, cell(&d.Cells[at+i]))
		}
		t.Row(row...)
	}
	return t
}

// networks has a line for each network in each cell, from which other statistics can be made.
// Networks are numbered from 1, in the order of the command line: paths are the machine's.
func (d *comparisonReport) networks() *table.Table {
	_, _, key := d.metric()
	t := table.New(table.Right("network", "acc_bits"), table.Left("method"),
		table.Fixed(2, "", "float_"+key, "integer_"+key))
	if d.labelled() {
		t = table.New(table.Right("network", "acc_bits"), table.Left("method"),
			table.Fixed(2, "", "float_"+key, "integer_"+key), table.Fixed(5, "", "cross_entropy_rise"))
	}
	for _, cell := range d.Cells {
		// In the order of the networks, of which each cell has one mark.
		for k, a := range cell.Marks() {
			row := []any{k + 1, cell.AccBits, cell.Method, d.Float()[k], a}
			if d.labelled() {
				row = append(row, cell.Rise[k])
			}
			t.Row(row...)
		}
	}
	return t
}

// metric returns the name of what networks are compared by, its unit, and both as a key, as for training.
func (d *comparisonReport) metric() (name, unit, key string) {
	if d.Metric == study.ByPSNR {
		return score(train.Regress)
	}
	return score(train.Classify)
}

// labelled says that outputs have a cross-entropy.
func (d *comparisonReport) labelled() bool { return d.Metric == study.ByAccuracy }

// print writes the means.
func (d *comparisonReport) print(w io.Writer) {
	fmt.Fprintf(w, "networks  %s\n", strings.Join(d.Networks, ", "))
	fmt.Fprintf(w, "data      %s: %d samples calibrate, test samples scored by the integer executor\n",
		d.Data, d.Samples)
	name, unit, _ := d.metric()
	fmt.Fprintf(w, "float     %v %s (%s)\n", study.NewSpread(d.Float()), unit, name)
	// Means alone fit into a console; extremes are in the Markdown, single networks in the CSV.
	d.table(func(c *study.ComparisonCell) string { return fmt.Sprintf("%.2f", c.Spread.Mean) }).WriteText(w)
	if d.labelled() {
		fmt.Fprintln(w, "rise of the cross-entropy above the float network's")
		d.table(func(c *study.ComparisonCell) string { return fmt.Sprintf("%.4f", c.RiseSpread.Mean) }).WriteText(w)
	}
	if d.FPS > 0 {
		fmt.Fprintf(w, "LUT at %g frames/s, by estimate\n", d.FPS)
		d.table(func(c *study.ComparisonCell) string { return fmt.Sprintf("%.0f", c.LUTSpread.Mean) }).WriteText(w)
	}
}

// write writes PREFIX.csv, a line for each network, and PREFIX.md, the means.
func (d *comparisonReport) write(prefix string) error {
	var csv, md bytes.Buffer
	if err := d.networks().WriteCSV(&csv); err != nil {
		return err
	}
	name, unit, _ := d.metric()
	// What the numbers depend on stands with them: a table is copied without its command.
	fmt.Fprintf(&md,
		"%s on the test samples, %s, after projection without training: mean of %d networks, smallest and\n"+
			"largest in brackets. W%dA%d, ends of 8 bits, %d calibration samples. Float: %v.\n\n",
		name, unit, len(d.Networks), d.WeightBits, d.ActBits, d.Samples, study.NewSpread(d.Float()))
	means := d.table(func(c *study.ComparisonCell) string {
		return fmt.Sprintf("%.2f (%.2f..%.2f)", c.Spread.Mean, c.Spread.Min, c.Spread.Max)
	})
	if err := means.WriteMarkdown(&md); err != nil {
		return err
	}
	if d.labelled() {
		md.WriteString("\nRise of the cross-entropy on the test samples above the float network's, " +
			"mean and standard deviation.\n\n")
		rises := d.table(func(c *study.ComparisonCell) string {
			return fmt.Sprintf("%.4f (%.4f)", c.RiseSpread.Mean, c.RiseSpread.Deviation)
		})
		if err := rises.WriteMarkdown(&md); err != nil {
			return err
		}
	}
	if d.FPS > 0 {
		fmt.Fprintf(&md, "\nLUT of the accelerator at %g frames/s, by estimate, mean.\n\n", d.FPS)
		luts := d.table(func(c *study.ComparisonCell) string { return fmt.Sprintf("%.0f", c.LUTSpread.Mean) })
		if err := luts.WriteMarkdown(&md); err != nil {
			return err
		}
	}
	// Both are rendered before either is written: an error leaves the old pair.
	for i, text := range [][]byte{csv.Bytes(), md.Bytes()} {
		if err := maybe.WriteFile(tableFiles(prefix)[i], text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// tableFiles are the files of --results: a CSV and Markdown.
func tableFiles(prefix string) []string { return []string{prefix + ".csv", prefix + ".md"} }
