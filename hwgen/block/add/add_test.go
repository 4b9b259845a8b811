package add_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block/add"
	"github.com/a2qgen/a2qgen/hwgen/block/blocktest"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/quanttest"
)

// kind draws a sum out of a residual network, with the operands that it has there: the input,
// activations of other widths and signs, accumulators, the same tensor twice.
var kind = blocktest.Kind{
	Draw: func(rng *rand.Rand) blocktest.Case {
		for {
			n := quanttest.RandomResidual(rng, 12, 3)
			if i := slices.IndexFunc(n.Layers, func(l quant.Layer) bool { return l.Kind == quant.Add }); i >= 0 {
				needed, _ := n.Layers[i].NeededBits()
				return sum(n, i, blocktest.Divisor(rng, n.Layers[i].Out), needed+rng.IntN(3))
			}
		}
	},
	Cases: []blocktest.Case{
		sum(shortcut(1, 6, nil, accumulators, unsigned(2)), 1, 2, 0).Named("shortcut, folded"),
		sum(shortcut(2, 4, []int64{3, 5}, signed(2), signed(2)), 1, 4, 0).Named("factors, a vector per cycle"),
		sum(shortcut(3, 6, []int64{1, 2, 7}, accumulators, accumulators), 1, 3, 20).Named("three operands, wide sums leave"),
		sum(network(unsigned(3), 6, unsigned(2), quant.Layer{Name: "sum", Kind: quant.Requantize, Out: 6}), 0, 2, 0).
			Named("one operand, all of whose values come"),
		sum(network(unsigned(2), 3, unsigned(2), quant.Layer{Name: "sum", Kind: quant.Add,
			From: []int{quant.Source, quant.Source}, Factors: []int64{1, 2}, Out: 3}), 0, 1, 0).Named("the input twice"),
	},
	Mutations: []blocktest.Mutation{
		blocktest.Replace("goes with operand 0 alone", "add.v", "wire go = en && (&held_q)", "wire go = en && held_q[0]"),
		blocktest.Replace("takes beats over those held", "add.v", "assign s_ready = ~held_q | {OPERANDS{go}}",
			"assign s_ready = {OPERANDS{1'b1}}"),
		blocktest.Replace("takes every other cycle", "add.v", "assign s_ready = ~held_q | {OPERANDS{go}}",
			"assign s_ready = ~held_q"),
		blocktest.Replace("keeps operands that went", "add.v", "(held_q & ~{OPERANDS{go}})", "held_q"),
		blocktest.Replace("operands change while they wait", "add.v", "if (s_ready[k]) x_q", "x_q"),
		blocktest.Replace("pipeline ignores the stall", "add.v", "wire en = !valid_q[AT_END] || spill_ready",
			"wire en = 1'b1 || spill_ready"),
		blocktest.Replace("valid ignores the stall", "add.v", "if (en) valid_q", "valid_q"),
		blocktest.Replace("signed elements are unsigned", "add.v", "SIGNS[k] && element[WIDTH-1]", "1'b0"),
		blocktest.Replace("all elements are signed", "add.v", "SIGNS[k] && element[WIDTH-1]", "element[WIDTH-1]"),
		blocktest.Replace("lanes are swapped", "add.v", "assign x[(pe*OPERANDS+k)*", "assign x[((PE-1-pe)*OPERANDS+k)*"),
		blocktest.Replace("all factors are that of operand 0", "add.v", ".weights(FACTORS)",
			".weights({OPERANDS{FACTORS[FACTOR_BITS-1:0]}})"),
		blocktest.Replace("sum is zero-extended", "add.v", "{{ACC_BITS{sum[SUM_BITS-1]}}, sum}", "{{ACC_BITS{1'b0}}, sum}"),
		blocktest.Replace("fold counter ignores the stall", "add.v", "else if (en && valid[AT_SUM-1])",
			"else if (valid[AT_SUM-1])"),
		blocktest.Replace("fold counter counts without a beat", "add.v", "else if (en && valid[AT_SUM-1])", "else if (en)"),
		blocktest.Replace("one pipeline stage less for valid", "add.v", "AT_SUM = (FACTOR_BITS + 1) / 2 + TREE;",
			"AT_SUM = (FACTOR_BITS + 1) / 2 + TREE - 1;"),
	},
}

