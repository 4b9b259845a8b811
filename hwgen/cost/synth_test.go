package cost

import (
	"context"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/cost/synth"
	"github.com/a2qgen/a2qgen/verilator/tooltest"
)

func needYosys(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("runs Yosys")
	}
	tooltest.Need(t, "yosys")
}

// TestSamplesAreCurrent synthesises a few samples of every kind again: the table must be
// that of the RTL as it is.
func TestSamplesAreCurrent(t *testing.T) {
	needYosys(t)
	var blocks, products []Sample
	seen := map[string]int{}
	for _, s := range readSamples(t) {
		single := s.Kind == KindProduct || s.Kind == KindConstant
		// Of the many products, those of few LUTs say little.
		if seen[s.Kind] == 2 || s.Counts.LUT > 400 || single && s.Counts.LUT < 20 {
			continue
		}
		seen[s.Kind]++
		if single {
			products = append(products, s)
		} else {
			blocks = append(blocks, s)
		}
	}
	var units []synth.Unit
	for _, s := range blocks {
		units = append(units, s.Unit())
	}
	counts, err := synth.Blocks(context.Background(), units)
	compareSamples(t, blocks, counts, err)
	var multipliers []synth.Product
	for _, s := range products {
		multipliers = append(multipliers, s.Product())
	}
	counts, err = synth.Products(context.Background(), multipliers)
	compareSamples(t, products, counts, err)
}

// compareSamples: other versions of Yosys and ABC differ by a few LUTs; a change of the
// RTL by more.
func compareSamples(t *testing.T, samples []Sample, counts []synth.Counts, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range samples {
		if relative(counts[i].LUT, s.Counts.LUT) > 8 || relative(counts[i].FF, s.Counts.FF) > 3 {
			t.Errorf("%s: %d LUT, %d FF, in the table %d, %d: run go run ./hwgen/cost/fit -fresh", s.Key(),
				counts[i].LUT, counts[i].FF, s.Counts.LUT, s.Counts.FF)
		}
	}
}

// TestWholeDesign compares the estimate of a 64-32-32-10 network with what Yosys makes
// of it, flattened.
func TestWholeDesign(t *testing.T) {
	needYosys(t)
	d, err := hwgen.Plan(network(t), hwgen.Options{FPS: 1e6})
	if err != nil {
		t.Fatal(err)
	}
	got, err := Estimate(d, "xc7")
	if err != nil {
		t.Fatal(err)
	}
	want, err := synth.Design(context.Background(), d)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("estimate %+v, Yosys %+v", got.Total, want)
	if e := relative(got.Total.LUT, want.LUT); e > 10 {
		t.Errorf("estimate of %d LUT is %.1f %% off %d", got.Total.LUT, e, want.LUT)
	}
	if e := relative(got.Total.FF, want.FF); e > 3 {
		t.Errorf("estimate of %d FF is %.1f %% off %d", got.Total.FF, e, want.FF)
	}
}
