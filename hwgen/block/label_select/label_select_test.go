package labelselect_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen/block/blocktest"
	labelselect "github.com/a2qgen/a2qgen/hwgen/block/label_select"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/quanttest"
)

// kind draws classifiers of one row (which tells two classes apart) and more, in one beat or
// several, of any PE that divides them; gains that are a shift or differ, below 0 too; ties.
var kind = blocktest.Kind{
	Draw: func(rng *rand.Rand) blocktest.Case {
		l := quanttest.RandomNetwork(rng, quanttest.RandomSpec{MaxLayers: 1, AlwaysScore: true}).Layers[0]
		if rng.IntN(3) == 0 {
			shift := int64(1) << rng.IntN(4)
			l.Score.Gain = slices.Repeat([]int64{shift}, l.Out)
		}
		if rng.IntN(2) == 0 {
			tie(&l, rng.Perm(l.Out)[:1+l.Out/3]...)
		}
		needed, _ := l.NeededBits()
		if rng.IntN(3) == 0 && l.In*l.Out < 100 {
			return segmentation(l, quant.Shape{H: 1 + rng.IntN(2), W: 2 + rng.IntN(2), C: l.In},
				blocktest.Divisor(rng, l.Out), needed)
		}
		return selection(l, blocktest.Divisor(rng, l.Out), needed+rng.IntN(3))
	},
	Cases: []blocktest.Case{
		selection(classifier(1, 10, 2, 2, 3, 4, 8), 2, 7).
			Named("ties within a beat, with the next and with a later one"),
		selection(classifier(2, 5, 1), 5, 7).Named("a vector per cycle"),
		selection(classifier(3, 6, differ), 3, 7).Named("gains that differ"),
		selection(classifier(4, 5, differ), 5, 7).Named("gains that differ, a vector per cycle"),
		selection(classifier(5, 1, 1), 1, 6).Named("two classes"),
		segmentation(classifier(6, 5, 1), quant.Shape{H: 2, W: 3, C: 4}, 1, 7).Named("labels of an image"),
	},
	Mutations: []blocktest.Mutation{
		blocktest.Replace("takes the last of equal neighbours", "label_select.v", "over_beat_q <= score > ",
			"over_beat_q <= score >= "),
		blocktest.Replace("compares with the wrong best", "label_select.v", "taken_q ? over_beat_q : over_best_q",
			"taken_q ? over_best_q : over_beat_q"),
		blocktest.Replace("forgets whether it took a beat", "label_select.v",
			"taken_q     <= take", "taken_q     <= 1'b0"),
		blocktest.Replace("takes the last of equals", "label_select.v", "over_best_q <= score > ",
			"over_best_q <= score >= "),
		blocktest.Replace("match takes the last of equals", "label_select.v",
			"wire right_wins = (right[PAIR-1:LABEL_BITS] ^ SIGN)"+
				"\n                                        > ", "wire right_wins = (right[PAIR-1:LABEL_BITS] ^ SIGN)"+
				"\n                                        >= "),
		blocktest.Replace("without gains", "label_select.v", "wide <<< GAIN_SHIFT", "wide"),
		blocktest.Replace("without biases", "label_select.v", "score_q <= scaled + bias", "score_q <= scaled"),
		blocktest.Replace("compares unsigned", "label_select.v", "SIGN = ONES ^ (ONES >> 1)", "SIGN = ONES ^ ONES"),
		blocktest.Replace("best row ignores the stall", "label_select.v", "if (en && take) best_q", "if (take) best_q"),
		blocktest.Replace("match ignores the stall", "label_select.v", "if (en) winner_q <= right_wins",
			"winner_q <= right_wins"),
		blocktest.Replace("bye ignores the stall", "label_select.v", "if (en) winner_q <= left", "winner_q <= left"),
		blocktest.Replace("operands ignore the stall", "label_select.v", "if (en) accs_q", "accs_q"),
		blocktest.Replace("comparisons ignore the stall", "label_select.v", "if (en) begin\n            beat_q",
			"begin\n            beat_q"),
		blocktest.Replace("scores ignore the stall", "label_select.v", "if (en) score_q", "score_q"),
		blocktest.Replace("biases ignore the stall", "label_select.v", "if (en) biases_q <= bias_mem[fold_q]",
			"biases_q <= bias_mem[fold_q]"),
		blocktest.Replace("gains ignore the stall", "label_select.v", "if (en) gains_q <= mem[gain_q]",
			"gains_q <= mem[gain_q]"),
		blocktest.Replace("gains of the fold at hand", "label_select.v", "if (en) gains_q <= mem[gain_q]",
			"if (en) gains_q <= mem[fold_q]"),
		blocktest.Replace("gain counter counts without a beat", "label_select.v", "else if (en && s_valid)\n",
			"else if (en)\n"),
		blocktest.Replace("rows of the beat before", "label_select.v", "label_q <= base_q + pe[LABEL_BITS-1:0]",
			"label_q <= base_q - pe[LABEL_BITS-1:0]"),
		blocktest.Replace("keeps the best of the vector before", "label_select.v",
			"(first_q[MATCH] || larger)", "larger"),
		blocktest.Replace("two classes, 0 counts as above", "label_select.v",
			"!only[SCORE_BITS-1] && (only != {SCORE_BITS{1'b0}})", "!only[SCORE_BITS-1]"),
	},
}

