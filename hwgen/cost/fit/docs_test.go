package main

import (
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/hwgen/block"
	"github.com/a2qgen/a2qgen/hwgen/block/mvau"
	"github.com/a2qgen/a2qgen/hwgen/cost"
)

// model is the model of a family that the binary holds.
func model(t *testing.T, family string) *cost.Model {
	t.Helper()
	m, err := cost.ModelOf(family)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// priceOf estimates the block of a sample for xc7.
func priceOf(t *testing.T, s block.Sample) boards.Resources {
	b, _ := kindOf(s).Build(tableOf(t, "xc7").of(s))
	return model(t, "xc7").Price(b)
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestDocumentedErrors: the errors that docs/cost.md prints are those of each family's model. A
// report stands there as a whole.
func TestDocumentedErrors(t *testing.T) {
	doc := readFile(t, "../../../docs/cost.md")
	for _, family := range cost.Families() {
		var report, block strings.Builder
		writeReport(&report, model(t, family))
		for line := range strings.Lines(report.String()) {
			block.WriteString("    " + strings.TrimRight(line, " \n") + "\n")
		}
		if !strings.Contains(doc, block.String()) {
			t.Errorf("docs/cost.md lacks what go run ./hwgen/cost/fit -fit-only -family %s prints:\n%s", family,
				block.String())
		}
	}
}

// TestREADMEErrors: the error that the README prints beside its estimates is that of
// xc7.json for designs of that size.
func TestREADMEErrors(t *testing.T) {
	readme := readFile(t, "../../../README.md")
	luts := regexp.MustCompile(`cost +xc7, P=\d+: (\d+) LUT`).FindStringSubmatch(readme)
	if luts == nil {
		t.Fatal("README.md prints no estimate")
	}
	lut, err := strconv.Atoi(luts[1])
	if err != nil {
		t.Fatal(err)
	}
	if want := model(t, "xc7").ClassOf(lut).String(); !strings.Contains(readme, want) {
		t.Errorf("README.md has an estimate of %d LUTs without the line\n%s", lut, want)
	}
}

// TestWidths: what P costs. The same unit (mvau/sample.go, widthSweep) grows from 8 to 32 bits
// by as much in the estimate as in Yosys, within two percent, and docs/cost.md says so.
func TestWidths(t *testing.T) {
	doc := readFile(t, "../../../docs/cost.md")
	var first, last struct{ have, want int }
	for _, s := range samples(t, tableOf(t, "xc7")) {
		if s.Kind != mvau.Kind.Name || s.Seed != 5000 {
			continue
		}
		have, want := priceOf(t, s.Sample), s.Counts
		line := fmt.Sprintf("| %d | %d | %d | %+.1f %% | %d | %d |", s.Params["p"], have.LUT, want.LUT,
			100*float64(have.LUT-want.LUT)/float64(want.LUT), have.FF, want.FF)
		if !strings.Contains(doc, line) {
			t.Errorf("docs/cost.md lacks the line %s", line)
		}
		if first.want == 0 {
			first.have, first.want = have.LUT, want.LUT
		}
		last.have, last.want = have.LUT, want.LUT
	}
	have, want := float64(last.have)/float64(first.have), float64(last.want)/float64(first.want)
	if math.Abs(have/want-1) > 0.02 {
		t.Errorf("from the narrowest to the widest accumulator the estimate grows by %.3f, Yosys by %.3f", have, want)
	}
}

// TestErrorBounds holds the model to the accuracy that it had when it was committed, on
// samples that it was not fitted to (percent; from the report of the fit command, rounded
// up). Of alone blocks that narrow, see docs/cost.md.
func TestErrorBounds(t *testing.T) {
	type bounds struct{ lutMedian, lutP90, ffMedian, ffP90 float64 }
	for family, kinds := range map[string]map[string]bounds{
		"xc7": {"mvau": {1, 5, 0, 0}, "tap_unit": {7, 27, 2, 11}, "hardwired": {4, 9, 1, 2},
			"replay_buffer": {4, 9, 0, 0}, "fifo": {6, 14, 0, 0},
			"width_converter": {5, 29, 0, 0}, "label_select": {1, 1, 0, 0.5}, cost.KindDesign: {2, 5, 0.1, 1}},
		"ecp5": {"mvau": {5, 9, 0, 0.4}, "tap_unit": {13, 50, 0, 9}, "hardwired": {4, 24, 1, 3},
			"replay_buffer": {14, 23, 0, 0}, "fifo": {11, 34, 0, 0},
			"width_converter": {1, 63, 0, 0}, "label_select": {8, 14, 0, 1}, "fork_stream": {9, 11, 0, 0},
			"add": {7, 24, 2, 7}, cost.KindDesign: {2.3, 10, 0.2, 0.8}},
	} {
		for kind, most := range kinds {
			e := model(t, family).Errors[kind].HeldOut
			if e.LUTMedian > most.lutMedian || e.LUTP90 > most.lutP90 ||
				e.FFMedian > most.ffMedian || e.FFP90 > most.ffP90 {
				t.Errorf("%s %s: held-out errors are %+v, want at most %+v", family, kind, e, most)
			}
		}
	}
}
