package study

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"github.com/a2qgen/a2qgen/quant/train"
)

// SeedPath returns the path of seed s beside out: net.s3.onnx for net.onnx. The ending
// stays last, by which other tools know an ONNX file.
func SeedPath(out string, s uint64) string {
	ext := filepath.Ext(out)
	return fmt.Sprintf("%s.s%d%s", strings.TrimSuffix(out, ext), s, ext)
}

// Seeded is the JSON of trainings with several seeds. The spreads that do not apply to
// the task are left out.
type Seeded struct {
	// Seeds counts the runs, each of which is reported whole below.
	Seeds int `json:"seeds"`
	// Mean and spread over the seeds of accuracies on the test samples, or of a
	// regression's PSNR, dB.
	FloatAccuracyPercent   *Spread `json:"float_accuracy_percent,omitempty"`
	QATAccuracyPercent     *Spread `json:"qat_accuracy_percent,omitempty"`
	IntegerAccuracyPercent *Spread `json:"integer_accuracy_percent,omitempty"`
	FloatPSNR              *Spread `json:"float_psnr_db,omitempty"`
	QATPSNR                *Spread `json:"qat_psnr_db,omitempty"`
	IntegerPSNR            *Spread `json:"integer_psnr_db,omitempty"`
	// Runs are whole reports, in order of the seeds.
	Runs []*Trained `json:"runs"`
}

// Spreads are those of Trained.Scores: of the float phase, of QAT in floating point, and of
// integers.
func (d *Seeded) Spreads() [3]*Spread {
	if d.FloatPSNR != nil {
		return [3]*Spread{d.FloatPSNR, d.QATPSNR, d.IntegerPSNR}
	}
	return [3]*Spread{d.FloatAccuracyPercent, d.QATAccuracyPercent, d.IntegerAccuracyPercent}
}

// newSeeded sums up the runs of a task, one at least.
func newSeeded(task string, runs []*Trained) *Seeded {
	d := &Seeded{Seeds: len(runs), Runs: runs}
	spread := func(k int) *Spread {
		var v []float64
		for _, r := range runs {
			v = append(v, r.Scores()[k])
		}
		s := NewSpread(v)
		return &s
	}
	if task == train.Regress {
		d.FloatPSNR, d.QATPSNR, d.IntegerPSNR = spread(0), spread(1), spread(2)
	} else {
		d.FloatAccuracyPercent, d.QATAccuracyPercent, d.IntegerAccuracyPercent = spread(0), spread(1), spread(2)
	}
	return d
}

// Seeds trains spec with n seeds, from its own on, into files beside o.Out (SeedPath). With
// o.Resume it goes on from the checkpoints that are there, the first seed's at least. One
// after the other: each uses all cores, and a stop leaves the earlier ones whole.
func (t *Trainer) Seeds(ctx context.Context, spec *train.Spec, o train.Options, n int) (*Seeded, error) {
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
	return newSeeded(spec.Task, all), nil
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
