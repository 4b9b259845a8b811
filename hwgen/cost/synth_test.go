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

// TestSamplesAreCurrent synthesises a few of the samples again: the table must be that
// of the RTL as it is.
func TestSamplesAreCurrent(t *testing.T) {
	needYosys(t)
	var units []synth.Unit
	var samples []Sample
	seen := map[string]int{}
	for _, s := range readSamples(t) {
		if s.Kind == KindProduct || s.Kind == KindConstant || seen[s.Kind] == 2 || s.Counts.LUT > 400 {
			continue
		}
		seen[s.Kind]++
		samples = append(samples, s)
		units = append(units, s.Unit())
	}
	counts, err := synth.Blocks(context.Background(), units)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range samples {
		// Other versions of Yosys and ABC differ by a few LUTs; a change of the RTL by more.
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
