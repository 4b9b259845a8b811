package train

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/a2qgen/a2qgen/quant"
)

var writePlans = flag.Bool("write-plans", false, "write testdata/example_plans.txt anew")

// examplePlans holds the weight quantisers of all examples, as they were when train
// had a rule of its own for the first and the last layer.
const examplePlans = "testdata/example_plans.txt"

// TestPlanOfExamples: every example trains as it did, layer by layer. The published
// results stand on these plans, so a new definition of the ends may not move them.
func TestPlanOfExamples(t *testing.T) {
	paths, err := filepath.Glob("../../examples/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	var b strings.Builder
	for _, path := range paths {
		s, err := LoadSpec(path)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&b, filepath.Base(path))
		b.WriteString(planText(t, s))
	}
	if *writePlans {
		if err := os.WriteFile(examplePlans, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(examplePlans)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), b.String()); d != "" {
		t.Errorf("plans differ (-want +got):\n%s", d)
	}
}

// planText describes the layers with weights of the plan of s, for the images that
// the examples are made for: 28 x 28 pixels and ten classes (Fashion-MNIST), or the
// patches of super-resolution.
func planText(t *testing.T, s *Spec) string {
	t.Helper()
	side, outputs := 28, 10
	if f := s.Super.Factor; f > 0 {
		side = s.Super.Patch
		outputs = side * f * side * f
	} else if s.Task == Regress {
		outputs = side * side
	}
	p, err := newPlan(s, quant.Shape{H: side, W: side, C: 1}, false, outputs, s.Task == Classify)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for i := range p.steps {
		if st := &p.steps[i]; st.quantiser != nil {
			fmt.Fprintf(&b, "  %s %+v scales %d\n", st.Name, *st.quantiser, st.scales)
		}
	}
	return b.String()
}
