package study

import (
	"fmt"
	"math"
	"slices"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/cost"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
	"github.com/a2qgen/a2qgen/quant/train"
)

// Allocation gives each layer widths, taps and a unit of its own within so many LUT, and is the JSON
// of what it chose.
type Allocation struct {
	// Family whose formulas estimate; Limit is what the whole design may take, LUT.
	Family string `json:"family"`
	Limit  int    `json:"lut_limit"`
	// LUT of the whole design, by estimate before and after the training. Trained
	// weights and thresholds leave less to save in memories.
	LUT        int `json:"lut"`
	LUTTrained int `json:"lut_trained"`
	// Layers are empty after a resume from where they were chosen already.
	Layers []AllocatedLayer `json:"layers"`
	// Folding says how fast the design is to be and which units it may have. Unit and fold of
	// a layer are those that the plan chooses for its widths and taps, whatever the other layers
	// have, so costs add up over layers.
	Folding hwgen.Options `json:"-"`
}

// AllocatedLayer is what a layer got. LUT are those of the layer with its queue and
// buffer, Loss is by how much the training loss rises before training when this layer
// alone is narrowed so far. Loss is a measurement of each layer by itself; that losses of
// several layers add up is the assumption of the choice.
type AllocatedLayer struct {
	// AccBits is P, WeightBits M.
	Name       string `json:"name"`
	AccBits    int    `json:"acc_bits"`
	WeightBits int    `json:"weight_bits"`
	// Taps bound its rows; none where it was not to have a bound. Unit is the module that
	// computes it: PE rows at once, with SIMD columns or so many Lanes each.
	Taps  quant.Taps `json:"taps"`
	Unit  string     `json:"unit"`
	PE    int        `json:"pe"`
	SIMD  int        `json:"simd"`
	Lanes int        `json:"lanes,omitempty"`
	LUT   int        `json:"lut"`
	Loss  float64    `json:"loss"`
	// What the spec allows, and what it would cost. A table of what was given up, layer by
	// layer.
	MostAccBits    int `json:"acc_bits_most"`
	MostWeightBits int `json:"weight_bits_most"`
	MostLUT        int `json:"lut_most"`
}

// Allocator returns what trains under a; nil where a is. The nil receiver stands for a
// training without a limit, so callers need no case.
func (a *Allocation) Allocator() *train.Allocator {
	if a == nil {
		return nil
	}
	return &train.Allocator{Limit: a.Limit, Choose: a.choose, Taps: (&Rate{Folding: a.Folding}).Taps}
}

// choose finds the candidates of w that lose least within the limit, and writes them down.
// The limit is on the whole design: what no candidate changes (layers without a target,
// label selection) is taken off it first.
func (a *Allocation) choose(w *train.Widths) ([]int, error) {
	// All layers that the method does not constrain are in rest.
	built, rest, err := candidateCosts(w, a.Folding, a.Family)
	if err != nil {
		return nil, err
	}
	costs := make([][]int, len(built))
	for i, layer := range built {
		for _, b := range layer {
			costs[i] = append(costs[i], b.lut)
		}
	}
	// What the cheapest candidates take is known before the search, and makes an error
	// that says by how much the limit is too low.
	least := rest
	for _, c := range costs {
		least += slices.Min(c)
	}
	if a.Limit < least {
		return nil, fmt.Errorf("the limit is %d LUT, want at least %d: what the smallest P, M and units take by "+
			"estimate, %d of it in layers whose widths are fixed",
			a.Limit, least, rest)
	}
	// A knapsack over layers: least total loss within the rest of the limit.
	chosen, err := w.Choose(costs, a.Limit-rest)
	if err != nil {
		return nil, err
	}
	a.LUT = rest
	for i, k := range chosen {
		last := len(w.Candidates[i]) - 1
		// The last candidate is what the spec gives the layer.
		c, most := w.Candidates[i][k], w.Candidates[i][last]
		fold := built[i][k].fold
		a.Layers = append(a.Layers, AllocatedLayer{Name: w.Layers[i], AccBits: c.AccBits, WeightBits: c.WeightBits,
			Taps: c.Taps, Unit: fold.Unit, PE: fold.PE, SIMD: fold.SIMD, Lanes: fold.Lanes,
			MostAccBits: most.AccBits, MostWeightBits: most.WeightBits,
			LUT: costs[i][k], MostLUT: costs[i][last], Loss: w.Loss[i][k]})
		a.LUT += costs[i][k]
	}
	return chosen, nil
}

