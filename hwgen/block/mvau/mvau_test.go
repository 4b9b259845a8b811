package mvau_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
	"github.com/a2qgen/a2qgen/hwgen/block/blocktest"
	"github.com/a2qgen/a2qgen/hwgen/block/mvau"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/quanttest"
)

// kind draws layers as quanttest does (rows at an end of the weights' range, thresholds that are
// always or never passed, in any order of channels), and every third one with start values,
// which use their P bits to the last code; any fold that divides them.
var kind = blocktest.Kind{
	Draw: func(rng *rand.Rand) blocktest.Case {
		if rng.IntN(4) == 0 {
			return drawDepthwise(rng)
		}
		l, accBits := drawLayer(rng)
		if rng.IntN(3) == 0 {
			l, accBits = drawSigns(rng)
		}
		for {
			f := hwgen.Fold{PE: blocktest.Divisor(rng, l.Out), SIMD: blocktest.Divisor(rng, l.In)}
			if f.PE*f.SIMD <= multipliers && l.Out*l.In <= cycles*f.PE*f.SIMD {
				return unit(l, f, accBits, rng.IntN(2) == 0, rng.IntN(2) == 0)
			}
		}
	},
	Cases: []blocktest.Case{
		unit(stairs(layer(1, 6, 6, unsigned(3)), unsigned(2)), hwgen.Fold{PE: 2, SIMD: 3}, 0, true, true).
			Named("folded both ways, pairs"),
		unit(layer(2, 6, 4, signed(3)), hwgen.Fold{PE: 2, SIMD: 3}, 12, false, true).
			Named("wide accumulators leave, signed inputs, pairs"),
		unit(layer(4, 3, 2, signed(3)), hwgen.Fold{PE: 2, SIMD: 1}, 0, false, true).
			Named("one lane, signed inputs"),
		unit(layer(3, 4, 5, unsigned(3)), hwgen.Fold{PE: 5, SIMD: 4}, 0, false, true).Named("a vector per cycle"),
		unit(starts(4), hwgen.Fold{PE: 2, SIMD: 3}, 8, false, true).Named("start values"),
		unit(stairs(starts(5), signed(2)), hwgen.Fold{PE: 2, SIMD: 6}, 8, false, true).
			Named("start values, one beat per fold, signed outputs"),
		unit(everySum(), hwgen.Fold{PE: 2, SIMD: 1}, 0, false, false).Named("every sum is reached"),
		unit(always(), hwgen.Fold{PE: 1, SIMD: 1}, 0, false, false).Named("one input, thresholds below P bits"),
		unit(stairs(layer(1, 6, 6, unsigned(3)), unsigned(2)), hwgen.Fold{PE: 2, SIMD: 3}, 0, true, false).
			Named("folded both ways, lanes apart"),
		unit(layer(4, 6, 2, signed(3)), hwgen.Fold{PE: 2, SIMD: 3}, 12, false, false).
			Named("wide accumulators leave, signed inputs, lanes apart"),
		depthwise(1, quant.Shape{H: 3, W: 3, C: 6}, quant.Window{H: 2, W: 2}, hwgen.Fold{PE: 3, SIMD: 2}, true).
			Named("channels at once"),
		unit(stairs(signs(1, 22, 4, unsigned(1), true), unsigned(2)), hwgen.Fold{PE: 2, SIMD: 11}, 0, false, true).
			Named("counted, folded both ways"),
		unit(signs(2, 20, 3, unsigned(1), false), hwgen.Fold{PE: 1, SIMD: 20}, 0, false, true).
			Named("counted, a beat per row, from below 0"),
		unit(signs(3, 6, 4, unsigned(1), true), hwgen.Fold{PE: 4, SIMD: 2}, 0, true, true).Named("counted, few lanes"),
		unit(stairs(signs(4, 10, 4, unsigned(3), false), signed(2)), hwgen.Fold{PE: 2, SIMD: 5}, 0, false, true).
			Named("added and subtracted, folded both ways"),
		unit(signs(5, 6, 4, signed(2), false), hwgen.Fold{PE: 2, SIMD: 6}, 5, false, false).
			Named("added and subtracted, a beat per row, signed inputs"),
		unit(zeros(layer(6, 4, 3, unsigned(2))), hwgen.Fold{PE: 1, SIMD: 2}, 0, false, false).Named("weights of one bit"),
	},
	Mutations: slices.Concat(channels, sums, pairs, products, stages, searches, spills, startValues, signFaults),
}

