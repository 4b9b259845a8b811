package main

import (
	"context"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/a2qgen/a2qgen/hwgen/cost"
	"github.com/a2qgen/a2qgen/verilator/tooltest"
)

const table = "../data/xc7.csv"

func readTable(t *testing.T) []cost.Sample {
	t.Helper()
	samples, err := load(table)
	if err != nil {
		t.Fatal(err)
	}
	return samples
}

// TestTableIsTheSweep: xc7.csv holds each sample of the sweep once, in order, and none that
// the sweep has no longer.
func TestTableIsTheSweep(t *testing.T) {
	var want, have []string
	for _, s := range sweep() {
		want = append(want, splitAndKey(s))
	}
	for _, s := range readTable(t) {
		have = append(have, splitAndKey(s))
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("%s is not of this sweep, run go run ./hwgen/cost/fit (-want +have):\n%s", table, diff)
	}
	seen := map[string]bool{}
	for _, key := range want {
		if seen[key] {
			t.Errorf("the sweep has %s twice", key)
		}
		seen[key] = true
	}
}

func splitAndKey(s cost.Sample) string {
	if s.HeldOut {
		return "held-out " + s.Key()
	}
	return "train " + s.Key()
}

// batchLimits are the most LUTs of a batch that is synthesised again: a second or two of
// Yosys each.
var batchLimits = map[string]int{cost.KindMVAU: 700, cost.KindLabelSelect: 1200, cost.KindReplayBuffer: 1200,
	cost.KindFIFO: 1000, cost.KindWidthConverter: 1200, cost.KindDesign: 500}

// yosysVersion is that of the table: others count a little differently.
const yosysVersion = "Yosys 0.23 "

// TestTableIsCurrent synthesises a small batch of each kind of sample again, another one
// each time: the table is that of the RTL as it is, to the last LUT.
func TestTableIsCurrent(t *testing.T) {
	if testing.Short() {
		t.Skip("runs Yosys")
	}
	tooltest.Need(t, "yosys")
	if version, err := exec.Command("yosys", "-V").Output(); err != nil || !strings.HasPrefix(string(version),
		yosysVersion) {
		tooltest.Absent(t, "yosys is "+string(version)+", want "+yosysVersion)
	}
	samples := readTable(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for kind, limit := range batchLimits {
		small := smallBatches(samples, kind, limit)
		if len(small) == 0 {
			t.Errorf("no batch of kind %s has at most %d LUTs", kind, limit)
			continue
		}
		batch := small[rng.IntN(len(small))]
		have, err := counts(context.Background(), samples, batch)
		if err != nil {
			t.Fatal(err)
		}
		for k, i := range batch {
			if have[k] != samples[i].Counts {
				t.Errorf("%s: %+v, in the table %+v: run go run ./hwgen/cost/fit -fresh", samples[i].Key(),
					have[k], samples[i].Counts)
			}
		}
	}
}

func smallBatches(samples []cost.Sample, kind string, limit int) [][]int {
	var small [][]int
	for _, b := range batches(samples) {
		luts := 0
		for _, i := range b {
			luts += samples[i].Counts.LUT
		}
		if samples[b[0]].Kind == kind && luts <= limit {
			small = append(small, b)
		}
	}
	return small
}
