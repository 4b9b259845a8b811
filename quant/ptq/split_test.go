package ptq

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
)

// projectedLayers projects graphModel and returns the layers before and after by name: those before with batch
// norms folded and weights equalised.
func projectedLayers(t *testing.T, s Settings) (before, after map[string]*nn.Layer) {
	t.Helper()
	rng := rand.New(rand.NewPCG(31, 9))
	x := Samples{Values: uniforms(rng, 30*96), High: 1}
	for k := range 30 {
		x.Labels = append(x.Labels, k%5)
	}
	c, err := Calibrate(t.Context(), graphModel(rng), x, 8, true)
	if err != nil {
		t.Fatal(err)
	}
	m, _ := mustProject(t, c, s)
	before, after = map[string]*nn.Layer{}, map[string]*nn.Layer{}
	for i := range c.g.Layers {
		before[c.g.Layers[i].Name] = &c.g.Layers[i]
	}
	for i := range m.Layers {
		after[m.Layers[i].Name] = &m.Layers[i]
	}
	return before, after
}

// TestSplitKernels: the coarse centre and the fine rest of a kernel add up to it, within half a unit of the fine
// part, where that is not clipped; and the one's unit is a power of two times the other's (METHODS 4).
func TestSplitKernels(t *testing.T) {
	for _, extract := range []string{"centre", "whole"} {
		s := settings(CFWS, Accumulator{})
		s.WeightBits, s.Options = 6, Values{"rounding": "rtn", "extract": extract, "hessian": "identity"}
		before, after := projectedLayers(t, s)
		split := 0
		for name, fine := range after {
			coarse := after[name+"_centre"]
			if coarse == nil {
				continue
			}
			split++
			real := before[name]
			cin := coarse.In
			first := (len(real.Weights)/real.Out - cin) / 2
			for i, w := range real.Weights {
				row, column := i/real.In, i%real.In
				got, unit := float64(fine.Weights[i]), fine.Scale(row)
				if column >= first && column < first+cin {
					got += float64(coarse.Weights[row*cin+column-first])
				}
				clipped := math.Abs(float64(fine.Weights[i])) > 30.5*unit
				if d := math.Abs(got - float64(w)); d > 0.5001*unit && !clipped {
					t.Fatalf("%s %s, weight %d: %g of %g, want it within half of %g", extract, name, i, got, w, unit)
				}
				if f, _ := math.Frexp(coarse.Scale(row) / unit); f != 0.5 {
					t.Fatalf("%s %s, row %d: units %g and %g", extract, name, row, coarse.Scale(row), unit)
				}
			}
		}
		// Of the convolutions c and the ends have no split, e has a stride.
		if want := map[string]int{"centre": 3, "whole": 4}[extract]; split != want {
			t.Errorf("%s: %d layers are split, want %d", extract, split, want)
		}
	}
}

// TestOutliers: the sparse branch has the wanted part of the weights and no others, each within half a unit
// where nothing clips it; a mask by magnitude has the largest.
func TestOutliers(t *testing.T) {
	for _, score := range []Saliency{BatchGradient, SumGradient, SquareGradient, Damage, Magnitude, Random} {
		s := settings(GWQ, Accumulator{})
		s.WeightBits = 3
		s.Options = Values{"score": string(score), "part": "0.1", "rounding": "rtn", "outlier-bits": "12", "shift": "2"}
		before, after := projectedLayers(t, s)
		for name, sparse := range after {
			name, is := strings.CutSuffix(name, "_outliers")
			if !is {
				continue
			}
			real, dense := before[name], after[name]
			some, largest := 0, slices.Clone(wide(real.Weights))
			for i := range largest {
				largest[i] = -math.Abs(largest[i])
			}
			slices.Sort(largest)
			n := int(0.1 * float64(len(largest)))
			for i, v := range sparse.Weights {
				if v == 0 {
					continue
				}
				some++
				unit := sparse.Scale(i / real.In)
				if d := math.Abs(float64(v) + float64(dense.Weights[i]) - float64(real.Weights[i])); d > 0.5001*unit {
					t.Errorf("%s %s: outlier %d is off by %g, want at most half of %g", score, name, i, d, unit)
				}
				if w := math.Abs(float64(real.Weights[i])); score == Magnitude && w < -largest[n-1] {
					t.Errorf("%s: outlier %g, but the %d largest are from %g", name, w, n, -largest[n-1])
				}
			}
			if some > n || some < n/2 {
				t.Errorf("%s %s: %d outliers, want %d of %d weights", score, name, some, n, len(largest))
			}
		}
	}
}

// TestBranchNames: parts of a layer have names of their own, and the sum has what followed the layer.
func TestBranchNames(t *testing.T) {
	_, after := projectedLayers(t, settings(QERA, Accumulator{Bits: 10}))
	for _, name := range []string{"d", "d_in", "d_out", "d_sum"} {
		if after[name] == nil {
			t.Fatalf("no layer %s in %v", name, fmt.Sprint(after))
		}
	}
	if sum := after["d_sum"]; sum.Kind != quant.Add || sum.Act == nil || after["d"].Act != nil ||
		after["d_out"].Bias != nil {
		t.Errorf("sum %+v", sum)
	}
	if after["b_in"] != nil { // depthwise
		t.Error("a depthwise layer has a branch of low rank")
	}
}
