package qonnx

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
)

// Networks that move elements (crops, shuffles, blocks of positions, transposed convolutions,
// labels at each position, sums of several scales) give what ONNX's own evaluator gives, value
// by value: moves.json says which version.
func TestMoves(t *testing.T) {
	text, err := os.ReadFile(cases + "moves.json")
	if err != nil {
		t.Fatal(err)
	}
	var all struct {
		Cases map[string]struct {
			Samples [][]float32
			Outputs [][]float64
			Labels  [][]int32
		}
	}
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	if len(all.Cases) < 40 {
		t.Fatalf("%d cases", len(all.Cases))
	}
	for name, c := range all.Cases {
		n, err := Read(cases + name + ".onnx")
		if err != nil {
			t.Error(err)
			continue
		}
		for i, sample := range c.Samples {
			if got := outputsOf(n, sample); !slices.EqualFunc(got, c.Outputs[i], func(a, b float64) bool {
				return math.Abs(a-b) <= 1e-9*max(1, math.Abs(b))
			}) {
				t.Errorf("%s: sample %d gives %v, want %v", name, i, got, c.Outputs[i])
				break
			}
			if c.Labels == nil {
				continue
			}
			if got := labelsOf(n, sample); !slices.Equal(got, c.Labels[i]) {
				t.Errorf("%s: sample %d has labels %v, want %v", name, i, got, c.Labels[i])
			}
		}
	}
}

// labelsOf returns the label of each position.
func labelsOf(n *quant.Network, sample []float32) []int32 {
	x, tr, e := make([]int32, n.InputSize()), quant.Trace{}, quant.NewExecutor(n)
	n.Input.Apply(sample, x)
	e.Run(x, &tr)
	out := make([]int32, n.OutputLayer(0).Shape.Positions())
	e.Labels(&tr, 0, out)
	return out
}
