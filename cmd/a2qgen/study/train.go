package study

import (
	"context"
	"time"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/qonnx"
	"github.com/a2qgen/a2qgen/quant/train"
)

// Trainer trains networks on one data set.
type Trainer struct {
	Sets     Sets
	Progress Progress
	// Prepare, unless nil, sets the hooks in the options of each training before it begins.
	Prepare func(spec *train.Spec, o *train.Options)
}

// Trained is the JSON of a network that was trained, written, read back and scored on the
// test samples.
type Trained struct {
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
	Layers  []Bounds `json:"layers"`
	History []Epoch  `json:"history"`
	// PSNR of a regression, dB, in place of the accuracies.
	FloatPSNR   float64 `json:"float_psnr_db,omitempty"`
	QATPSNR     float64 `json:"qat_psnr_db,omitempty"`
	IntegerPSNR float64 `json:"integer_psnr_db,omitempty"`
	// Rule is that of budget and dq.
	Rule string `json:"rule,omitempty"`
	// FloatCached says that the float phase was run before.
	FloatCached bool `json:"float_cached,omitempty"`
	// Allocation says which widths a limit of LUT chose.
	Allocation *Allocation `json:"allocation,omitempty"`
	// Bounds are the taps that a frame rate gave layers under a budget.
	Bounds []BoundLayer `json:"bounds,omitempty"`
	// Metrics are the paths of files that whoever watches keeps of the epochs.
	Metrics []string `json:"metrics,omitempty"`

	// Spec is what was trained, Network what was read back: scores and certificates are of
	// the integers in the file.
	Spec    *train.Spec    `json:"-"`
	Network *quant.Network `json:"-"`
	// Samples says in a line what was trained on.
	Samples string `json:"-"`
}

// Epoch is the JSON of one epoch of a training. A classifier has the accuracies, a regression the
// PSNRs.
type Epoch struct {
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

// Score returns the score of the samples as they were trained on and of those held out, percent
// or dB; held is 0 without any.
func (e *Epoch) Score() (trained, held float64) {
	// One of each is 0, whatever the task.
	return e.AccuracyPercent + e.PSNR, e.ValidationPercent + e.ValidationPSNR
}

// Scores returns the scores on the test samples of the float phase, of QAT in floating point
// and of integers: accuracies in percent or, of a regression, PSNRs in dB.
func (t *Trained) Scores() [3]float64 {
	if t.Spec.Task == train.Regress {
		return [3]float64{t.FloatPSNR, t.QATPSNR, t.IntegerPSNR}
	}
	return [3]float64{t.FloatAccuracyPercent, t.QATAccuracyPercent, t.IntegerAccuracyPercent}
}

// Train trains spec, writes the network to o.Out, reads it back and scores it on the test
// part with the integer executor.
func (t *Trainer) Train(ctx context.Context, spec *train.Spec, o train.Options) (*Trained, error) {
	start := time.Now()
	// No error: the network is what was asked for, only its score means nothing.
	if w := oneLabel(t.Sets.Train); w != "" {
		t.Progress.warn(w)
	}
	if t.Prepare != nil {
		t.Prepare(spec, &o) // o is this call's own
	}
	res, err := train.Run(ctx, spec, t.Sets.Train, t.Sets.Test, o)
	if err != nil {
		return nil, err
	}
	net, err := qonnx.Read(o.Out)
	if err != nil {
		return nil, err
	}
	done := t.describe(spec, res, net)
	done.Out, done.Seconds = o.Out, Seconds(start)
	if spec.Task == train.Regress {
		done.IntegerPSNR, err = PSNR(ctx, net, 0, t.Sets.Test, t.Progress)
		return done, err
	}
	score, err := Accuracy(ctx, net, net.Classifier(), t.Sets.Test, t.Progress)
	if err != nil {
		return nil, err
	}
	done.IntegerAccuracyPercent = score.AccuracyPercent
	return done, nil
}

// describe says what a training gave, all but the score of its integers.
func (t *Trainer) describe(spec *train.Spec, res *train.Result, net *quant.Network) *Trained {
	r := &Trained{
		Name: spec.Name, Method: string(spec.Method), AccBits: spec.AccBits, Seed: spec.Seed,
		FloatAccuracyPercent: 100 * res.FloatAccuracy, QATAccuracyPercent: 100 * res.QATAccuracy,
		FloatPSNR: res.FloatPSNR, QATPSNR: res.QATPSNR, FloatCached: res.FloatCached, Epochs: len(res.History),
		Data: t.Sets.Train.Name, TrainSamples: t.Sets.Train.Len(), Classes: t.Sets.Train.Classes,
		TestSamples: t.Sets.Test.Len(), Layers: Inspect(net).Layers, Spec: spec, Network: net,
		Samples: t.Sets.String() + t.Sets.Classes(), History: Epochs(spec.Task, res.History),
	}
	// The trainer scores its drawn weights then, which nobody trained.
	if spec.Float.Epochs == 0 && spec.Start == "" {
		r.FloatAccuracyPercent, r.FloatPSNR = 0, 0
	}
	if spec.Method.Ruled() {
		r.Rule = string(spec.Rule)
	}
	// Epochs are of one size: the mean speed is the harmonic mean, total samples over total
	// time.
	pace := 0.0
	for _, e := range res.History {
		pace += 1 / e.SamplesPerSecond
	}
	if pace > 0 {
		r.SamplesPerSecond = float64(len(res.History)) / pace
	}
	return r
}

// Epochs describes epochs of a task.
func Epochs(task string, history []train.Event) []Epoch {
	all := make([]Epoch, len(history))
	for i, e := range history {
		all[i] = Epoch{Phase: e.Phase, Epoch: e.Epoch, Loss: e.Loss, SamplesPerSecond: e.SamplesPerSecond, Rate: e.Rate}
		if task == train.Regress {
			all[i].PSNR, all[i].ValidationPSNR = e.PSNR, e.Validation
		} else {
			all[i].AccuracyPercent, all[i].ValidationPercent = 100*e.Accuracy, 100*e.Validation
		}
	}
	return all
}
