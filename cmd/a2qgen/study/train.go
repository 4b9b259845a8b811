package study

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/data"
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

// Trained is a network that was trained, written, read back and scored.
type Trained struct {
	Spec *train.Spec
	// Out is the network's file, Network what was read back from it: scores and certificates
	// are of the integers in the file.
	Out     string
	Network *quant.Network
	// History has the epochs of both phases; FloatCached says that those of the float phase
	// were run before.
	History     []train.Event
	FloatCached bool
	// Float, QAT and Integer are the scores on the test samples of the float phase, of the
	// final network with its quantisers computed in floating point, and of its integers: the
	// accuracy in percent or, of a regression, the PSNR in dB. Float is 0 where the float
	// phase was left out.
	Float, QAT, Integer float64
	// Seconds is what training, writing and reading took.
	Seconds float64
}

// SamplesPerSecond is the mean speed of the training, 0 without epochs. Epochs are of one
// size: the mean is the harmonic one, total samples over total time.
func (t *Trained) SamplesPerSecond() float64 {
	pace := 0.0 // seconds per sample, summed over epochs of equal size
	for _, e := range t.History {
		pace += 1 / e.SamplesPerSecond
	}
	if pace == 0 {
		return 0
	}
	return float64(len(t.History)) / pace
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
	done := &Trained{Spec: spec, Out: o.Out, History: res.History, FloatCached: res.FloatCached,
		Float: 100 * res.FloatAccuracy, QAT: 100 * res.QATAccuracy}
	if spec.Task == train.Regress {
		done.Float, done.QAT = res.FloatPSNR, res.QATPSNR
	}
	// The trainer scores its drawn weights then, which nobody trained.
	if spec.Float.Epochs == 0 && spec.Start == "" {
		done.Float = 0
	}
	if done.Network, err = qonnx.Read(o.Out); err != nil {
		return nil, err
	}
	done.Seconds = Seconds(start)
	done.Integer, err = score(ctx, spec.Task, done.Network, t.Sets.Test, t.Progress)
	return done, err
}

// score is the accuracy in percent or, of a regression, the PSNR in dB.
func score(ctx context.Context, task string, net *quant.Network, set *data.Set, p Progress) (float64, error) {
	if task == train.Regress {
		return PSNR(ctx, net, set, p)
	}
	s, err := Accuracy(ctx, net, set, p)
	if err != nil {
		return 0, err
	}
	return s.AccuracyPercent, nil
}

// SeedPath returns the path of seed s beside out: net.s3.onnx for net.onnx. The ending
// stays last, by which other tools know an ONNX file.
func SeedPath(out string, s uint64) string {
	ext := filepath.Ext(out)
	return fmt.Sprintf("%s.s%d%s", strings.TrimSuffix(out, ext), s, ext)
}

// Seeds trains spec with n seeds, from its own on, into files beside o.Out (SeedPath). With
// o.Resume it goes on from the checkpoints that are there, the first seed's at least. One
// after the other: each uses all cores, and a stop leaves the earlier ones whole.
func (t *Trainer) Seeds(ctx context.Context, spec *train.Spec, o train.Options, n int) ([]*Trained, error) {
	var all []*Trained
	for i := range uint64(n) {
		seed := spec.Seed + i
		// Seeds follow each other, so that --seeds 3 and then 5 train the first three
		// again alike.
		s, err := spec.With(train.Overrides{Seed: &seed})
		if err != nil {
			return nil, err
		}
		// o is shared: a seed gets its own path and its own Resume.
		mine := o
		mine.Out = SeedPath(o.Out, seed)
		if i > 0 && o.Resume { // the seeds after the one that was stopped have no checkpoint yet
			// The first seed's must be there, or there is nothing to resume: train.Run
			// says so.
			_, err := os.Stat(mine.Out + ".ckpt")
			mine.Resume = err == nil
		}
		t.Progress.note("seed %d (%d of %d)", seed, i+1, n)
		run, err := t.Train(ctx, s, mine)
		if err != nil {
			return nil, fmt.Errorf("seed %d: %w", seed, err)
		}
		all = append(all, run)
	}
	return all, nil
}

// Spread is the JSON of what describes some numbers. Minimum and maximum are beside the
// deviation because seeds are few.
type Spread struct {
	Mean float64 `json:"mean"`
	Min  float64 `json:"min"`
	Max  float64 `json:"max"`
	// Deviation is the standard deviation, with n-1 for n numbers.
	Deviation float64 `json:"deviation"`
}

// NewSpread describes v, at least one number. StdDev of one number would be NaN.
func NewSpread(v []float64) Spread {
	s := Spread{Min: floats.Min(v), Max: floats.Max(v), Mean: stat.Mean(v, nil)}
	if len(v) > 1 {
		s.Deviation = stat.StdDev(v, nil)
	}
	return s
}

// String prints it with two decimals, as accuracies are.
func (s Spread) String() string {
	return fmt.Sprintf("%.2f (%.2f..%.2f, deviation %.2f)", s.Mean, s.Min, s.Max, s.Deviation)
}