// selection selects among the scores of l, pe rows in a beat, of accumulators of so many bits. A
// beat passes the stages and the spill register (label_select.v: 5 + ceil(log2(PE)) cycles, and
// ceil(GAIN_BITS/2) more where gains come from a file).
func selection(l quant.Layer, pe, accBits int) blocktest.Case {
	return selected(blocktest.Alone(l), &l, pe, accBits)
}

// segmentation selects at every position of an image that l is applied to.
func segmentation(l quant.Layer, in quant.Shape, pe, accBits int) blocktest.Case {
	l.Kind, l.Window, l.From = quant.Conv, quant.Window{H: 1, W: 1}, []int{quant.Source}
	n, err := blocktest.OverImage(l.Input, in, l)
	if err != nil {
		panic(err)
	}
	return selected(n, &n.Layers[0], pe, accBits)
}

// selected selects among the scores of l, the layer of n.
func selected(n *quant.Network, l *quant.Layer, pe, accBits int) blocktest.Case {
	b := &labelselect.Block{Layer: l, PE: pe, AccBits: accBits}
	shift := b.GainShift()
	return blocktest.Case{Block: b, Network: n, Inputs: b.Reads(nil), Latency: b.Cycles() + b.Stages() + 1,
		Traits: map[string]bool{"one row": l.Out == 1, "one beat": b.Folds() == 1, "one lane": pe == 1,
			"a bye": pe&(pe-1) != 0, "gains of 1": shift == 0, "gains are a shift": shift > 0,
			"gains differ": shift < 0, "gains below 0": slices.Min(l.Score.Gain) < 0, "rows alike": alike(l),
			"an image": l.Shape.Positions() > 1},
	}
}

// alike says whether two rows always have one score.
func alike(l *quant.Layer) bool {
	for c := range l.Out {
		for k := range c {
			if slices.Equal(l.Row(c), l.Row(k)) && l.Score.Gain[c] == l.Score.Gain[k] &&
				l.Score.Bias[c] == l.Score.Bias[k] {
				return true
			}
		}
	}
	return false
}

// classifier draws rows of 3-bit weights over 4 inputs of 2 bits, whose sums fit in 7 bits. All
// gains are the given one or, for differ, another for each row, every other below 0. Where rows
// are tied, biases differ and theirs is high enough to win often.
func classifier(seed uint64, rows int, gain int64, tied ...int) quant.Layer {
	rng := rand.New(rand.NewPCG(seed, 5))
	l := quant.Layer{Name: "fc", In: 4, Out: rows, Input: quant.DataType{Bits: 2}, WeightBits: 3,
		Weights: make([]int32, 4*rows), Score: &quant.Score{Gain: make([]int64, rows), Bias: make([]int64, rows)}}
	for i := range l.Weights {
		l.Weights[i] = int32(rng.IntN(8)) - 4
	}
	for c := range rows {
		l.Score.Gain[c] = gain
		if gain == differ {
			l.Score.Gain[c] = int64(1+c) * (1 - 2*int64(c%2))
		}
		if len(tied) > 0 {
			l.Score.Bias[c] = int64(c%3)*14 - 14
		}
	}
	tie(&l, tied...)
	for _, c := range tied {
		l.Score.Bias[c] = 18
	}
	return l
}

// differ stands for gains that differ.
const differ = 0

// tie gives rows the weights, gain and bias of the first of them.
func tie(l *quant.Layer, rows ...int) {
	for _, c := range rows {
		copy(l.Row(c), l.Row(rows[0]))
		l.Score.Gain[c], l.Score.Bias[c] = l.Score.Gain[rows[0]], l.Score.Bias[rows[0]]
	}
}

func TestBlocks(t *testing.T)    { blocktest.Check(t, kind) }
func TestMutations(t *testing.T) { blocktest.Mutate(t, kind) }

// maxStages is what the cycle model has a word for.
const maxStages = 64

// TestStages counts pipelines by hand: operands, one stage per two bits of a gain that is no
// shift, score, the tournament, its comparison with the best row, that row. The last is deeper
// than anything that is accepted: gains of a whole int64.
func TestStages(t *testing.T) {
	for _, c := range []struct {
		gain     []int64
		pe, want int
	}{
		{[]int64{4, 4}, 1, 4}, {[]int64{4, 4}, 2, 4 + 1},
		{[]int64{3, 3}, 1, 4 + 2}, {[]int64{1, 100}, 2, 4 + 4 + 1}, // 3 and 8 bits, signed
		{[]int64{1, 1<<63 - 1}, 1 << 20, 4 + 32 + 20},
	} {
		s := &labelselect.Block{Layer: &quant.Layer{Score: &quant.Score{Gain: c.gain}}, PE: c.pe}
		if got := s.Stages(); got != c.want || got > maxStages {
			t.Errorf("label select %+v: %d stages", c, got)
		}
	}
}
