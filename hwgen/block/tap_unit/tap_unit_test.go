package tapunit_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block/blocktest"
	tapunit "github.com/a2qgen/a2qgen/hwgen/block/tap_unit"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/quanttest"
)

// kind draws sparse layers, some with start values, with any number of lanes, of elements per beat
// that divides them, and memories of both kinds.
var kind = blocktest.Kind{
	Draw: func(rng *rand.Rand) blocktest.Case {
		for rng.IntN(3) == 0 {
			if c, ok := drawWindow(rng); ok {
				return c
			}
		}
		for {
			l, accBits := drawLayer(rng)
			f := hwgen.Fold{PE: blocktest.Divisor(rng, l.Out), SIMD: blocktest.Divisor(rng, l.In)}
			f.Lanes = f.SIMD * (1 + rng.IntN(5))
			f.Weights, f.Replay, f.Thresholds = place(rng), place(rng), place(rng)
			reads := 1 + rng.IntN(2)
			c := unit(l, f, accBits, reads)
			// Where filling and reading take alike, halves take turns in a longer and a shorter interval.
			b := c.Block.(*tapunit.Block)
			turns := max(b.Steps()-b.Beats(), b.Beats()-b.Steps()) < reads
			if f.PE*f.Lanes <= lanes && c.Block.Cycles() <= cycles && !turns {
				return c
			}
		}
	},
	Cases: []blocktest.Case{
		unit(stairs(layer(1, 12, 6, unsigned(3)), unsigned(2)), hwgen.Fold{PE: 2, SIMD: 2, Lanes: 4}, 0, 1).
			Named("two rows of four lanes"),
		unit(layer(2, 7, 5, signed(3)), hwgen.Fold{PE: 1, SIMD: 1, Lanes: 3}, 12, 2).
			Named("wide accumulators leave, signed inputs, an odd node, two read stages"),
		unit(oneTap(3), hwgen.Fold{PE: 1, SIMD: 1, Lanes: 8}, 0, 1).Named("a row per step"),
		unit(starts(4), hwgen.Fold{PE: 2, SIMD: 3, Lanes: 3, Replay: hwgen.InBlockRAM,
			Weights: hwgen.InBlockRAM}, 8, 1).Named("start values"),
		unit(stairs(starts(5), signed(2)), hwgen.Fold{PE: 1, SIMD: 2, Lanes: 2, Weights: hwgen.InBlockRAM,
			Thresholds: hwgen.InBlockRAM}, 8, 2).Named("start values, signed outputs, memories in block RAM"),
		unit(stairs(layer(6, 8, 2, unsigned(2)), unsigned(1)), hwgen.Fold{PE: 2, SIMD: 1, Lanes: 8}, 0, 1).
			Named("longer to fill than to read"),
		unit(oneTap(7), hwgen.Fold{PE: 1, SIMD: 1, Lanes: 2, Weights: hwgen.InBlockRAM}, 0, 1).
			Named("neighbouring steps differ, schedule in block RAM"),
		convolution(1, quant.Shape{H: 4, W: 4, C: 2}, quant.Window{H: 3, W: 3, Top: 1, Left: 1, Bottom: 1, Right: 1}, 3,
			hwgen.Fold{PE: 1, SIMD: 1, Lanes: 3}, 2).Named("windows with a border, three lanes, two read stages"),
		convolution(2, quant.Shape{H: 5, W: 5, C: 1}, quant.Window{H: 2, W: 2, StrideH: 2, StrideW: 2}, 4,
			hwgen.Fold{PE: 2, SIMD: 1, Lanes: 2, Replay: hwgen.InBlockRAM}, 1).Named("windows that skip, two rows at once"),
		convolution(3, quant.Shape{H: 4, W: 3, C: 4}, quant.Window{H: 2, W: 2, Top: 1, Left: 1},
			2, hwgen.Fold{PE: 1, SIMD: 2, Lanes: 2, Replay: hwgen.InBlockRAM}, 1).Named("windows, two elements per beat"),
	},
	Mutations: slices.Concat(buffers, windows, sums, stages, searches),
}

