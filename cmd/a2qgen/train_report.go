package main

import (
	"context"
	"fmt"
	"io"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/data"
	"github.com/a2qgen/a2qgen/quant/train"
)

// trainReport is the JSON of train.
type trainReport struct {
	Out     string `json:"out"`
	Name    string `json:"name"`
	Method  string `json:"method"`
	AccBits int    `json:"acc_bits"`
	// FloatAccuracyPercent is that of the float phase; 0 where it was left out.
	FloatAccuracyPercent float64 `json:"float_accuracy_percent"`
	// QATAccuracyPercent is that of the final network with its quantisers
	// computed in floating point.
	QATAccuracyPercent     float64 `json:"qat_accuracy_percent"`
	IntegerAccuracyPercent float64 `json:"integer_accuracy_percent"`
	Epochs                 int     `json:"epochs"`
	SamplesPerSecond       float64 `json:"samples_per_second"`
	Seconds                float64 `json:"seconds"`
	Seed                   uint64  `json:"seed"`
	Data                   string  `json:"data"`
	TrainSamples           int     `json:"train_samples"`
	// Classes are those that the labels count, 0 without.
	Classes     int           `json:"classes,omitempty"`
	TestSamples int           `json:"test_samples"`
	Layers      []layerReport `json:"layers"`
	History     []epochReport `json:"history"`
	// PSNR of a regression, dB, in place of the accuracies.
	FloatPSNR   float64 `json:"float_psnr_db,omitempty"`
	QATPSNR     float64 `json:"qat_psnr_db,omitempty"`
	IntegerPSNR float64 `json:"integer_psnr_db,omitempty"`
	// Rule is that of the method budget.
	Rule string `json:"rule,omitempty"`
	// FloatCached says that the float phase was run before.
	FloatCached bool `json:"float_cached,omitempty"`
	// Allocation says which widths --lut chose.
	Allocation *allocation `json:"allocation,omitempty"`
	// Metrics are the paths of the epochs' CSV and plot.
	Metrics []string `json:"metrics,omitempty"`

	dataLine, task string
}

// epochReport is one epoch of a run.
type epochReport struct {
	Phase            string  `json:"phase"`
	Epoch            int     `json:"epoch"`
	Loss             float64 `json:"loss"`
	AccuracyPercent  float64 `json:"accuracy_percent"`
	SamplesPerSecond float64 `json:"samples_per_second"`
	// ValidationPercent is that of the held-out samples, left out without any.
	ValidationPercent float64 `json:"validation_percent,omitempty"`
	// PSNR and ValidationPSNR are a regression's, dB.
	PSNR           float64 `json:"psnr_db,omitempty"`
	ValidationPSNR float64 `json:"validation_psnr_db,omitempty"`
	Rate           float64 `json:"rate"`
}

// addHistory adds the epochs and their mean speed.
func (r *trainReport) addHistory(history []train.Event) {
	pace := 0.0 // seconds a sample, summed over epochs of equal size
	for _, e := range history {
		row := epochReport{Phase: e.Phase, Epoch: e.Epoch, Loss: e.Loss, SamplesPerSecond: e.SamplesPerSecond, Rate: e.Rate}
		if r.task == train.Regress {
			row.PSNR, row.ValidationPSNR = e.PSNR, e.Validation
		} else {
			row.AccuracyPercent, row.ValidationPercent = 100*e.Accuracy, 100*e.Validation
		}
		r.History = append(r.History, row)
		pace += 1 / e.SamplesPerSecond
	}
	if pace > 0 {
		r.SamplesPerSecond = float64(len(history)) / pace
	}
}

// method says in words how the hidden layers are quantised.
func (r *trainReport) method() string {
	switch {
	case r.Method == string(quant.Base):
		return "method base, no accumulator limit"
	case r.Rule != "":
		return fmt.Sprintf("method %s (%s), P=%d", r.Method, r.Rule, r.AccBits)
	}
	return fmt.Sprintf("method %s, P=%d", r.Method, r.AccBits)
}

// score sets what the imported network does with integers.
func (r *trainReport) score(ctx context.Context, con *console, net *quant.Network, test *data.Set) (err error) {
	if r.task == train.Regress {
		r.IntegerPSNR, err = integerPSNR(ctx, con, net, test)
		return err
	}
	eval, err := evaluate(ctx, con, net, test)
	if err == nil {
		r.IntegerAccuracyPercent = eval.AccuracyPercent
	}
	return err
}

// results returns the name of the score, its unit, and the score of the float
// phase, of QAT in floating point and of integers.
func (r *trainReport) results() (name, unit string, scores [3]float64) {
	if r.task == train.Regress {
		return "PSNR", "dB", [3]float64{r.FloatPSNR, r.QATPSNR, r.IntegerPSNR}
	}
	return "accuracy", "%", [3]float64{r.FloatAccuracyPercent, r.QATAccuracyPercent, r.IntegerAccuracyPercent}
}

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
		r.Allocation.print(w)
	}
}
