package main

import (
	"fmt"
	"io"

	"github.com/a2qgen/a2qgen/cmd/a2qgen/study"
	"github.com/a2qgen/a2qgen/internal/table"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/train"
)

// trainReport prints the JSON of train.
type trainReport struct{ *study.Trained }

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

// score returns the name of what the scores of a task are, their unit, and both as a key in
// files for programs.
func score(task string) (name, unit, key string) {
	if task == train.Regress {
		return "PSNR", "dB", "psnr_db"
	}
	return "accuracy", "%", "accuracy_percent"
}

// print writes the scores and one certificate per layer with weights.
func (r *trainReport) print(w io.Writer) {
	fmt.Fprintf(w, "network   %s, %s: %s\n", r.Name, r.method(), r.Out)
	fmt.Fprintf(w, "data      %s\n", r.Samples)
	name, unit, _ := score(r.Spec.Task)
	v := r.Scores()
	fmt.Fprintf(w, "%-8s  float %.2f %s, integer %.2f %s (test samples, integer executor on %s)\n",
		name, v[0], unit, v[2], unit, r.Out)
	fmt.Fprintf(w, "training  %d epochs, %.0f samples/s, %.1f s\n", r.Epochs, r.SamplesPerSecond, r.Seconds)
	// The promise of the tool, last, where it is seen: for each layer that its sums cannot overflow.
	for i := range r.Layers {
		fmt.Fprintf(w, "  %s\n", certificate(&r.Layers[i]))
	}
	for i := range r.Bounds {
		fmt.Fprintf(w, "  %s\n", boundLine(&r.Bounds[i]))
	}
	if r.Allocation != nil {
		printAllocation(w, r.Allocation)
	}
}

// maxSeeds bounds --seeds. More would be a typing error: each is a whole training.
const maxSeeds = 100

// seedsReport prints the JSON of train with several seeds.
type seedsReport struct{ *study.Seeded }

// print writes a row per seed, then what describes all of them.
func (d *seedsReport) print(w io.Writer) {
	// What all runs share is read from the first: they differ in seed, scores and file.
	r := &trainReport{d.Runs[0]}
	name, unit, _ := score(r.Spec.Task)
	fmt.Fprintf(w, "network   %s, %s: %d seeds from %d\n", r.Name, r.method(), d.Seeds, r.Seed)
	fmt.Fprintf(w, "data      %s\n%s on the test samples, %s\n", r.Samples, name, unit)
	t := table.New(table.Left("seed"), table.Fixed(2, "", "float", "QAT", "integer"), table.Left("network"))
	// Float, quantised and integer side by side: where accuracy is lost shows for each seed.
	for _, r := range d.Runs {
		v := r.Scores()
		t.Row(r.Seed, v[0], v[1], v[2], r.Out)
	}
	s := d.Spreads()
	// Below the seeds: a mean of three hides more than it shows.
	t.Row("mean", s[0].Mean, s[1].Mean, s[2].Mean, nil)
	t.Row("min", s[0].Min, s[1].Min, s[2].Min, nil)
	t.Row("max", s[0].Max, s[1].Max, s[2].Max, nil)
	t.Row("deviation", s[0].Deviation, s[1].Deviation, s[2].Deviation, nil)
	t.WriteText(w)
}
