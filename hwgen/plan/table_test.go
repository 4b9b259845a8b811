package plan_test

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
	"github.com/a2qgen/a2qgen/hwgen/cost"
	"github.com/a2qgen/a2qgen/hwgen/cost/synth"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/internal/tooltest"
	"github.com/a2qgen/a2qgen/quant"
)

// network returns a 64-32-32-10 network with 4-bit weights and activations whose hidden
// layer fits 10-bit accumulators.
func network(t *testing.T) *quant.Network {
	t.Helper()
	layer := func(seed uint64, name string, in, out, p, a int) quant.Layer {
		l := block.Sample{Seed: seed, Params: map[string]int{"mw": in, "mh": out, "m": 4, "n": 4, "p": p, "a": a,
			"gain": 4}}.Layer()
		l.Name = name
		return *l
	}
	n := quant.Network{Name: "test", InputShape: []int{64}, Input: quant.InputQuantizer{Type: quant.DataType{Bits: 4},
		Quantize: func(_ int, v float64) int32 { return int32(v) }},
		Layers: []quant.Layer{layer(1, "fc0", 64, 32, 16, 4), layer(2, "fc1", 32, 32, 10, 4),
			layer(3, "fc2", 32, 10, 16, 0)}}
	net, err := quant.NewNetwork(n)
	if err != nil {
		t.Fatal(err)
	}
	return net
}

func widths(from, to int) []int {
	var w []int
	for p := from; p <= to; p++ {
		w = append(w, p)
	}
	return w
}

// TestTable checks that no wider accumulator is cheaper, that layers and queue add up,
// and that an unsafe width is marked.
func TestTable(t *testing.T) {
	n := network(t)
	rows, err := plan.Table(n, hwgen.Options{FPS: 1e6}, widths(6, 32), "xc7")
	if err != nil {
		t.Fatal(err)
	}
	needed, _ := n.Layers[1].NeededBits()
	for i, r := range rows {
		if r.Safe != (r.AccBits >= needed) {
			t.Errorf("P = %d: safe is %v, the weights need %d", r.AccBits, r.Safe, needed)
		}
		if i > 0 && (r.LUT < rows[i-1].LUT || r.FF < rows[i-1].FF) {
			t.Errorf("P = %d costs %d LUT, %d FF, less than P = %d with %d, %d", r.AccBits, r.LUT, r.FF,
				r.AccBits-1, rows[i-1].LUT, rows[i-1].FF)
		}
		var sum boards.Resources
		for _, l := range r.Layers {
			sum = sum.Plus(l.Resources)
		}
		if sum != r.Resources { // the output has one beat, so nothing is counted
			t.Errorf("P = %d: layers cost %+v, all %+v", r.AccBits, sum, r.Resources)
		}
	}
	// The hidden layer is the one that follows P.
	first, last := rows[0].Layers[1], rows[len(rows)-1].Layers[1]
	if last.LUT < first.LUT*11/10 || last.FF < first.FF*11/10 {
		t.Errorf("P hardly matters: %+v at 6 bits, %+v at 32", first.Resources, last.Resources)
	}
}

// TestLayerOfConverter: a converter counts for its own layer, whatever the names of
// the layers end in.
func TestLayerOfConverter(t *testing.T) {
	n := network(t)
	n.Layers[0].Name, n.Layers[1].Name = "fc", "fc_split"
	d, err := plan.Plan(n, hwgen.Options{Folding: hwgen.Folding{"fc": {PE: 4, SIMD: 8}, "fc_split": {PE: 8, SIMD: 8}}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := cost.Estimate(d, "xc7")
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, b := range r.Blocks {
		if b.Name == "fc_split_gather" {
			found = true
			if b.Layer != "fc_split" {
				t.Errorf("converter %s counts for layer %q, want fc_split", b.Name, b.Layer)
			}
		}
	}
	if !found {
		t.Error("the design has no converter fc_split_gather")
	}
}

// TestTableJSON pins the keys that `a2qgen estimate --json` shows: the same for every family.
func TestTableJSON(t *testing.T) {
	r := boards.Resources{LUT: 1, FF: 2, BRAM36: 0.5, DSP: 3, BRAMKbits: 18}
	row := plan.Row{AccBits: 8, Safe: true, Resources: r,
		Layers: []cost.LayerCost{{Name: "fc", AccBits: 8, Safe: true, Resources: r}}}
	data, err := json.Marshal(row)
	if err != nil {
		t.Fatal(err)
	}
	const resources = `"lut":1,"ff":2,"bram36":0.5,"uram":0,"ebr18":0,"ebr4":0,"dsp":3,"bram_kbits":18`
	want := `{"acc_bits":8,"safe":true,` + resources + `,"layers":[` +
		`{"name":"fc","acc_bits":8,"safe":true,` + resources + `}]}`
	if string(data) != want {
		t.Errorf("got  %s\nwant %s", data, want)
	}
}

func TestBadInput(t *testing.T) {
	n := network(t)
	d, err := plan.Plan(n, hwgen.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range []string{"ice40", "xcup", "abacus"} { // without prices; served by another; unknown
		known := strings.Join(cost.Families(), ", ")
		if _, err := cost.Estimate(d, family); err == nil || !strings.Contains(err.Error(), known) {
			t.Errorf("estimate for %s: %v", family, err)
		}
		_, err := plan.Table(n, hwgen.Options{}, []int{8}, family)
		if err == nil || !strings.Contains(err.Error(), family) {
			t.Errorf("table for %s: %v", family, err)
		}
	}
	for _, p := range []int{-1, 65} {
		if _, err := plan.Table(n, hwgen.Options{}, []int{p}, "xc7"); err == nil {
			t.Errorf("an accumulator of %d bits is accepted", p)
		}
	}
}

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
	d, err := plan.Plan(network(t), hwgen.Options{FPS: 1e6})
	if err != nil {
		t.Fatal(err)
	}
	got, err := cost.Estimate(d, "xc7")
	if err != nil {
		t.Fatal(err)
	}
	want, err := synth.Design(context.Background(), d)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("estimate %+v, Yosys %+v", got.Total, want)
	if e := percent(got.Total.LUT, want.LUT); e > 5 {
		t.Errorf("estimate of %d LUT is %.1f %% off %d", got.Total.LUT, e, want.LUT)
	}
	if e := percent(got.Total.FF, want.FF); e > 3 {
		t.Errorf("estimate of %d FF is %.1f %% off %d", got.Total.FF, e, want.FF)
	}
}

// percent returns |got-want| in percent of want.
func percent(got, want int) float64 { return 100 * math.Abs(float64(got-want)) / float64(want) }
