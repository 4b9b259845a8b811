package plan

import (
	"slices"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block/fifo"
	"github.com/a2qgen/a2qgen/hwgen/block/mvau"
	"github.com/a2qgen/a2qgen/quant"
)

// blocksOf returns the blocks of a layer under a fold, with accumulators of acc bits, to be priced.
type blocksOf = func(p *planner, l *quant.Layer, f hwgen.Fold, acc int) []hwgen.Block

// placeEach puts each memory of a tap unit where its blocks are cheaper by estimate, the others being
// where they are.
func (p *planner) placeEach(l *quant.Layer, f *hwgen.Fold, blocks blocksOf) {
	acc, _ := neededBits(l)
	price := func() int { return p.price(blocks(p, l, *f, acc)...) }
	for _, at := range []*hwgen.Place{&f.Replay, &f.Thresholds, &f.Weights} {
		p.place(at, price)
	}
}

// place puts a memory where it is cheaper, unless a place was asked for: that stays, also where it costs
// more, as people know more of the design around.
func (p *planner) place(at *hwgen.Place, price func() int) {
	switch {
	case *at != "":
		return
	case p.options.NoBlockRAM:
		*at = hwgen.InLUTs
		return
	}
	*at = hwgen.InLUTs
	luts := price()
	if *at = hwgen.InBlockRAM; price() >= luts {
		*at = hwgen.InLUTs
	}
}

// placeDense decides where the memories of all other layers lie: the image or vector that comes several
// times, and the weights. Each is in blocks of its own, which alone are priced.
func (p *planner) placeDense(l *quant.Layer, f *hwgen.Fold, blocks blocksOf) {
	p.chooseWindow(l, f, blocks)
	acc := 1
	if l.Kind.Weighted() {
		acc, _ = neededBits(l)
	}
	price := func(weights bool) int {
		var some []hwgen.Block
		for _, b := range blocks(p, l, *f, acc) {
			if _, is := b.(*mvau.Block); is == weights {
				some = append(some, b)
			}
		}
		return p.price(some...)
	}
	// A sum or concatenation keeps nothing, nor does a linear layer without folds of rows: their folds
	// say so, or a manifest could not be read again.
	if l.Kind.Images() || l.Kind == quant.Linear && l.Out > f.PE {
		p.place(&f.Replay, func() int { return price(false) })
	}
	if !l.Kind.Weighted() {
		return
	}
	if f.Weights == "" && !p.options.NoBlockRAM && len(l.Weights)*l.WeightBits >= manyWeights {
		f.Weights = hwgen.InBlockRAM // logic of so many bits takes long to price, and never is the cheaper
	}
	p.place(&f.Weights, func() int { return price(true) })
}

// manyWeights are bits of weights that are never kept in LUTs unless asked for: a thousand of those of
// xc7, or more, where two blocks hold them.
const manyWeights = 1 << 16

// chooseWindow decides whether positions of a window come at once where they can, unless the fold says:
// for less cycles beyond those of a frame, and then for the lower price.
func (p *planner) chooseWindow(l *quant.Layer, f *hwgen.Fold, blocks blocksOf) {
	if f.Window != "" || !comesAtOnce(l, *f) {
		return
	}
	acc, _ := neededBits(l)
	var chosen hwgen.Fold
	var best [2]int
	for _, way := range []hwgen.Window{hwgen.Serial, hwgen.Parallel} {
		g := *f
		g.Window = way
		p.placeDense(l, &g, blocks)
		o := p.offer(blocks(p, l, g, acc))
		cost := [2]int{max(0, cyclesOf(l, g)-p.options.Cycles()), p.priceOf(o)}
		if chosen.Window == "" || slices.Compare(cost[:], best[:]) < 0 {
			chosen, best = g, cost
		}
	}
	*f = chosen // with its memories, which then are placed
}

// placeQueue returns a queue in the memory in which it is cheaper.
func (p *planner) placeQueue(q fifo.Block) *fifo.Block {
	var at hwgen.Place
	p.place(&at, func() int {
		q.BlockRAM = at == hwgen.InBlockRAM
		return p.price(&q)
	})
	q.BlockRAM = at == hwgen.InBlockRAM
	return &q
}
