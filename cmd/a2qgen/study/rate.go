package study

import (
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/train"
)

// Rate fits a spec to a frame rate: under the method budget, layers that tap units may build get
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
// pixels lose half a percent of what no limit has, 16 twice that (docs/results/taps.md). The most are
// what hardly binds: where LUT are limited, the choice is between all that is below.
const (
	firstUnits, mostFirstUnits = 32, 256
	lastUnits, mostLastUnits   = 128, 1024
)

// sparse is the part of a row's weights below which a tap unit is the cheapest whatever the rate: it
// does that part of the work, at about a LUT for a bit where a product takes four. Above it, both
// ways are tried.
const sparse = 1. / 3

// Applies says whether a rate changes anything in a spec: no other method has taps.
func (r *Rate) Applies(spec *train.Spec) bool { return spec.Uses(quant.Budget) }

// Ends returns spec with P of its ends, and which of them are defaults.
func (r *Rate) Ends(spec *train.Spec) (ended *train.Spec, first, last bool, err error) {
	var o train.Overrides
	// Under another method the ends would be under that, and dense units gain little by a smaller P.
	free := spec.Method == quant.Budget && plan.MayTap(r.Folding, "")
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

// Fit returns spec for the rate, and what its layers got: the bound on taps where the design of the
// untrained network is cheaper with it, by estimate.
func (r *Rate) Fit(spec *train.Spec, sets Sets) (*train.Spec, []BoundLayer, error) {
	ended, first, last, err := r.Ends(spec)
	if err != nil {
		return nil, nil, err
	}
	worth, err := r.worth(ended, sets)
	if err != nil {
		return nil, nil, err
	}
	var layers []BoundLayer
	fitted, err := ended.WithTaps(sets.Train, func(l train.Target) quant.Taps {
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

// worth returns the bounds of layers that save LUT.
func (r *Rate) worth(spec *train.Spec, sets Sets) (map[string]quant.Taps, error) {
	bounds, open := map[string]quant.Taps{}, false
	bounded, err := spec.WithTaps(sets.Train, func(l train.Target) quant.Taps {
		try := r.Taps(l)
		open = open || len(try) > 1
		if try[0].Any() {
			bounds[l.Name] = try[0]
		}
		return try[0]
	})
	if err != nil || !open {
		return bounds, err
	}
	var built [2]map[string]builtLayer
	for i, s := range []*train.Spec{bounded, spec} {
		m, err := train.Untrained(s, sets.Train)
		if err != nil {
			return nil, err
		}
		if built[i], _, err = planModel(m, r.Folding, DefaultFamily); err != nil {
			return nil, err
		}
	}
	for name := range bounds {
		// A bound costs accuracy: it has to save something.
		if built[0][name].lut >= built[1][name].lut {
			delete(bounds, name)
		}
	}
	return bounds, nil
}
