package cost

import (
	"context"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/cost/synth"
	"github.com/a2qgen/a2qgen/internal/tooltest"
)

func needYosys(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("runs Yosys")
	}
	tooltest.Need(t, "yosys")
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
	if e := relative(got.Total.LUT, want.LUT); e > 5 {
		t.Errorf("estimate of %d LUT is %.1f %% off %d", got.Total.LUT, e, want.LUT)
	}
	if e := relative(got.Total.FF, want.FF); e > 3 {
		t.Errorf("estimate of %d FF is %.1f %% off %d", got.Total.FF, e, want.FF)
	}
}
