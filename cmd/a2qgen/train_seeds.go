package main

import (
	"fmt"
	"io"

	"github.com/a2qgen/a2qgen/cmd/a2qgen/study"
)

// maxSeeds bounds --seeds. More would be a typing error: each is a whole training.
const maxSeeds = 100

// seedsReport prints the JSON of train with several seeds.
type seedsReport struct{ *study.Seeded }

// print writes a line per seed, then mean and spread of each score.
func (d *seedsReport) print(w io.Writer) {
	r := &trainReport{d.Runs[0]}
	fmt.Fprintf(w, "network   %s, %s: %d seeds from %d\n", r.Name, r.method(), d.Seeds, r.Seed)
	fmt.Fprintf(w, "data      %s\n", r.Samples)
	name, unit := score(r.Spec.Task)
	for _, r := range d.Runs {
		v := r.Scores()
		fmt.Fprintf(w, "  seed %-4d float %.2f %s, QAT %.2f %s, integer %.2f %s: %s\n",
			r.Seed, v[0], unit, v[1], unit, v[2], unit, r.Out)
	}
	fmt.Fprintf(w, "%s on the test samples, %s\n", name, unit)
	for k, s := range d.Spreads() {
		fmt.Fprintf(w, "  %-18s %v\n", [...]string{"float", "QAT", "integer executor"}[k], s)
	}
}
