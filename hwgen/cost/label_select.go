package cost

import (
	"math/bits"

	"github.com/a2qgen/a2qgen/hwgen"
)

// labelSelectShape counts the scores, the tournament of pairs {score, label}, the best
// pair and the spill register. A loser-free path (a bye) of three registers and more
// becomes shift registers in LUTs, and so do the marks of the first and last beat. With
// one fold nothing is remembered and labels begin as constants.
func labelSelectShape(b *hwgen.LabelSelect, table *ProductTable) shape {
	folds, score, label, levels := b.Folds(), b.ScoreBits(), b.LabelBits(), addressWidth(b.PE)
	pair := score + label
	several := oneIf(folds > 1)
	s := shape{Kind: KindLabelSelect, FF: 3*pair + 2 + levels + 2 + addressWidth(folds) + several*label}
	var columns []column
	for _, m := range b.Memories() {
		columns = append(columns, columnsOf(m, 0, m.Bits)...)
	}
	added := variable(columns[:b.PE*score]) // a constant bit of a bias costs no LUT
	memory := romOf(columns)
	s.FF += memory.Columns // Yosys moves the fold counter behind the memories
	shifted := 0
	if folds > 1 {
		if levels+1 >= 3 {
			shifted += 2
		} else {
			s.FF += 2 * (levels + 1)
		}
	}
	t := tournamentOf(b, pair)
	s.FF += t.registers
	products, fixed := scoreProducts(b, table)
	near, far := memory.moved(folds)
	s.Terms = []term{{"handshake", 1, 3, false}, {"folded", float64(several), 8, false}, {"added_bits", float64(added), 1, true},
		{"memory_near_slices", float64(near), 1, false}, {"memory_far_slices", float64(far), 2, false},
		{"product_luts", products, 1, true}, {"fixed_gain_bits", float64(fixed), 1, false},
		{"compared_bits", float64((b.PE - 1 + several) * score), 1, true}, {"chosen_bits", float64(t.chosen), 1, true},
		{"shifted_bits", float64(shifted + t.byes), 1, true}, {"spill_bits", float64(pair), 1, true}}
	return s
}

// tournament counts the registers of the tree, the bits that its matches choose, and the
// bits of its byes that are long enough for shift registers.
type tournament struct{ registers, chosen, byes int }

// tournamentOf goes up the tree. With one fold the labels of level l are constant but for
// the l bits that the matches below decide.
func tournamentOf(b *hwgen.LabelSelect, pair int) tournament {
	var t tournament
	run := make([]int, b.PE) // registers in a row that end in node i
	for i := range run {
		run[i] = 1
	}
	width := func(level int) int {
		if b.Folds() > 1 {
			return pair
		}
		return b.ScoreBits() + min(level, b.LabelBits())
	}
	end := func(level, length int) {
		if length >= 3 {
			t.byes += width(level)
		} else {
			t.registers += length * width(level)
		}
	}
	level := 0
	for ; len(run) > 1; level++ {
		above := make([]int, (len(run)+1)/2)
		for i := range above {
			above[i] = 1
			if 2*i+1 == len(run) {
				above[i] = run[2*i] + 1
				continue
			}
			t.chosen += width(level+1) - oneIf(b.Folds() == 1) // which half won is a bit of the label
			end(level, run[2*i])
			end(level, run[2*i+1])
		}
		run = above
	}
	end(level, run[0])
	return t
}

// scoreProducts returns the LUTs of the products of accumulators and gains where these
// change from fold to fold; where they are constant, the bits of the products' adders.
func scoreProducts(b *hwgen.LabelSelect, table *ProductTable) (luts float64, fixed int) {
	if b.GainShift() >= 0 {
		return 0, 0
	}
	if b.Folds() > 1 {
		return float64(b.PE) * table.product(b.GainBits(), b.AccBits, b.ScoreBits(), true), 0
	}
	for _, gain := range b.Layer.Score.Gain {
		ones := bits.OnesCount64(uint64(max(gain, -gain)))
		fixed += max(0, ones-1) * b.AccBits
	}
	return 0, fixed
}