// PriceTrained sets LUTTrained to the estimate of the trained network. It may exceed the
// limit: memories were estimated with the weights of the float phase, and trained ones leave
// other patterns for synthesis to share.
func (a *Allocation) PriceTrained(net *quant.Network) error {
	r, err := Price(net, a.Folding, a.Family)
	if err == nil {
		a.LUTTrained = r.Total.LUT
	}
	return err
}

// builtLayer is how the plan builds a layer, and what that takes.
type builtLayer struct {
	fold hwgen.Fold
	lut  int
}

// candidateCosts plans each candidate and estimates its LUT, and those of everything else in the
// design. Candidate k of every layer is part of one design, as many steps below the last for all.
// The sum over layers at their last candidates, plus rest, is the LUT of the spec's own
// design: that is how rest is found. One plan and one estimate per depth, not per
// combination, are enough since a layer's cost does not depend on the others' widths.
func candidateCosts(w *train.Widths, o hwgen.Options, family string) (built [][]builtLayer, rest int, err error) {
	// depth is the longest list of candidates: as many designs are estimated.
	depth := 0
	index := map[string]int{}
	for i, c := range w.Candidates {
		built = append(built, make([]builtLayer, len(c)))
		index[w.Layers[i]] = i
		depth = max(depth, len(c))
	}
	for below := range depth {
		layers, total, err := planModel(w.Model(below), o, family)
		if err != nil {
			return nil, 0, err
		}
		if below == 0 {
			rest = total
		}
		for name, l := range layers {
			// Layers whose widths are fixed stay in rest.
			i, open := index[name]
			if !open {
				continue
			}
			if below == 0 {
				rest -= l.lut
			}
			// A layer with fewer candidates stays at its first while others still go down.
			built[i][max(len(built[i])-1-below, 0)] = l
		}
	}
	for i, c := range w.Candidates {
		bury(c, built[i], w.Loss[i])
	}
	return built, rest, nil
}

// bury takes candidates out with a bound on their taps to which the plan gives another unit than a tap
// unit: the bound saves nothing that the candidate of the same P without one does not, and loses. That
// it measures a little less loss, by chance, must not choose it. They get an infinite loss and, so that
// the least that layers cost stays right, the price of the dearest.
func bury(candidates []train.Width, built []builtLayer, loss []float64) {
	dearest := 0
	for _, b := range built {
		dearest = max(dearest, b.lut)
	}
	for k, c := range candidates {
		free := slices.ContainsFunc(candidates, func(o train.Width) bool { return o.AccBits == c.AccBits && !o.Taps.Any() })
		if c.Taps.Any() && built[k].fold.Lanes == 0 && free {
			built[k].lut, loss[k] = dearest, math.Inf(1)
		}
	}
}

// planModel returns the layers, by name, and the LUT of the design of a network that is not in a
// file yet.
func planModel(m *nn.Model, o hwgen.Options, family string) (map[string]builtLayer, int, error) {
	_, net, err := encoded(m, m.Name)
	if err != nil {
		return nil, 0, err
	}
	d, err := plan.Plan(net, o)
	if err != nil {
		return nil, 0, err
	}
	r, err := cost.Estimate(d, family)
	if err != nil {
		return nil, 0, err
	}
	layers := map[string]builtLayer{}
	for i, l := range r.Layers {
		layers[l.Name] = builtLayer{d.Layers[i].Fold, l.LUT}
	}
	return layers, r.Total.LUT, nil
}
