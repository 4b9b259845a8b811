package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/a2qgen/a2qgen/cmd/a2qgen/report"
	"github.com/a2qgen/a2qgen/cmd/a2qgen/study"
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/cost"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/internal/table"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/qonnx"
	"github.com/a2qgen/a2qgen/quant/train"
)

// demoLimit is a limit on the accumulators of the hidden layers, and the bounds on taps that a
// network is trained under with it. 0 bits are no limit.
type demoLimit struct {
	bits int
	taps quant.Taps
}

// demoLimits are those that the demo compares, the spec's among them. Bounds on taps are at most
// the l1 norm that P permits with 4-bit inputs (273, 68, 17, 8, 4), dealt to as many banks as read
// them in two cycles (examples/fmnist-mlp-demo.yaml).
var demoLimits = []demoLimit{
	{bits: 0},
	{bits: 12},
	{10, quant.Taps{Lanes: 32, Cap: 2}},
	{8, quant.Taps{Lanes: 8, Cap: 2}},
	{7, quant.Taps{Lanes: 4, Cap: 2}},
	{6, quant.Taps{Lanes: 2, Cap: 2}},
}

// folder is the limit's in the output directory.
func (l demoLimit) folder() string {
	if l.bits == 0 {
		return "no-limit"
	}
	return fmt.Sprintf("p%d", l.bits)
}

// spec derives a limit's spec from the demo's.
func (l demoLimit) spec(from *train.Spec) (*train.Spec, error) {
	if l.bits == 0 {
		base := quant.Base
		return from.With(train.Overrides{Method: &base})
	}
	return from.With(train.Overrides{AccBits: &l.bits, Taps: &l.taps})
}

// limitFrames is how many frames each of the other designs is cross-checked on: the same Verilog
// from other numbers.
const limitFrames = 40

// demoRow is the JSON of a limit: the documents of its steps, and what the table is made of.
type demoRow struct {
	limit demoLimit
	// AccBits is P of the hidden layers, 0 without a limit; NeededBits is what they need.
	AccBits    int `json:"acc_bits"`
	NeededBits int `json:"acc_bits_needed"`
	// HiddenUnits are the units that hidden layers are built by, HiddenLUTs what each unit would
	// make of them at this rate, by estimate.
	HiddenUnits []string       `json:"hidden_units"`
	HiddenLUTs  map[string]int `json:"hidden_luts"`
	// LUTPerMFPS is LUT per million frames per second.
	LUTPerMFPS float64         `json:"lut_per_mfps"`
	Train      *trainReport    `json:"train"`
	Generate   *generateReport `json:"generate"`
	// Sim has pauses of source and sink.
	Sim *simReport `json:"sim"`
}

// limits does the other limits, and prints all. Each row is done before the next begins: what a
// stopped demo leaves is whole.
func (d *demo) limits(ctx context.Context) (printer, error) {
	progress := d.con.progress()
	for i, l := range demoLimits {
		row := d.shown
		if l.bits != d.spec.AccBits {
			row = &demoRow{limit: l}
			if err := row.run(ctx, d); err != nil {
				return nil, fmt.Errorf("demo: %s: %w", l.folder(), err)
			}
		}
		if err := row.compare(); err != nil {
			return nil, err
		}
		d.report.Limits = append(d.report.Limits, row)
		progress.Step("limits", i+1, len(demoLimits))
	}
	return &d.report, nil
}

// run does all steps of a limit.
func (r *demoRow) run(ctx context.Context, d *demo) error {
	if _, err := r.train(ctx, d); err != nil {
		return err
	}
	if _, err := r.generate(d); err != nil {
		return err
	}
	_, err := keep(&r.Sim)(d.crossCheck(ctx, r.limit, min(d.frames, limitFrames), demoPause))
	return err
}

// train trains the network of the limit.
func (r *demoRow) train(ctx context.Context, d *demo) (printer, error) {
	spec, err := r.limit.spec(d.spec)
	if err != nil {
		return nil, err
	}
	return keep(&r.Train)(trainNetwork(ctx, d.con, spec, d.sets,
		train.Options{Out: d.path(r.limit.folder(), "net.onnx"), FloatCache: d.path(demoFloat)}))
}