// multipliers and cycles per frame bound drawn units, for Icarus's sake: its time grows with both,
// and every unit is run five times.
const multipliers, cycles = 40, 72

// channels are faults of who reads what where each row has a channel of its own.
var channels = []blocktest.Mutation{
	blocktest.Replace("all rows read one channel", "mvau.v", "assign x[s*INPUT_BITS +: INPUT_BITS] =\n"+
		"                    x_q[(s*CHANNELS + pe%CHANNELS)", "assign x[s*INPUT_BITS +: INPUT_BITS] =\n"+
		"                    x_q[(s*CHANNELS)"),
	blocktest.Replace("taps are innermost", "mvau.v", "assign x[s*INPUT_BITS +: INPUT_BITS] =\n"+
		"                    x_q[(s*CHANNELS + pe%CHANNELS)", "assign x[s*INPUT_BITS +: INPUT_BITS] =\n"+
		"                    x_q[(s + pe%CHANNELS*SIMD)"),
}

// sums are faults of the tree and the accumulator.
var sums = []blocktest.Mutation{
	blocktest.Replace("accumulator never restarts", "accumulator.v", "kept = first ? start : acc", "kept = acc"),
	blocktest.Replace("accumulator forgets the sum so far", "accumulator.v",
		"{~kept, 1'b1}", "{~{ACC_BITS{1'b0}}, 1'b1}"),
	blocktest.Replace("accumulator ignores valid", "accumulator.v",
		"if (en && valid) acc <= next", "if (en) acc <= next"),
	blocktest.Replace("sum is zero-extended", "accumulator.v", "{(ACC_BITS-SUM_BITS){sum[SUM_BITS-1]}}",
		"{(ACC_BITS-SUM_BITS){1'b0}}"),
	blocktest.Replace("single sums ignore the stall", "accumulator.v", "if (en) acc <= start", "acc <= start"),
	blocktest.Replace("products are one bit short", "dot_product.v", "LEAF = (FULL < ACC_BITS) ? FULL : ACC_BITS",
		"LEAF = (FULL < ACC_BITS) ? FULL - 1 : ACC_BITS"),
	blocktest.Replace("tree nodes do not grow", "dot_product.v", "full[BITS-1:0];", "{full[BITS-2], full[BITS-2:0]};"),
	blocktest.Replace("lanes are swapped", "dot_product.v", "x = inputs[LANE*INPUT_BITS",
		"x = inputs[(SIMD-LANE-LANES)*INPUT_BITS"),
}

// pairs are faults of the products of two lanes, products those of a lane alone.
var pairs = []blocktest.Mutation{
	blocktest.Replace("weights of a pair are swapped", "pair_product.v",
		"assign w0 = w[BITS-1:0];\n                assign w1 = w[2*BITS-1:BITS]",
		"assign w1 = w[BITS-1:0];\n                assign w0 = w[2*BITS-1:BITS]"),
	blocktest.Replace("weights of pairs are unsigned", "pair_product.v", "above - wide", "above + wide"),
	blocktest.Replace("inputs of pairs are signed", "pair_product.v",
		"(INPUT_SIGNED != 0) && row[ROW-1]", "row[ROW-1]"),
	blocktest.Replace("rows of pairs are unsigned", "pair_product.v", "(INPUT_SIGNED != 0) && row[ROW-1]", "1'b0"),
	blocktest.Replace("sums of pairs are unsigned", "pair_product.v",
		"(INPUT_SIGNED != 0) && gen_bit[k-1].sum_q[UPPER+k-2]", "1'b0"),
	blocktest.Replace("sums of pairs are signed", "pair_product.v",
		"(INPUT_SIGNED != 0) && gen_bit[k-1].sum_q[UPPER+k-2]", "gen_bit[k-1].sum_q[UPPER+k-2]"),
	blocktest.Replace("both weights choose the first input", "pair_product.v",
		"{ROW{w0[0] && !w1[0]}}", "{ROW{w0[0]}}"),
	blocktest.Replace("the sum of a pair has no carry", "pair_product.v", "x0_wide + x1_wide", "x0_wide ^ x1_wide"),
	blocktest.Replace("rows of pairs are one too much", "pair_product.v", "{~wide, 1'b1}", "{~wide, 1'b0}"),
	blocktest.Replace("pairs ignore the stall", "pair_product.v",
		"else if (en) sum_q <= {next", "else sum_q <= {next"),
	blocktest.Replace("first rows ignore the stall", "pair_product.v",
		"else if (en) sum_q <= next", "else sum_q <= next"),
	blocktest.Replace("bits to come ignore the stall", "pair_product.v",
		"else if (en) begin\n                            w0_q", "else begin\n                            w0_q"),
	blocktest.Replace("inputs that move ignore the stall", "pair_product.v",
		"if (en) begin\n                        x0_q   <= gen_bit", "begin\n                        x0_q   <= gen_bit"),
	blocktest.Replace("sums of inputs ignore the stall", "pair_product.v",
		"if (en) begin\n                        x0_q   <= x0", "begin\n                        x0_q   <= x0"),
	blocktest.Replace("weights that change do not wait", "mvau.v", "(WORDS == 1) ? 1 : 0", "1"),
}

