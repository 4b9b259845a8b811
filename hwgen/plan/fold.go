package plan

import (
	"fmt"

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/cost"
	"github.com/a2qgen/a2qgen/quant"
)

// foldDense returns the choice of a dense unit's fold, whose memories place and whose blocks are those:
// the fold of the fewest LUTs, by estimate, that takes at most the cycles of a frame. Where even full
// parallelism is too slow, that is what it returns. P is what the weights need: the fold does not
// depend on the P that is asked for.
func foldDense(place func(*planner, *quant.Layer, *hwgen.Fold),
	blocks blocksOf) func(*planner, *quant.Layer) (hwgen.Fold, error) {
	return func(p *planner, l *quant.Layer) (hwgen.Fold, error) {
		acc, _ := neededBits(l)
		best, least := fullyParallel(l), 0
		candidates := foldCandidates(l, p.options.Cycles(), p.options.Folding[l.Name].Window)
		if len(candidates) == 1 {
			return candidates[0], nil
		}
		for _, f := range candidates {
			place(p, l, &f)
			luts := p.price(blocks(p, l, f, acc)...)
			// Equal prices keep the first, of fewer PEs: plans must not depend on luck.
			if least == 0 || luts < least {
				best, least = hwgen.Fold{PE: f.PE, SIMD: f.SIMD, Window: f.Window}, luts
			}
		}
		return best, nil
	}
}

// foldCandidates returns, for each PE and way in which windows may come (the one asked for, if any), the
// fold of the fewest lanes that takes at most so many cycles per frame: more lanes only cost more. Those
// of half as many lanes again as the fewest are left out, since lanes are most of the price.
func foldCandidates(l *quant.Layer, cycles int, asked hwgen.Window) []hwgen.Fold {
	var all []hwgen.Fold
	fewest := 0
	// Divisors only: any other number of lanes would end a vector in a beat that is not full.
	for _, pe := range divisors(hwgen.RowsAtOnce(l)) {
		for _, way := range []hwgen.Window{hwgen.Serial, hwgen.Parallel} {
			f, ok := fewestColumns(l, pe, way, cycles)
			if !ok || asked != "" && way != asked {
				continue
			}
			if lanes := pe * f.SIMD; fewest == 0 || lanes < fewest {
				fewest = lanes
			}
			all = append(all, f)
		}
	}
	var few []hwgen.Fold
	for _, f := range all {
		if 2*f.PE*f.SIMD <= 3*fewest {
			few = append(few, f)
		}
	}
	if few == nil {
		return []hwgen.Fold{fullyParallel(l)}
	}
	return few
}

// fewestColumns returns the fold of pe rows and the fewest columns, whose windows come in the way given, that
// takes at most so many cycles per frame.
func fewestColumns(l *quant.Layer, pe int, way hwgen.Window, cycles int) (hwgen.Fold, bool) {
	for _, simd := range divisors(l.In) {
		f := hwgen.Fold{PE: pe, SIMD: simd}
		switch two := comesAtOnce(l, f); {
		case two: // else there is one way, which has no name
			f.Window = way
		case way == hwgen.Parallel:
			continue
		}
		if cyclesOf(l, f) <= cycles {
			return f, true
		}
	}
	return hwgen.Fold{}, false
}

// simdFor returns the columns at once of a fold of which only the rows are asked for: the fewest with which
// the layer keeps up with the frame rate, all where none does; all operands of a layer without weights.
func (p *planner) simdFor(l *quant.Layer, pe int) int {
	if !l.Kind.Weighted() || l.Out%pe != 0 {
		return l.In
	}
	most := l.In
	for _, way := range []hwgen.Window{hwgen.Serial, hwgen.Parallel} {
		if f, ok := fewestColumns(l, pe, way, p.options.Cycles()); ok {
			most = min(most, f.SIMD)
		}
	}
	return most
}

// fullyParallel is the fold of all rows that can be computed at once, and all their inputs.
func fullyParallel(l *quant.Layer) hwgen.Fold {
	return hwgen.Fold{PE: hwgen.RowsAtOnce(l), SIMD: l.In}
}

// offer estimates what blocks take, and the cycles of the slowest.
func (p *planner) offer(blocks []hwgen.Block) (o hwgen.Offer) {
	for _, b := range blocks {
		shape := b.Price(p.model.Fabric)
		o.LUT += p.model.Of(hwgen.KindOf(b), shape).LUT
		o.Blocks += shape.BlockRAM
		o.Cycles = max(o.Cycles, b.Cycles())
	}
	return o
}

// priceOf returns an offer in LUTs, with what its block RAM counts for.
func (p *planner) priceOf(o hwgen.Offer) int { return o.LUT + p.options.BlockLUTs*o.Blocks }

// price estimates what blocks take, in LUTs, as priceOf does.
func (p *planner) price(blocks ...hwgen.Block) int { return p.priceOf(p.offer(blocks)) }

// sparing are what a block of RAM counts for, in LUTs, where a board has too few of them: by the first
// many stay, by the last as few as can be.
var sparing = []int{256, 1 << 20}

// modelOf returns the prices that a family's designs are folded by: its own, or those of the
// commonest family where it has none.
func modelOf(f boards.Family) (*cost.Model, error) {
	m, err := cost.ModelOf(string(f))
	if err != nil {
		m, err = cost.ModelOf(string(boards.XC7))
	}
	if err != nil {
		return nil, fmt.Errorf("hwgen: %w", err)
	}
	return m, nil
}

func divisors(n int) []int {
	var d []int
	for i := 1; i <= n; i++ {
		if n%i == 0 {
			d = append(d, i)
		}
	}
	return d
}