// sum is the block of layer i of n alone, pe channels per beat; accBits is P, 0 for what the layer
// needs. The last operand passes its register, the stages and the spill register.
func sum(n *quant.Network, i, pe, accBits int) blocktest.Case {
	l := &n.Layers[i]
	if accBits == 0 {
		accBits, _ = l.NeededBits()
	}
	b := &add.Block{Layer: l, PE: pe, AccBits: accBits, ThresholdBits: l.ThresholdBits(accBits)}
	leave := false
	for _, from := range l.From {
		o := operand(n, from)
		b.Operands = append(b.Operands, o)
		leave = leave || o.Holds == hwgen.HoldsAccumulators
	}
	first := b.Operands[0].Type
	return blocktest.Case{Block: b, Network: n, Inputs: b.Reads(nil), Latency: b.Cycles() + b.Stages() + 2,
		Traits: map[string]bool{"two operands": len(l.From) == 2, "one lane": pe == 1, "one beat": b.Cycles() == 1,
			"factors": l.Factors != nil, "thresholds": l.Thresholds != nil, "accumulators": leave,
			"reads the input": slices.Contains(l.From, quant.Source),
			"types differ":    slices.ContainsFunc(b.Operands, func(o add.Operand) bool { return o.Type != first }),
			"inverted":        l.Thresholds != nil && slices.Contains(l.Thresholds.Inverted, true)},
	}
}

// operand is what layer from of n, or the source, gives to a sum.
func operand(n *quant.Network, from int) add.Operand {
	if from == quant.Source {
		return add.Operand{Tensor: hwgen.Tensor{Holds: hwgen.HoldsInputs}, Type: n.Input.Type}
	}
	l := &n.Layers[from]
	if l.Thresholds != nil {
		return add.Operand{Tensor: hwgen.Tensor{Layer: l.Name, Holds: hwgen.HoldsOutputs}, Type: l.Output()}
	}
	// As accumulators leave their unit: signed, even if none is below 0.
	needed, _ := l.NeededBits()
	return add.Operand{Tensor: hwgen.Tensor{Layer: l.Name, Holds: hwgen.HoldsAccumulators}, Type: signed(needed)}
}

// accumulators, in place of the type of activations, says that there is no staircase.
var accumulators quant.DataType

// shortcut is a layer of 3-bit weights whose results are added to its input, of 3 unsigned bits, and
// once more where there are three factors.
func shortcut(seed uint64, size int, factors []int64, mid, out quant.DataType) *quant.Network {
	rng := rand.New(rand.NewPCG(seed, 5))
	fc := quant.Layer{Name: "fc", In: size, Out: size, Input: unsigned(3), WeightBits: 3,
		Weights: make([]int32, size*size)}
	for i := range fc.Weights {
		fc.Weights[i] = int32(rng.IntN(8)) - 4
	}
	l := quant.Layer{Name: "sum", Kind: quant.Add, From: []int{quant.Source, 0}, Factors: factors, Out: size}
	if len(factors) == 3 {
		l.From = append(l.From, 0)
	}
	return network(fc.Input, size, out, network(fc.Input, size, mid, fc).Layers[0], l)
}

// network has the layers, the last of them with thresholds over the middle of each channel's
// range; every third channel falls.
func network(in quant.DataType, size int, out quant.DataType, layers ...quant.Layer) *quant.Network {
	build := func() *quant.Network {
		n, err := quant.NewNetwork(quant.Network{Name: "alone", InputShape: []int{size}, Layers: layers,
			Input: quant.InputQuantizer{Type: in, Shape: quant.Vector(size),
				Quantize: func(_ int, v float64) int32 { return int32(v) }}})
		if err != nil {
			panic(err)
		}
		return n
	}
	n := build()
	if out == accumulators {
		return n
	}
	// Ranges are known when the layers are connected.
	layers[len(layers)-1].Thresholds = blocktest.Stairs(&n.Layers[len(layers)-1], out)
	return build()
}

func unsigned(bits int) quant.DataType { return quant.DataType{Bits: bits} }

func signed(bits int) quant.DataType { return quant.DataType{Bits: bits, Signed: true} }

func TestBlocks(t *testing.T)    { blocktest.Check(t, kind) }
func TestMutations(t *testing.T) { blocktest.Mutate(t, kind) }
