package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2/maybe"

	"github.com/a2qgen/a2qgen/cmd/a2qgen/report"
	"github.com/a2qgen/a2qgen/cmd/a2qgen/study"
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
func (m metricFiles) write(history []study.Epoch) error {
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
func epochTable(task string, history []study.Epoch) *table.Table {
	_, _, key := score(task)
	t := table.New(table.Left("phase"), table.Right("epoch"), table.Fixed(6, "", "loss"),
		table.Fixed(4, "", key, "validation"), []table.Column{{Head: "rate", Format: "%.6g"}},
		table.Fixed(0, "", "samples_per_second"))
	for i := range history {
		e := &history[i]
		trained, held := e.Score()
		row := []any{e.Phase, e.Epoch, e.Loss, trained, held, e.Rate, e.SamplesPerSecond}
		if held == 0 {
			row[4] = nil // no held-out samples: an empty cell, not a score
		}
		t.Row(row...)
	}
	return t
}

// epochFigure plots the scores of both phases over all epochs: of the samples as they were
// trained on, and dashed of those held out. One axis counts the epochs of both phases on,
// so that the step from float to quantised shows. Scores are percent, or dB of a
// regression.
func epochFigure(task string, history []study.Epoch) *report.Figure {
	name, unit, _ := score(task)
	f := &report.Figure{X: "epoch", Y: fmt.Sprintf("%s (%s)", name, unit)}
	for _, phase := range []string{train.FloatPhase, train.QATPhase} {
		trained, held := report.Series{Name: phase}, report.Series{Name: phase + ", held out", Dashed: true}
		for i := range history {
			e := &history[i]
			if e.Phase != phase {
				continue
			}
			y, out := e.Score()
			trained.X, trained.Y = append(trained.X, float64(i+1)), append(trained.Y, y)
			// 0 stands for none held out; a true 0 % would be missing from the plot, and
			// from nothing else.
			if out != 0 {
				held.X, held.Y = append(held.X, float64(i+1)), append(held.Y, out)
			}
		}
		f.Series = append(f.Series, trained, held)
	}
	return f
}
