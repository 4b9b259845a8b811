package main

import (
	"fmt"
	"io"

	"github.com/a2qgen/a2qgen/cmd/a2qgen/study"
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
	FloatAccuracyPercent   *study.Spread `json:"float_accuracy_percent,omitempty"`
	QATAccuracyPercent     *study.Spread `json:"qat_accuracy_percent,omitempty"`
	IntegerAccuracyPercent *study.Spread `json:"integer_accuracy_percent,omitempty"`
	FloatPSNR              *study.Spread `json:"float_psnr_db,omitempty"`
	QATPSNR                *study.Spread `json:"qat_psnr_db,omitempty"`
	IntegerPSNR            *study.Spread `json:"integer_psnr_db,omitempty"`
	// Runs are whole reports, in order of the seeds.
	Runs []*trainReport `json:"runs"`
}

// summarise sets mean and spread of the runs. k goes over the float phase, QAT in floating
// point, and integers.
func (d *seedsReport) summarise() {
	var all [3]*study.Spread
	for k := range all {
		v := make([]float64, len(d.Runs))
		for i, r := range d.Runs {
			_, _, scores := r.results()
			v[i] = scores[k]
		}
		s := study.NewSpread(v)
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
func either(a, b *study.Spread) *study.Spread {
	if a != nil {
		return a
	}
	return b
}
