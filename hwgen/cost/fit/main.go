// Command fit regenerates the cost model of a family: it synthesises a seeded
// sweep of blocks with Yosys (going on from the samples already in the table),
// fits the coefficients and prints the error of each kind of block.
//
//	go run ./hwgen/cost/fit                synthesise what is missing for xc7, fit
//	go run ./hwgen/cost/fit -family ecp5   the same for another family
//	go run ./hwgen/cost/fit -fit-only      fit the samples there are
//	go run ./hwgen/cost/fit -fresh         synthesise everything again (the RTL changed)
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/google/renameio/v2/maybe"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/sync/errgroup"

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/hwgen/block"
	"github.com/a2qgen/a2qgen/hwgen/cost"
	"github.com/a2qgen/a2qgen/hwgen/cost/synth"
	"github.com/a2qgen/a2qgen/internal/process"
)

func main() {
	family := flag.String("family", string(boards.XC7), "family, a file of boards/families that has a fabric")
	dir := flag.String("dir", "hwgen/cost/data", "folder of FAMILY.csv and FAMILY.json")
	fitOnly := flag.Bool("fit-only", false, "fit the samples there are, run no Yosys")
	fresh := flag.Bool("fresh", false, "forget the samples there are")
	flag.Parse()
	ctx, stop := process.Context()
	defer stop()
	t, err := newTable(*family, *dir)
	if err == nil {
		err = t.regenerate(ctx, *fitOnly, *fresh)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "fit:", err)
		os.Exit(1)
	}
}

// regenerate brings the samples up to date with the sweep, unless fitOnly, and writes the model
// that fits them, which cost embeds. fresh disregards the samples that are there:
// needed after the RTL changed, since a sample is known by its parameters and not by the
// Verilog that it was synthesised from.
//
// The table and the fit are two steps so that a change of the formulas alone needs no Yosys.
// Errors come from the tool, the file system, and samples that are no more than coefficients.
func (t *table) regenerate(ctx context.Context, fitOnly, fresh bool) error {
	var samples []Sample
	var err error
	if !fresh {
		if samples, err = t.load(); err != nil {
			return err
		}
	}
	if !fitOnly {
		if samples, err = t.synthesise(ctx, samples); err != nil {
			return err
		}
	}
	model, err := t.fitModel(samples)
	if err != nil {
		return err
	}
	writeReport(os.Stdout, model)
	data, err := model.Marshal()
	if err != nil {
		return err
	}
	return maybe.WriteFile(t.json, data, 0o644)
}

// synthesise measures the samples of the sweep that are not in known, batch by
// batch, one on each core, and saves the table after each.
//
// Saving after each batch makes an interrupted sweep go on where it stopped. A batch of which
// one sample is missing is synthesised whole: in other company its blocks may come out another
// way (batches), and the table would depend on the order of its making.
func (t *table) synthesise(ctx context.Context, known []Sample) ([]Sample, error) {
	have := map[string]synth.Counts{}
	for _, s := range known {
		have[s.Key()] = s.Counts
	}
	all := t.sweep()
	missing := 0
	var open [][]int
	for _, b := range batches(all) {
		if slices.ContainsFunc(b, func(i int) bool { _, ok := have[all[i].Key()]; return !ok }) {
			open = append(open, b)
			missing += len(b)
		}
	}
	bar := progressbar.NewOptions(missing, progressbar.OptionSetWriter(os.Stderr), progressbar.OptionShowCount(),
		progressbar.OptionSetDescription("synthesis"), progressbar.OptionThrottle(time.Second))
	defer fmt.Fprintln(os.Stderr)
	// errgroup stops the others at the first error, and ctx ends their runs of Yosys.
	var finished sync.Mutex // guards all, have and the table
	jobs, ctx := errgroup.WithContext(ctx)
	jobs.SetLimit(runtime.NumCPU())
	for _, batch := range open {
		jobs.Go(func() error {
			counted, err := t.counts(ctx, all, batch)
			if err != nil {
				return err
			}
			finished.Lock()
			defer finished.Unlock()
			for k, i := range batch {
				have[all[i].Key()] = counted[k]
			}
			if err := t.save(measured(all, have)); err != nil {
				return err
			}
			return bar.Add(len(batch))
		})
	}
	if err := jobs.Wait(); err != nil {
		return nil, err
	}
	samples := measured(all, have)
	return samples, t.save(samples) // in order, without those that the sweep has no longer
}

// measured returns the samples that have counts, in order, with them.
//
// all is the sweep, have counts by Sample.Key. The order is the sweep's, whatever order the
// batches end in, so that the table differs only where a count does.
func measured(all []block.Sample, have map[string]synth.Counts) []Sample {
	var found []Sample
	for _, s := range all {
		if c, ok := have[s.Key()]; ok {
			found = append(found, Sample{s, c})
		}
	}
	return found
}

// batches splits the sweep into runs of Yosys, each of one kind.
//
// Kind.Batch blocks go into one run, which takes half a second to begin; designs, flattened, go
// alone. What a block comes to depends a little on its company (names order ABC's choices), so
// a batch is always the same samples. The result holds indices into all, in order. A batch ends
// with its kind, or when it is full: adding a sample in the middle of a kind shifts all later
// batches of it.
func batches(all []block.Sample) [][]int {
	var found [][]int
	for i, s := range all {
		last := len(found) - 1
		if last < 0 || all[found[last][0]].Kind != s.Kind || len(found[last]) == batchSize(s) {
			found = append(found, nil)
			last++
		}
		found[last] = append(found[last], i)
	}
	return found
}

// batchSize is how many samples of the kind go into one run of Yosys.
func batchSize(s block.Sample) int {
	if s.Kind == cost.KindDesign {
		return 1
	}
	return kindOf(s).Batch
}

// counts synthesises a batch in one run of Yosys.
//
// batch holds indices into all, of one kind; counts come back in its order.
func (t *table) counts(ctx context.Context, all []block.Sample, batch []int) ([]synth.Counts, error) {
	if first := all[batch[0]]; first.Kind == cost.KindDesign {
		d, err := t.design(first)
		if err != nil {
			return nil, err
		}
		c, err := synth.Design(ctx, d)
		return []synth.Counts{c}, err
	}
	var units []synth.Unit
	for _, i := range batch {
		b, bits := kindOf(all[i]).Build(t.of(all[i]))
		units = append(units, synth.Unit{Block: b, InputBits: bits})
	}
	return synth.Blocks(ctx, &t.fabric.Synthesis, units)
}
