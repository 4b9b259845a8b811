package hardwired_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/addergraph"
	"github.com/a2qgen/a2qgen/hwgen/block"
	"github.com/a2qgen/a2qgen/hwgen/block/blocktest"
	"github.com/a2qgen/a2qgen/hwgen/block/hardwired"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/quanttest"
)

// kind draws layers as quanttest does (rows at an end of the weights' range, thresholds that are
// always or never passed, falling ones), and others with start values.
var kind = blocktest.Kind{
	Draw: func(rng *rand.Rand) blocktest.Case {
		for {
			l, accBits := drawLayer(rng)
			// Icarus interprets every step of every row: wide ones would take minutes.
			if t := l.Thresholds; t == nil || t.Levels() <= 63 && t.Levels()*l.Out <= 128 {
				return unit(l, accBits)
			}
		}
	},
	Cases: []blocktest.Case{
		unit(stairs(layer(1, 6, 6, unsigned(3)), unsigned(2)), 0).Named("tables"),
		unit(layer(2, 6, 5, signed(3)), 12).Named("accumulators leave, signed inputs"),
		unit(starts(4), 8).Named("accumulators leave, start values"),
		unit(stairs(starts(5), signed(2)), 8).Named("start values, signed outputs"),
		unit(stairs(layer(3, 9, 5, signed(8)), unsigned(3)), 0).Named("comparisons"),
		unit(everySum(), 0).Named("every sum is reached"),
		unit(wires(), 0).Named("no adders, rows of zeros"),
		unit(stairs(layer(4, 1, 3, unsigned(4)), unsigned(2)), 0).Named("one input"),
	},
	Mutations: slices.Concat(graph, results, control),
}

const file = "fc_hardwired.v"

// graph are faults of the adders.
var graph = []blocktest.Mutation{
	blocktest.Rewrite("a sum is a difference", file, `(a\d+_\d+ <= [^;]*) \+ `, "$1 - "),
	blocktest.Rewrite("a difference is a sum", file, `(a\d+_\d+ <= [^;]*) - `, "$1 + "),
	blocktest.Rewrite("another operand", file, `(a\d+_\d+ <= [^;]*)x0_0`, "${1}x1_0"),
	blocktest.Rewrite("operands are not shifted", file,
		`(a\d+_\d+ <= )\{([^;]*[-+][^;]*), x\d+_\d+\[0:0\]\};`, "$1{1'b0, $2};"),
	blocktest.Rewrite("an adder is a bit narrower", file, `reg \[4:0\] (a\d+_\d+;)`, "reg [3:0] $1"),
	blocktest.Rewrite("a sign is not extended", file, `\{(\d+)\{a\d+_\d+\[\d+\]\}\}`, "{$1{1'b0}}"),
	blocktest.Rewrite("an input waits a cycle less", file, `(x\d+)_2 <= x\d+_1\[`, "${1}_2 <= ${1}_0["),
}

// results are faults of what follows the sums.
var results = []blocktest.Mutation{
	blocktest.Rewrite("a step a sum too late", file, `(\d+'d\d+): (y\d+_\d+ <= 2'd)1;`, "$1: ${2}0;"),
	blocktest.Rewrite("a result waits a cycle less", file, `\+: 3\] = (y\d+)_7;`, "+: 3] = ${1}_6;"),
	blocktest.Rewrite("no start value", file, `<= 8'd\d+ \+ `, "<= 8'd0 + "),
	blocktest.Rewrite("another start value", file, `<= 8'd\d+ \+ `, "<= 8'd1 + "),
	blocktest.Rewrite("a negative sum is not turned round", file, `<= 8'd(\d+) - `, "<= 8'd$1 + "),
	blocktest.Rewrite("a step is missing", file, `\.STEPS      \(\{\s*\d+'d\d+`, ".STEPS      ({ 12'd0"),
	blocktest.Rewrite("a step is one off", file, `(\.STEPS      \(\{\s*\d+'d)(\d+)`, "${1}1$2"),
	blocktest.Rewrite("constant result", file, `(= 2'd)3(;  // no input)`, "${1}0$2"),
	blocktest.Rewrite("another origin", file, `\.ORIGIN     \((\d+)'d\d+\)`, ".ORIGIN     ($1'd5)"),
	blocktest.Rewrite("not turned round", file, `\.FLIP       \((\d+)'d[1-9]\d*\)`, ".FLIP       ($1'd0)"),
	blocktest.Replace("steps turn over at once", "staircase.v", "turned || above;", "above;"),
	blocktest.Replace("no step turns over", "staircase.v", "turned && above", "1'b0"),
	blocktest.Replace("steps that are never reached", "staircase.v", "step[BITS] ? 1'b0", "1'b0 ? 1'b0"),
	blocktest.Replace("every step counts that is not reached", "staircase.v", "if (reached && !next)", "if (!next)"),
	blocktest.Replace("every step counts that is reached", "staircase.v", "if (reached && !next)", "if (reached)"),
	blocktest.Replace("steps are counted from 0 on", "staircase.v", "at = {1'b0, ORIGIN} +", "at = {(BITS+1){1'b0}} +"),
	blocktest.Replace("nothing has turned over", "staircase.v", "turned = !above", "turned = 1'b0"),
	blocktest.Rewrite("a bit of P less", "alone.v", `\.ACC_BITS( *)\(8\)`, ".ACC_BITS$1(7)"),
}