// lanes and cycles per frame bound drawn units, for Icarus's sake: its time grows with both, and
// every unit is run five times.
const lanes, cycles = 24, 80

// buffers are faults of the vector's memories and of their halves.
var buffers = []blocktest.Mutation{
	blocktest.Replace("both halves are one", "tap_buffer.v", "mem[{half, slot}]", "mem[{1'b0, slot}]"),
	blocktest.Replace("writes the other half", "tap_buffer.v", "mem[{write_half_q, slot_q}]",
		"mem[{!write_half_q, slot_q}]"),
	blocktest.Replace("takes a beat into a full half", "tap_buffer.v", "s_ready = !full_q[write_half_q]",
		"s_ready = 1'b1"),
	blocktest.Replace("a half is free with its last step", "tap_buffer.v", "wire freed = en && last_q[READ_STAGES-1]",
		"wire freed = en && full && last"),
	blocktest.Replace("a half is free in a stall", "tap_buffer.v", "wire freed = en && last_q", "wire freed = last_q"),
	blocktest.Replace("reads a vector that is not whole", "tap_buffer.v", "assign full = full_q[half_q]",
		"assign full = 1'b1"),
	blocktest.Replace("the vector ends a beat early", "tap_buffer.v", "LAST_GROUP = (BEATS - 1) % GROUPS",
		"LAST_GROUP = (BEATS - 1 + GROUPS - 1) % GROUPS"),
	blocktest.Replace("lanes that have no tap keep theirs", "tap_buffer.v", "if (!used[lane]) data_q",
		"if (1'b0) data_q"),
	blocktest.Replace("lanes move in a stall", "tap_buffer.v", "if (en) begin\n                    if (!used",
		"begin\n                    if (!used"),
	blocktest.Replace("elements of a beat are swapped", "tap_buffer.v", "s_data[(BANK%SIMD)*WIDTH",
		"s_data[(SIMD-1-BANK%SIMD)*WIDTH"),
	blocktest.Replace("the half of reads runs ahead", "tap_buffer.v", "wire half = reads_q[READ_STAGES-1]",
		"wire half = half_q"),
	blocktest.Replace("banks of the next group", "tap_buffer.v", "group_q[BANK/SIMD]",
		"group_q[(BANK/SIMD+1)%GROUPS]"),
	blocktest.Replace("slots do not move on", "tap_buffer.v", "else if (group_q[GROUPS-1]) slot_q",
		"else if (1'b0) slot_q"),
}

// windows are faults of the lines of an image.
var windows = []blocktest.Mutation{
	blocktest.Replace("reads a window that is not whole", "tap_window.v", "assign full    = !behind_q[COUNT_BITS-1]",
		"assign full    = 1'b1"),
	blocktest.Replace("takes an element into full lines", "tap_window.v", "assign s_ready = used_q[COUNT_BITS-1]",
		"assign s_ready = 1'b1"),
	blocktest.Replace("a place less", "tap_window.v", "USED = -DEPTH", "USED = 1 - DEPTH"),
	blocktest.Replace("an element of the window less", "tap_window.v", "BEHIND = -SPAN", "BEHIND = 1 - SPAN"),
	blocktest.Replace("the base does not move", "tap_window.v", "base_q   <= base_q - wide_back[PTR_BITS-1:0]",
		"base_q   <= base_q"),
	blocktest.Replace("the base runs ahead", "tap_window.v", "place_of(bases_q[READ_STAGES*PTR_BITS-1 -: PTR_BITS], 0)",
		"place_of(base_q, 0)"),
	blocktest.Replace("the base moves in a stall", "tap_window.v", "if (en) begin\n            bases_q",
		"begin\n            bases_q"),
	blocktest.Replace("rows of windows never end", "tap_window.v", "wire row_end = column_q ==",
		"wire row_end = 1'b0 && column_q =="),
	blocktest.Replace("images never end", "tap_window.v", "wire image_end = row_q ==",
		"wire image_end = 1'b0 && row_q =="),
	blocktest.Replace("free with the last step", "tap_window.v", "wire freed = en && moves_q[READ_STAGES-1]",
		"wire freed = moves"),
	blocktest.Replace("free in a stall", "tap_window.v", "wire freed = en && moves_q", "wire freed = moves_q"),
	blocktest.Replace("frees by the step at hand", "tap_window.v", "back(freed, steps_q[READ_STAGES*2-1 -: 2])",
		"back(freed, step)"),
	blocktest.Replace("lanes without a tap keep theirs", "tap_window.v", "if (!used[lane]) data_q", "if (1'b0) data_q"),
	blocktest.Replace("lanes move in a stall", "tap_window.v", "if (en) begin\n                    if (!used",
		"begin\n                    if (!used"),
	blocktest.Replace("slots of the next lane", "tap_window.v", "slots[lane*SLOT_BITS +: SLOT_BITS]}",
		"slots[((lane+1)%LANES)*SLOT_BITS +: SLOT_BITS]}"),
	blocktest.Replace("counts no element that comes", "tap_window.v", "{base_back, s_fire}", "{base_back, 1'b0}"),
	blocktest.Replace("all elements of a beat in one place", "tap_window.v", "place_of(write_q, element)",
		"place_of(write_q, 0)"),
	blocktest.Replace("elements of a beat are swapped", "tap_window.v", "s_data[element*WIDTH +: WIDTH]",
		"s_data[(SIMD-1-element)*WIDTH +: WIDTH]"),
	blocktest.Replace("beats overlap", "tap_window.v", "ELEMENT_BITS) ? 0 : k-ELEMENT_BITS]", "ELEMENT_BITS) ? 0 : k]"),
	blocktest.Replace("writes without a beat", "tap_window.v", "if (s_fire)\n                    for", "for"),
}

