package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/a2qgen/a2qgen/quant/train"
)

// maxSeeds bounds --seeds.
const maxSeeds = 100

// seedsReport is the JSON of train with several seeds.
type seedsReport struct {
	Seeds int `json:"seeds"`
	// Mean and spread over the seeds of accuracies on the test samples.
	FloatAccuracyPercent   spread         `json:"float_accuracy_percent"`
	QATAccuracyPercent     spread         `json:"qat_accuracy_percent"`
	IntegerAccuracyPercent spread         `json:"integer_accuracy_percent"`
	Runs                   []*trainReport `json:"runs"`
}

// spread describes some numbers.
type spread struct {
	Mean float64 `json:"mean"`
	Min  float64 `json:"min"`
	Max  float64 `json:"max"`
	// Deviation is the standard deviation, with n-1 for n numbers.
	Deviation float64 `json:"deviation"`
}

// newSpread describes v, at least one number.
func newSpread(v []float64) spread {
	s := spread{Min: v[0], Max: v[0]}
	for _, x := range v {
		s.Mean += x / float64(len(v))
		s.Min, s.Max = min(s.Min, x), max(s.Max, x)
	}
	squares := 0.0
	for _, x := range v {
		squares += (x - s.Mean) * (x - s.Mean)
	}
	if len(v) > 1 {
		s.Deviation = math.Sqrt(squares / float64(len(v)-1))
	}
	return s
}

func (s spread) String() string {
	return fmt.Sprintf("%.2f (%.2f..%.2f, deviation %.2f)", s.Mean, s.Min, s.Max, s.Deviation)
}

// seedPath returns the path of seed s beside out: net.s3.onnx for net.onnx.
func seedPath(out string, s uint64) string {
	ext := filepath.Ext(out)
	return fmt.Sprintf("%s.s%d%s", strings.TrimSuffix(out, ext), s, ext)
}

// trainSeeds trains spec with n seeds, from its own on. With o.Resume it goes
// on from the checkpoints that are there, the first seed's at least.
func trainSeeds(ctx context.Context, con *console, spec *train.Spec, sets dataSets, o train.Options, n int) (*seedsReport, error) {
	doc := &seedsReport{Seeds: n}
	for i := range uint64(n) {
		seed := spec.Seed + i
		s, err := spec.With(train.Overrides{Seed: &seed})
		if err != nil {
			return nil, err
		}
		mine := o
		mine.Out = seedPath(o.Out, seed)
		if i > 0 && o.Resume { // the seeds after the one that was stopped have no checkpoint yet
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
	doc.FloatAccuracyPercent = doc.over(func(r *trainReport) float64 { return r.FloatAccuracyPercent })
	doc.QATAccuracyPercent = doc.over(func(r *trainReport) float64 { return r.QATAccuracyPercent })
	doc.IntegerAccuracyPercent = doc.over(func(r *trainReport) float64 { return r.IntegerAccuracyPercent })
	return doc, nil
}

// over describes a number of each run.
func (d *seedsReport) over(number func(*trainReport) float64) spread {
	v := make([]float64, len(d.Runs))
	for i, r := range d.Runs {
		v[i] = number(r)
	}
	return newSpread(v)
}

func (d *seedsReport) print(w io.Writer) {
	r := d.Runs[0]
	fmt.Fprintf(w, "network   %s, %s: %d seeds from %d\n", r.Name, r.method(), d.Seeds, r.Seed)
	fmt.Fprintf(w, "data      %s\n", r.dataLine)
	for _, r := range d.Runs {
		fmt.Fprintf(w, "  seed %-4d float %.2f %%, QAT %.2f %%, integer %.2f %%: %s\n",
			r.Seed, r.FloatAccuracyPercent, r.QATAccuracyPercent, r.IntegerAccuracyPercent, r.Out)
	}
	fmt.Fprintf(w, "float     %v %%\n", d.FloatAccuracyPercent)
	fmt.Fprintf(w, "QAT       %v %%\n", d.QATAccuracyPercent)
	fmt.Fprintf(w, "integer   %v %% (test samples, integer executor)\n", d.IntegerAccuracyPercent)
}
