// Package plan decides a hardware design for an integer network: fold and accumulator of each
// layer, blocks and streams, the depths of queues.
package plan

import (
	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block/hardwired"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/sim/cycle"
)

// Plan decides a design for n. It recomputes every accumulator certificate from the integers,
// and takes latency, interval and queue depths from the cycle model. Errors name layer,
// wanted and had.
func Plan(n *quant.Network, o hwgen.Options) (*hwgen.Design, error) {
	return (&planner{network: n, options: o.WithDefaults()}).plan()
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
	(*planner).choose,  // a unit for every layer
	(*planner).fold,    // how much of a layer is computed at once, and where memories lie
	(*planner).certify, // P of each layer, and that no sum can overflow it
	(*planner).queue,   // the queues that the rate takes: blocks and streams follow
	(*planner).verify,  // that every block gets what it reads
}

// planner is a plan under way.
type planner struct {
	// network is the caller's until certify, which replaces it by one with other start values; the
	// caller's own is never changed.
	network *quant.Network
	options hwgen.Options
	// style says how the family's tools are asked for a kind of memory.
	style boards.MemoryStyle
	units []*unit // of the layers
	// layers and units are as long as the network's layers, and in their order.
	layers   []hwgen.LayerPlan
	circuits map[*quant.Layer]*hardwired.Block
	design   *hwgen.Design
	// timing is known where a plan differs from another in P alone; else verify measures it.
	timing *cycle.Steady
}

// choose takes the unit asked for, or the usual one of the kind.
func (p *planner) choose() error {
	for i := range p.network.Layers {
		l := &p.network.Layers[i]
		u, err := unitFor(l, p.options.Folding[l.Name].Unit)
		if err != nil {
			return err
		}
		p.units = append(p.units, u)
	}
	return checkEnd(p.network)
}

// fold chooses the folds, or takes those asked for.
func (p *planner) fold() error {
	for i := range p.network.Layers {
		l := &p.network.Layers[i]
		f, ok := p.options.Folding[l.Name]
		// An entry may set only P or the queue: the fold is then chosen as without it.
		if !ok || f.PE == 0 && f.SIMD == 0 {
			// Each layer alone must keep up with the frame rate: a design is as fast as its slowest.
			chosen, err := p.units[i].fold(p, l)
			if err != nil {
				return err
			}
			f.PE, f.SIMD = chosen.PE, chosen.SIMD
		}
		// Written down even where nobody asked: the manifest then holds it, and a planner with another
		// usual unit still builds this design.
		f.Unit = p.units[i].name
		if err := f.Check(l); err != nil {
			return err
		}
		p.place(l, &f)
		p.layers = append(p.layers, hwgen.LayerPlan{Fold: f})
	}
	return nil
}

// place decides where the memories of a layer with weights lie.
func (p *planner) place(l *quant.Layer, f *hwgen.Fold) {
	if !l.Kind.Weighted() {
		return
	}
	sf, nf := l.In/f.SIMD, l.Out/f.PE
	// What was asked for stays, also where it costs more: people know more of the design around.
	if f.Weights == "" {
		f.Weights = p.cheaper(sf*nf, f.PE*f.SIMD*l.WeightBits)
	}
	// Without row folds there is no replay buffer to place.
	if f.Replay == "" && nf > 1 {
		f.Replay = p.cheaper(sf, f.SIMD*l.Input.Bits)
	}
}

// cheaper returns where a memory of so many words is cheaper: from 128 words on a memory in
// LUTs needs two of them and a multiplexer per bit.
func (p *planner) cheaper(words, bits int) hwgen.Place {
	if !p.options.NoBlockRAM && deserveBlockRAM(words, bits) {
		return hwgen.InBlockRAM
	}
	return hwgen.InLUTs
}

// deserveBlockRAM asks for 8 Kbit beside the words, about a fifth of a block of xc7 (36 Kbit):
// boards have few blocks, and one that is nearly empty is spent all the same.
func deserveBlockRAM(words, bits int) bool { return words >= 128 && words*bits >= 8192 }

// certify sets P, moves start values to it, and certifies the result. From here on the
// planned network computes what the given one does, with its own start values: executor,
// model and memories read this one only.
func (p *planner) certify() error {
	constrained := p.network.Constrained()
	layers := make([]quant.Layer, len(p.network.Layers))
	p.circuits = map[*quant.Layer]*hardwired.Block{}
	for i := range p.layers {
		l, lp := &p.network.Layers[i], &p.layers[i]
		// Needed with the best start values, which is what an error must compare with.
		needed, worst := neededBits(l)
		lp.NeededBits = needed
		lp.AccBits = p.accBits(l, lp.Fold, constrained[i])
		// Start values, thresholds and biases belong to one P and move with it.
		layers[i] = *startAt(l, lp.AccBits)
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
		if err := lp.Layer.Certify(lp.AccBits); err != nil {
			return err
		}
	}
	p.network = withLayers(p.network, layers)
	if p.options.Unsafe {
		return nil
	}
	return p.checkPassed()
}

// accBits returns P of a layer. The nearest wish wins: the layer's own entry, then the target
// for all, then what the network declares.
func (p *planner) accBits(l *quant.Layer, f hwgen.Fold, constrained bool) int {
	switch {
	case f.AccBits > 0:
		return f.AccBits
	case p.options.AccBits > 0 && constrained:
		return p.options.AccBits
	}
	return declaredBits(l)
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
