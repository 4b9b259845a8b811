package main

import (
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/a2qgen/a2qgen/cmd/a2qgen/study"
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
	return c.IsSet("fps") || c.IsSet("clock") || c.IsSet("folding") || c.IsSet("fold")
}

// lutAllocation returns what chooses the widths under --lut; nil without. Its errors are
// usage errors as far as the spec and the flags alone show them.
func lutAllocation(c *cli.Context, spec *train.Spec) (*study.Allocation, error) {
	if !c.IsSet("lut") {
		if foldingIsSet(c) {
			return nil, usagef("train: --fps, --clock, --folding and --fold want --lut")
		}
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

// printAllocation writes what was chosen beside what the spec would have allowed.
func printAllocation(w io.Writer, a *study.Allocation) {
	fmt.Fprintf(w, "LUT       %d on %s by estimate, %d wanted at most", a.LUTTrained, a.Family, a.Limit)
	// The limit was kept by estimate before the training; what came of it is said, not
	// hidden.
	if a.LUTTrained > a.Limit {
		fmt.Fprintf(w, " (+%.1f %%: trained weights take more)", study.Percent(a.LUTTrained-a.Limit, a.Limit))
	}
	fmt.Fprintln(w)
	if len(a.Layers) == 0 {
		return
	}
	t := table.New(table.Left("layer"), table.Right("P", "of", "M", "of", "LUT", "of"),
		[]table.Column{{Head: "loss", Format: "%+.4f"}})
	for _, l := range a.Layers {
		t.Row(l.Name, l.AccBits, l.MostAccBits, l.WeightBits, l.MostWeightBits, l.LUT, l.MostLUT, l.Loss)
	}
	t.Note("before training: LUT of the layers (%d with the rest), and what the loss rises by", a.LUT)
	t.WriteText(w)
}
