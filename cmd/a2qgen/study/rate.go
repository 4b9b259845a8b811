package study

import (
	"maps"
	"slices"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/data"
	"github.com/a2qgen/a2qgen/quant/train"
)

// Rate fits a spec to a frame rate: under budget or dq, layers that tap units may build get
// bounds on their taps with which these keep up, whatever the weights are, and the ends of the
// network a budget, where the spec says nothing.
type Rate struct {
	// Folding has the rate, the clock and the units.
	Folding hwgen.Options
	// KeepFirst and KeepLast leave P of the ends as the spec has it, none included.
	KeepFirst, KeepLast bool
	// Limited says that a limit on LUT chooses P of the ends too: it is then the most they may get.
	Limited bool
}

// BoundLayer is the JSON of what a layer got.
type BoundLayer struct {
	Name string `json:"name"`
	// AccBits is P. Default names the flag that says it, where neither that nor the spec did.
	AccBits int    `json:"acc_bits"`
	Default string `json:"default,omitempty"`
	// Units are those that P permits a row, Taps what it may have; none leaves it as it is.
	Units int64      `json:"units"`
	Taps  quant.Taps `json:"taps"`
}

// Units that the ends may have by default. On held-out samples of Fashion-MNIST 32 units of 784
// pixels are 0.2 to 0.4 percent better than 16, and 64 twice the LUT (docs/results/taps.md). The most
// are what hardly binds: where LUT are limited, the choice is between all that is below.
const (
	firstUnits, mostFirstUnits = 32, 256
	lastUnits, mostLastUnits   = 128, 1024
)

// sparse is the part of a row's weights below which a tap unit is the cheapest whatever the rate: a
// lane takes no more LUT than the product and the adder of a dense unit (20 to 25 both), and
// has that part of the work. Above it, both ways are tried.
const sparse = 1. / 3

// Applies says whether a rate changes anything in a spec: no other method has taps.
func (r *Rate) Applies(spec *train.Spec) bool { return spec.Ruled() }

// Ends returns spec with P of its ends, and which of them are defaults.
func (r *Rate) Ends(spec *train.Spec) (ended *train.Spec, first, last bool, err error) {
	var o train.Overrides
	// Under another method the ends would be under that, and dense units gain little by a smaller P.
	free := spec.Method.Ruled() && plan.MayTap(r.Folding, "")
	if first = free && !r.KeepFirst && spec.FirstAccBits == 0; first {
		p := accFor(spec.Rule, spec.InputType(), r.units(firstUnits, mostFirstUnits))
		o.FirstAccBits = &p
	}
	if last = free && !r.KeepLast && spec.LastAccBits == 0 && spec.Task == train.Classify; last {
		p := accFor(spec.Rule, quant.DataType{Bits: spec.ActBits}, r.units(lastUnits, mostLastUnits))
		o.LastAccBits = &p
	}
	ended, err = spec.With(o)
	return ended, first, last, err
}

// units returns those of an end.
func (r *Rate) units(usual, most int64) int64 {
	if r.Limited {
		return most
	}
	return usual
}

// accFor returns the least P that permits so many units, for inputs of type x.
func accFor(rule quant.Rule, x quant.DataType, units int64) int {
	p := 1
	for rule.Allowance(p, x).Units < units {
		p++
	}
	return p
}

// Taps returns the bounds to try for a layer: the one with which a tap unit keeps up; none where it
// is not the only one worth it.
func (r *Rate) Taps(l train.Target) []quant.Taps {
	cycles := r.Folding.WithDefaults().Cycles()
	if !plan.MayTap(r.Folding, l.Name) {
		return []quant.Taps{{}}
	}
	bound, ok := plan.MatchTaps(l.In, l.Out, l.Units(), cycles)
	switch {
	case !ok:
		return []quant.Taps{{}}
	case float64(l.Units()) > sparse*float64(l.In):
		return []quant.Taps{bound, {}}
	}
	return []quant.Taps{bound}
}

// Fit returns spec for the rate, and what its layers got: the bound on taps where a tap unit is the
// cheapest for the untrained network, by estimate.
func (r *Rate) Fit(spec *train.Spec, sets Sets) (*train.Spec, []BoundLayer, error) {
	ended, first, last, err := r.Ends(spec)
	if err != nil {
		return nil, nil, err
	}
	few := sets.fewSamples()
	worth, err := r.worth(ended, few)
	if err != nil {
		return nil, nil, err
	}
	var layers []BoundLayer
	fitted, err := ended.WithTaps(few, func(l train.Target) quant.Taps {
		t := worth[l.Name]
		b := BoundLayer{Name: l.Name, AccBits: l.Quantizer.AccBits, Units: l.Units(), Taps: t}
		switch {
		case l.Role.First && first:
			b.Default = "first-acc"
		case l.Role.Last && !l.Role.First && last:
			b.Default = "last-acc"
		}
		layers = append(layers, b)
		return t
	})
	return fitted, layers, err
}

// worth returns the bounds of layers for which a tap unit is the cheapest. Layers with a choice are
// planned with their bound and without.
func (r *Rate) worth(spec *train.Spec, set *data.Set) (map[string]quant.Taps, error) {
	bounds, open := map[string]quant.Taps{}, map[string]bool{}
	var built [2]map[string]builtLayer
	for i := range built {
		bounded, err := spec.WithTaps(set, func(l train.Target) quant.Taps {
			try := r.Taps(l)
			bounds[l.Name], open[l.Name] = try[0], len(try) > 1
			return try[min(i, len(try)-1)]
		})
		if err != nil {
			return nil, err
		}
		if !slices.Contains(slices.Collect(maps.Values(open)), true) {
			return bounds, nil
		}
		m, err := train.Untrained(bounded, set)
		if err != nil {
			return nil, err
		}
		if built[i], _, err = planModel(m, r.Folding, DefaultFamily); err != nil {
			return nil, err
		}
	}
	for name := range bounds {
		// Where another unit is cheaper a bound would cost accuracy for nothing. A tap unit keeps it
		// though drawn weights do without: trained ones may lie otherwise.
		free := built[1][name]
		if open[name] && free.fold.Lanes == 0 && built[0][name].lut >= free.lut {
			delete(bounds, name)
		}
	}
	return bounds, nil
}
