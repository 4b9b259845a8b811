package plan

import (
	"fmt"

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/cost"
	"github.com/a2qgen/a2qgen/quant"
)

// foldMVAU returns the fold of the fewest LUTs, by estimate, that takes at most the cycles of a
// frame per vector. Where even full parallelism is too slow, that is what it returns. P is what
// the weights need: the fold does not depend on the P that is asked for.
func foldMVAU(p *planner, l *quant.Layer) (hwgen.Fold, error) {
	acc, _ := neededBits(l)
	best, least := hwgen.Fold{PE: l.Out, SIMD: l.In}, 0
	candidates := foldCandidates(l, p.options.Cycles())
	if len(candidates) == 1 {
		return candidates[0], nil
	}
	for _, f := range candidates {
		p.place(l, &f)
		luts, err := p.price(p.blocksOf(l, f, acc)...)
		if err != nil {
			return hwgen.Fold{}, err
		}
		// Equal prices keep the first, of fewer PEs: plans must not depend on luck.
		if least == 0 || luts < least {
			best, least = hwgen.Fold{PE: f.PE, SIMD: f.SIMD}, luts
		}
	}
	return best, nil
}

// blocksOf returns the MVAU of a layer and its replay buffer, to be priced.
func (p *planner) blocksOf(l *quant.Layer, f hwgen.Fold, acc int) []hwgen.Block {
	blocks := []hwgen.Block{mvauOf(l, hwgen.Tensor{}, f, acc, p.style)}
	if r := replayOf(l, f, p.style); r != nil {
		blocks = append(blocks, r)
	}
	return blocks
}

// foldCandidates returns, for each PE, the fold of the fewest lanes that takes at most so many
// cycles per vector: more lanes only cost more. Those of half as many lanes again as the fewest
// are left out, since lanes are most of the price.
func foldCandidates(l *quant.Layer, cycles int) []hwgen.Fold {
	var all []hwgen.Fold
	fewest := 0
	// Divisors only: any other number of lanes would end a vector in a beat that is not full.
	for _, pe := range divisors(l.Out) {
		for _, simd := range divisors(l.In) {
			f := hwgen.Fold{PE: pe, SIMD: simd}
			if f.Cycles(l.In, l.Out) > cycles {
				continue
			}
			if lanes := pe * simd; fewest == 0 || lanes < fewest {
				fewest = lanes
			}
			all = append(all, f)
			break
		}
	}
	var few []hwgen.Fold
	for _, f := range all {
		if 2*f.PE*f.SIMD <= 3*fewest {
			few = append(few, f)
		}
	}
	if few == nil {
		return []hwgen.Fold{{PE: l.Out, SIMD: l.In}}
	}
	return few
}

// price estimates the LUTs of blocks.
func (p *planner) price(blocks ...hwgen.Block) (int, error) {
	m, err := cost.ModelOf(string(p.options.Family))
	if err != nil { // a family without prices is folded as the commonest one
		m, err = cost.ModelOf(string(boards.XC7))
	}
	if err != nil {
		return 0, fmt.Errorf("hwgen: %w", err)
	}
	luts := 0
	for _, b := range blocks {
		luts += m.Price(b).LUT
	}
	return luts, nil
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