// sums are faults of tree and accumulator.
var sums = []blocktest.Mutation{
	blocktest.Replace("a node never subtracts", "tap_tree.v", "minus = signs_in[node]", "minus = 1'b0"),
	blocktest.Replace("a node subtracts one too many", "tap_tree.v", "{left[SMALL-1], left, minus}",
		"{left[SMALL-1], left, 1'b0}"),
	blocktest.Replace("signs of the next level", "tap_tree.v", "signs_in[BELOW-1:PAIRS]", "signs_in[BELOW-1-PAIRS:0]"),
	blocktest.Replace("signs move in a stall", "tap_tree.v", "if (en) signs_q", "signs_q"),
	blocktest.Replace("lanes are signed", "tap_tree.v", "{(LEAF+1-INPUT_BITS){1'b0}}",
		"{(LEAF+1-INPUT_BITS){lane[INPUT_BITS-1]}}"),
	blocktest.Replace("nodes do not grow", "tap_tree.v", "sum_q <= full[BITS:1]",
		"sum_q <= {full[BITS-1], full[BITS-1:1]}"),
	blocktest.Replace("a lane without a partner is lost", "tap_tree.v", "{left[SMALL-1], left};",
		"{left[SMALL-1], left} ^ 1'b1;"),
	blocktest.Replace("the whole is never negative", "tap_accumulator.v",
		"({addend, 1'b0} ^ {(ACC_BITS+1){negative}})", "{addend, 1'b0}"),
	blocktest.Replace("accumulator never restarts", "tap_accumulator.v", "(ONE_SUM != 0 || first) ? start : acc",
		"(ONE_SUM != 0) ? start : acc"),
	blocktest.Replace("accumulator forgets the sum so far", "tap_accumulator.v", "|| first) ? start : acc",
		"|| first) ? start : start"),
	blocktest.Replace("accumulator moves in a stall", "tap_accumulator.v", "if (en) acc", "acc"),
	blocktest.Replace("sum is zero-extended", "tap_accumulator.v", "{(ACC_BITS-SUM_BITS){sum[SUM_BITS-1]}}",
		"{(ACC_BITS-SUM_BITS){1'b0}}"),
	blocktest.Replace("no start at all", "tap_accumulator.v", "|| first) ? start : acc",
		"|| first) ? {ACC_BITS{1'b0}} : acc"),
	blocktest.Replace("start of the next fold", "start_values.v", ".addr(fold)",
		".addr((fold == FOLDS - 1) ? {FOLD_BITS{1'b0}} : fold + 1'b1)"),
}

