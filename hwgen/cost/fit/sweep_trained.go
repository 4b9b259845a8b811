package main

import (
	"fmt"
	"math/rand/v2"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
	"github.com/a2qgen/a2qgen/hwgen/cost"
)

// heldOutClasses are sizes of held-out designs, LUTs by rough count, and how many are drawn
// of each.
var heldOutClasses = []struct{ from, to, designs int }{
	{150, 1200, 12}, {1200, 5000, 10}, {5000, 20000, 4}, {150, 2500, 4},
}

// heldOutSweep draws the whole networks that say how good the model is. They come from
// another generator than all that it is fitted to (block.Sample, trained samples): weights
// and thresholds as training leaves them, M, N, P and folds of each layer by themselves,
// sizes that are no powers of two, one to five layers, one to 26 classes or none. Thirty
// were drawn at first; six more, of up to 2,500 LUTs, when what these had shown was mended
// (docs/cost.md).
func heldOutSweep() []block.Sample {
	first := rand.New(rand.NewPCG(20, 2))
	var all []block.Sample
	for _, class := range heldOutClasses {
		all = append(all, drawClass(first, class.from, class.to, class.designs, 1000+uint64(len(all)))...)
	}
	return append(all, drawClass(rand.New(rand.NewPCG(21, 2)), 150, 2500, 6, 2000)...)
}

// drawClass draws n networks of a size, with contents of seed first, first+1, ...
//
// Drawing again until roughLUTs is in from..to-1 keeps the mixture of everything else, where
// choosing sizes to fit would tie them to it. Parameters depend on rng alone, contents on the
// seed alone.
func drawClass(rng *rand.Rand, from, to, n int, first uint64) []block.Sample {
	all := make([]block.Sample, n)
	for i := range all {
		p := drawTrained(rng)
		for roughLUTs(p) < from || roughLUTs(p) >= to {
			p = drawTrained(rng)
		}
		all[i] = block.Sample{Kind: cost.KindDesign, HeldOut: true, Seed: first + uint64(i), Params: p}
	}
	return all
}

// drawTrained draws the parameters of a trained sample; design_trained.go lists them. The
// widths follow from each other: inputs of a layer are outputs of the one before, its N the A
// of that, and PE and SIMD divide what they fold.
func drawTrained(rng *rand.Rand) map[string]int {
	layers := block.Pick(rng, 1, 2, 2, 3, 3, 4, 5)
	p := map[string]int{"layers": layers, "inputs": block.Pick(rng, 12, 20, 25, 30, 49, 60, 63, 100, 144, 196, 256),
		"n": block.Pick(rng, 1, 2, 3, 4, 6, 8, 8), "signed": block.Pick(rng, 0, 0, 0, 1),
		"idle": block.Pick(rng, 0, 10, 30),
		"gain": block.Pick(rng, 0, 0, 10, 16), "falls": block.Pick(rng, 0, 0, 0, 1),
		"shifted": block.Pick(rng, 0, 0, 0, 1),
		"luts":    block.Pick(rng, 0, 0, 1)}
	in, bits := p["inputs"], p["n"]
	for i := range layers {
		set := func(key string, v int) { p[fmt.Sprint(key, i)] = v }
		out := block.Pick(rng, 5, 6, 9, 12, 15, 18, 20, 24, 30, 36, 40, 50, 72, 100)
		activation := block.Pick(rng, 1, 2, 3, 4, 4, 5, 6)
		if i == layers-1 && rng.IntN(5) > 0 { // else a network that gives activations
			out, activation = block.Pick(rng, 2, 3, 5, 7, 10, 10, 12, 20, 26), 0
		}
		set("outputs", out)
		set("a", activation)
		set("m", block.Pick(rng, 2, 3, 4, 4, 5, 6, 7, 8))
		// First and last layers mostly have no P of their own, as A2Q leaves them
		// unconstrained.
		if i > 0 && i < layers-1 || rng.IntN(3) == 0 {
			set("p", bits+block.Pick(rng, 4, 5, 6, 7, 9))
		}
		set("pe", divisor(rng, out, 16))
		set("simd", divisor(rng, in, 32))
		in, bits = out, activation
	}
	return p
}

// divisor draws a divisor of n of at most most.
//
// All divisors are as likely, so folds are not mostly powers of two as those of the plan are.
func divisor(rng *rand.Rand, n, most int) int {
	var all []int
	for d := 1; d <= min(n, most); d++ {
		if n%d == 0 {
			all = append(all, d)
		}
	}
	return block.Pick(rng, all...)
}

// roughLUTs guesses the LUTs of a trained sample well enough to put it into a size class,
// by no coefficient of the model: a row of adders per two weight bits, an adder of the
// tree, accumulators and comparators of P bits, 64 bits of memory per LUT.
//
// It may not use the model: a class of size by estimates would sort out what the model gets
// wrong. (m+1)/2 is the digits of a product, 1+a the accumulator and its comparators.
func roughLUTs(p map[string]int) int {
	total, in, n := 100, p["inputs"], p["n"]
	for i := range p["layers"] {
		of := func(key string) int { return p[fmt.Sprint(key, i)] }
		acc := of("p")
		if acc == 0 {
			acc = of("m") + n + 6
		}
		total += roughLayer(in, of("outputs"), of("m"), n, acc, of("a"), hwgen.Fold{PE: of("pe"), SIMD: of("simd")},
			p["luts"] == 1)
		in, n = of("outputs"), of("a")
	}
	return total
}

// roughLayer is the part of a layer: in x out weights of m bits, inputs of n bits, accumulators
// of acc bits and activations of a.
func roughLayer(in, out, m, n, acc, a int, f hwgen.Fold, luts bool) int {
	total := 100 + f.PE*f.SIMD*((m+1)/2*(n+2)+min(acc, m+n)) + f.PE*acc*(1+a) + out<<a*acc/64
	// Weights of 128 words and more may be in block RAM (placed), unless luts forbids
	// it; thresholds never are.
	if words := in / f.SIMD * out / f.PE; words < 128 || luts {
		total += in * out * m / 64
	}
	return total
}

// roughDesign guesses the LUTs of any sample of kind design in the same way. It panics where a
// sample makes no design.
func (t *table) roughDesign(s block.Sample) int {
	d, err := t.design(s)
	if err != nil {
		panic("fit: " + err.Error())
	}
	total := 100
	for _, l := range d.Layers {
		a := 0
		if l.Layer.Thresholds != nil {
			a = l.Layer.Thresholds.Output.Bits
		}
		total += roughLayer(l.Layer.In, l.Layer.Out, l.Layer.WeightBits, l.Layer.Input.Bits, l.AccBits, a, l.Fold,
			d.NoBlockRAM)
	}
	return total
}
