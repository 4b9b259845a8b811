package plan

import (
	"fmt"

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/cost"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/sim/cycle"
)

// Row is the cost of a network at one accumulator width.
type Row struct {
	// AccBits is P of the layers that quant.Network.Constrained names; 0 if each has its own.
	AccBits int `json:"acc_bits"`
	// Safe says that no accumulator of the network can overflow at this P.
	Safe bool `json:"safe"`
	// Shifted says that some accumulator begins at a start value: at this P plain ones
	// would not be safe.
	Shifted bool `json:"shifted,omitempty"`
	boards.Resources
	Layers []cost.LayerCost `json:"layers"`
	// Design is what was priced: where it is not safe, nothing may be built of it.
	Design *hwgen.Design `json:"-"`
}

// Table estimates n, folded by o, for each accumulator width of accs. A width that
// the weights may overflow is estimated all the same and marked unsafe. The folding
// does not depend on the width. A layer with start values is plain at every P that is
// wide enough for that, and shifted below.
//
// accs are 1 to 64 bits, or 0 for the widths that the layers declare; rows come in their order. The
// error says which one is not, or is the plan's, or that the family is unknown: that is checked
// first, before any planning.
func Table(n *quant.Network, o hwgen.Options, accs []int, family string) ([]Row, error) {
	if err := cost.CheckFamily(family); err != nil {
		return nil, err
	}
	var rows []Row
	var timing *cycle.Steady
	low, found := lowered(n), newSearches()
	for _, p := range accs {
		if p < 0 || p > 64 {
			return nil, fmt.Errorf("cost: accumulator has %d bits, want 1..64, or 0 for the layers' own", p)
		}
		// The same folds and queues at each P make rows comparable: what differs is what P costs.
		o.AccBits, o.Unsafe = p, true
		d, err := (&planner{given: n, network: low, options: o.WithDefaults(), timing: timing, searches: found}).plan()
		if err != nil {
			return nil, err
		}
		// P is in no machine, so all widths share one timing: measured once, since a deep network's
		// takes seconds.
		o.Folding, timing = d.Folding(), &d.Timing
		// By the asked family's formulas: which the design was folded for is another matter.
		r, err := cost.Estimate(d, family)
		if err != nil {
			return nil, err
		}
		rows = append(rows, Row{AccBits: p, Safe: d.Safe(), Shifted: d.Shifted(), Resources: r.Total,
			Layers: r.Layers, Design: d})
	}
	return rows, nil
}
