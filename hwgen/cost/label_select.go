package cost

import (
	"math/bits"

	"github.com/a2qgen/a2qgen/hwgen"
)

// labelSelectShape counts the scores, the tournament of pairs {score, label}, the best
// pair and the spill register. A loser-free path (a bye) of three registers and more
// becomes shift registers in LUTs, and so do the marks of the first and last beat.
func labelSelectShape(b *hwgen.LabelSelect) shape {
	folds, score, label, levels := b.Folds(), b.ScoreBits(), b.LabelBits(), addressWidth(b.PE)
	pair := score + label
	several := oneIf(folds > 1)
	s := shape{Kind: KindLabelSelect, FF: 3*pair + 2 + levels + 2 + addressWidth(folds) + several*label}
	bias := romOf(columnsOf(b.Memories()[0], 0, b.PE*score))
	s.FF += bias.Columns // Yosys moves the fold counter behind the memory
	shifted := 0
	if folds > 1 {
		if levels+1 >= 3 {
			shifted += 2
		} else {
			s.FF += 2 * (levels + 1)
		}
	}
	registers, byes := tournament(b, pair)
	s.FF += registers
	shifted += byes
	variable, fixed := scoreProducts(b)
	s.Terms = []term{{"handshake", 1, 10, false}, {"score_bits", float64(b.PE * score), 1, false}, {"bias_slices", float64(bias.Slices), 1, false},
		{"gain_bits", float64(variable), 1, false}, {"fixed_gain_bits", float64(fixed), 1, false},
		{"compared_bits", float64((b.PE - 1 + several) * score), 0.67, false},
		{"chosen_bits", float64((b.PE-1)*pair + pair), 1, false}, {"shifted_bits", float64(shifted), 1, false},
		{"label_bits", float64(b.PE * label * several), 1, false}}
	return s
}

// tournament returns the registers of the tree and the bits of its byes that are long
// enough for shift registers. With one fold the labels of level l are constant but for
// the l bits that the matches below decide.
func tournament(b *hwgen.LabelSelect, pair int) (registers, byes int) {
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
			byes += width(level)
		} else {
			registers += length * width(level)
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
			end(level, run[2*i])
			end(level, run[2*i+1])
		}
		run = above
	}
	end(level, run[0])
	return registers, byes
}

// scoreProducts returns the partial product bits of accumulators times gains: where
// the gains of a lane change from fold to fold, and where they are constant.
func scoreProducts(b *hwgen.LabelSelect) (variable, fixed int) {
	if b.GainShift() >= 0 {
		return 0, 0
	}
	gains := b.Layer.Score.Gain
	for pe := range b.PE {
		if b.Folds() == 1 {
			ones := bits.OnesCount64(uint64(max(gains[pe], -gains[pe])))
			fixed += max(0, ones-1) * b.AccBits
			continue
		}
		used := 0
		for c := pe; c < len(gains); c += b.PE {
			used = max(used, bits.Len64(uint64(max(gains[c], -gains[c])))+1)
		}
		variable += used * b.AccBits
	}
	return variable, fixed
}
