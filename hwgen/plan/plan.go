// Package plan decides a hardware design for an integer network: fold and accumulator of each
// layer, blocks and streams, the depths of queues.
package plan

import (
	"cmp"
	"slices"

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block/hardwired"
	"github.com/a2qgen/a2qgen/hwgen/cost"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/sim/cycle"
)

// Plan decides a design for n. It recomputes every accumulator certificate from the integers,
// and takes latency, interval and queue depths from the cycle model. Errors name layer,
// wanted and had.
func Plan(n *quant.Network, o hwgen.Options) (*hwgen.Design, error) {
	o = o.WithDefaults()
	low, found := lowered(n), newSearches()
	plan := func(luts int) (*hwgen.Design, error) {
		o.BlockLUTs = luts
		return (&planner{given: n, network: low, options: o, searches: found}).plan()
	}
	d, err := plan(o.BlockLUTs)
	for _, luts := range sparing {
		// The last is as sparing as can be: whoever asked for the limit says that it does not fit.
		if err != nil || o.Blocks == 0 || fitsBlocks(d, o.Blocks) {
			break
		}
		if luts > o.BlockLUTs {
			d, err = plan(luts)
		}
	}
	return d, err
}

// fitsBlocks says that a design has so many blocks of RAM at most. Of a family without prices nobody knows.
func fitsBlocks(d *hwgen.Design, limit float64) bool {
	used, err := cost.Estimate(d, string(d.Family))
	return err != nil || used.Total.Blocks() <= limit
}

// plan runs the passes.
func (p *planner) plan() (*hwgen.Design, error) {
	// The first error ends it: what a pass takes for granted, those before it have checked, and an
	// error that only follows from another would mislead.
	for _, pass := range passes {
		if err := pass(p); err != nil {
			return nil, err
		}
	}
	return p.design, nil
}

// passes are what planning does, each on what those before it have left.
var passes = []func(*planner) error{
	(*planner).check,   // options and names
	(*planner).choose,  // the units that every layer may have
	(*planner).fold,    // the cheapest, how much it computes at once, and where memories lie
	(*planner).certify, // P of each layer, and that no sum can overflow it
	(*planner).queue,   // the queues that the rate takes: blocks and streams follow
	(*planner).verify,  // that every block gets what it reads
}

// planner is a plan under way.
type planner struct {
	// given is the caller's network, which is never changed. network computes the same: its types are
	// those that blocks know (lowered), fold gives it other orders of hidden channels, certify other
	// start values.
	given, network *quant.Network
	options        hwgen.Options
	// style says how the family's tools are asked for a kind of memory.
	style boards.MemoryStyle
	// model has the family's prices.
	model *cost.Model
	*searches
	// choices are the units that each layer may have, units the ones that they get.
	choices [][]*unit
	units   []*unit
	// layers and units are as long as the network's layers, and in their order.
	layers []hwgen.LayerPlan
	// wired are the hard-wired units of the plan's layers, made once for all tries of queues.
	wired  map[*quant.Layer]*hardwired.Block
	design *hwgen.Design
	// tried is what designs did with the depths of queues that were tried, by their keys.
	tried map[string]trial
	// timing is known where a plan differs from another in P alone; else verify measures it.
	timing *cycle.Steady
}

// choose finds the units that each layer may have: the one asked for, or all that fit.
func (p *planner) choose() error {
	for i := range p.network.Layers {
		l := &p.network.Layers[i]
		fit, err := unitsOf(l, p.options.Folding[l.Name], p.options.Unit)
		if err != nil {
			return err
		}
		p.choices = append(p.choices, fit)
	}
	return nil
}

// fold chooses unit and fold of each layer, or takes what is asked for.
func (p *planner) fold() error {
	p.units = make([]*unit, len(p.network.Layers))
	p.layers = make([]hwgen.LayerPlan, len(p.network.Layers))
	// The last first: the order that a layer wants its columns in is that of the rows before it.
	for i := range slices.Backward(p.network.Layers) {
		u, f, err := p.cheapest(i)
		if err != nil {
			return err
		}
		p.units[i], p.layers[i].Fold = u, f
		p.arrange(i, f)
	}
	return nil
}

// cheapest returns, of the units that a layer may have, the one of the fewest LUTs among those that
// keep up with the frame rate, and its fold. Where none does, it is the fastest.
func (p *planner) cheapest(i int) (*unit, hwgen.Fold, error) {
	l, from := &p.network.Layers[i], p.choices[i]
	var best *unit
	var fold hwgen.Fold
	var least [2]int // cycles beyond those of a frame, LUTs
	var why error
	for _, u := range from {
		// An adder graph takes seconds, and at most rates another unit is far below it.
		if best != nil && least[0] == 0 && u.least(l) >= least[1] {
			continue
		}
		f, err := p.foldOf(l, u)
		switch {
		case err != nil:
			why = cmp.Or(why, err)
			continue
		case len(from) == 1:
			return u, f, nil
		}
		offer, cost := p.costOf(l, u, f)
		p.layers[i].Offers = append(p.layers[i].Offers, offer)
		// Equal prices keep the first, the usual one: plans must not depend on luck.
		if best == nil || slices.Compare(cost[:], least[:]) < 0 {
			best, fold, least = u, f, cost
		}
	}
	if best == nil {
		return nil, hwgen.Fold{}, why
	}
	return best, fold, nil
}

