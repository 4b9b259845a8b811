package cost

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/quant"
)

func readSamples(t *testing.T) []Sample {
	t.Helper()
	data, err := os.ReadFile("data/xc7.csv")
	if err != nil {
		t.Fatal(err)
	}
	samples, err := ReadSamples(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return samples
}

// TestModelFollowsSamples fits the committed samples again: xc7.json is what the command
// would write, byte for byte.
func TestModelFollowsSamples(t *testing.T) {
	fresh, err := Fit(readSamples(t))
	if err != nil {
		t.Fatal(err)
	}
	want, err := fresh.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(xc7)); diff != "" {
		t.Errorf("xc7.json is stale, run go run ./hwgen/cost/fit -fit-only (-want +have):\n%s", diff)
	}
}

func TestSamplesRoundTrip(t *testing.T) {
	samples := readSamples(t)
	var b bytes.Buffer
	if err := WriteSamples(&b, samples); err != nil {
		t.Fatal(err)
	}
	again, err := ReadSamples(&b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(samples, again); diff != "" {
		t.Error(diff)
	}
	text := strings.Join(sampleHeader, ",") + "\nfifo,train,0,width,1,1,1,1,1,1,1\n"
	if _, err := ReadSamples(strings.NewReader(text)); err == nil {
		t.Error("a parameter without a value is read")
	}
}

// network returns a 64-32-32-10 network with 4-bit weights and activations whose hidden
// layer fits 10-bit accumulators.
func network(t *testing.T) *quant.Network {
	t.Helper()
	layer := func(seed uint64, name string, in, out, p, a int) quant.Layer {
		l := Sample{Seed: seed, Params: map[string]int{"mw": in, "mh": out, "m": 4, "n": 4, "p": p, "a": a,
			"gain": 4}}.layer()
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
	rows, err := Table(n, hwgen.Options{FPS: 1e6}, widths(6, 32), "xc7")
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
		var sum Resources
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
	d, err := hwgen.Plan(n, hwgen.Options{Folding: hwgen.Folding{"fc": {PE: 4, SIMD: 8}, "fc_split": {PE: 8, SIMD: 8}}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := Estimate(d, "xc7")
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

// TestTableJSON pins the keys that `a2qgen estimate --json` shows.
func TestTableJSON(t *testing.T) {
	row := Row{AccBits: 8, Safe: true, Resources: Resources{1, 2, 0.5, 3},
		Layers: []LayerCost{{Name: "fc", AccBits: 8, Safe: true, Resources: Resources{1, 2, 0.5, 3}}}}
	data, err := json.Marshal(row)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"acc_bits":8,"safe":true,"lut":1,"ff":2,"bram36":0.5,"dsp":3,"layers":[` +
		`{"name":"fc","acc_bits":8,"safe":true,"lut":1,"ff":2,"bram36":0.5,"dsp":3}]}`
	if string(data) != want {
		t.Errorf("got  %s\nwant %s", data, want)
	}
}

func TestBadInput(t *testing.T) {
	n := network(t)
	d, err := hwgen.Plan(n, hwgen.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Estimate(d, "ice40"); err == nil || !strings.Contains(err.Error(), "xc7") {
		t.Errorf("family ice40: %v", err)
	}
	if _, err := Table(n, hwgen.Options{}, []int{8}, "ecp5"); err == nil {
		t.Error("family ecp5 is accepted")
	}
	if _, err := Table(n, hwgen.Options{}, []int{0}, "xc7"); err == nil {
		t.Error("a 0-bit accumulator is accepted")
	}
}
