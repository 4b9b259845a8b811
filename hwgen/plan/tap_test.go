package plan_test

import (
	"testing"

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/hwgen"
	tapunit "github.com/a2qgen/a2qgen/hwgen/block/tap_unit"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/quant/quanttest"
)

// TestReadStages: a schedule in block RAM has a second register where the family's is late.
func TestReadStages(t *testing.T) {
	n := quanttest.Drawn(1, 4, 4, 2)
	for _, c := range []struct {
		family boards.Family
		at     hwgen.Place
		want   int
	}{
		{boards.XC7, hwgen.InBlockRAM, 1}, {boards.ECP5, hwgen.InBlockRAM, 2}, {boards.ECP5, hwgen.InLUTs, 1},
	} {
		d, err := plan.Plan(n, hwgen.Options{Family: c.family,
			Folding: hwgen.Folding{"fc1": {Unit: "tap", PE: 1, SIMD: 1, Lanes: 2, Weights: c.at}}})
		if err != nil {
			t.Fatal(err)
		}
		if got := d.Nodes[0].Block.(*tapunit.Block).ReadStages; got != c.want {
			t.Errorf("%s, schedule in %s: %d read stages, want %d", c.family, c.at, got, c.want)
		}
	}
}
