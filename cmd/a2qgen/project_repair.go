package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/a2qgen/a2qgen/cmd/a2qgen/study"
	"github.com/a2qgen/a2qgen/internal/table"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/ptq"
)

// repairReport prints the JSON of project --repair.
type repairReport struct{ *study.Repaired }

// repairOf reads what to repair in the network at path.
func repairOf(c *cli.Context, path string) (*study.Repair, error) {
	told, err := inputTold(c)
	if err != nil {
		return nil, err
	}
	// Neither method nor widths: those that the network has stay.
	r := &study.Repair{Path: path, Input: told, Out: c.String("out"), Samples: c.Int("samples"),
		Settings: ptq.NetworkRepair{Bits: c.Int("acc"), Layers: c.StringSlice("layer")}}
	r.Settings.Taps, _ = quant.ParseTaps(c.String("taps")) // its rule has seen to errors
	// Without it each layer keeps its own: shifted where it has start values.
	if c.IsSet("rule") {
		r.Settings.Rule = quant.Rule(c.String("rule"))
	}
	if c.IsSet("data") {
		// Samples say which inputs matter; without them all count alike, and no accuracy can be
		// told.
		source := sampleSourceOf(c)
		r.Source = &source
	}
	return r, nil
}

// asked says what the layers were to fit.
func (r *repairReport) asked() string {
	var parts []string
	if r.AccBits > 0 {
		parts = append(parts, fmt.Sprintf("P=%d", r.AccBits))
	}
	if r.Taps != nil {
		parts = append(parts, "taps of "+r.Taps.String())
	}
	return strings.Join(parts, ", ")
}

// print writes what was changed, then the certificate of every layer as it is now.
func (r *repairReport) print(w io.Writer) {
	fmt.Fprintf(w, "network   %s, %s: %s\n", r.Network, r.asked(), r.Out)
	if r.Data == "" {
		fmt.Fprintln(w, "data      none: all inputs count alike")
	} else {
		fmt.Fprintf(w, "data      %s: %d samples\n", r.Data, r.Samples)
	}
	// A pointer, since 0 percent is an accuracy: nil says that none was measured.
	if r.BeforePercent != nil {
		fmt.Fprintf(w, "accuracy  before %.2f %%, repaired %.2f %% (test samples, integer executor)\n",
			*r.BeforePercent, *r.AfterPercent)
	}
	// The usual answer for a network that was trained for this P: no table of nothing.
	if len(r.Layers) == 0 {
		fmt.Fprintf(w, "every layer asked for keeps %s: nothing changed\n", r.asked())
		return
	}
	t := table.New(table.Left("layer", "rule"), table.Right("needed", "needs", "weights changed", "units"),
		table.Fixed(4, "", "loss"))
	// Only those that were changed: the loss of the others is none.
	for _, l := range r.Layers {
		t.Row(l.Name, l.Rule, l.NeededBefore, l.NeededAfter, l.WeightsChanged, l.UnitsChanged, l.RelativeLoss)
	}
	// Of all layers, not of the repaired ones: the promise is about the network.
	for i := range r.All {
		t.Note("%s", certificate(&r.All[i]))
	}
	t.WriteText(w)
}
