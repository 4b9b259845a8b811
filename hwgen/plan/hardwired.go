package plan

import (
	"fmt"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/addergraph"
	"github.com/a2qgen/a2qgen/hwgen/block/hardwired"
	"github.com/a2qgen/a2qgen/quant"
)

const (
	// maxAdders is the largest graph that is built. A layer of 256 x 256 has some 8,600 adders at
	// P = 10, about 70,000 LUTs, of which Yosys takes minutes; twice that is no part of any board
	// here, and its Verilog no file to read.
	maxAdders = 16384
	// maxUnits bounds what is looked at before the graph is made: the sum of absolute weights over
	// all rows, of which each takes an adder, or a share of one.
	maxUnits = 1 << 18
	// maxActivation is the widest activation: a row has 2^A - 1 comparisons or lines of a table.
	maxActivation = 8
	// maxHardwiredStages is the pipeline that the cycle model has a word for.
	maxHardwiredStages = 64
)

// fitsHardwired returns an error, with the numbers, where a layer is too large to have adders of
// its own.
func fitsHardwired(l *quant.Layer) error {
	fail := func(what string, has, most any) error {
		return fmt.Errorf("hwgen: layer %q: %s, %v, more than unit hardwired takes, %v; unit mvau takes it", l.Name, what,
			has, most)
	}
	if t := l.Thresholds; t != nil && t.Output.Bits > maxActivation {
		return fail("bits of an activation", t.Output.Bits, maxActivation)
	}
	units := int64(0)
	for _, w := range l.Weights {
		units += max(int64(w), -int64(w))
	}
	if units > maxUnits {
		return fail("sum of absolute weights", units, maxUnits)
	}
	g := addergraph.New(l.Weights, l.In)
	if len(g.Adders) > maxAdders {
		return fail("adders", len(g.Adders), maxAdders)
	}
	levels := 1
	for _, at := range g.Levels() {
		levels = max(levels, at+1)
	}
	if levels > maxHardwiredStages {
		return fail("stages", levels, maxHardwiredStages)
	}
	return nil
}

// foldHardwired: all at once.
func foldHardwired(_ *planner, l *quant.Layer) (hwgen.Fold, error) {
	return hwgen.Fold{PE: l.Out, SIMD: l.In}, nil
}

// buildHardwired appends the unit.
func buildHardwired(b *builder, i int, in []int) int {
	lp, at := b.d.Layers[i], in[0]
	x := b.d.Streams[at].Content[0]
	return b.d.Add(b.hardwired(lp.Layer, x, lp.AccBits), at)[0]
}

// hardwired returns the unit of a layer that reads what x brings. Its graph is made once for all
// tries of a plan, as blocks are plain data.
func (b *builder) hardwired(l *quant.Layer, x hwgen.Part, acc int) *hardwired.Block {
	if b.circuits[l] == nil {
		b.circuits[l] = hardwired.New(l, x.Tensor, quant.DataType{Bits: x.Bits, Signed: x.Signed}, acc,
			b.style)
	}
	return b.circuits[l]
}
