package plan_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/qonnx"
)

// TestImportedPlanned: what the importer's cases are read as is planned too, and gives the same scores.
func TestImportedPlanned(t *testing.T) {
	files, err := filepath.Glob("../../quant/qonnx/testdata/cases/*.onnx")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	read := 0
	for _, file := range files {
		f, err := qonnx.ReadFile(file, qonnx.Told{})
		if err != nil {
			continue // wants an option, or is refused by the importer
		}
		read++
		d, err := plan.Plan(f.Network, hwgen.Options{})
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(file), err)
			continue
		}
		var want, got quant.Trace
		typ, x := f.Network.Input.Type, make([]int32, f.Network.InputSize())
		for i := range x {
			x[i] = int32(typ.Value(int64(i) % (typ.Number(typ.Max()) + 1)))
		}
		quant.NewExecutor(f.Network).Run(x, &want)
		quant.NewExecutor(d.Network).Run(asPlanned(x, f.Network, d.Network), &got)
		if !slices.EqualFunc(want.Scores, got.Scores, slices.Equal[[]int64]) {
			t.Errorf("%s: gives %v, want %v", filepath.Base(file), got.Scores, want.Scores)
		}
	}
	if read < 40 {
		t.Errorf("%d files are read", read)
	}
}
