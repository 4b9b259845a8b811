package study

import (
	"fmt"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/cost"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/quant"
)

// HiddenLUTs estimates, for each unit that hidden layers may be built by (plan.UnitWords but
// auto), the LUTs that those of net take with converters and queues, at the rate of o. Hidden are
// all but the first and the last. A unit that cannot build them is left out.
//
// It is a comparison of units: the ends, which the limit on accumulators is not for, are the same
// in all of them.
func HiddenLUTs(net *quant.Network, o hwgen.Options, family string) (map[string]int, error) {
	luts := map[string]int{}
	for _, unit := range plan.UnitWords() {
		if unit == plan.Auto {
			continue
		}
		o.Folding = hwgen.Folding{}
		last := len(net.Layers) - 1
		for _, l := range net.Layers[1:last] {
			o.Folding[l.Name] = hwgen.Fold{Unit: unit}
		}
		d, err := plan.Plan(net, o)
		if err != nil {
			continue // too many taps for the rate, too wide for a graph
		}
		r, err := cost.Estimate(d, family)
		if err != nil {
			return nil, fmt.Errorf("study: %w", err)
		}
		for _, l := range r.Layers[1:last] {
			luts[unit] += l.LUT
		}
	}
	return luts, nil
}
