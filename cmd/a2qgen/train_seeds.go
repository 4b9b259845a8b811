package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"github.com/a2qgen/a2qgen/quant/train"
)

// maxSeeds bounds --seeds. More would be a typing error: each is a whole training.
const maxSeeds = 100

// seedsReport is the JSON of train with several seeds. The spreads that do not apply to
// the task are left out.
type seedsReport struct {
	// Seeds counts the runs, each of which is reported whole below.
	Seeds int `json:"seeds"`
	// Mean and spread over the seeds of accuracies on the test samples, or of a
	// regression's PSNR, dB.
	FloatAccuracyPercent   *spread `json:"float_accuracy_percent,omitempty"`
	QATAccuracyPercent     *spread `json:"qat_accuracy_percent,omitempty"`
	IntegerAccuracyPercent *spread `json:"integer_accuracy_percent,omitempty"`
	FloatPSNR              *spread `json:"float_psnr_db,omitempty"`
	QATPSNR                *spread `json:"qat_psnr_db,omitempty"`
	IntegerPSNR            *spread `json:"integer_psnr_db,omitempty"`
	// Runs are whole reports, in order of the seeds.
	Runs []*trainReport `json:"runs"`
}

// spread describes some numbers. Minimum and maximum are beside the deviation because
// seeds are few.
type spread struct {
	Mean float64 `json:"mean"`
	Min  float64 `json:"min"`
	Max  float64 `json:"max"`
	// Deviation is the standard deviation, with n-1 for n numbers.
	Deviation float64 `json:"deviation"`
}

// newSpread describes v, at least one number. StdDev of one number would be NaN.
func newSpread(v []float64) spread {
	s := spread{Min: floats.Min(v), Max: floats.Max(v), Mean: stat.Mean(v, nil)}
	if len(v) > 1 {
		s.Deviation = stat.StdDev(v, nil)
	}
	return s
}

// String prints it with two decimals, as accuracies are.
func (s spread) String() string {
	return fmt.Sprintf("%.2f (%.2f..%.2f, deviation %.2f)", s.Mean, s.Min, s.Max, s.Deviation)
}

// seedPath returns the path of seed s beside out: net.s3.onnx for net.onnx. The ending
// stays last, by which other tools know an ONNX file.
func seedPath(out string, s uint64) string {
	ext := filepath.Ext(out)
	return fmt.Sprintf("%s.s%d%s", strings.TrimSuffix(out, ext), s, ext)
}

// trainSeeds trains spec with n seeds, from its own on. With o.Resume it goes on from the
// checkpoints that are there, the first seed's at least. One after the other: each uses
// all cores, and a stop leaves the earlier ones whole.
func trainSeeds(
	ctx context.Context, con *console, spec *train.Spec, sets dataSets, o train.Options, n int,
) (*seedsReport, error) {
	doc := &seedsReport{Seeds: n}
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
		mine.Out = seedPath(o.Out, seed)
		if i > 0 && o.Resume { // the seeds after the one that was stopped have no checkpoint yet
			// The first seed's must be there, or there is nothing to resume: train.Run
			// says so.
			_, err := os.Stat(mine.Out + ".ckpt")
			mine.Resume = err == nil
		}
		con.line("seed %d (%d of %d)", seed, i+1, n)
		run, _, err := trainNetwork(ctx, con, s, sets, mine)
		if err != nil {
			return nil, fmt.Errorf("seed %d: %w", seed, err)
		}
		doc.Runs = append(doc.Runs, run)
	}
	doc.summarise()
	return doc, nil
}

// summarise sets mean and spread of the runs. k goes over the float phase, QAT in floating
// point, and integers.
func (d *seedsReport) summarise() {
	var all [3]*spread
	for k := range all {
		v := make([]float64, len(d.Runs))
		for i, r := range d.Runs {
			_, _, scores := r.results()
			v[i] = scores[k]
		}
		s := newSpread(v)
		all[k] = &s
	}
	if d.Runs[0].task == train.Regress {
		d.FloatPSNR, d.QATPSNR, d.IntegerPSNR = all[0], all[1], all[2]
	} else {
		d.FloatAccuracyPercent, d.QATAccuracyPercent, d.IntegerAccuracyPercent = all[0], all[1], all[2]
	}
}

// print writes a line per seed, then mean and spread of each score.
func (d *seedsReport) print(w io.Writer) {
	r := d.Runs[0]
	fmt.Fprintf(w, "network   %s, %s: %d seeds from %d\n", r.Name, r.method(), d.Seeds, r.Seed)
	fmt.Fprintf(w, "data      %s\n", r.dataLine)
	name, unit, _ := r.results()
	for _, r := range d.Runs {
		_, _, v := r.results()
		fmt.Fprintf(w, "  seed %-4d float %.2f %s, QAT %.2f %s, integer %.2f %s: %s\n",
			r.Seed, v[0], unit, v[1], unit, v[2], unit, r.Out)
	}
	fmt.Fprintf(w, "%s on the test samples, %s\n", name, unit)
	fmt.Fprintf(w, "  float              %v\n", either(d.FloatAccuracyPercent, d.FloatPSNR))
	fmt.Fprintf(w, "  QAT                %v\n", either(d.QATAccuracyPercent, d.QATPSNR))
	fmt.Fprintf(w, "  integer executor   %v\n", either(d.IntegerAccuracyPercent, d.IntegerPSNR))
}

// either returns the one of a and b that is there. Accuracies of a classifier and PSNR of
// a regression exclude each other.
func either(a, b *spread) *spread {
	if a != nil {
		return a
	}
	return b
}
