package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/cmd/a2qgen/study"
	"github.com/a2qgen/a2qgen/hwgen/cost"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/internal/table"
)

// estimateReport prints the JSON of estimate.
type estimateReport struct {
	*study.Prices
	// Reach says what keeps the design from the rate, where it does not have it.
	Reach *plan.Reach `json:"out_of_reach,omitempty"`
	// Warnings say what of a file of FINN's, read or written, has no counterpart.
	Warnings []string `json:"warnings,omitempty"`
}

// verdictOf says in a word what inspect proves for this width.
func verdictOf(r plan.Row) string {
	switch {
	case !r.Safe:
		return "UNSAFE"
	case r.Shifted: // safe because accumulators begin at start values
		return "shifted"
	}
	return "safe"
}

// print writes the table over P, with how far to trust it.
func (r *estimateReport) print(w io.Writer) {
	fmt.Fprintf(w, "estimate  family %s, %d cycles per frame at %g MHz\n", r.Family, r.IntervalCycles, r.ClockMHz)
	printReach(w, r.Reach)
	r.table().WriteText(w)
}

// table has one row per width; block RAM is in the family's own blocks, of which there may be a
// half, as 18 kbit of a BRAM36. Its notes say how far the estimates can be trusted: legends only
// for words that the table has; the error always.
func (r *estimateReport) table() *table.Table {
	block := boards.Family(r.Family).BlockName()
	columns := table.Right("LUT", "FF", block, "DSP")
	if r.Yosys != nil {
		columns = append(columns, table.Right("Yosys LUT", "FF", block, "LUT, %", "FF, %")...)
	}
	t := table.New(table.Right("P"), table.Left(""), columns)
	for i, row := range r.Rows {
		bits := any(row.AccBits)
		if row.AccBits == 0 {
			bits = ownWidths
		}
		cells := []any{bits, verdictOf(row), row.LUT, row.FF, row.Blocks(), row.DSP}
		if r.Yosys != nil {
			cells = append(cells, besides(row.Resources, r.Yosys[i])...)
		}
		t.Row(cells...)
	}
	if slices.ContainsFunc(r.Rows, func(row plan.Row) bool { return !row.Safe }) {
		t.Note("UNSAFE: these weights can overflow an accumulator of that width; generate refuses it")
	}
	if slices.ContainsFunc(r.Rows, func(row plan.Row) bool { return row.Shifted }) {
		t.Note("shifted: safe, since accumulators begin at start values of their channels")
	}
	// Whole designs, not single blocks: errors of blocks with different signs cancel in
	// part, and a design is what the user has.
	t.Note("%v", r.Fit[cost.KindDesign])
	return t
}

// besides returns what synthesis counts, and by how many percent the estimate is above it.
func besides(estimate boards.Resources, yosys *boards.Resources) []any {
	if yosys == nil {
		return []any{"-", "-", "-", "-", "-"}
	}
	return []any{yosys.LUT, yosys.FF, yosys.Blocks(),
		fmt.Sprintf("%+.1f", study.Percent(estimate.LUT-yosys.LUT, yosys.LUT)),
		fmt.Sprintf("%+.1f", study.Percent(estimate.FF-yosys.FF, yosys.FF))}
}

// row returns the row of a width.
func (r *estimateReport) row(p int) (plan.Row, bool) {
	// The first of equals: a width that was asked for twice has one price.
	i := slices.IndexFunc(r.Rows, func(row plan.Row) bool { return row.AccBits == p })
	if i < 0 {
		return plan.Row{}, false
	}
	return r.Rows[i], true
}

// saving compares the width p with the widest of the table. The narrow one is the base,
// since the question is what the wide one costs on top.
func (r *estimateReport) saving(p int) string {
	// By width, not by place: rows are in the order asked for.
	widest := slices.MaxFunc(r.Rows, func(a, b plan.Row) int { return cmp.Compare(a.AccBits, b.AccBits) })
	// A network without a limit has no row of its own: it is compared as the widest.
	row, ok := r.row(p)
	if !ok {
		row = widest
	}
	return fmt.Sprintf("%s, P=%d: %d LUT, %d FF; P=%d: %d LUT (%s), %d FF (%s)", r.Family, row.AccBits, row.LUT, row.FF,
		widest.AccBits, widest.LUT, change(row.LUT, widest.LUT), widest.FF, change(row.FF, widest.FF))
}

// change returns by how many percent b is more than a. From 0 there is no percentage:
// study.Percent gives 0.
func change(a, b int) string { return fmt.Sprintf("%+.1f %%", study.Percent(b-a, a)) }
