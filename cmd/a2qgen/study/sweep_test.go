package study

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/train"
)

// newSweep returns a sweep of two methods at one width with two seeds, and a place for the
// lines of its progress.
func newSweep(t *testing.T, out string) (*Sweep, *[]string) {
	t.Helper()
	var lines []string
	s := &Sweep{Spec: parse(t, "layers: [3, 3]\n"), Methods: []string{"base", "budget/split"}, Widths: []int{9}, Seeds: 2,
		Out: out, Progress: Progress{Note: func(line string) { lines = append(lines, line) }}}
	if err := s.Plan(); err != nil {
		t.Fatal(err)
	}
	if err := s.Open(); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(out, RunsFolder), 0o777); err != nil {
		t.Fatal(err)
	}
	return s, &lines
}

// TestSweepGoesOn: a sweep that is stopped has reported its whole cells, and one in the same
// folder trains only what is missing, to the same report as one that was never stopped.
func TestSweepGoesOn(t *testing.T) {
	whole, _ := newSweep(t, t.TempDir())
	want, err := whole.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s, lines := newSweep(t, dir)
	ctx, stop := context.WithCancel(t.Context())
	cells := 0
	s.After = func(d *SweepReport) error {
		cells = len(d.Results)
		stop()
		return nil
	}
	_, err = s.Run(ctx)
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "budget/split, P=9, seed 1") {
		t.Errorf("stopped: error %v", err)
	}
	if cells != 1 || len(*lines) != 2 {
		t.Errorf("%d cells reported, lines %q; want 1 cell, 2 lines", cells, *lines)
	}
	s, lines = newSweep(t, dir)
	trained := 0
	s.Trainer.Prepare = func(*train.Spec, *train.Options) { trained++ }
	got, err := s.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if trained != 2 || len(*lines) != 4 || !strings.HasPrefix((*lines)[3], "4/4  budget/split P=9 seed 2: ") {
		t.Errorf("%d trainings, lines %q; want 2 and 4 lines", trained, *lines)
	}
	for _, d := range []*SweepReport{got, want} { // the one thing that two equal runs differ in
		for i := range d.Results {
			for k := range d.Results[i].Runs {
				d.Results[i].Runs[k].SamplesPerSecond = 0
			}
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("report (-never stopped +gone on):\n%s", d)
	}
}

// TestSweepLimits: widths come sorted and once, from the widest on in a report; within LUT the
// largest of them bounds every layer; base has no limit.
func TestSweepLimits(t *testing.T) {
	s := &Sweep{Spec: parse(t, "layers: [3, 3]\n"), Methods: []string{"base", "a2q+"}, Widths: []int{12, 9, 12},
		LUTs: []int{900, 700}, Folding: &hwgen.Options{}}
	if err := s.Plan(); err != nil {
		t.Fatal(err)
	}
	d := &SweepReport{}
	var names []string
	for i := range s.cells {
		c := &s.cells[i]
		names = append(names, c.file(1))
		d.Results = append(d.Results, SweepResult{Method: c.method, Limit: c.Limit})
	}
	want := []string{"base-p0-s1", "a2q+-p9-s1", "a2q+-p12-s1", "a2q+-p12-lut700-s1", "a2q+-p12-lut900-s1"}
	if !slices.Equal(names, want) {
		t.Errorf("runs %q, want %q", names, want)
	}
	limits := []Limit{{AccBits: 12}, {AccBits: 9}, {12, 900}, {12, 700}}
	if got := d.Limits(); !slices.Equal(got, limits) {
		t.Errorf("limits %v, want %v", got, limits)
	}
	if d.At("base", Limit{}) != &d.Results[0] || d.At("base", limits[0]) != nil {
		t.Error("base is not where it has no limit")
	}
}

// TestSweepRunOfGraph: the widths of a run under base are those of its hidden layers. Of
// conv1, conv2 behind a join with the input, and conv3 only the last is one (quant.Roles);
// the second of the list was taken for one too.
func TestSweepRunOfGraph(t *testing.T) {
	spec := parse(t, "method: base\nshape: [2, 2]\nlayers: ["+
		"{concat: {branches: [[{conv: {out: 4, kernel: 1}}], [{maxpool: {kernel: 1}}]]}}, "+
		"{conv: {out: 4, kernel: 1}}, {conv: {out: 4, kernel: 1}}]\n")
	sets, err := OpenSpec(spec)
	if err != nil {
		t.Fatal(err)
	}
	done, err := (&Trainer{Sets: sets}).Train(t.Context(), spec,
		train.Options{Out: filepath.Join(t.TempDir(), "net.onnx")})
	if err != nil {
		t.Fatal(err)
	}
	layers := done.Network.Layers
	i := slices.IndexFunc(layers, func(l quant.Layer) bool { return l.Name == "conv3" })
	if i < 0 {
		t.Fatal("the network has no conv3")
	}
	needed, _ := layers[i].NeededBits()
	r := newSweepRun(&cell{method: "base"}, done)
	if r.NeededBits != needed || r.L1Max != layers[i].L1Max() || r.WeightBits != layers[i].WeightBits {
		t.Errorf("%d bits, l1 %d, weights of %d; want %d, %d, %d as conv3 alone", r.NeededBits, r.L1Max, r.WeightBits,
			needed, layers[i].L1Max(), layers[i].WeightBits)
	}
}