// generate writes its Verilog for the demo's board, and fails where it does not fit.
func (r *demoRow) generate(d *demo) (printer, error) {
	return keep(&r.Generate)(generateFile(d.path(r.limit.folder(), "net.onnx"), qonnx.Told{},
		designDir{path: d.path(r.limit.folder(), demoDesign)}, demoBoard,
		foldingChoice{Options: hwgen.Options{FPS: demoFPS}}))
}

// compare fills in what the table has beside the documents.
func (r *demoRow) compare() error {
	r.AccBits = r.limit.bits
	hidden := r.Generate.Layers[1 : len(r.Generate.Layers)-1]
	for _, l := range hidden {
		r.NeededBits = max(r.NeededBits, l.AccBitsNeeded)
		if word := plan.UnitWord(l.Unit); !slices.Contains(r.HiddenUnits, word) {
			r.HiddenUnits = append(r.HiddenUnits, word)
		}
	}
	r.LUTPerMFPS = float64(r.Generate.Resources.LUT) / r.Generate.FPS * 1e6
	var err error
	r.HiddenLUTs, err = study.HiddenLUTs(r.Train.Network, hwgen.Options{FPS: demoFPS}, study.DefaultFamily)
	return err
}

// print writes the table of all limits.
func (r *demoReport) print(w io.Writer) { r.limitTable().WriteText(w) }

// limitTable says what each P buys: all designs of one rate.
func (r *demoReport) limitTable() *table.Table {
	t := table.New(table.Right("P"), table.Fixed(2, "", "accuracy, %"), table.Left("hidden"),
		table.Right("LUT", "FF", "BRAM36", "frames/s"), table.Fixed(0, "", "LUT per M frames/s"),
		table.Right("LUT, of no limit", "beats", "mismatches"))
	most := r.Limits[0].Generate.Resources.LUT // without a limit
	for _, row := range r.Limits {
		bits := any(row.AccBits)
		if row.AccBits == 0 {
			bits = "none"
		}
		used := row.Generate.Resources
		t.Row(bits, row.Train.IntegerAccuracyPercent, strings.Join(row.HiddenUnits, ", "), used.LUT, used.FF, used.BRAM36,
			fmt.Sprintf("%.0f", row.Generate.FPS), row.LUTPerMFPS, ratio(most, used.LUT), row.Sim.BeatsCompared,
			row.Sim.Mismatches)
	}
	t.Note("LUT, FF and BRAM36 are estimates for %s; accuracy is that of the integers on the test samples",
		r.Limits[0].Generate.Family)
	if m, err := cost.ModelOf(study.DefaultFamily); err == nil {
		t.Note("%v", m.ClassOf(r.shown().Generate.Resources.LUT))
	}
	t.Note("without a limit the hidden layers would need P = %d for the same guarantee", r.Limits[0].NeededBits)
	return t
}

// ratio says how many times fewer b is than a.
func ratio(a, b int) string { return fmt.Sprintf("1/%.1f", float64(a)/float64(max(1, b))) }

// unitFigure plots what each unit makes of the hidden layers, over P. The network without a limit
// stands at the P that it needs.
func (r *demoReport) unitFigure() report.Figure {
	f := report.Figure{Caption: fmt.Sprintf("LUT of the hidden layers by estimate, each network trained for its P, "+
		"at %d frames/s or more (hard-wired: a frame per cycle); the last P is what a network without a limit needs",
		demoFPS),
		X: "P, bits", Y: "LUT", LogY: true}
	for _, unit := range plan.UnitWords() {
		s := report.Series{Name: unit}
		for _, row := range slices.Backward(r.Limits) {
			if luts, ok := row.HiddenLUTs[unit]; ok {
				s.X, s.Y = append(s.X, float64(max(row.AccBits, row.NeededBits))), append(s.Y, float64(luts))
			}
		}
		if s.X != nil {
			f.Series = append(f.Series, s)
		}
	}
	return f
}
