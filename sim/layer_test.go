package sim_test

import (
	"bytes"
	"context"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/internal/tooltest"
	"github.com/a2qgen/a2qgen/sim"
	"github.com/a2qgen/a2qgen/verilator"
)

var flips = flag.Int("flips", 0,
	"bits to flip, drawn from all memories of the demo-sized network, in TestFlippedBits (minutes)")

// TestLayersAlone: each layer of a design as emitted equals the model; alone it is driven
// to both ends of every channel.
func TestLayersAlone(t *testing.T) {
	tooltest.Need(t, "iverilog")
	for _, unit := range drawnUnits {
		d := unitTarget(t, unit)
		o := sim.Options{Simulator: verilator.Icarus, Seed: 1, CacheDir: benches}
		results, err := sim.CheckLayers(t.Context(), d, emitDir(t, d), o)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range results {
			if l := d.Layers[i].Layer; r.Layer != l.Name || r.Mismatches > 0 || r.Extremes != 2*l.Out ||
				r.BeatsCompared == 0 {
				t.Errorf("%s: %+v", unit, r)
			}
		}
	}
}

// unitTarget is the network of mutationTarget, its layers built by a unit.
func unitTarget(t *testing.T, unit string) *hwgen.Design {
	t.Helper()
	dense, _ := mutationTarget(t)
	d, err := plan.Plan(dense.Given, hwgen.Options{Unit: unit})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestNarrowAccumulators: with one bit less than its layer needs, in the edited top, every
// layer alone stops with an overflow that names the block.
func TestNarrowAccumulators(t *testing.T) {
	tooltest.Need(t, "iverilog")
	for _, unit := range drawnUnits {
		checkNarrow(t, unitTarget(t, unit), blockOf[unit])
	}
}

// checkNarrow narrows the accumulators of each layer, built by blocks of a name.
func checkNarrow(t *testing.T, d *hwgen.Design, block string) {
	t.Helper()
	for i, l := range d.Layers {
		dir := emitDir(t, d)
		path := filepath.Join(dir, "rtl", d.Name+".v")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		narrow := narrowed(string(text), "u_"+l.Layer.Name+"_"+block)
		if err := os.WriteFile(path, []byte(narrow), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err = sim.CheckLayer(t.Context(), d, i, dir, sim.Options{Simulator: verilator.Icarus, CacheDir: benches})
		if !caught(t, nil, err) || !strings.Contains(err.Error(), "u_"+l.Layer.Name+"_"+block) ||
			!strings.Contains(err.Error(), "overflows") {
			t.Errorf("%s: %v, want an overflow", l.Layer.Name, err)
		}
	}
}

// narrowed drops a bit of the accumulators of an instance of mvau in the text of a top
// module. THRESHOLD_BITS goes along: a threshold is at least as wide.
func narrowed(text, instance string) string {
	at := strings.LastIndex(text[:strings.Index(text, instance)], ".ACC_BITS(") + len(".ACC_BITS(")
	end := at + strings.IndexByte(text[at:], ')')
	return text[:end] + " - 1" + text[end:]
}

// TestFlippedBits flips single bits of memories and looks at their layer alone. One bit of
// each memory of a small design on Icarus; or, with -flips N, N bits drawn from all
// memories of the demo-sized network on Verilator, which reports how many show.
func TestFlippedBits(t *testing.T) {
	if *flips > 0 {
		countFlips(t, *flips)
		return
	}
	tooltest.Need(t, "iverilog")
	d, _ := mutationTarget(t)
	for i, layer := range d.Layers {
		for _, m := range memoriesOf(d, layer.Layer.Name) {
			t.Run(m.File, func(t *testing.T) {
				t.Parallel()
				if testing.Short() && i != 1 {
					t.Skip("simulates each memory's layer")
				}
				dir := emitDir(t, d)
				flip(t, dir, m, 0)
				o := sim.Options{Simulator: verilator.Icarus, CacheDir: benches, FirstOnly: true}
				r, err := sim.CheckLayer(t.Context(), d, i, dir, o)
				if !caught(t, &sim.Result{Mismatches: r.Mismatches, First: r.First}, err) {
					t.Error("bit 0 does not show")
				}
			})
		}
	}
}

// countFlips reports how many of drawn single-bit faults show, by what the memory holds.
func countFlips(t *testing.T, count int) {
	tooltest.Need(t, "verilator")
	d := sim.Trained(t)
	rng := rand.New(rand.NewPCG(1, 9))
	shown, all := map[string]int{}, map[string]int{}
	for range count {
		i := rng.IntN(len(d.Layers))
		memories := memoriesOf(d, d.Layers[i].Layer.Name)
		m := memories[rng.IntN(len(memories))]
		dir := emitDir(t, d)
		bit := rng.IntN(m.Bits * len(m.Words))
		flip(t, dir, m, bit)
		r, err := sim.CheckLayer(context.Background(), d, i, dir,
			sim.Options{Seed: 1, CacheDir: benches, FirstOnly: true})
		all[m.Layout.Holds]++
		if caught(t, &sim.Result{Mismatches: r.Mismatches, First: r.First}, err) {
			shown[m.Layout.Holds]++
		} else {
			t.Logf("bit %d of %s does not show", bit, m.File)
		}
	}
	for holds, n := range all {
		t.Logf("%s: %d of %d bits show", holds, shown[holds], n)
	}
}

func memoriesOf(d *hwgen.Design, layer string) []hwgen.Memory {
	var out []hwgen.Memory
	for _, m := range d.Memories() {
		if m.Layout.Layer == layer {
			out = append(out, m)
		}
	}
	return out
}

// flip inverts one bit of a memory's file, counted from bit 0 of word 0.
func flip(t *testing.T, dir string, m hwgen.Memory, bit int) {
	t.Helper()
	path := filepath.Join(dir, "rtl", m.File)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	words := bytes.Fields(text)
	word, bit := words[bit/m.Bits], bit%m.Bits
	digit := &word[len(word)-1-bit/4]
	value := bytes.IndexByte([]byte("0123456789abcdef"), *digit) ^ 1<<(bit%4)
	*digit = "0123456789abcdef"[value]
	if err := os.WriteFile(path, append(bytes.Join(words, []byte("\n")), '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}
