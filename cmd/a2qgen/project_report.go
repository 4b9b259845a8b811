package main

import (
	"fmt"
	"io"

	"github.com/a2qgen/a2qgen/cmd/a2qgen/study"
	"github.com/a2qgen/a2qgen/internal/table"
	"github.com/a2qgen/a2qgen/quant/ptq"
)

// projectReport prints the JSON of project.
type projectReport struct{ *study.Projected }

// print writes settings, scores, one row and one certificate per layer.
func (r *projectReport) print(w io.Writer) {
	method := r.Method
	// Other methods have one rule, so naming it would suggest a choice.
	if r.Method == string(ptq.Budget) {
		method += " (" + r.Rule + ")"
	}
	fmt.Fprintf(w, "network   %s, method %s, P=%d: %s\n", r.Float, method, r.AccBits, r.Out)
	fmt.Fprintf(w, "data      %s: %d samples calibrate; %d pairs of layers equalised\n",
		r.Data, r.Samples, r.EqualisedPairs)
	// Unlabelled samples calibrate, and score nothing.
	if r.IntegerAccuracyPercent != nil {
		fmt.Fprintf(w, "accuracy  float %.2f %%, integer %.2f %% (test samples, integer executor)\n",
			*r.FloatAccuracyPercent, *r.IntegerAccuracyPercent)
		fmt.Fprintf(w, "loss      float %.4f, integer %.4f (cross-entropy)\n", *r.FloatCrossEntropy, *r.IntegerCrossEntropy)
	}
	if r.IntegerPSNR != nil {
		fmt.Fprintf(w, "PSNR      float %.2f dB, integer %.2f dB (test samples, integer executor)\n",
			*r.FloatPSNR, *r.IntegerPSNR)
	}
	fmt.Fprintf(w, "time      %.2f s\n", r.Seconds)
	r.table().WriteText(w)
}

// table has a row for each layer. The certificates are its notes: two of a layer with tiles,
// of the sum of all and of each.
func (r *projectReport) table() *table.Table {
	t := table.New(table.Left("layer", "kind"), table.Right("in", "out", "M", "N", "P", "needs", "l1 max"),
		table.Fixed(1, "%", "zeros"), table.Fixed(4, "", "loss"))
	// As train and inspect print them, so that the three can be compared line by line.
	for i := range r.Layers {
		l := &r.Layers[i]
		t.Row(l.Name, l.Kind, l.In, l.Out, l.WeightBits, l.InputType, declared(&l.Bounds), l.AccBitsNeeded,
			l.L1Max, 100*l.Sparsity, l.RelativeLoss)
		t.Note("%s", certificate(&l.Bounds))
		// Two promises: the inner accumulators hold each tile, the outer one all of them.
		if l.Tile > 0 {
			t.Note("%s: every %d inputs: certified: %d bits", l.Name, l.Tile, l.InnerBits)
		}
		if l.PerLayer != "" {
			t.Note("%s: one activation scale for all channels: %s", l.Name, l.PerLayer)
		}
	}
	return t
}
