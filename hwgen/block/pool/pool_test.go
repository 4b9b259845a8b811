package pool_test

import (
	"math/rand/v2"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
	"github.com/a2qgen/a2qgen/hwgen/block/blocktest"
	"github.com/a2qgen/a2qgen/hwgen/block/pool"
	"github.com/a2qgen/a2qgen/quant"
)

// kind draws sums and maxima over windows of every shape, of the whole image too, of one beat per
// position and of many.
var kind = blocktest.Kind{
	Draw: func(rng *rand.Rand) blocktest.Case {
		for {
			w := quant.Window{H: block.Pick(rng, 1, 1, 2, 3), W: block.Pick(rng, 1, 1, 2, 3), StrideH: block.Pick(rng, 1, 2, 3),
				StrideW: block.Pick(rng, 1, 2), Top: block.Pick(rng, 0, 0, 1), Left: block.Pick(rng, 0, 0, 1),
				Right: block.Pick(rng, 0, 0, 1)}
			in := quant.Shape{H: block.Pick(rng, 1, 2, 3, 5), W: block.Pick(rng, 1, 2, 3, 4), C: block.Pick(rng, 1, 2, 3, 4, 6)}
			if rng.IntN(4) == 0 {
				w = quant.Window{H: in.H, W: in.W}
			}
			t := quant.DataType{Bits: block.Pick(rng, 1, 2, 3, 8), Signed: rng.IntN(2) == 0}
			if c, ok := pooled(w, in, t, blocktest.Divisor(rng, in.C), rng.IntN(2) == 0, rng.IntN(3)); ok {
				return c
			}
		}
	},
	Cases: []blocktest.Case{
		must(quant.Window{H: 2, W: 2, StrideH: 2, StrideW: 2}, quant.Shape{H: 4, W: 4, C: 4}, quant.DataType{Bits: 3}, 2,
			false, 0).Named("sums of two beats per position"),
		must(quant.Window{H: 3, W: 3, Top: 1, Left: 1}, quant.Shape{H: 3, W: 3, C: 2}, quant.DataType{Bits: 3,
			Signed: true}, 1, true, 0).Named("maxima of signed numbers with a border"),
		must(quant.Window{H: 2, W: 2}, quant.Shape{H: 3, W: 3, C: 2}, quant.DataType{Bits: 4}, 2,
			true, 0).Named("maxima of one beat per position"),
		must(quant.Window{H: 2, W: 2}, quant.Shape{H: 2, W: 2, C: 3}, quant.DataType{Bits: 4, Signed: true}, 1,
			false, 0).Named("sums of signed numbers over the whole image"),
	},
	Mutations: []blocktest.Mutation{
		blocktest.Replace("takes a beat without room", "pool.v", "assign s_ready = spill_ready || !last",
			"assign s_ready = 1'b1"),
		blocktest.Replace("waits for room that it does not need", "pool.v", "spill_ready || !last", "spill_ready"),
		blocktest.Replace("every position gives a result", "pool.v", ".s_valid(s_valid && last)", ".s_valid(s_valid)"),
		blocktest.Replace("a position less", "pool.v", "LAST_TAP = TAPS - 1", "LAST_TAP = TAPS - 2"),
		blocktest.Replace("a beat of a position less", "pool.v", "LAST_FOLD = FOLDS - 1", "LAST_FOLD = FOLDS - 2"),
		blocktest.Replace("goes on from the window before", "pool.v", "(first ? {ACC_BITS{1'b0}} : old) +", "old +"),
		blocktest.Replace("the largest of all windows", "pool.v", "keeps = !first &&", "keeps ="),
		blocktest.Replace("the smallest", "pool.v", "(old ^ turned) >", "(old ^ turned) <"),
		blocktest.Replace("signs are not looked at", "pool.v", "{INPUT_SIGNED == 1, {ACC_BITS-1{1'b0}}}",
			"{1'b0, {ACC_BITS-1{1'b0}}}"),
		blocktest.Replace("signs are not extended", "pool.v", "wide = {{ACC_BITS{sign}}, x}", "wide = {{ACC_BITS{1'b0}}, x}"),
		blocktest.Replace("counts without a beat", "pool.v", "end else if (s_fire) begin", "end else begin"),
		blocktest.Replace("one place for all beats of a position", "pool.v", "part[fold_q] <= result", "part[0] <= result"),
		blocktest.Rewrite("a bit of P less", "alone.v", `\.ACC_BITS( *)\(6\)`, ".ACC_BITS$1(5)"),
	},
}

// pooled is the pool of a window over an image of shape in, pe channels per beat, with so many bits more
// than its sums need.
func pooled(w quant.Window, in quant.Shape, t quant.DataType, pe int, maximum bool, more int) (blocktest.Case, bool) {
	l := quant.Layer{Name: "pool", Kind: quant.AvgPool, Window: w}
	if maximum {
		l.Kind, more = quant.MaxPool, 0
	}
	n, err := blocktest.OverImage(t, in, l)
	if err != nil {
		return blocktest.Case{}, false // no window of it lies on the image
	}
	layer := &n.Layers[0]
	acc, _ := layer.NeededBits()
	b := &pool.Block{Layer: layer, AccBits: acc + more, Input: hwgen.InOrder(hwgen.Tensor{Holds: hwgen.HoldsInputs},
		in.Size(), t.Bits, t.Signed, pe)}
	return blocktest.Case{Block: b, Network: n, Inputs: b.Reads(nil), Latency: b.Cycles() + 1,
		Traits: map[string]bool{"maximum": maximum, "signed": t.Signed, "one beat": b.Folds() == 1, "whole": b.Whole(),
			"a border": b.Border() != nil, "one position": b.Taps() == 1, "one element": pe == 1}}, true
}

func must(w quant.Window, in quant.Shape, t quant.DataType, pe int, maximum bool, more int) blocktest.Case {
	c, ok := pooled(w, in, t, pe, maximum, more)
	if !ok {
		panic("no pool")
	}
	return c
}

func TestBlocks(t *testing.T)    { blocktest.Check(t, kind) }
func TestMutations(t *testing.T) { blocktest.Mutate(t, kind) }