// costOf returns what a unit offers, by how many cycles it is slower than a frame, and its price. P is
// what the weights need: a fold does not depend on the P that is asked for.
func (p *planner) costOf(l *quant.Layer, u *unit, f hwgen.Fold) (hwgen.Offer, [2]int) {
	acc, _ := neededBits(l)
	o := p.offer(u.blocks(p, l, f, acc))
	o.Unit = u.word
	return o, [2]int{max(0, o.Cycles-p.options.Cycles()), p.priceOf(o)}
}

// foldOf returns the fold of a layer built by a unit: what is asked for, and what the unit chooses.
func (p *planner) foldOf(l *quant.Layer, u *unit) (hwgen.Fold, error) {
	f := p.options.Folding[l.Name]
	// An entry may set only P or the queue: the fold is then chosen as without it.
	if f.PE == 0 && f.SIMD == 0 && f.Lanes == 0 {
		// Each layer alone must keep up with the frame rate: a design is as fast as its slowest.
		chosen, err := u.fold(p, l)
		if err != nil {
			return f, err
		}
		f.PE, f.SIMD, f.Lanes, f.Order = chosen.PE, chosen.SIMD, chosen.Lanes, cmp.Or(f.Order, chosen.Order)
		f.Window = cmp.Or(f.Window, chosen.Window)
	}
	if f.PE > 0 && f.SIMD == 0 && f.Lanes == 0 {
		f.SIMD = p.simdFor(l, f.PE)
	}
	// Written down even where nobody asked: the manifest then holds it, and a planner with another
	// usual unit still builds this design.
	f.Unit = u.name
	if err := f.Check(l); err != nil {
		return f, err
	}
	if err := u.check(p, l, f); err != nil {
		return f, err
	}
	u.place(p, l, &f)
	return f, nil
}

// certify sets P, moves start values to it, and certifies the result. From here on the
// planned network computes what the given one does, with its own start values: executor,
// model and memories read this one only.
func (p *planner) certify() error {
	constrained := p.network.Constrained()
	layers := make([]quant.Layer, len(p.network.Layers))
	for i := range p.layers {
		l, lp := p.certified(i), &p.layers[i]
		// Needed with the best start values, which is what an error must compare with.
		needed, worst := neededBits(l)
		lp.NeededBits = needed
		lp.AccBits = p.accBits(i, lp.Fold, constrained[i])
		// Start values, thresholds and biases belong to one P and move with it.
		moved := withinRange(startAt(l, lp.AccBits))
		layers[i] = *moved
		layers[i].Input = p.network.Layers[i].Input
		lp.Layer = &layers[i]
		switch {
		// Estimates of widths that the weights may overflow: the design is priced, not certified.
		case p.options.Unsafe:
			continue
		case !lp.Safe():
			return &quant.Overflow{Layer: l.Name, Channel: worst, Needed: needed, Had: lp.AccBits}
		}
		// The certificate is recomputed from the very integers that become memories: a wrong
		// start value above would be found here.
		if err := moved.Certify(lp.AccBits); err != nil {
			return err
		}
	}
	p.network = withLayers(p.network, layers)
	if p.options.Unsafe {
		return nil
	}
	return p.checkPassed()
}

// certified returns layer i with the numbers that it reads: INT2 that stands for -1 and +1 is never -2.
func (p *planner) certified(i int) *quant.Layer {
	l := &p.network.Layers[i]
	if !p.certifiedAsGiven(i) || l.Input != int2 || !p.given.Layers[i].Input.Bipolar {
		return l
	}
	read := *l
	read.Input = quant.Bipolar
	return &read
}

// certifiedAsGiven says that the certificate of the given layer i holds for the planned one. An input of the
// design that is INT2 may be -2: nobody keeps who feeds it from that.
func (p *planner) certifiedAsGiven(i int) bool {
	l := &p.network.Layers[i]
	// Pixels are a layer more than the given ones, and a select may have become a product.
	return l.Kind.Weighted() && p.given.Layers[i].Kind.Weighted() &&
		(l.From[0] != quant.Source || l.Input != int2 || !p.given.Layers[i].Input.Bipolar)
}

// accBits returns P of layer i. The nearest wish wins: the layer's own entry, then the target
// for all, then what the network declares, which is said of its own sums and not of those of bits.
func (p *planner) accBits(i int, f hwgen.Fold, constrained bool) int {
	switch {
	case f.AccBits > 0:
		return f.AccBits
	case p.options.AccBits > 0 && constrained:
		return p.options.AccBits
	case p.certifiedAsGiven(i):
		return declaredBits(&p.given.Layers[i])
	}
	return declaredBits(&p.network.Layers[i])
}

// verify checks the graph, and measures what it does.
func (p *planner) verify() error {
	// A fault here is the planner's own: no network and no option should bring it about. It is
	// checked all the same, since the alternative is Verilog that computes something else.
	if err := p.design.Verify(); err != nil {
		return err
	}
	if p.timing != nil {
		p.design.Timing = *p.timing
		return nil
	}
	return measure(p.design)
}
