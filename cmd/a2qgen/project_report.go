package main

import (
	"fmt"
	"io"

	"github.com/a2qgen/a2qgen/cmd/a2qgen/study"
	"github.com/a2qgen/a2qgen/internal/table"
	"github.com/a2qgen/a2qgen/quant/ptq"
)

// projectReport is the JSON of project.
type projectReport struct {
	// Out is the network that was written, Float the one that was read.
	Out   string `json:"out"`
	Float string `json:"float_network"`
	// Method is one of rtn, ep, axe and budget; Rule that of budget, split or shifted.
	Method string `json:"method"`
	Rule   string `json:"rule"`
	// AccBits is P of the hidden layers; Tile, inputs per inner accumulator, is 0 without.
	AccBits int `json:"acc_bits"`
	Tile    int `json:"tile,omitempty"`
	// WeightBits (M) and ActBits (N) are those of the hidden layers.
	WeightBits int `json:"weight_bits"`
	ActBits    int `json:"act_bits"`
	// Samples of Data's training part calibrated.
	Data    string `json:"data"`
	Samples int    `json:"samples"`
	// EqualisedPairs counts the pairs of layers whose weights were equalised.
	EqualisedPairs int `json:"equalised_pairs"`
	// Accuracies on the test samples, left out where they have no labels.
	FloatAccuracyPercent   *float64 `json:"float_accuracy_percent,omitempty"`
	IntegerAccuracyPercent *float64 `json:"integer_accuracy_percent,omitempty"`
	// Seconds is the projection's time with reading back and scoring, without calibration.
	Seconds float64           `json:"seconds"`
	Layers  []projectedReport `json:"layers"`
}

// projectedReport is a layer that project quantised. It extends what inspect reads from
// the file.
type projectedReport struct {
	layerReport
	// Tile and InnerBits are those of --tile: the inputs of a tile and the width
	// of its accumulator. acc_bits is then the width of the sum of all tiles.
	Tile      int `json:"tile,omitempty"`
	InnerBits int `json:"inner_bits,omitempty"`
	// RelativeLoss is the squared error of the sums that their bias does not
	// mend, as a fraction of their power.
	RelativeLoss float64 `json:"relative_loss"`
}

// newProjectReport joins what the file holds (inspect) with what only the projection
// knows, the loss and the tiles, by the layers' names.
func newProjectReport(p *study.Projection, s ptq.Settings, done *study.Projected, out string) *projectReport {
	doc := &projectReport{
		Out: out, Float: p.Path, Method: string(s.Method), Rule: string(s.Acc.Rule), AccBits: s.Acc.Bits,
		Tile: s.Acc.Tile, WeightBits: s.WeightBits, ActBits: s.ActBits, Data: p.Sets.Train.Name, Samples: p.Samples,
		EqualisedPairs: p.Pairs, Seconds: done.Seconds,
	}
	if done.Accuracy != nil {
		doc.FloatAccuracyPercent, doc.IntegerAccuracyPercent = &p.Float, done.Accuracy
	}
	byName := map[string]ptq.LayerReport{}
	for _, l := range done.Layers {
		byName[l.Name] = l
	}
	for _, l := range inspect(done.Network).Layers {
		from := byName[l.Name]
		r := projectedReport{layerReport: l, RelativeLoss: from.RelativeLoss}
		// A row that is shorter than a tile is one tile.
		if from.Acc.Tile > 0 && from.Acc.Bits > 0 {
			r.Tile, r.InnerBits = min(from.Acc.Tile, l.In), from.Acc.Bits
		}
		doc.Layers = append(doc.Layers, r)
	}
	return doc
}

// print writes settings, scores, one row and one certificate per layer.
func (r *projectReport) print(w io.Writer) {
	method := r.Method
	if r.Method == string(ptq.Budget) {
		method += " (" + r.Rule + ")"
	}
	fmt.Fprintf(w, "network   %s, method %s, P=%d: %s\n", r.Float, method, r.AccBits, r.Out)
	fmt.Fprintf(w, "data      %s: %d samples calibrate; %d pairs of layers equalised\n",
		r.Data, r.Samples, r.EqualisedPairs)
	if r.IntegerAccuracyPercent != nil {
		fmt.Fprintf(w, "accuracy  float %.2f %%, integer %.2f %% (test samples, integer executor)\n",
			*r.FloatAccuracyPercent, *r.IntegerAccuracyPercent)
	}
	fmt.Fprintf(w, "time      %.2f s\n", r.Seconds)
	r.table().WriteText(w)
}

// table has a row for each layer. The certificates are its notes: two of a layer with tiles,
// of the sum of all and of each.
func (r *projectReport) table() *table.Table {
	t := table.New(table.Left("layer", "kind"), table.Right("in", "out", "M", "N", "P", "needs", "l1 max"),
		table.Fixed(1, "%", "zeros"), table.Fixed(4, "", "loss"))
	for i := range r.Layers {
		l := &r.Layers[i]
		t.Row(l.Name, l.Kind, l.In, l.Out, l.WeightBits, l.inputType(), l.declared(), l.AccBitsNeeded, l.L1Max,
			100*l.Sparsity, l.RelativeLoss)
		t.Note("%s", l.certificate())
		if l.Tile > 0 {
			t.Note("%s: every %d inputs: certified: %d bits", l.Name, l.Tile, l.InnerBits)
		}
	}
	return t
}