// stages are faults of the unit's control and of its schedule.
var stages = []blocktest.Mutation{
	blocktest.Replace("PEs are swapped", "tap_unit.v", "signs_q[pe*LANES +: LANES]),\n                .sum",
		"signs_q[(PE-1-pe)*LANES +: LANES]),\n                .sum"),
	blocktest.Replace("copies are swapped", "tap_unit.v", "x[pe*LANES*INPUT_BITS +: LANES*INPUT_BITS]),\n"+
		"                .signs   (", "x[(PE-1-pe)*LANES*INPUT_BITS +: LANES*INPUT_BITS]),\n                .signs   ("),
	blocktest.Replace("schedule runs one ahead", "tap_unit.v", "step_q  <= {STEP_BITS{1'b0}};\n            valid_q",
		"step_q  <= {{(STEP_BITS-1){1'b0}}, 1'b1};\n            valid_q"),
	blocktest.Replace("schedule moves without a vector", "tap_unit.v", "if (full) step_q", "step_q"),
	blocktest.Replace("pipeline ignores the stall", "tap_unit.v", "wire en = !valid_q[AT_END] || spill_ready",
		"wire en = 1'b1 || spill_ready"),
	blocktest.Replace("every step ends rows", "tap_unit.v", "!last_q[AT_SUM]} <<", "1'b0} <<"),
	blocktest.Replace("rows begin where they end", "tap_unit.v", "fresh_q <= last;", "fresh_q <= !last;"),
	blocktest.Replace("one pipeline stage less for valid", "tap_unit.v", "AT_SUM = AT_WORD + 1 + TREE;",
		"AT_SUM = AT_WORD + TREE;"),
	blocktest.Replace("signs move past the lanes in a stall", "tap_unit.v", "if (en) begin\n            first_q",
		"begin\n            first_q"),
	blocktest.Replace("fold counter counts every step", "tap_unit.v", "valid_q[AT_SUM-1] && ahead_last)",
		"valid_q[AT_SUM-1])"),
	blocktest.Replace("rows begin anew without a step", "tap_unit.v", "if (valid_q[AT_WORD]) fresh_q", "fresh_q"),
	blocktest.Replace("second read stage moves in a stall", "tap_unit.v", "if (en) word_q", "word_q"),
}

// searches are faults of thresholds in block RAM, beside those that mvau tries.
var searches = []blocktest.Mutation{
	blocktest.Replace("threshold of the next fold", "tap_unit.v", ".fold(fold_sum_q)", ".fold(fold_q)"),
	blocktest.Replace("schedule in block RAM ignores the stall", "rom.v",
		"reg [WIDTH-1:0] mem [0:DEPTH-1];\n            initial if (MEM != \"\") $readmemh(MEM, mem);\n"+
			"            always @(posedge clk) if (en) data_q", "reg [WIDTH-1:0] mem [0:DEPTH-1];\n"+
			"            initial if (MEM != \"\") $readmemh(MEM, mem);\n            always @(posedge clk) data_q"),
	blocktest.Replace("search takes the wrong branch", "threshold_stage.v", "{found_q, bit_q}", "{found_q, !bit_q}"),
}