var products = []blocktest.Mutation{
	blocktest.Replace("weights are unsigned", "product.v", "{(EXTRA+1){w[WEIGHT_BITS-1]}}", "{(EXTRA+1){1'b0}}"),
	blocktest.Replace("inputs are signed", "product.v", "(INPUT_SIGNED != 0) && factor[INPUT_BITS-1]",
		"factor[INPUT_BITS-1]"),
	blocktest.Replace("inputs are unsigned", "product.v", "(INPUT_SIGNED != 0) && factor[INPUT_BITS-1]", "1'b0"),
	blocktest.Replace("carry of a negative digit is lost", "product.v", "~{row, high}", "~{row, 1'b0}"),
	blocktest.Replace("rows of products ignore the stall", "product.v", "if (en) sum_q <= {added", "sum_q <= {added"),
	blocktest.Replace("factors ignore the stall", "product.v", "if (en) begin\n                        bits_q",
		"begin\n                        bits_q"),
	blocktest.Replace("products ignore the stall", "product.v", "if (en) sum_q <= row", "sum_q <= row"),
}

// stages are faults of the unit's control and of its weights.
var stages = []blocktest.Mutation{
	blocktest.Replace("PEs are swapped", "mvau.v", "weights[pe*SIMD*WEIGHT_BITS", "weights[(PE-1-pe)*SIMD*WEIGHT_BITS"),
	blocktest.Replace("weight address runs one ahead", "mvau.v", "word_q  <= {ADDR_BITS{1'b0}};\n            beat_q",
		"word_q  <= {{(ADDR_BITS-1){1'b0}}, 1'b1};\n            beat_q"),
	blocktest.Replace("pipeline ignores the stall", "mvau.v", "wire en = !valid_q[AT_END] || spill_ready",
		"wire en = 1'b1 || spill_ready"),
	blocktest.Replace("ready in spite of a stall", "mvau.v", "assign s_ready = en", "assign s_ready = 1'b1"),
	blocktest.Replace("fold ends a beat early", "mvau.v", "LAST_BEAT = SF - 1", "LAST_BEAT = SF - 2"),
	blocktest.Replace("one pipeline stage less for valid", "mvau.v", "(WEIGHT_BITS + 1) / 2) + TREE;",
		"(WEIGHT_BITS + 1) / 2) + TREE - 1;"),
	blocktest.Replace("weights come with their inputs", "mvau.v", ".addr((WAIT != 0) ? word_x_q : word_q)",
		".addr(word_q)"),
	blocktest.Replace("the weight of one lane waits", "mvau.v", ".addr((WAIT != 0) ? word_x_q : word_q)",
		".addr(word_x_q)"),
	blocktest.Replace("inputs move in a stall", "mvau.v", "if (en) begin\n            first_q",
		"begin\n            first_q"),
	blocktest.Replace("weights in block RAM ignore the stall", "rom.v",
		"reg [WIDTH-1:0] mem [0:DEPTH-1];\n            initial if (MEM != \"\") $readmemh(MEM, mem);\n"+
			"            always @(posedge clk) if (en) data_q", "reg [WIDTH-1:0] mem [0:DEPTH-1];\n"+
			"            initial if (MEM != \"\") $readmemh(MEM, mem);\n            always @(posedge clk) data_q"),
}

