package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/cmd/a2qgen/report"
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/cost"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/quant"
)

// estimateReport is the JSON of estimate.
type estimateReport struct {
	// Family of the FPGA, as --family names it.
	Family string `json:"family"`
	// ClockMHz does not enter the estimate of LUT and FF: it decides the folding, with
	// --fps.
	ClockMHz float64 `json:"clock_mhz"`
	// IntervalCycles are the cycles per frame of the design, the same for every P.
	IntervalCycles int `json:"interval_cycles"`
	// Rows are one per width, in the order asked for, unsafe ones too.
	Rows []plan.Row `json:"rows"`
	// Fit is the error of the formulas on held-out samples, by kind of block.
	Fit map[string]cost.Error `json:"fit"`
}

// estimate estimates net for every width. The folding is the same for all. The first width
// serves for what does not depend on P, the clock, the interval and the error of the
// formulas: the plan allows it to be unsafe, since an estimate builds nothing.
func estimate(net *quant.Network, o hwgen.Options, family string, widths []int) (*estimateReport, error) {
	rows, err := plan.Table(net, o, widths, family)
	if err != nil {
		return nil, err
	}
	// A width that overflows cannot be planned otherwise, and here it need not be built.
	o.AccBits, o.Unsafe = widths[0], true
	d, err := plan.Plan(net, o)
	if err != nil {
		return nil, err
	}
	one, err := cost.Estimate(d, family)
	if err != nil {
		return nil, err
	}
	return &estimateReport{Family: family, ClockMHz: d.ClockMHz, IntervalCycles: d.IntervalCycles(),
		Rows: rows, Fit: one.Fit}, nil
}

// head are the columns of the table over P. The second has no name: a word per width, safe,
// shifted or UNSAFE. Block RAM is in the family's own blocks.
func (r *estimateReport) head() []string {
	return []string{"P", "", "LUT", "FF", boards.Family(r.Family).BlockName(), "DSP"}
}

// tableRow prints a width; of block RAMs there may be a half, as 18 kbit of a BRAM36.
func tableRow(r plan.Row) []string {
	return cells(r.AccBits, verdictOf(r), r.LUT, r.FF, r.Blocks(), r.DSP)
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

// print writes the table over P, then how far to trust it.
func (r *estimateReport) print(w io.Writer) {
	fmt.Fprintf(w, "estimate  family %s, %d cycles per frame at %g MHz\n", r.Family, r.IntervalCycles, r.ClockMHz)
	t := table{rows: [][]string{r.head()}}
	for _, row := range r.Rows {
		t.rows = append(t.rows, tableRow(row))
	}
	t.print(w)
	for _, line := range r.notes() {
		fmt.Fprintf(w, "  %s\n", line)
	}
}

// notes say how far the estimates can be trusted. Legends only for marks that the table
// has; the error always.
func (r *estimateReport) notes() []string {
	var lines []string
	if slices.ContainsFunc(r.Rows, func(row plan.Row) bool { return !row.Safe }) {
		lines = append(lines, "UNSAFE: these weights can overflow an accumulator of that width; generate refuses it")
	}
	if slices.ContainsFunc(r.Rows, func(row plan.Row) bool { return row.Shifted }) {
		lines = append(lines, "shifted: safe, since accumulators begin at start values of their channels")
	}
	// Whole designs, not single blocks: errors of blocks with different signs cancel in
	// part, and a design is what the user has.
	return append(lines, r.Fit[cost.KindDesign].String())
}

// row returns the row of a width.
func (r *estimateReport) row(p int) (plan.Row, bool) {
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
// percent gives 0.
func change(a, b int) string { return fmt.Sprintf("%+.1f %%", percent(b-a, a)) }

// htmlTable is the table of print for the HTML page.
func (r *estimateReport) htmlTable() *report.Table {
	t := &report.Table{Head: r.head()}
	for _, row := range r.Rows {
		t.Rows = append(t.Rows, tableRow(row))
	}
	return t
}

// figures plot LUT and FF over P, what is unsafe dashed. Block RAM and DSP do not depend
// on P as long as memories keep their kind.
func (r *estimateReport) figures() []report.Figure {
	return []report.Figure{
		r.figure("LUT", func(c plan.Row) int { return c.LUT }),
		r.figure("FF", func(c plan.Row) int { return c.FF }),
	}
}

// figure plots one resource over P. The widths that could overflow are a series of their
// own: they are shown for comparison, not offered.
func (r *estimateReport) figure(name string, of func(plan.Row) int) report.Figure {
	safe, unsafe := report.Series{Name: name}, report.Series{Name: name + ", unsafe", Dashed: true}
	for _, row := range r.Rows {
		s := &safe
		if !row.Safe {
			s = &unsafe
		}
		s.X, s.Y = append(s.X, float64(row.AccBits)), append(s.Y, float64(of(row)))
	}
	return report.Figure{Caption: "Estimated " + name +
		" for each accumulator width, on an axis that does not begin at 0; dashed: the weights could overflow",
		X: "P, bits", Y: name, Series: []report.Series{safe, unsafe}}
}
