package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/a2qgen/a2qgen/cmd/a2qgen/study"
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/internal/table"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/train"
)

// lutFlags are the flags that bound the LUT of the design to train for. The folding flags
// come with it: LUT mean nothing without a frame rate.
func lutFlags() []cli.Flag {
	return append([]cli.Flag{
		&cli.IntFlag{Name: "lut", DefaultText: "no limit",
			Usage: "choose accumulators and weights of each layer so that the design takes at most `N` LUT"},
	}, foldingFlags()...)
}

// foldingIsSet says that a flag of foldingFlags is given.
func foldingIsSet(c *cli.Context) bool {
	return slices.ContainsFunc(foldingFlags(), func(f cli.Flag) bool { return c.IsSet(f.Names()[0]) })
}

// lutAllocation returns what chooses the widths under --lut; nil without. Its errors are
// usage errors as far as the spec and the flags alone show them.
func lutAllocation(c *cli.Context, spec *train.Spec) (*study.Allocation, error) {
	if !c.IsSet("lut") {
		return nil, nil
	}
	switch {
	case c.Int("seeds") > 1:
		return nil, usagef("train: --lut chooses for one network, --seeds asks for %d", c.Int("seeds"))
	// base has no P to choose, and its accumulators are as wide as its weights make them.
	case spec.Method == quant.Base:
		return nil, usagef("train: --lut wants a method with accumulators, not base")
	}
	if err := study.HasVerilog(spec); err != nil {
		return nil, usagef("train: --lut %w", err)
	}
	o, err := foldingOptions(c)
	if err != nil {
		return nil, err
	}
	return &study.Allocation{Family: study.DefaultFamily, Limit: c.Int("lut"), Folding: o}, nil
}

// rateOf returns what fits spec to the frame rate of the flags; nil where they ask for none, or
// where no layer has a budget that a rate could bound. Its errors are as those of lutAllocation.
func rateOf(c *cli.Context, spec *train.Spec) (*study.Rate, error) {
	limited := c.IsSet("lut")
	r := &study.Rate{KeepFirst: c.IsSet("first-acc"), KeepLast: c.IsSet("last-acc"), Limited: limited}
	switch {
	case !foldingIsSet(c) && !limited:
		return nil, nil
	case !c.IsSet("fps") && !limited:
		return nil, usagef("train: --clock, --unit, --folding and --fold want --fps or --lut")
	case !r.Applies(spec) && limited:
		return nil, nil
	case !r.Applies(spec):
		return nil, usagef("train: --fps wants --lut or method budget or dq, which have taps to bound, not %s", spec.Method)
	}
	if err := study.HasVerilog(spec); err != nil {
		return nil, usagef("train: --fps %w", err)
	}
	var err error
	r.Folding, err = foldingOptions(c)
	return r, err
}

// foldings returns the one that a design of the training would have, if it is trained for one.
func foldings(a *study.Allocation, r *study.Rate) []hwgen.Options {
	switch {
	case a != nil:
		return []hwgen.Options{a.Folding}
	case r != nil:
		return []hwgen.Options{r.Folding}
	}
	return nil
}

// fitRate returns spec as a rate wants it, and says what that is before the training. Under --lut
// the taps are chosen after the float phase.
func fitRate(con *console, r *study.Rate, spec *train.Spec, sets study.Sets) (*train.Spec, []study.BoundLayer, error) {
	if r == nil {
		return spec, nil, nil
	}
	if r.Limited {
		ended, first, last, err := r.Ends(spec)
		if first {
			con.line("first layer: P of at most %d by default; --first-acc 0 leaves it without", ended.FirstAccBits)
		}
		if last {
			con.line("last layer: P of at most %d by default; --last-acc 0 leaves it without", ended.LastAccBits)
		}
		return ended, nil, err
	}
	fitted, layers, err := r.Fit(spec, sets)
	for _, l := range layers {
		con.line("%s", boundLine(&l))
	}
	return fitted, layers, err
}

// boundLine says what a layer got for the rate, and how to go without.
func boundLine(l *study.BoundLayer) string {
	text := fmt.Sprintf("%s: P=%d, %d units a row, taps: %v", l.Name, l.AccBits, l.Units, l.Taps)
	if l.Default != "" {
		text += fmt.Sprintf(" (P by default; --%s 0 leaves the layer without)", l.Default)
	}
	return text
}

// printAllocation writes what was chosen beside what the spec would have allowed.
func printAllocation(w io.Writer, a *study.Allocation) {
	fmt.Fprintf(w, "LUT       %d on %s by estimate, %d wanted at most", a.LUTTrained, a.Family, a.Limit)
	// The limit was kept by estimate before the training; what came of it is said, not
	// hidden.
	if a.LUTTrained > a.Limit {
		fmt.Fprintf(w, " (+%.1f %%: trained weights take more)", study.Percent(a.LUTTrained-a.Limit, a.Limit))
	}
	fmt.Fprintln(w)
	// After a resume the widths are the checkpoint's, and what was compared then is gone.
	if len(a.Layers) == 0 {
		return
	}
	t := table.New(table.Left("layer", "unit"), table.Right("P", "of", "M", "of", "PE", "SIMD", "lanes"),
		table.Left("taps"), table.Right("LUT", "of"), []table.Column{{Head: "loss", Format: "%+.4f"}})
	// Beside each choice what the spec would have allowed, so that the cost of the limit shows.
	for _, l := range a.Layers {
		t.Row(l.Name, l.Unit, l.AccBits, l.MostAccBits, l.WeightBits, l.MostWeightBits, l.PE, l.SIMD, l.Lanes, l.Taps,
			l.LUT, l.MostLUT, l.Loss)
	}
	t.Note("before training: LUT of the layers (%d with the rest), and what the loss rises by", a.LUT)
	t.WriteText(w)
}