// searches are faults of the thresholds.
var searches = []blocktest.Mutation{
	blocktest.Replace("threshold compares with >=", "threshold_stage.v", ") > (threshold ^", ") >= (threshold ^"),
	blocktest.Replace("threshold compares unsigned", "threshold_stage.v", "(acc_wide ^ SIGN) > (threshold ^ SIGN)",
		"acc_wide > threshold"),
	blocktest.Replace("search takes the wrong branch", "threshold_stage.v", "{found_q, bit_q}", "{found_q, !bit_q}"),
	blocktest.Replace("threshold of the next fold", "mvau.v", ".fold(fold_sum_q)", ".fold(fold_q)"),
	blocktest.Replace("accumulators move past a search that stalls", "threshold_stage.v",
		"if (en) begin\n                    acc_q",
		"begin\n                    acc_q"),
	blocktest.Replace("thresholds ignore the stall", "rom.v", "reg [WIDTH-1:0] mem [0:DEPTH-1];\n"+
		"            initial if (MEM != \"\") $readmemh(MEM, mem);\n"+
		"            always @(posedge clk) if (en) data_q <= mem[addr];\n        end\n    endgenerate",
		"reg [WIDTH-1:0] mem [0:DEPTH-1];\n"+
			"            initial if (MEM != \"\") $readmemh(MEM, mem);\n            always @(posedge clk) data_q <= mem[addr];"+
			"\n        end\n    endgenerate"),
	blocktest.Replace("falling staircases rise", "thresholds.v", "count ^ {OUTPUT_BITS{falls[pe]}}", "count"),
	blocktest.Replace("signed outputs are unsigned", "thresholds.v", "level ^ FLIP", "level"),
}

// spills are faults of the register at the end.
var spills = []blocktest.Mutation{
	blocktest.Replace("spill register drops a beat", "spill_register.v", "data_q <= spill_valid_q ? spill_q : s_data",
		"data_q <= s_data"),
	blocktest.Replace("spill register repeats a beat", "spill_register.v", "!free && (s_fire || spill_valid_q)",
		"spill_valid_q || (!free && s_fire)"),
}

// startValues are faults of where accumulators begin.
var startValues = []blocktest.Mutation{
	blocktest.Replace("start of the next fold", "start_values.v", ".addr(fold)",
		".addr((fold == FOLDS - 1) ? {FOLD_BITS{1'b0}} : fold + 1'b1)"),
	blocktest.Replace("start counter ignores the stall", "mvau.v",
		"else if (en && valid_q[AT_SUM-1] && last_q[AT_SUM-1])",
		"else if (valid_q[AT_SUM-1] && last_q[AT_SUM-1])"),
	blocktest.Replace("start counter counts every beat", "mvau.v", "valid_q[AT_SUM-1] && last_q[AT_SUM-1])",
		"valid_q[AT_SUM-1])"),
	blocktest.Replace("stale start on the first fold", "start_values.v", ".en  (en)",
		".en  (en && fold != {FOLD_BITS{1'b0}})"),
	blocktest.Replace("no start at all", "accumulator.v", "kept = first ? start : acc",
		"kept = first ? {ACC_BITS{1'b0}} : acc"),
	blocktest.Replace("restart is swapped", "accumulator.v",
		"kept = first ? start : acc", "kept = first ? acc : start"),
	blocktest.Replace("starts of the PEs are swapped", "mvau.v", "starts[pe*ACC_BITS", "starts[(PE-1-pe)*ACC_BITS"),
}

