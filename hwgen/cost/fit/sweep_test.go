package main

import (
	"cmp"
	"context"
	"flag"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/a2qgen/a2qgen/hwgen/block"
	"github.com/a2qgen/a2qgen/hwgen/cost"
	"github.com/a2qgen/a2qgen/internal/tooltest"
)

// tables are those of all families that are priced.
func tables(t *testing.T) []*table {
	t.Helper()
	var all []*table
	for _, family := range cost.Families() {
		all = append(all, tableOf(t, family))
	}
	return all
}

// tableOf is the committed table of a family.
func tableOf(t *testing.T, family string) *table {
	t.Helper()
	one, err := newTable(family, "../data")
	if err != nil {
		t.Fatal(err)
	}
	return one
}

// samples reads a table.
func samples(t *testing.T, of *table) []Sample {
	t.Helper()
	all, err := of.load()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestTableIsTheSweep: each table holds each sample of the sweep once, in order, and none that
// the sweep has no longer.
func TestTableIsTheSweep(t *testing.T) {
	for _, one := range tables(t) {
		var want, have []string
		for _, s := range one.sweep() {
			want = append(want, splitAndKey(s))
		}
		for _, s := range samples(t, one) {
			have = append(have, splitAndKey(s.Sample))
		}
		if diff := gocmp.Diff(want, have); diff != "" {
			t.Errorf("%s is not of this sweep, run go run ./hwgen/cost/fit -family %s (-want +have):\n%s", one.csv,
				one.family, diff)
		}
		if seen := slices.Compact(slices.Sorted(slices.Values(want))); len(seen) != len(want) {
			t.Errorf("the sweep has %d samples, %d of them twice", len(want), len(want)-len(seen))
		}
	}
}

func splitAndKey(s block.Sample) string {
	if s.HeldOut {
		return "held-out " + s.Key()
	}
	return "train " + s.Key()
}

// yosysVersion is that of the table: others count a little differently.
const yosysVersion = "Yosys 0.23 "

var tableSeed = flag.Uint64("table-seed", 1, "which samples of the table are synthesised again")

// TestTableIsCurrent synthesises a small sample of each kind again: the tables are those of the
// RTL as it is. Other samples come with -table-seed, the same ones in every run of CI: a
// sample that differs by luck must not stop a change that has nothing to do with it.
func TestTableIsCurrent(t *testing.T) {
	if testing.Short() {
		t.Skip("runs Yosys")
	}
	tooltest.Need(t, "yosys")
	version, err := exec.Command("yosys", "-V").Output()
	if err != nil || !strings.HasPrefix(string(version), yosysVersion) {
		tooltest.Absent(t, "yosys is "+string(version)+", want "+yosysVersion)
	}
	t.Logf("seed %d", *tableSeed)
	for _, one := range tables(t) {
		all, rng := samples(t, one), rand.New(rand.NewPCG(*tableSeed, 0))
		var blocks []int
		for _, kind := range sampleKinds() {
			i := drawSmall(t, rng, all, kind)
			if kind == cost.KindDesign {
				checkCounts(t, one, all, []int{i})
			} else {
				blocks = append(blocks, i)
			}
		}
		checkCounts(t, one, all, blocks)
	}
}

// drawSmall draws a sample out of the smallest quarter of a kind: a second of Yosys each.
func drawSmall(t *testing.T, rng *rand.Rand, samples []Sample, kind string) int {
	t.Helper()
	var of []int
	for i, s := range samples {
		if s.Kind == kind {
			of = append(of, i)
		}
	}
	if len(of) < 4 {
		t.Fatalf("%d samples of kind %s, want four or more: run go run ./hwgen/cost/fit", len(of), kind)
	}
	slices.SortStableFunc(of, func(i, j int) int { return cmp.Compare(samples[i].Counts.LUT, samples[j].Counts.LUT) })
	return block.Pick(rng, of[:len(of)/4]...)
}

// tolerated returns how many LUTs a sample may differ by: two, or two in a hundred (5 of 414
// is the most seen); six in a hundred where a design keeps deep memories in LUTs, whose
// slices ABC joins by LUTs or by multiplexers as the order of names has it (22 of 424, seen
// after a change of comments and attributes alone). Blocks alone in LUTs of four inputs: 30 in a
// hundred, for there the order of names decides what is fast or small (32 of 112 is the most
// seen, of label_select in another company); a design, which has none, two in a hundred.
func (t *table) tolerated(s Sample) int {
	switch {
	case s.Kind == cost.KindDesign && strings.Contains(s.Key(), "luts=1"):
		return s.Counts.LUT * 6 / 100
	case s.Kind != cost.KindDesign && t.fabric.LUT.Inputs < 6:
		return max(2, s.Counts.LUT*30/100)
	}
	return max(2, s.Counts.LUT/50)
}

// checkCounts demands equal flip-flops, block RAMs and carry chains. LUTs may differ a
// little: among choices of equal cost ABC takes one by the order of names, and so a comment,
// an attribute or the company in a run moves a few.
func checkCounts(t *testing.T, of *table, samples []Sample, batch []int) {
	t.Helper()
	var plain []block.Sample
	for _, s := range samples {
		plain = append(plain, s.Sample)
	}
	have, err := of.counts(context.Background(), plain, batch)
	if err != nil {
		t.Fatal(err)
	}
	for k, i := range batch {
		want, got := samples[i].Counts, have[k]
		moved := max(want.LUT-got.LUT, got.LUT-want.LUT)
		// The first of the free cells are carry chains.
		if moved > of.tolerated(samples[i]) || got.FF != want.FF ||
			got.BlockRAM != want.BlockRAM || got.DSP != want.DSP ||
			got.Free[0] != want.Free[0] {
			t.Errorf("%s: %+v, in the table %+v: run go run ./hwgen/cost/fit -fresh -family %s", samples[i].Key(), got,
				want, of.family)
		}
	}
}
