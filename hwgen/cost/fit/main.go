// Command fit regenerates the cost model of family xc7: it synthesises a seeded
// sweep of blocks with Yosys (going on from the samples already in the table),
// fits the coefficients and prints the error of each kind of block.
//
//	go run ./hwgen/cost/fit            synthesise what is missing, fit
//	go run ./hwgen/cost/fit -fit-only  fit the samples there are
//	go run ./hwgen/cost/fit -fresh     synthesise everything again (the RTL changed)
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/google/renameio/v2/maybe"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/sync/errgroup"

	"github.com/a2qgen/a2qgen/hwgen/cost"
	"github.com/a2qgen/a2qgen/hwgen/cost/synth"
	"github.com/a2qgen/a2qgen/internal/process"
)

func main() {
	dir := flag.String("dir", "hwgen/cost/data", "folder of xc7.csv and xc7.json")
	fitOnly := flag.Bool("fit-only", false, "fit the samples there are, run no Yosys")
	fresh := flag.Bool("fresh", false, "forget the samples there are")
	flag.Parse()
	ctx, stop := process.Context()
	defer stop()
	if err := regenerate(ctx, *dir, *fitOnly, *fresh); err != nil {
		fmt.Fprintln(os.Stderr, "fit:", err)
		os.Exit(1)
	}
}

func regenerate(ctx context.Context, dir string, fitOnly, fresh bool) error {
	path := filepath.Join(dir, "xc7.csv")
	var samples []cost.Sample
	var err error
	if !fresh {
		if samples, err = load(path); err != nil {
			return err
		}
	}
	if !fitOnly {
		if samples, err = synthesise(ctx, path, samples); err != nil {
			return err
		}
	}
	model, err := cost.Fit(samples)
	if err != nil {
		return err
	}
	model.WriteReport(os.Stdout)
	data, err := model.Marshal()
	if err != nil {
		return err
	}
	return maybe.WriteFile(filepath.Join(dir, "xc7.json"), data, 0o644)
}

// synthesise measures the samples of the sweep that are not in known, batch by
// batch, one on each core, and saves the table after each.
func synthesise(ctx context.Context, path string, known []cost.Sample) ([]cost.Sample, error) {
	have := map[string]synth.Counts{}
	for _, s := range known {
		have[s.Key()] = s.Counts
	}
	all := sweep()
	var missing []int
	for i, s := range all {
		if _, ok := have[s.Key()]; !ok {
			missing = append(missing, i)
		}
	}
	bar := progressbar.NewOptions(len(missing), progressbar.OptionSetWriter(os.Stderr), progressbar.OptionShowCount(),
		progressbar.OptionSetDescription("synthesis"), progressbar.OptionThrottle(time.Second))
	defer fmt.Fprintln(os.Stderr)
	var finished sync.Mutex // guards all, have and the table
	jobs, ctx := errgroup.WithContext(ctx)
	jobs.SetLimit(runtime.NumCPU())
	for len(missing) > 0 {
		batch := nextBatch(all, missing)
		missing = missing[len(batch):]
		jobs.Go(func() error {
			counted, err := counts(ctx, all, batch)
			if err != nil {
				return err
			}
			finished.Lock()
			defer finished.Unlock()
			for k, i := range batch {
				have[all[i].Key()] = counted[k]
			}
			if err := save(path, measured(all, have)); err != nil {
				return err
			}
			return bar.Add(len(batch))
		})
	}
	if err := jobs.Wait(); err != nil {
		return nil, err
	}
	return measured(all, have), nil
}

// measured returns the samples that have counts, in order, with them.
func measured(all []cost.Sample, have map[string]synth.Counts) []cost.Sample {
	var found []cost.Sample
	for _, s := range all {
		if c, ok := have[s.Key()]; ok {
			s.Counts = c
			found = append(found, s)
		}
	}
	return found
}

// nextBatch takes the samples for one run of Yosys off the front of missing: many
// small ones or a few large ones, of one kind.
func nextBatch(all []cost.Sample, missing []int) []int {
	size := 12
	first := batchKind(all[missing[0]])
	switch first {
	case cost.KindProduct:
		size = 64
	case cost.KindDesign:
		size = 1
	}
	n := 1
	for n < min(size, len(missing)) && batchKind(all[missing[n]]) == first {
		n++
	}
	return missing[:n]
}

// batchKind says which samples can share a run: products, blocks or (alone) designs.
func batchKind(s cost.Sample) string {
	switch s.Kind {
	case cost.KindProduct, cost.KindConstant:
		return cost.KindProduct
	case cost.KindDesign:
		return cost.KindDesign
	}
	return "block"
}

// counts synthesises a batch in one run of Yosys.
func counts(ctx context.Context, all []cost.Sample, batch []int) ([]synth.Counts, error) {
	switch batchKind(all[batch[0]]) {
	case cost.KindProduct:
		var products []synth.Product
		for _, i := range batch {
			products = append(products, all[i].Product())
		}
		return synth.Products(ctx, products)
	case cost.KindDesign:
		d, err := all[batch[0]].Design()
		if err != nil {
			return nil, err
		}
		c, err := synth.Design(ctx, d)
		return []synth.Counts{c}, err
	}
	var units []synth.Unit
	for _, i := range batch {
		units = append(units, all[i].Unit())
	}
	return synth.Blocks(ctx, units)
}