// signFaults are faults of units whose weights are -1 and +1.
var signFaults = []blocktest.Mutation{
	blocktest.Replace("differing lanes are counted", "xnor_count.v", "weights ~^ inputs", "weights ^ inputs"),
	blocktest.Replace("lanes that are not there count", "xnor_count.v", "{(9*NINES-SIMD){1'b0}}",
		"{(9*NINES-SIMD){1'b1}}"),
	blocktest.Replace("a count of three without its carry", "xnor_count.v", "(b && c), a ^ b ^ c", "1'b0, a ^ b ^ c"),
	blocktest.Replace("counts of three ignore the stall", "xnor_count.v", "if (en) threes_q", "threes_q"),
	blocktest.Replace("the carry of the low bits is lost", "xnor_count.v", "two ^ twos", "twos"),
	blocktest.Replace("two carries are one", "xnor_count.v", "four ^ fours", "four || fours"),
	blocktest.Replace("the count of nine has no highest bit", "xnor_count.v", "{eight, ", "{1'b0, "),
	blocktest.Replace("counts of nine ignore the stall", "xnor_count.v",
		"if (en)\n                                sums_q[4*node", "sums_q[4*node"),
	blocktest.Replace("only one of two counts", "xnor_count.v", "{1'b0, left} + {1'b0, right}", "{1'b0, left}"),
	blocktest.Replace("counts have a sign", "xnor_count.v", "{{SUM_BITS{1'b0}}, total}",
		"{{SUM_BITS{total[TOP-1]}}, total}"),
	blocktest.Replace("counts without SIGNS", "mvau.v", "INPUT_SIGNED == 0) ? 1 : 0;", "INPUT_SIGNED == 0) ? 0 : 0;"),
	blocktest.Replace("the count leaves a stage early", "mvau.v", "COUNTED = 1 + ((SIMD > 3)",
		"COUNTED = 0 + ((SIMD > 3)"),
	blocktest.Replace("signs are not relative", "mvau.v", "w[lane] ^ w[lane-step]", "w[lane]"),
	blocktest.Replace("the sign of the whole is left out", "mvau.v", "relative[SIMD-1] = !w[0]",
		"relative[SIMD-1] = 1'b0"),
	blocktest.Replace("signed sums of no beat count", "mvau.v", "(en && valid_q[AT_SUM])", "(en)"),
	blocktest.Replace("signed sums ignore the stall", "mvau.v", "(en && valid_q[AT_SUM])", "(valid_q[AT_SUM])"),
}

// unit is the unit of l alone, its input coming once per fold of rows; accBits is P, 0 for what l
// needs; pairs says that lanes are multiplied two at a time where there are two. A result passes the
// stages and the spill register (the latency of mvau.v).
func unit(l quant.Layer, f hwgen.Fold, accBits int, blockROM, pairs bool) blocktest.Case {
	if accBits == 0 {
		accBits, _ = l.NeededBits()
	}
	return unitIn(blocktest.Alone(l), &l, f, accBits, blockROM, pairs)
}

// unitIn is the unit of a layer of a network.
func unitIn(n *quant.Network, l *quant.Layer, f hwgen.Fold, accBits int, blockROM, pairs bool) blocktest.Case {
	b := &mvau.Block{Layer: l, Input: hwgen.Tensor{Holds: hwgen.HoldsInputs}, Fold: f, AccBits: accBits,
		ThresholdBits: l.ThresholdBits(accBits), BlockROM: blockROM, Style: boards.MemoryStyle{PairLanes: pairs}}
	return blocktest.Case{Block: b, Network: n, Inputs: b.Reads(nil),
		Latency: b.Cycles() + b.Stages() + 1,
		Traits: map[string]bool{"one fold of rows": b.NF() == 1, "one beat per fold": b.SF() == 1, "one PE": f.PE == 1,
			"one lane": f.SIMD == 1, "an odd node": f.SIMD&(f.SIMD-1) != 0, "signed inputs": l.Input.Signed,
			"one-bit inputs": l.Input.Bits == 1, "one-bit weights": l.WeightBits == 1,
			"odd weights": l.WeightBits%2 == 1, "thresholds": l.Thresholds != nil,
			"inverted":       l.Thresholds != nil && slices.Contains(l.Thresholds.Inverted, true),
			"signed outputs": l.Thresholds != nil && l.Thresholds.Output.Signed, "start values": b.Shifted(),
			"wide thresholds": b.ThresholdBits > accBits, "block ROM": blockROM,
			"signs": mvau.Signs(l), "counted": mvau.Counts(l),
			"one row": l.Out == 1, "one input": l.In == 1, "pairs": pairs && f.SIMD > 1,
			"channels at once": f.Channels(l) > 1},
	}
}

// depthwise is the unit of a drawn depthwise convolution over an image of shape in.
func depthwise(seed uint64, in quant.Shape, w quant.Window, f hwgen.Fold, pairs bool) blocktest.Case {
	rng := rand.New(rand.NewPCG(seed, 8))
	l := quant.Layer{Name: "fc", Kind: quant.Conv, Window: w, Groups: in.C, In: w.Taps(), Out: in.C, WeightBits: 3,
		Input: quant.DataType{Bits: 1 + rng.IntN(3), Signed: rng.IntN(3) == 0}}
	for range l.In * l.Out {
		l.Weights = append(l.Weights, int32(rng.IntN(8)-4))
	}
	if rng.IntN(2) == 0 {
		l.Thresholds = blocktest.Stairs(&l, unsigned(1+rng.IntN(3)))
	}
	n, err := blocktest.OverImage(l.Input, in, l)
	if err != nil {
		panic(err)
	}
	accBits, _ := n.Layers[0].NeededBits()
	return unitIn(n, &n.Layers[0], f, accBits, rng.IntN(2) == 0, pairs)
}

