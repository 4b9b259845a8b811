package plan_test

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/quanttest"
)

// withOutputs returns a network of one hidden layer that shows it under every name, and its scores under the last.
func withOutputs(t *testing.T, names ...string) *quant.Network {
	t.Helper()
	n := *quanttest.Drawn(1, 4, 3, 2)
	n.Outputs = nil
	for _, name := range names {
		n.Outputs = append(n.Outputs, quant.Output{Name: name})
	}
	n.Outputs[len(names)-1].Layer = 1
	checked, err := quant.NewNetwork(n)
	if err != nil {
		t.Fatal(err)
	}
	return checked
}

// TestPortNames: one output leaves by m_axis, whatever its name is; several by plain Verilog names of their own,
// also for a wrapper that does not tell cases apart, and beside the design's streams.
func TestPortNames(t *testing.T) {
	for _, c := range []struct{ outputs, want []string }{
		{[]string{"logits"}, []string{"m_axis"}},
		{[]string{"logits", "boxes"}, []string{"m_logits", "m_boxes"}},
		{[]string{"/head.1/Add_output_0", "127"}, []string{"m_head_1_Add_output_0", "m_127"}},
		{[]string{"out", "Out", "out_2", "o.u.t", "o u t"},
			[]string{"m_out", "m_Out_2", "m_out_2_2", "m_o_u_t", "m_o_u_t_2"}},
		{[]string{"...", "größe", "_"}, []string{"m_output", "m_gr_e", "m_output_2"}},
		{[]string{strings.Repeat("deep.", 20) + "end", "x"},
			[]string{"m_deep_deep_deep_deep_deep_deep_deep_deep_end", "m_x"}},
	} {
		n := withOutputs(t, c.outputs...)
		if len(c.outputs) == 1 {
			n = quanttest.Drawn(1, 4, 3, 2)
		}
		d, err := plan.Plan(n, hwgen.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range d.Sinks {
			got = append(got, p.Name)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q: ports %q, want %q", c.outputs, got, c.want)
		}
	}
}

// TestOutputsPlanned: every output of a drawn network has its port, with the stream that carries its layer's
// numbers, and no name is there twice, in any case.
func TestOutputsPlanned(t *testing.T) {
	count, several, read := uint64(60), 0, 0
	if testing.Short() {
		count = 20
	}
	plain := regexp.MustCompile(`^m_[A-Za-z0-9_]{1,50}$`)
	for seed := range count {
		n := quanttest.RandomResidual(rand.New(rand.NewPCG(seed, 71)), 12, 0)
		d, err := plan.Plan(n, hwgen.Options{FPS: 1e6})
		if err != nil {
			t.Fatal(err)
		}
		if len(d.Sinks) != len(n.Outputs) {
			t.Fatalf("seed %d: %d ports of %d outputs", seed, len(d.Sinks), len(n.Outputs))
		}
		names := map[string]bool{}
		for _, s := range d.Streams {
			names[strings.ToLower(s.Name)] = true
		}
		for k, p := range d.Sinks {
			if got, want := d.Sink(k).Content[0].Layer, n.OutputLayer(k).Name; got != want {
				t.Errorf("seed %d: output %d carries %q, want %q", seed, k, got, want)
			}
			if lower := strings.ToLower(p.Name); names[lower] || !plain.MatchString(p.Name) {
				t.Errorf("seed %d: port %q is there twice, or no name", seed, p.Name)
			} else {
				names[lower] = true
			}
			for i := range n.Layers {
				if len(n.Outputs) > 1 && slices.Contains(n.Layers[i].From, n.Outputs[k].Layer) {
					read++
					break
				}
			}
		}
		several += min(len(n.Outputs), 2) - 1
	}
	if several < int(count)/6 || read < int(count)/20 {
		t.Errorf("%d of %d networks have several outputs, %d outputs are read too: want more", several, count, read)
	}
}

// TestOutputsKeepOrder: the rows of a layer that is an output leave in their order, so what reads it has no
// other order of its columns.
func TestOutputsKeepOrder(t *testing.T) {
	fold := hwgen.Folding{"fc2": {Unit: "tap", PE: 1, SIMD: 1, Lanes: 2, Order: hwgen.Arranged}}
	if _, err := plan.Plan(quanttest.Drawn(1, 4, 3, 2), hwgen.Options{Folding: fold}); err != nil {
		t.Fatal(err)
	}
	_, err := plan.Plan(withOutputs(t, "hidden", "logits"), hwgen.Options{Folding: fold})
	if err == nil || !strings.Contains(err.Error(), "that nothing else reads and that is no output") {
		t.Errorf("%v, want a refusal", err)
	}
}

// TestSumsKeepStart: accumulators that leave as they are, by an output or to another layer, begin where the
// network says, whatever P is; those behind them with thresholds are the same.
func TestSumsKeepStart(t *testing.T) {
	n := *quanttest.Drawn(3, 6, 4, 3)
	n.Layers = slices.Clone(n.Layers)
	sums := &n.Layers[0]
	sums.Start, sums.Thresholds = []int64{5, -7, 0, 30}, nil
	n.Layers[1] = quant.Layer{Name: "stairs", Kind: quant.Requantize, Out: 4, Thresholds: &quant.Thresholds{
		Output: quant.DataType{Bits: 1}, Values: []int64{5, -7, 0, 30}}}
	n.Outputs = []quant.Output{{Name: "sums", Layer: 0}, {Name: "stairs", Layer: 1}}
	given, err := quant.NewNetwork(n)
	if err != nil {
		t.Fatal(err)
	}
	needed, _ := given.Layers[0].NeededBits()
	for _, p := range []int{needed, needed + 1, needed + 5} {
		d, err := plan.Plan(given, hwgen.Options{Folding: hwgen.Folding{"fc1": {PE: 1, SIMD: 1, AccBits: p}}})
		if err != nil {
			t.Fatal(err)
		}
		var want, got quant.Trace
		for v := range int32(8) {
			x := []int32{v, 7 - v, v / 2, 3, 0, 7}
			quant.NewExecutor(given).Run(x, &want)
			quant.NewExecutor(d.Network).Run(x, &got)
			if !slices.EqualFunc(want.Scores, got.Scores, slices.Equal[[]int64]) {
				t.Errorf("P = %d: gives %v, want %v", p, got.Scores, want.Scores)
			}
		}
	}
}