// unit is the unit of l alone; accBits is P, 0 for what l needs. Behind the vector's beats come the
// steps, and a result passes the stages and the spill register.
func unit(l quant.Layer, f hwgen.Fold, accBits, reads int) blocktest.Case {
	if accBits == 0 {
		accBits, _ = l.NeededBits()
	}
	f.Weights, f.Replay, f.Thresholds = or(f.Weights), or(f.Replay), or(f.Thresholds)
	b := tapunit.New(tapunit.Block{Layer: &l, Input: hwgen.Tensor{Holds: hwgen.HoldsInputs}, Fold: f,
		AccBits: accBits, ThresholdBits: l.ThresholdBits(accBits), ReadStages: reads})
	return blocktest.Case{Block: b, Network: blocktest.Alone(l), Inputs: b.Reads(nil),
		Latency: b.Beats() + b.Steps() + b.Stages() + 1,
		Traits: map[string]bool{"one PE": f.PE == 1, "one lane": f.Lanes == 1, "one element per beat": f.SIMD == 1,
			"an odd node": f.Lanes&(f.Lanes-1) != 0, "one slot": b.Slots() == 1, "a fold per step": b.Steps() == b.Folds(),
			"longer to fill": b.Beats() > b.Steps(), "signed inputs": l.Input.Signed, "one-bit inputs": l.Input.Bits == 1,
			"thresholds": l.Thresholds != nil, "start values": b.Shifted(), "wide thresholds": b.ThresholdBits > accBits,
			"schedule in block RAM":   f.Weights == hwgen.InBlockRAM,
			"vector in block RAM":     f.Replay == hwgen.InBlockRAM,
			"thresholds in block RAM": f.Thresholds == hwgen.InBlockRAM && l.Thresholds != nil, "two reads": reads == 2,
			"groups of one beat": f.Lanes == f.SIMD, "partly filled slots": l.In%f.Lanes != 0, "windows": false,
			"windows of several elements": false},
	}
}

// convolution is the unit of a drawn convolution of out channels over an image of shape in.
func convolution(seed uint64, in quant.Shape, w quant.Window, out int, f hwgen.Fold, reads int) blocktest.Case {
	c, ok := convolved(rand.New(rand.NewPCG(seed, 6)), in, w, out, f, reads)
	if !ok {
		panic("no convolution")
	}
	return c
}

// convolved returns the case, unless the window does not fit the image.
func convolved(rng *rand.Rand, in quant.Shape, w quant.Window, out int, f hwgen.Fold,
	reads int) (blocktest.Case, bool) {
	l := quant.Layer{Name: "fc", Kind: quant.Conv, Window: w, In: w.Taps() * in.C, Out: out, WeightBits: 3,
		Input: quant.DataType{Bits: 1 + rng.IntN(3), Signed: rng.IntN(3) == 0}}
	for range l.In * l.Out {
		l.Weights = append(l.Weights, int32(max(0, rng.IntN(5)-2)*(1-2*rng.IntN(2))))
	}
	if rng.IntN(2) == 0 {
		l.Thresholds = blocktest.Stairs(&l, unsigned(1+rng.IntN(3)))
	}
	n, err := blocktest.OverImage(l.Input, in, l)
	if err != nil {
		return blocktest.Case{}, false
	}
	f.Weights, f.Replay, f.Thresholds = or(f.Weights), or(f.Replay), or(f.Thresholds)
	layer := &n.Layers[0]
	accBits, _ := layer.NeededBits()
	b := tapunit.New(tapunit.Block{Layer: layer, Input: hwgen.Tensor{Holds: hwgen.HoldsInputs}, Fold: f,
		AccBits: accBits, ThresholdBits: layer.ThresholdBits(accBits), ReadStages: reads})
	return blocktest.Case{Block: b, Network: n, Inputs: b.Reads(nil), Latency: latency(b, layer),
		Traits: map[string]bool{"windows": true, "windows of several elements": f.SIMD > 1}}, true
}

// latency is the cycles from the first element to the last result of the first image, both counted, for a
// source and a sink that never wait: windows begin when they are whole, one behind the other.
func latency(b *tapunit.Block, l *quant.Layer) int {
	in, w, ends := l.OperandShape(0), l.Window.Normal(), 0
	width := in.W + w.Left + w.Right
	for y := range l.Shape.H {
		for x := range l.Shape.W {
			row, column := y*w.StrideH+(w.H-1)*w.DilationH, x*w.StrideW+(w.W-1)*w.DilationW
			ends = max(ends, (row*width+column+1)*in.C/b.Fold.SIMD) + b.Steps()
		}
	}
	return ends + b.Stages() + 1
}

