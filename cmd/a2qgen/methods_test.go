package main

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/a2qgen/a2qgen/internal/tooltest"
)

// TestMethods takes a network of every method from training to its Verilog and
// back: the file is certified at P, and the cross-check finds no mismatch. The methods
// differ in the hidden layers alone: those are folded less, and the samples are small, so
// that the simulator does not spend its time on a first layer of 784 inputs.
func TestMethods(t *testing.T) {
	if testing.Short() {
		t.Skip("simulates with Icarus Verilog")
	}
	tooltest.Need(t, "iverilog", "vvp")
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	set := tinyData(t, 96)
	spec := specFile(t, "layers: [12, 8, 8]\nfloat: {epochs: 1}\nqat: {epochs: 1}\nbatch: 16\n")
	for _, m := range []struct {
		method, rule string
		acc          int
	}{{"base", "", 0}, {"wn", "", 9}, {"a2q", "", 9}, {"a2q+", "", 9}, {"budget", "split", 8}, {"budget",
		"shifted", 7}, {"dq", "split", 8}, {"dq", "shifted", 7}} {
		t.Run(m.method+m.rule, func(t *testing.T) {
			dir := t.TempDir()
			net, design := filepath.Join(dir, "net.onnx"), filepath.Join(dir, "design")
			args := []string{"train", spec, "--data", set, "--method", m.method, "--out", net}
			if m.acc > 0 {
				args = append(args, "--acc", fmt.Sprint(m.acc))
			}
			if m.rule != "" {
				args = append(args, "--rule", m.rule)
			}
			succeed(t, args...)
			checkCertificates(t, succeed(t, "inspect", net, "--json").document(t), m.acc, m.rule)
			// 20 cycles per frame at 100 MHz: fc2, 12 x 8, takes 5 multipliers or more.
			succeed(t, "generate", net, "--out", design, "--fps", "5e6")
			sim := succeed(t, "sim", design, "--data", set, "--frames", "4", "--stall", "0.3", "--simulator",
				"icarus", "--json").document(t)
			if sim["mismatches"] != 0.0 || sim["beats_compared"] == 0.0 {
				t.Errorf("sim: %v", sim)
			}
		})
	}
}

// checkCertificates checks that both hidden layers fit acc bits, from start
// values where the rule is shifted.
func checkCertificates(t *testing.T, doc map[string]any, acc int, rule string) {
	t.Helper()
	layers := doc["layers"].([]any)
	for _, l := range layers[1 : len(layers)-1] {
		l := l.(map[string]any)
		if l["acc_bits"] != float64(acc) || acc > 0 && l["acc_bits_needed"].(float64) > float64(acc) {
			t.Errorf("layer %v", l)
		}
		if rule != "shifted" && l["acc_start"] != "zero" {
			t.Errorf("layer %v begins at start values", l)
		}
	}
}
