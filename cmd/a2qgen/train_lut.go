package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/cost"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
	"github.com/a2qgen/a2qgen/quant/qonnx"
	"github.com/a2qgen/a2qgen/quant/train"
)

// allocation is the JSON of what train --lut chose.
type allocation struct {
	// Family whose formulas estimate; Limit is --lut.
	Family string `json:"family"`
	Limit  int    `json:"lut_limit"`
	// LUT of the whole design, by estimate before and after the training. Trained
	// weights and thresholds leave less to save in memories.
	LUT        int `json:"lut"`
	LUTTrained int `json:"lut_trained"`
	// Layers are empty after --resume from where they were chosen already.
	Layers []allocationLayer `json:"layers"`

	// folding is the same before and after the choice: at a fixed fold the LUT of a layer
	// depend on its own widths alone, so costs add up over layers.
	folding hwgen.Options
}

// allocationLayer is what a layer got. LUT are those of the layer with its queue and
// buffer, Loss is by how much the training loss rises before training when this layer
// alone is narrowed so far. Loss is a measurement of each layer by itself; that losses of
// several layers add up is the assumption of the choice.
type allocationLayer struct {
	// AccBits is P, WeightBits M.
	Name       string  `json:"name"`
	AccBits    int     `json:"acc_bits"`
	WeightBits int     `json:"weight_bits"`
	LUT        int     `json:"lut"`
	Loss       float64 `json:"loss"`
	// What the spec allows, and what it would cost. A table of what was given up, layer by
	// layer.
	MostAccBits    int `json:"acc_bits_most"`
	MostWeightBits int `json:"weight_bits_most"`
	MostLUT        int `json:"lut_most"`
}

// lutFlags are the flags that bound the LUT of the design to train for. The folding flags
// come with it: LUT mean nothing without a frame rate.
func lutFlags() []cli.Flag {
	return append([]cli.Flag{
		&cli.IntFlag{Name: "lut", DefaultText: "no limit",
			Usage: "choose accumulators and weights of each layer so that the design takes at most `N` LUT"},
	}, foldingFlags()...)
}

// foldingIsSet says that a flag of foldingFlags is given.
func foldingIsSet(c *cli.Context) bool {
	return c.IsSet("fps") || c.IsSet("clock") || c.IsSet("folding") || c.IsSet("fold")
}

// lutAllocation returns what chooses the widths under --lut; nil without. Its errors are
// usage errors as far as the spec and the flags alone show them.
func lutAllocation(c *cli.Context, spec *train.Spec) (*allocation, error) {
	if !c.IsSet("lut") {
		if foldingIsSet(c) {
			return nil, usagef("train: --fps, --clock, --folding and --fold want --lut")
		}
		return nil, nil
	}
	switch {
	case c.Int("seeds") > 1:
		return nil, usagef("train: --lut chooses for one network, --seeds asks for %d", c.Int("seeds"))
	// base has no P to choose, and its accumulators are as wide as its weights make them.
	case spec.Method == quant.Base:
		return nil, usagef("train: --lut wants a method with accumulators, not base")
	}
	if err := hasHardware(spec); err != nil {
		return nil, usagef("train: --lut %w", err)
	}
	o, err := foldingOptions(c)
	if err != nil {
		return nil, err
	}
	return &allocation{Family: defaultFamily, Limit: c.Int("lut"), folding: o}, nil
}

// hasHardware returns an error unless every layer of spec has Verilog. Other layers train
// and certify, but a design of them cannot be planned yet.
func hasHardware(spec *train.Spec) error {
	for i := range spec.Layers {
		if kind := spec.Layers[i].Kind; kind != train.LinearLayer {
			return fmt.Errorf("wants linear layers, which alone have Verilog so far, not %s", kind)
		}
	}
	return nil
}

// checkFolding returns an error where the design of a spec's network cannot be planned
// with o: known before the training, not after it. Sizes alone decide whether a fold
// divides a layer, so drawn weights will do.
func checkFolding(spec *train.Spec, sets dataSets, o hwgen.Options) error {
	m, err := train.Untrained(spec, sets.train)
	if err != nil {
		return err
	}
	_, err = estimateModel(m, o, defaultFamily)
	return err
}

// allocator returns what trains under a; nil where a is. The nil receiver stands for a
// command line without --lut, so callers need no case.
func (a *allocation) allocator() *train.Allocator {
	if a == nil {
		return nil
	}
	return &train.Allocator{Limit: a.Limit, Choose: a.choose}
}