// drawWindow draws a convolution.
func drawWindow(rng *rand.Rand) (blocktest.Case, bool) {
	in := quant.Shape{H: 1 + rng.IntN(5), W: 1 + rng.IntN(5), C: 1 + rng.IntN(3)}
	w := quant.Window{H: 1 + rng.IntN(3), W: 1 + rng.IntN(3), StrideH: 1 + rng.IntN(3), StrideW: 1 + rng.IntN(2),
		DilationH: 1 + rng.IntN(2), DilationW: 1 + rng.IntN(2), Top: rng.IntN(2), Left: rng.IntN(2), Bottom: rng.IntN(2),
		Right: rng.IntN(2)}
	simd := []int{1, 1, 2, 4}[rng.IntN(4)]
	in.C *= simd
	f := hwgen.Fold{SIMD: simd, Lanes: 1 + rng.IntN(4), Weights: place(rng), Replay: place(rng), Thresholds: place(rng)}
	out := 1 + rng.IntN(4)
	f.PE = blocktest.Divisor(rng, out)
	c, ok := convolved(rng, in, w, out, f, 1+rng.IntN(2))
	return c, ok && c.Block.Cycles() <= 4*cycles
}

func or(p hwgen.Place) hwgen.Place {
	if p == "" {
		return hwgen.InLUTs
	}
	return p
}

func place(rng *rand.Rand) hwgen.Place {
	if rng.IntN(2) == 0 {
		return hwgen.InLUTs
	}
	return hwgen.InBlockRAM
}

// drawLayer draws a layer and P for it: as quanttest does, or sparse with start values.
func drawLayer(rng *rand.Rand) (quant.Layer, int) {
	if rng.IntN(2) == 0 {
		l := quanttest.RandomNetwork(rng, quanttest.RandomSpec{MaxLayers: 1, MaxSize: 12, MaxWeightBits: 4}).Layers[0]
		needed, _ := l.NeededBits()
		return l, needed + rng.IntN(3)
	}
	l := layer(rng.Uint64(), 1+rng.IntN(30), 1+rng.IntN(8), quant.DataType{Bits: 1 + rng.IntN(4),
		Signed: rng.IntN(2) == 0})
	if rng.IntN(2) == 0 {
		l.Start = make([]int64, l.Out)
		accBits, _ := l.NeededBits()
		for c := range l.Out {
			l.Start[c], _ = l.ShiftedStart(c, accBits)
		}
		if rng.IntN(2) == 0 {
			l = stairs(l, unsigned(1+rng.IntN(4)))
		}
		return l, accBits
	}
	l = stairs(l, unsigned(1+rng.IntN(3)))
	needed, _ := l.NeededBits()
	if rng.IntN(2) == 0 {
		// Below the smallest sum, and so below the smallest number of so many bits: always passed.
		l.Thresholds.Values[0] = -1<<(needed-1) - 1
	}
	return l, needed
}

// layer draws a layer of 3-bit weights, two of three of which are 0; no score reads them here.
func layer(seed uint64, in, out int, x quant.DataType) quant.Layer {
	rng := rand.New(rand.NewPCG(seed, 5))
	l := quant.Layer{Name: "fc", In: in, Out: out, Input: x, WeightBits: 3, Weights: make([]int32, in*out)}
	for i := range l.Weights {
		if rng.IntN(3) == 0 {
			l.Weights[i] = int32(rng.IntN(8)) - 4
		}
	}
	return l
}

// oneTap draws a layer with one tap or none per row and bank of 8: every row takes a step.
func oneTap(seed uint64) quant.Layer {
	rng := rand.New(rand.NewPCG(seed, 6))
	l := quant.Layer{Name: "fc", In: 16, Out: 9, Input: unsigned(4), WeightBits: 2, Weights: make([]int32, 16*9)}
	for r := range l.Out {
		for bank := range 8 {
			l.Weights[r*l.In+bank+8*rng.IntN(2)] = int32(rng.IntN(3) - 1)
		}
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

func stairs(l quant.Layer, out quant.DataType) quant.Layer {
	l.Thresholds = blocktest.Stairs(&l, out)
	return l
}

func unsigned(bits int) quant.DataType { return quant.DataType{Bits: bits} }
func signed(bits int) quant.DataType   { return quant.DataType{Bits: bits, Signed: true} }

func TestBlocks(t *testing.T)    { blocktest.Check(t, kind) }
func TestMutations(t *testing.T) { blocktest.Mutate(t, kind) }
