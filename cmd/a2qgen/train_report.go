package main

import (
	"fmt"
	"io"

	"github.com/a2qgen/a2qgen/cmd/a2qgen/study"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/train"
)

// trainReport is the JSON of train.
type trainReport struct {
	// Out is the network's file, Name the spec's.
	Out  string `json:"out"`
	Name string `json:"name"`
	// Method is that of the hidden layers, AccBits the spec's P for them.
	Method  string `json:"method"`
	AccBits int    `json:"acc_bits"`
	// FloatAccuracyPercent is that of the float phase; 0 where it was left out.
	FloatAccuracyPercent float64 `json:"float_accuracy_percent"`
	// QATAccuracyPercent is that of the final network with its quantisers
	// computed in floating point.
	QATAccuracyPercent float64 `json:"qat_accuracy_percent"`
	// IntegerAccuracyPercent is that of the imported file: what the hardware gets right.
	// It differs from QATAccuracyPercent where rounding in float32 fell on the other side.
	IntegerAccuracyPercent float64 `json:"integer_accuracy_percent"`
	// Epochs of both phases, those of a checkpoint or a cache included.
	Epochs int `json:"epochs"`
	// SamplesPerSecond is the mean training speed; Seconds the whole run's time.
	SamplesPerSecond float64 `json:"samples_per_second"`
	Seconds          float64 `json:"seconds"`
	Seed             uint64  `json:"seed"`
	// Data names the source; the counts are of its two parts, held-out samples included.
	Data         string `json:"data"`
	TrainSamples int    `json:"train_samples"`
	// Classes are those that the labels count, 0 without.
	Classes     int `json:"classes,omitempty"`
	TestSamples int `json:"test_samples"`
	// Layers are as inspect has them, from the file; History is in order of training.
	Layers  []layerReport `json:"layers"`
	History []epochReport `json:"history"`
	// PSNR of a regression, dB, in place of the accuracies.
	FloatPSNR   float64 `json:"float_psnr_db,omitempty"`
	QATPSNR     float64 `json:"qat_psnr_db,omitempty"`
	IntegerPSNR float64 `json:"integer_psnr_db,omitempty"`
	// Rule is that of the method budget.
	Rule string `json:"rule,omitempty"`
	// FloatCached says that the float phase was run before.
	FloatCached bool `json:"float_cached,omitempty"`
	// Allocation says which widths --lut chose.
	Allocation *study.Allocation `json:"allocation,omitempty"`
	// Metrics are the paths of the epochs' CSV and plot.
	Metrics []string `json:"metrics,omitempty"`

	// For print: the line about the data, and what the scores are.
	dataLine, task string
}

// epochReport is one epoch of a run. A classifier has the accuracies, a regression the
// PSNRs.
type epochReport struct {
	// Phase is "float" or "qat", in which Epoch counts from 1.
	Phase string `json:"phase"`
	Epoch int    `json:"epoch"`
	// Loss is the mean over the epoch's samples with the regulariser, AccuracyPercent that
	// of the samples as they were trained on.
	Loss             float64 `json:"loss"`
	AccuracyPercent  float64 `json:"accuracy_percent"`
	SamplesPerSecond float64 `json:"samples_per_second"`
	// ValidationPercent is that of the held-out samples, left out without any.
	ValidationPercent float64 `json:"validation_percent,omitempty"`
	// PSNR and ValidationPSNR are a regression's, dB.
	PSNR           float64 `json:"psnr_db,omitempty"`
	ValidationPSNR float64 `json:"validation_psnr_db,omitempty"`
	// Rate is the learning rate of the last step.
	Rate float64 `json:"rate"`
}

// newTrainReport describes a network that was trained on sets.
func newTrainReport(t *study.Trained, sets study.Sets) *trainReport {
	spec := t.Spec
	r := &trainReport{
		Out: t.Out, Name: spec.Name, Method: string(spec.Method), AccBits: spec.AccBits, FloatCached: t.FloatCached,
		Metrics: newMetricFiles(t.Out, spec.Task).paths(), Epochs: len(t.History), Seconds: t.Seconds,
		SamplesPerSecond: t.SamplesPerSecond(), Seed: spec.Seed, Data: sets.Train.Name, TrainSamples: sets.Train.Len(),
		Classes: sets.Train.Classes, TestSamples: sets.Test.Len(), Layers: inspect(t.Network).Layers,
		dataLine: sets.String() + sets.Classes(), task: spec.Task,
	}
	if spec.Method == quant.Budget {
		r.Rule = string(spec.Rule)
	}
	if r.task == train.Regress {
		r.FloatPSNR, r.QATPSNR, r.IntegerPSNR = t.Float, t.QAT, t.Integer
	} else {
		r.FloatAccuracyPercent, r.QATAccuracyPercent, r.IntegerAccuracyPercent = t.Float, t.QAT, t.Integer
	}
	for i := range t.History {
		r.History = append(r.History, newEpochReport(r.task, &t.History[i]))
	}
	return r
}

// newEpochReport describes an epoch of a task.
func newEpochReport(task string, e *train.Event) epochReport {
	r := epochReport{Phase: e.Phase, Epoch: e.Epoch, Loss: e.Loss, SamplesPerSecond: e.SamplesPerSecond, Rate: e.Rate}
	if task == train.Regress {
		r.PSNR, r.ValidationPSNR = e.PSNR, e.Validation
	} else {
		r.AccuracyPercent, r.ValidationPercent = 100*e.Accuracy, 100*e.Validation
	}
	return r
}

// method says in words how the hidden layers are quantised. The rule belongs to budget
// alone, which leaves Rule empty for the others.
func (r *trainReport) method() string {
	switch {
	case r.Method == string(quant.Base):
		return "method base, no accumulator limit"
	case r.Rule != "":
		return fmt.Sprintf("method %s (%s), P=%d", r.Method, r.Rule, r.AccBits)
	}
	return fmt.Sprintf("method %s, P=%d", r.Method, r.AccBits)
}

// results returns the name of the score, its unit, and the score of the float phase, of
// QAT in floating point and of integers. print and the seeds' spread need not know the
// task then.
func (r *trainReport) results() (name, unit string, scores [3]float64) {
	if r.task == train.Regress {
		return "PSNR", "dB", [3]float64{r.FloatPSNR, r.QATPSNR, r.IntegerPSNR}
	}
	return "accuracy", "%", [3]float64{r.FloatAccuracyPercent, r.QATAccuracyPercent, r.IntegerAccuracyPercent}
}

// print writes the scores and one certificate per layer with weights.
func (r *trainReport) print(w io.Writer) {
	fmt.Fprintf(w, "network   %s, %s: %s\n", r.Name, r.method(), r.Out)
	fmt.Fprintf(w, "data      %s\n", r.dataLine)
	name, unit, v := r.results()
	fmt.Fprintf(w, "%-8s  float %.2f %s, integer %.2f %s (test samples, integer executor on %s)\n",
		name, v[0], unit, v[2], unit, r.Out)
	fmt.Fprintf(w, "training  %d epochs, %.0f samples/s, %.1f s\n", r.Epochs, r.SamplesPerSecond, r.Seconds)
	for i := range r.Layers {
		fmt.Fprintf(w, "  %s\n", r.Layers[i].certificate())
	}
	if r.Allocation != nil {
		printAllocation(w, r.Allocation)
	}
}
