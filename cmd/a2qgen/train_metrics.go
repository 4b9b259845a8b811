package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2/maybe"

	"github.com/a2qgen/a2qgen/cmd/a2qgen/report"
	"github.com/a2qgen/a2qgen/internal/table"
	"github.com/a2qgen/a2qgen/quant/train"
)

// metricFiles keeps a run's epochs beside its network: a CSV and a plot, whole after every
// epoch. A CSV for tools, a plot for the eye while a long run goes on.
type metricFiles struct{ stem, task string }

// newMetricFiles returns the files of the network out: net.metrics.csv and
// net.metrics.svg for net.onnx.
func newMetricFiles(out, task string) metricFiles {
	return metricFiles{stem: strings.TrimSuffix(out, filepath.Ext(out)), task: task}
}

// paths are the CSV and the plot, in this order.
func (m metricFiles) paths() []string {
	return []string{m.stem + ".metrics.csv", m.stem + ".metrics.svg"}
}

// write writes both files. They are written anew from the whole history, not appended to:
// after --resume they hold the epochs before the stop once, and no partial line.
func (m metricFiles) write(history []train.Event) error {
	var csv bytes.Buffer
	if err := epochTable(m.task, history).WriteCSV(&csv); err != nil {
		return err
	}
	figure := epochFigure(m.task, history)
	plot, err := figure.SVG()
	if err != nil {
		return fmt.Errorf("plot of the epochs: %w", err)
	}
	for i, text := range [][]byte{csv.Bytes(), append(plot, '\n')} {
		if err := maybe.WriteFile(m.paths()[i], text, 0o644); err != nil {
			return fmt.Errorf("metrics: %w", err)
		}
	}
	return nil
}

// epochTable has one row per epoch: phase, epoch (from 1), mean loss with the regulariser,
// accuracy_percent or, of the task regress, psnr_db, both of samples as they were trained on,
// validation (the same of the held-out samples, empty without any), rate (the last step's)
// and samples_per_second. Decimals are fixed, so that the files of two equal runs are equal
// but for the speed.
func epochTable(task string, history []train.Event) *table.Table {
	name, unit, score := scoreOf(task)
	t := table.New(table.Left("phase"), table.Right("epoch"), table.Fixed(6, "", "loss"),
		table.Fixed(4, "", name, "validation"), []table.Column{{Head: "rate", Format: "%.6g"}},
		table.Fixed(0, "", "samples_per_second"))
	for i := range history {
		e := &history[i]
		// 0 stands for no held-out samples: an empty cell, not a score.
		var held any
		if e.Validation != 0 {
			held = unit * e.Validation
		}
		t.Row(e.Phase, e.Epoch, e.Loss, unit*score(e), held, e.Rate, e.SamplesPerSecond)
	}
	return t
}

// scoreOf returns the score of a task's epochs: its name in the CSV, what 1 of it counts
// there, and where an event has it.
func scoreOf(task string) (name string, unit float64, score func(e *train.Event) float64) {
	if task == train.Regress {
		return "psnr_db", 1, func(e *train.Event) float64 { return e.PSNR }
	}
	return "accuracy_percent", 100, func(e *train.Event) float64 { return e.Accuracy }
}

// epochFigure plots the scores of both phases over all epochs: of the samples as they were
// trained on, and dashed of those held out. One axis counts the epochs of both phases on,
// so that the step from float to quantised shows. Scores are percent, or dB of a
// regression.
func epochFigure(task string, history []train.Event) *report.Figure {
	f := &report.Figure{X: "epoch", Y: "accuracy (%)"}
	if task == train.Regress {
		f.Y = "PSNR (dB)"
	}
	_, unit, score := scoreOf(task)
	for _, phase := range []string{train.FloatPhase, train.QATPhase} {
		trained, held := report.Series{Name: phase}, report.Series{Name: phase + ", held out", Dashed: true}
		for i := range history {
			e := &history[i]
			if e.Phase != phase {
				continue
			}
			trained.X, trained.Y = append(trained.X, float64(i+1)), append(trained.Y, unit*score(e))
			// 0 stands for none held out; a true 0 % would be missing from the plot, and
			// from nothing else.
			if e.Validation != 0 {
				held.X, held.Y = append(held.X, float64(i+1)), append(held.Y, unit*e.Validation)
			}
		}
		f.Series = append(f.Series, trained, held)
	}
	return f
}