// choose finds the candidates of w that lose least within the limit, and writes them down.
// The limit is on the whole design: what no candidate changes (first and last layer,
// converters, label selection) is taken off it first.
func (a *allocation) choose(w *train.Widths) ([]int, error) {
	// All layers that the method does not constrain are in rest.
	costs, rest, err := lutCosts(w, a.folding, a.Family)
	if err != nil {
		return nil, err
	}
	// What the cheapest candidates take is known before the search, and makes an error
	// that says by how much the limit is too low.
	least := rest
	for _, c := range costs {
		least += slices.Min(c)
	}
	if a.Limit < least {
		return nil, fmt.Errorf("--lut is %d, want at least %d: what the smallest P and M take by estimate, "+
			"%d of it in layers whose widths are fixed",
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
		a.Layers = append(a.Layers, allocationLayer{Name: w.Layers[i], AccBits: c.AccBits, WeightBits: c.WeightBits,
			MostAccBits: most.AccBits, MostWeightBits: most.WeightBits, LUT: costs[i][k], MostLUT: costs[i][last],
			Loss: w.Loss[i][k]})
		a.LUT += costs[i][k]
	}
	return chosen, nil
}

// trained adds the estimate of the trained network. It may exceed the limit: memories were
// estimated with the weights of the float phase, and trained ones leave other patterns for
// synthesis to share.
func (a *allocation) trained(net *quant.Network) (*allocation, error) {
	r, err := estimateOwn(net, a.folding, a.Family)
	if err != nil {
		return nil, err
	}
	a.LUTTrained = r.Total.LUT
	return a, nil
}

// lutCosts estimates the LUT of each candidate, and of everything else in the design.
// Candidate k of every layer is part of one design, as many steps below the last for all.
// The sum over layers at their last candidates, plus rest, is the LUT of the spec's own
// design: that is how rest is found. One plan and one estimate per depth, not per
// combination, are enough since a layer's cost does not depend on the others' widths.
func lutCosts(w *train.Widths, o hwgen.Options, family string) (costs [][]int, rest int, err error) {
	// depth is the longest list of candidates: as many designs are estimated.
	depth := 0
	index := map[string]int{}
	for i, c := range w.Candidates {
		costs = append(costs, make([]int, len(c)))
		index[w.Layers[i]] = i
		depth = max(depth, len(c))
	}
	for below := range depth {
		r, err := estimateModel(w.Model(below), o, family)
		if err != nil {
			return nil, 0, err
		}
		if below == 0 {
			rest = r.Total.LUT
		}
		for _, l := range r.Layers {
			// Layers whose widths are fixed stay in rest.
			i, open := index[l.Name]
			if !open {
				continue
			}
			if below == 0 {
				rest -= l.LUT
			}
			// A layer with fewer candidates stays at its first while others still go down.
			costs[i][max(len(costs[i])-1-below, 0)] = l.LUT
		}
	}
	return costs, rest, nil
}

// estimateModel estimates the design of a network that is not in a file yet. Through the
// file format, so that the integers are those that the export would write.
func estimateModel(m *nn.Model, o hwgen.Options, family string) (*cost.Report, error) {
	data, err := qonnx.Encode(m)
	if err != nil {
		return nil, err
	}
	net, err := qonnx.Decode(m.Name, data)
	if err != nil {
		return nil, err
	}
	return estimateOwn(net, o, family)
}

// estimateOwn estimates the design of a network with the widths that its layers declare.
// The zero AccBits of o leaves every layer its declared width.
func estimateOwn(net *quant.Network, o hwgen.Options, family string) (*cost.Report, error) {
	d, err := hwgen.Plan(net, o)
	if err != nil {
		return nil, err
	}
	return cost.Estimate(d, family)
}

// print writes what was chosen beside what the spec would have allowed.
func (a *allocation) print(w io.Writer) {
	fmt.Fprintf(w, "LUT       %d on %s by estimate, %d wanted at most", a.LUTTrained, a.Family, a.Limit)
	// The limit was kept by estimate before the training; what came of it is said, not
	// hidden.
	if a.LUTTrained > a.Limit {
		fmt.Fprintf(w, " (+%.1f %%: trained weights take more)", percent(a.LUTTrained-a.Limit, a.Limit))
	}
	fmt.Fprintln(w)
	if len(a.Layers) == 0 {
		return
	}
	var t table
	t.row("layer", "P", "of", "M", "of", "LUT", "of", "loss")
	for _, l := range a.Layers {
		t.row(l.Name, l.AccBits, l.MostAccBits, l.WeightBits, l.MostWeightBits, l.LUT, l.MostLUT,
			fmt.Sprintf("%+.4f", l.Loss))
	}
	t.print(w)
	fmt.Fprintf(w, "  before training: LUT of the layers (%d with the rest), and what the loss rises by\n", a.LUT)
}