// control are faults of the handshake.
var control = []blocktest.Mutation{
	blocktest.Rewrite("takes beats without a place", file, `assign s_ready = level_q != FULL`, "assign s_ready = 1'b1"),
	blocktest.Rewrite("a place less", file, `= DEPTH\[LEVEL_BITS-1:0\];`, "= DEPTH[LEVEL_BITS-1:0] - 1'b1;"),
	blocktest.Rewrite("a place more", file, `= DEPTH\[LEVEL_BITS-1:0\];`, "= DEPTH[LEVEL_BITS-1:0] + 1'b1;"),
	blocktest.Rewrite("a beat without valid", file, `s_fire = s_valid && s_ready`, "s_fire = s_ready"),
	blocktest.Rewrite("places are never free again", file, `if \(!s_fire && m_fire\) level_q`, "if (1'b0) level_q"),
	blocktest.Rewrite("a place is counted twice", file, `if \(s_fire && !m_fire\) level_q`, "if (s_fire) level_q"),
	blocktest.Rewrite("valid comes early", file, `\.s_valid\(valid\[STAGES\]\)`, ".s_valid(valid[STAGES-1])"),
}

// unit is the unit of l alone; accBits is P, 0 for what l needs.
func unit(l quant.Layer, accBits int) blocktest.Case {
	if accBits == 0 {
		accBits, _ = l.NeededBits()
	}
	b := hardwired.New(&l, addergraph.New(l.Weights, l.In), hwgen.Tensor{Holds: hwgen.HoldsInputs}, l.Input, accBits,
		boards.MemoryStyle{})
	zero := false
	for c := range l.Out {
		zero = zero || !slices.ContainsFunc(l.Row(c), func(w int32) bool { return w != 0 })
	}
	return blocktest.Case{Block: b, Network: blocktest.Alone(l), Inputs: b.Reads(nil), Latency: b.Stages() + 2,
		Traits: map[string]bool{"no adder": b.Adders() == 0, "deep": b.Stages() > 3, "signed inputs": l.Input.Signed,
			"one-bit inputs": l.Input.Bits == 1, "thresholds": l.Thresholds != nil,
			"inverted":       l.Thresholds != nil && slices.Contains(l.Thresholds.Inverted, true),
			"signed outputs": l.Thresholds != nil && l.Thresholds.Output.Signed, "start values": l.Start != nil,
			"wide sums": accBits > 8, "a row of zeros": zero, "one row": l.Out == 1, "one input": l.In == 1},
	}
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

// everySum is a layer of so few sums, 0 to 9 and below 0, that all are reached: each line of its
// tables shows.
func everySum() quant.Layer {
	l := quant.Layer{Name: "fc", In: 2, Out: 4, Input: unsigned(2), WeightBits: 3,
		Weights: []int32{1, 2, -2, -1, 2, 1, -1, -2}}
	return stairs(l, unsigned(2))
}

// wires is a layer of single weights: wires, shifts, negative ones, and a row of zeros.
func wires() quant.Layer {
	l := quant.Layer{Name: "fc", In: 3, Out: 5, Input: unsigned(3), WeightBits: 4,
		Weights: []int32{0, 1, 0, 0, 0, 0, 4, 0, 0, 0, 0, -2, 0, -8, 0}}
	return stairs(l, unsigned(2))
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
