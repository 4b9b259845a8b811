package plan

import (
	"fmt"
	"slices"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/addergraph"
	"github.com/a2qgen/a2qgen/hwgen/block/hardwired"
	widthconverter "github.com/a2qgen/a2qgen/hwgen/block/width_converter"
	"github.com/a2qgen/a2qgen/quant"
)

const (
	// maxAdders is the largest graph that is built. A layer of 256 x 256 has some 8,600 adders at
	// P = 10, about 70,000 LUTs, of which Yosys takes minutes; twice that is no part of any board
	// here, and its Verilog no file to read.
	maxAdders = 16384
	// maxTerms bounds what is looked at before the graph is made: digits of all rows. Of so many the
	// graph takes about 20 s, and of dense rows it has more than maxAdders.
	maxTerms = 1 << 16
	// shared is how many terms an adder stands for, at most: 1.4 and 2 of trained layers at P = 8 and
	// 10, 6 where all of 256 x 256 weights are 1 or -1.
	shared = 8
	// maxActivation is the widest activation: a row has 2^A - 1 comparisons or lines of a table.
	maxActivation = 6
)

// fitsHardwired returns an error, with the numbers, where a layer is too large to have adders of
// its own, as far as that shows without making them.
func fitsHardwired(l *quant.Layer) error {
	switch t := l.Thresholds; {
	case t != nil && t.Output.Bits > maxActivation:
		return fmt.Errorf("hwgen: layer %q: activations of %d bits, a hard-wired unit gives at most %d: the dense unit "+
			"gives them", l.Name, t.Output.Bits, maxActivation)
	case l.Input.Bits > hardwired.MaxInput:
		return fmt.Errorf("hwgen: layer %q: inputs of %d bits, a hard-wired unit takes at most %d: the dense unit takes "+
			"them", l.Name, l.Input.Bits, hardwired.MaxInput)
	}
	if n := addergraph.Terms(l.Weights); n > maxTerms {
		return fmt.Errorf("hwgen: layer %q: weights of %d digits that are not 0, a hard-wired unit takes at most %d: "+
			"the dense unit takes them, and fewer with a smaller P", l.Name, n, maxTerms)
	}
	return nil
}

// foldHardwired: all at once.
func foldHardwired(_ *planner, l *quant.Layer) (hwgen.Fold, error) {
	return hwgen.Fold{PE: l.Out, SIMD: l.In}, nil
}

// checkHardwired returns an error where a fold is none of a hard-wired unit, or the unit is too large.
func checkHardwired(p *planner, l *quant.Layer, f hwgen.Fold) error {
	switch {
	case f.PE != l.Out || f.SIMD != l.In:
		return fmt.Errorf("hwgen: layer %q: PE is %d and SIMD %d, want %d and %d: a hard-wired unit computes all at once",
			l.Name, f.PE, f.SIMD, l.Out, l.In)
	case f.Weights != "" || f.Replay != "" || f.Thresholds != "":
		return fmt.Errorf("hwgen: layer %q: weights is %q, replay %q and thresholds %q, want none: a hard-wired unit "+
			"has no memories", l.Name, f.Weights, f.Replay, f.Thresholds)
	}
	if err := withoutLanes(p, l, f); err != nil {
		return err
	}
	g := p.graph(l)
	if n := len(g.Adders); n > maxAdders {
		return fmt.Errorf("hwgen: layer %q: %d adders, a hard-wired unit has at most %d: the dense unit takes the layer",
			l.Name, n, maxAdders)
	}
	if n := hardwired.Stages(g); n > hardwired.MaxStages {
		return fmt.Errorf("hwgen: layer %q: %d stages, a hard-wired unit has at most %d: the dense unit takes the layer",
			l.Name, n, hardwired.MaxStages)
	}
	return nil
}

// leastHardwired returns LUTs that a hard-wired unit takes more of, without making its graph: a bit
// of an adder takes one, and an adder has as many as an input has.
func leastHardwired(l *quant.Layer) int {
	return addergraph.Terms(l.Weights) / shared * l.Input.Bits
}

// blocksHardwired returns the unit of a layer, to be priced, and what gathers its vector where other
// layers bring that as slowly as the rate allows.
func blocksHardwired(p *planner, l *quant.Layer, _ hwgen.Fold, acc int) []hwgen.Block {
	blocks := []hwgen.Block{hardwired.New(l, p.graph(l), hwgen.Tensor{}, l.Input, acc, p.style)}
	for _, lanes := range divisors(l.In) {
		if l.In/lanes > p.options.Cycles() {
			continue
		}
		// A source brings what its reader wants.
		if lanes < l.In && slices.ContainsFunc(l.From, func(i int) bool { return i != quant.Source }) {
			blocks = append(blocks, &widthconverter.Block{Layer: l.Name, Word: l.Input.Bits, In: lanes, Out: l.In,
				InBeats: l.In / lanes})
		}
		break
	}
	return blocks
}

// buildHardwired appends the unit.
func buildHardwired(b *builder, i int, in []int) int {
	lp, at := b.d.Layers[i], in[0]
	return b.d.Add(b.hardwired(lp.Layer, b.d.Streams[at].Content[0], lp.AccBits), at)[0]
}

// hardwired returns the unit of a layer that reads what x brings, made once for all tries of queues:
// its pipeline takes about as long to lay out as the graph to find.
func (p *planner) hardwired(l *quant.Layer, x hwgen.Part, acc int) *hardwired.Block {
	if p.wired == nil {
		p.wired = map[*quant.Layer]*hardwired.Block{}
	}
	if p.wired[l] == nil {
		p.wired[l] = hardwired.New(l, p.graph(l), x.Tensor, quant.DataType{Bits: x.Bits, Signed: x.Signed}, acc, p.style)
	}
	return p.wired[l]
}
