package plan

import (
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/quant"
)

// FoldFor returns the fold of the fewest LUTs, by a rough count, that takes at most cycles
// per vector. Where even full parallelism is too slow, that is what it returns.
func FoldFor(l *quant.Layer, cycles int) hwgen.Fold {
	best, bestCost := hwgen.Fold{PE: l.Out, SIMD: l.In}, 0
	p, _ := l.NeededBits()
	for _, pe := range divisors(l.Out) {
		for _, simd := range divisors(l.In) {
			f := hwgen.Fold{PE: pe, SIMD: simd}
			if f.Cycles(l.In, l.Out) > cycles {
				continue
			}
			// Equal costs keep the first, of fewer PEs: plans must not depend on luck.
			if cost := roughCost(f, l, p); bestCost == 0 || cost < bestCost {
				best, bestCost = f, cost
			}
			break // more lanes only cost more
		}
	}
	return best
}

// roughCost counts the LUTs that depend on the fold, with accumulators of p bits (derived
// from the Verilog; hwgen/cost has the whole of it, and a test compares). A lane of a PE is
// a row of N+2 bits for every two weight bits and an adder of the tree; a PE brings an
// accumulator and a comparator per threshold level, all of P bits, and its share of the
// memories, of which 64 words of a bit are a LUT, and fewer no less; a lane brings its inputs
// to replay buffer and queue, where 32 words of six bits are four LUTs.
func roughCost(f hwgen.Fold, l *quant.Layer, p int) int {
	m, n, lanes := l.WeightBits, l.Input.Bits, f.PE*f.SIMD
	nf, words := l.Out/f.PE, f.Cycles(l.In, l.Out)
	cost := lanes*(m+1)/2*(n+2) + (lanes-f.PE)*min(p, m+n+1) + f.PE*p
	if !deserveBlockRAM(words, lanes*m) && words > 1 {
		cost += lanes * m * luts(words)
	}
	if t := l.Thresholds; t != nil {
		for level := range t.Output.Bits {
			cost += f.PE * p * (1 + luts(nf<<level))
		}
	}
	if nf > 1 {
		cost += 2 * 2 * f.SIMD * n / 3 * ((l.In/f.SIMD + 31) / 32)
	}
	return cost
}

// luts returns the LUTs of a bit of a memory of so many words.
func luts(words int) int { return (words + 63) / 64 }

func divisors(n int) []int {
	var d []int
	for i := 1; i <= n; i++ {
		if n%i == 0 {
			d = append(d, i)
		}
	}
	return d
}