// drawDepthwise draws the unit of a depthwise convolution of a few positions.
func drawDepthwise(rng *rand.Rand) blocktest.Case {
	w := quant.Window{H: 1 + rng.IntN(3), W: 1 + rng.IntN(2), Top: rng.IntN(2), Right: rng.IntN(2)}
	in := quant.Shape{H: w.H + rng.IntN(2), W: w.W + rng.IntN(2), C: 2 + rng.IntN(5)}
	if w.Taps() == 1 { // what is no depthwise convolution is another layer's case
		w.H, in.H = 2, 2
	}
	seed, f := rng.Uint64(), hwgen.Fold{PE: blocktest.Divisor(rng, in.C), SIMD: blocktest.Divisor(rng, w.Taps())}
	return depthwise(seed, in, w, f, rng.IntN(2) == 0)
}

// drawLayer draws a layer and P for it.
func drawLayer(rng *rand.Rand) (l quant.Layer, accBits int) {
	if rng.IntN(3) > 0 {
		l = quanttest.RandomNetwork(rng, quanttest.RandomSpec{MaxLayers: 1, MaxSize: 16}).Layers[0]
		needed, _ := l.NeededBits()
		return l, needed + rng.IntN(3)
	}
	p := map[string]int{"mw": block.Pick(rng, 1, 2, 3, 5, 8, 11, 16), "mh": block.Pick(rng, 1, 2, 3, 4, 7, 12),
		"m": block.Pick(rng, 2, 3, 4, 8), "n": block.Pick(rng, 1, 2, 4), "signed": rng.IntN(2),
		"a":       block.Pick(rng, 0, 1, 2, 4),
		"asigned": rng.IntN(2), "invert": rng.IntN(2), "shifted": 1}
	p["p"] = p["n"] + 3 + rng.IntN(5)
	return *block.Sample{Seed: rng.Uint64(), Params: p}.Layer(), p["p"]
}

// drawSigns draws a layer of weights of -1 and +1 and P for it: inputs of a bit mostly, half of them with
// accumulators that begin as the plan lets them.
func drawSigns(rng *rand.Rand) (l quant.Layer, accBits int) {
	x := []quant.DataType{unsigned(1), unsigned(1), unsigned(3), signed(2), signed(1)}[rng.IntN(5)]
	l = signs(rng.Uint64(), block.Pick(rng, 1, 2, 3, 4, 9, 10, 16, 30), block.Pick(rng, 1, 2, 3, 6), x, rng.IntN(2) == 0)
	if a := rng.IntN(3); a > 0 {
		l = stairs(l, quant.DataType{Bits: a, Signed: rng.IntN(2) == 0})
	}
	needed, _ := l.NeededBits()
	return l, needed + rng.IntN(2)
}

// signs draws a layer of weights of -1 and +1, whose accumulators begin at the number of those of -1 in
// their row where counted: there a popcount begins at 0.
func signs(seed uint64, in, out int, x quant.DataType, counted bool) quant.Layer {
	rng := rand.New(rand.NewPCG(seed, 31))
	l := quant.Layer{Name: "fc", In: in, Out: out, Input: x, WeightBits: 2}
	for range out * in {
		l.Weights = append(l.Weights, int32(rng.IntN(2))*2-1)
	}
	for c := range out {
		if counted {
			l.Start = append(l.Start, -l.SumRange(c).Min)
		}
	}
	return l
}

// zeros leaves of the weights of l one bit, 0 and -1.
func zeros(l quant.Layer) quant.Layer {
	l.WeightBits = 1
	for i, w := range l.Weights {
		l.Weights[i] = -(w & 1)
	}
	return l
}

// layer draws a layer of 3-bit weights whose accumulators leave; no score reads them here.
func layer(seed uint64, in, out int, x quant.DataType) quant.Layer {
	rng := rand.New(rand.NewPCG(seed, 5))
	l := quant.Layer{Name: "fc", In: in, Out: out, Input: x, WeightBits: 3, Weights: make([]int32, in*out)}
	for i := range l.Weights {
		l.Weights[i] = int32(rng.IntN(8)) - 4
	}
	return l
}

