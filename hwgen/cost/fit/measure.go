package main

import (
	"fmt"
	"io"
	"math"
	"sort"

	"gonum.org/v1/gonum/stat"

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/hwgen/block/kinds"
	"github.com/a2qgen/a2qgen/hwgen/cost"
	"github.com/a2qgen/a2qgen/hwgen/fabric"
)

// classBorders are where size classes begin.
//
// In LUTs. Few designs are large, for synthesis is slow; the last class has no upper end.
var classBorders = []int{0, 1200, 5000}

// comparison is an estimate beside what was synthesised.
type comparison struct {
	kind    string
	heldOut bool
	got     boards.Resources
	sample  Sample
}

// measure compares all samples with their estimates.
//
// It fills m.Errors and m.Classes, of held-out samples too, which Fit has not looked at. Blocks
// below fewLUTs are left out: their share of a design is small, their relative error large.
func (t *table) measure(m *cost.Model, samples []Sample) error {
	var all []comparison
	for _, s := range samples {
		shapes, err := t.shapesOf(s.Sample)
		if err != nil {
			return err
		}
		c := comparison{kind: s.Kind, heldOut: s.HeldOut, sample: s}
		for _, sh := range shapes {
			c.got = c.got.Plus(m.Of(sh.kind, sh.Shape))
		}
		if s.Kind == cost.KindDesign || s.Counts.LUT >= fewLUTs {
			all = append(all, c)
		}
	}
	for _, kind := range sampleKinds() {
		m.Errors[kind] = cost.Errors{
			Train:   errorOf(all, func(c comparison) bool { return c.kind == kind && !c.heldOut }),
			HeldOut: errorOf(all, func(c comparison) bool { return c.kind == kind && c.heldOut })}
	}
	for i, from := range classBorders {
		m.Classes = append(m.Classes, cost.SizeClass{From: from, Error: errorOf(all, func(c comparison) bool {
			return c.kind == cost.KindDesign && c.heldOut && c.got.LUT >= from &&
				(i == len(classBorders)-1 || c.got.LUT < classBorders[i+1])
		})})
	}
	return nil
}

// errorOf sums up the comparisons that are wanted.
//
// All fields are 0 where none is.
func errorOf(all []comparison, wanted func(comparison) bool) cost.Error {
	var e cost.Error
	var lut, ff []float64
	for _, c := range all {
		if !wanted(c) {
			continue
		}
		e.Samples++
		e.LUTLow += fabric.OneIf(c.got.LUT < c.sample.Counts.LUT)
		lut = append(lut, relative(c.got.LUT, c.sample.Counts.LUT))
		ff = append(ff, relative(c.got.FF, c.sample.Counts.FF))
	}
	e.LUTMedian, e.LUTP90, e.LUTMax = spread(lut)
	e.FFMedian, e.FFP90, e.FFMax = spread(ff)
	return e
}

// relative returns |got-want| in percent of want.
// A want of 0 counts as 1: a flip-flop too many is then 100 percent.
func relative(got, want int) float64 {
	return 100 * math.Abs(float64(got-want)) / math.Max(1, float64(want))
}

// spread returns the median, the 90th percentile and the largest of v, rounded to
// hundredths; zeros where v is empty.
//
// v is sorted in place. The percentiles are members of v (no interpolation): with few samples
// p90 is the largest or the one before.
func spread(v []float64) (median, p90, most float64) {
	if len(v) == 0 {
		return 0, 0, 0
	}
	sort.Float64s(v)
	at := func(p float64) float64 { return math.Round(100*stat.Quantile(p, stat.Empirical, v, nil)) / 100 }
	return at(0.5), at(0.9), at(1)
}

// writeReport prints the error of each kind of block, fitted and held out, and that of
// held-out designs by size.
func writeReport(w io.Writer, m *cost.Model) {
	fmt.Fprintf(w, "%-16s %-9s %7s  %-23s %5s  %s\n", "", "", "", "LUT error %", "too", "FF error %")
	fmt.Fprintf(w, "%-16s %-9s %7s  %7s %7s %7s %5s  %7s %7s %7s\n",
		"block", "samples", "number", "median", "p90", "max", "low", "median", "p90", "max")
	for _, kind := range sampleKinds() {
		writeRow(w, m.Errors[kind].Train, kind, "fitted")
		writeRow(w, m.Errors[kind].HeldOut, kind, "held out")
	}
	for i, c := range m.Classes {
		name := fmt.Sprintf("from %d LUT", c.From)
		if i < len(m.Classes)-1 {
			name = fmt.Sprintf("%d..%d LUT", c.From, m.Classes[i+1].From-1)
		}
		writeRow(w, c.Error, name, "held out")
	}
}

// writeRow prints a row of the report; docs/cost.md holds it, and a test compares.
func writeRow(w io.Writer, e cost.Error, kind, samples string) {
	fmt.Fprintf(w, "%-16s %-9s %7d  %7.2f %7.2f %7.2f %5d  %7.2f %7.2f %7.2f\n", kind, samples, e.Samples,
		e.LUTMedian, e.LUTP90, e.LUTMax, e.LUTLow, e.FFMedian, e.FFP90, e.FFMax)
}

// sampleKinds are the kinds of blocks, and whole designs.
func sampleKinds() []string {
	var names []string
	for _, k := range kinds.All {
		names = append(names, k.Name)
	}
	return append(names, cost.KindDesign)
}
