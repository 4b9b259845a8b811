package concat_test

import (
	"math/rand/v2"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
	"github.com/a2qgen/a2qgen/hwgen/block/blocktest"
	"github.com/a2qgen/a2qgen/hwgen/block/concat"
	"github.com/a2qgen/a2qgen/quant"
)

// kind draws two to four operands of different channels and types; the input is one of them, the others
// are 1x1 convolutions of it, which the test feeds by themselves.
var kind = blocktest.Kind{
	Draw: func(rng *rand.Rand) blocktest.Case {
		s := quant.Shape{H: block.Pick(rng, 1, 1, 2, 3), W: block.Pick(rng, 1, 1, 2, 4)}
		pe := block.Pick(rng, 1, 1, 2, 3)
		var beats []int
		for range block.Pick(rng, 2, 2, 3, 4) {
			beats = append(beats, block.Pick(rng, 1, 1, 2, 3))
		}
		return joined(rng, s, pe, beats)
	},
	Cases: []blocktest.Case{
		joined(rand.New(rand.NewPCG(1, 1)), quant.Shape{H: 2, W: 3}, 1, []int{2, 1}).Named("two beats and one"),
		joined(rand.New(rand.NewPCG(2, 1)), quant.Shape{H: 1, W: 3}, 2, []int{1, 3, 1}).Named("three operands"),
	},
	Mutations: []blocktest.Mutation{
		blocktest.Replace("takes a beat without room", "concat.v", "turn_q & {OPERANDS{spill_ready}}", "turn_q"),
		blocktest.Replace("takes a beat out of turn", "concat.v", "assign s_ready = turn_q &", "assign s_ready ="),
		blocktest.Replace("a beat without valid", "concat.v", "spill_ready && |(turn_q & s_valid)", "spill_ready"),
		blocktest.Replace("valid of another", "concat.v", "|(turn_q & s_valid)", "|s_valid"),
		blocktest.Replace("never ends a turn", "concat.v", "wire ends = |(turn_q & last)", "wire ends = 1'b0"),
		blocktest.Replace("ends with anybody's last", "concat.v", "wire ends = |(turn_q & last)", "wire ends = |last"),
		blocktest.Replace("a beat less", "concat.v", "32] - 1;", "32] - 2;"),
		blocktest.Replace("all at once", "concat.v", "& {Y_BITS{turn_q[k]}}", "& {Y_BITS{1'b1}}"),
		blocktest.Replace("signs are not extended", "concat.v", "{Y_BITS{SIGNS[k] && x[WIDTH-1]}}", "{Y_BITS{1'b0}}"),
		blocktest.Replace("every sign is extended", "concat.v", "{Y_BITS{SIGNS[k] && x[WIDTH-1]}}", "{Y_BITS{x[WIDTH-1]}}"),
		blocktest.Replace("counts on through turns", "concat.v", "beat_q <= ends ? {BEAT_BITS{1'b0}} : beat_q + 1'b1",
			"beat_q <= beat_q + 1'b1"),
	},
}

// joined is the concatenation of images of s, of each of which a position has so many beats of pe elements.
func joined(rng *rand.Rand, s quant.Shape, pe int, beats []int) blocktest.Case {
	in := s
	in.C = pe * beats[0]
	input := quant.DataType{Bits: 1 + rng.IntN(4), Signed: rng.IntN(2) == 0}
	n := quant.Network{Name: "alone", Input: quant.InputQuantizer{Type: input, Shape: in,
		Quantize: func(_ int, v float64) int32 { return int32(v) }}}
	join := quant.Layer{Name: "concat", Kind: quant.Concat, From: []int{quant.Source}}
	for k, b := range beats[1:] {
		l := quant.Layer{Name: string(rune('a' + k)), Kind: quant.Conv, From: []int{quant.Source}, In: in.C, Out: pe * b,
			Window: quant.Window{H: 1, W: 1}, Input: input, WeightBits: 3}
		for range l.In * l.Out {
			l.Weights = append(l.Weights, int32(rng.IntN(8))-4)
		}
		n.Layers, join.From = append(n.Layers, l), append(join.From, k)
	}
	n.Layers = append(n.Layers, join)
	made, err := quant.NewNetwork(n)
	if err != nil {
		panic(err)
	}
	b := &concat.Block{Layer: &made.Layers[len(beats)-1], Beats: beats, Inputs: []hwgen.Part{
		hwgen.InOrder(hwgen.Tensor{Holds: hwgen.HoldsInputs}, in.Size(), input.Bits, input.Signed, pe)}}
	for k := range beats[1:] {
		l := &made.Layers[k]
		t := l.Output()
		b.Inputs = append(b.Inputs, hwgen.InOrder(hwgen.Tensor{Layer: l.Name, Holds: hwgen.HoldsAccumulators}, l.Shape.Size(),
			t.Bits, t.Signed, pe))
	}
	return blocktest.Case{Block: b, Network: made, Inputs: b.Reads(nil), Latency: b.Cycles() + 1, Turns: true,
		Traits: map[string]bool{"two operands": len(beats) == 2, "one element": pe == 1, "signed": input.Signed,
			"one position": s.Positions() == 1}}
}

func TestBlocks(t *testing.T)    { blocktest.Check(t, kind) }
func TestMutations(t *testing.T) { blocktest.Mutate(t, kind) }