// starts draws a layer whose accumulators use every code of 8 bits from start values on: rows of
// the largest l1 norm that 4-bit inputs leave, 17 = 5*3 + 2 (17*15 = 2^8-1).
func starts(seed uint64) quant.Layer {
	rng := rand.New(rand.NewPCG(seed, 22))
	l := quant.Layer{Name: "fc", In: 6, Out: 6, Input: unsigned(4), WeightBits: 3, Start: make([]int64, 6)}
	for c := range l.Out {
		for _, i := range rng.Perm(l.In) {
			l.Weights = append(l.Weights, int32(min(3, 2+i)*(1-2*rng.IntN(2))))
		}
		l.Start[c], _ = l.ShiftedStart(c, 8)
	}
	return l
}

// everySum is a layer of so few sums, 0 to 9 and below 0, that all are reached: each bit of its
// thresholds shows.
func everySum() quant.Layer {
	l := quant.Layer{Name: "fc", In: 2, Out: 4, Input: unsigned(2), WeightBits: 3,
		Weights: []int32{1, 2, -2, -1, 2, 1, -1, -2}}
	return stairs(l, unsigned(2))
}

// always is a layer with a row that reaches the lowest number of P bits, and a threshold below
// it, which needs a bit more.
func always() quant.Layer {
	l := quant.Layer{Name: "fc", In: 1, Out: 3, Input: unsigned(1), WeightBits: 3, Weights: []int32{-4, 3, -1}}
	l.Thresholds = &quant.Thresholds{Output: unsigned(1), Values: []int64{-5, 0, -1}}
	return l
}

// stairs puts thresholds on l.
func stairs(l quant.Layer, out quant.DataType) quant.Layer {
	l.Thresholds = blocktest.Stairs(&l, out)
	return l
}

func unsigned(bits int) quant.DataType { return quant.DataType{Bits: bits} }

func signed(bits int) quant.DataType { return quant.DataType{Bits: bits, Signed: true} }

func TestBlocks(t *testing.T)    { blocktest.Check(t, kind) }
func TestMutations(t *testing.T) { blocktest.Mutate(t, kind) }

// maxStages is what the cycle model has a word for.
const maxStages = 64

// TestStages counts pipelines by hand: operands, one stage per two weight bits, the tree, the
// accumulator, two stages per threshold level but the first, which reads beside it; of pairs the
// sums of operands, one stage per weight bit, the tree of pairs. The last are as deep as anything
// that is accepted, and deeper: 16-bit weights and activations.
func TestStages(t *testing.T) {
	for _, c := range []struct {
		weightBits, simd, activation int
		pairs                        bool
		want                         int
	}{
		{1, 1, 0, false, 1 + 1 + 0 + 1}, {2, 2, 1, false, 1 + 1 + 1 + 1 + 1}, {3, 3, 2, false, 1 + 2 + 2 + 1 + 3},
		{4, 8, 4, false, 1 + 2 + 3 + 1 + 7}, {8, 5, 0, false, 1 + 4 + 3 + 1},
		{16, 1 << 20, 16, false, 1 + 8 + 20 + 1 + 31},
		{1, 1, 0, true, 1 + 1 + 0 + 1}, {2, 2, 1, true, 1 + 1 + 2 + 0 + 1 + 1}, {3, 3, 2, true, 1 + 1 + 3 + 1 + 1 + 3},
		{4, 8, 4, true, 1 + 1 + 4 + 2 + 1 + 7}, {8, 5, 0, true, 1 + 1 + 8 + 2 + 1}, {8, 1, 0, true, 1 + 4 + 1},
		{16, 1 << 15, 16, true, 1 + 1 + 16 + 14 + 1 + 31},
	} {
		l := &quant.Layer{WeightBits: c.weightBits}
		if c.activation > 0 {
			l.Thresholds = &quant.Thresholds{Output: quant.DataType{Bits: c.activation}}
		}
		m := &mvau.Block{Layer: l, Fold: hwgen.Fold{PE: 1, SIMD: c.simd}, Style: boards.MemoryStyle{PairLanes: c.pairs}}
		if got := m.Stages(); got != c.want || got > maxStages {
			t.Errorf("mvau %+v: %d stages", c, got)
		}
	}
}
