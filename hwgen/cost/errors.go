package cost

import (
	"fmt"
	"io"
	"math"
	"sort"

	"gonum.org/v1/gonum/stat"
)

// Errors holds the relative errors of a kind's estimates on the samples that it was
// fitted to, and on those that were held out.
type Errors struct {
	Train   Error `json:"train"`
	HeldOut Error `json:"held_out"`
}

// Error sums up relative errors, in percent of what was synthesised. Of blocks, only
// samples of at least 20 LUTs count: on smaller ones a LUT more is a large part.
//
// Percentiles rather than a mean, which a single bad sample rules; the largest beside them, as
// that is what a user may meet.
type Error struct {
	Samples   int     `json:"samples"`
	LUTMedian float64 `json:"lut_median_percent"`
	LUTP90    float64 `json:"lut_p90_percent"`
	LUTMax    float64 `json:"lut_max_percent"`
	// LUTLow is the number of samples whose estimate is too low.
	LUTLow   int     `json:"lut_low"`
	FFMedian float64 `json:"ff_median_percent"`
	FFP90    float64 `json:"ff_p90_percent"`
	FFMax    float64 `json:"ff_max_percent"`
}

// String says how far off estimates of designs are.
func (e Error) String() string {
	return fmt.Sprintf("error on %d designs of this size that the model was not fitted to, median and worst: "+
		"LUT %.1f %%, %.1f %%, FF %.1f %%, %.1f %%", e.Samples, e.LUTMedian, e.LUTMax, e.FFMedian, e.FFMax)
}

// SizeClass is the error on held-out designs that were estimated at From LUTs or more, up
// to the next class.
//
// By the estimate, not by what was synthesised: of a new design only the former is known, and
// classOf goes by it.
type SizeClass struct {
	From int `json:"from"`
	Error
}

// classBorders are where size classes begin.
//
// In LUTs. Few designs are large, for synthesis is slow; the last class has no upper end.
var classBorders = []int{0, 1200, 5000}

// comparison is an estimate beside what was synthesised.
type comparison struct {
	kind    string
	heldOut bool
	got     Resources
	sample  Sample
}

// measure compares all samples with their estimates.
//
// It fills m.Errors and m.Classes, of held-out samples too, which Fit has not looked at. Blocks
// below fewLUTs are left out: their share of a design is small, their relative error large.
func (m *Model) measure(samples []Sample) error {
	var all []comparison
	for _, s := range samples {
		shapes, err := m.shapesOf(s)
		if err != nil {
			return err
		}
		c := comparison{kind: s.Kind, heldOut: s.HeldOut, sample: s}
		for _, sh := range shapes {
			c.got = c.got.Plus(sh.resources(m))
		}
		if s.Kind == KindDesign || s.Counts.LUT >= fewLUTs {
			all = append(all, c)
		}
	}
	for _, kind := range append(blockKinds(), KindDesign) {
		m.Errors[kind] = Errors{
			Train:   errorOf(all, func(c comparison) bool { return c.kind == kind && !c.heldOut }),
			HeldOut: errorOf(all, func(c comparison) bool { return c.kind == kind && c.heldOut })}
	}
	for i, from := range classBorders {
		m.Classes = append(m.Classes, SizeClass{from, errorOf(all, func(c comparison) bool {
			return c.kind == KindDesign && c.heldOut && c.got.LUT >= from &&
				(i == len(classBorders)-1 || c.got.LUT < classBorders[i+1])
		})})
	}
	return nil
}

// errorOf sums up the comparisons that are wanted.
//
// All fields are 0 where none is.
func errorOf(all []comparison, wanted func(comparison) bool) Error {
	var e Error
	var lut, ff []float64
	for _, c := range all {
		if !wanted(c) {
			continue
		}
		e.Samples++
		e.LUTLow += oneIf(c.got.LUT < c.sample.Counts.LUT)
		lut = append(lut, relative(c.got.LUT, c.sample.Counts.LUT))
		ff = append(ff, relative(c.got.FF, c.sample.Counts.FF))
	}
	e.LUTMedian, e.LUTP90, e.LUTMax = spread(lut)
	e.FFMedian, e.FFP90, e.FFMax = spread(ff)
	return e
}

// classOf returns the error on designs of about so many LUTs.
//
// Classes are in order, so the last that begins at or below lut is its own.
func (m *Model) classOf(lut int) Error {
	var e Error
	for _, c := range m.Classes {
		if lut >= c.From {
			e = c.Error
		}
	}
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

// WriteReport prints the error of each kind of block, fitted and held out, and that of
// held-out designs by size.
func (m *Model) WriteReport(w io.Writer) {
	fmt.Fprintf(w, "%-16s %-9s %7s  %-23s %5s  %s\n", "", "", "", "LUT error %", "too", "FF error %")
	fmt.Fprintf(w, "%-16s %-9s %7s  %7s %7s %7s %5s  %7s %7s %7s\n",
		"block", "samples", "number", "median", "p90", "max", "low", "median", "p90", "max")
	for _, kind := range append(blockKinds(), KindDesign) {
		m.Errors[kind].Train.write(w, kind, "fitted")
		m.Errors[kind].HeldOut.write(w, kind, "held out")
	}
	for i, c := range m.Classes {
		name := fmt.Sprintf("from %d LUT", c.From)
		if i < len(m.Classes)-1 {
			name = fmt.Sprintf("%d..%d LUT", c.From, m.Classes[i+1].From-1)
		}
		c.write(w, name, "held out")
	}
}

// write prints a row of the report; docs/cost.md holds it, and a test compares.
func (e Error) write(w io.Writer, kind, samples string) {
	fmt.Fprintf(w, "%-16s %-9s %7d  %7.2f %7.2f %7.2f %5d  %7.2f %7.2f %7.2f\n", kind, samples, e.Samples,
		e.LUTMedian, e.LUTP90, e.LUTMax, e.LUTLow, e.FFMedian, e.FFP90, e.FFMax)
}
