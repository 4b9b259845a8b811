package quanttest

import (
	"fmt"
	"math/rand/v2"

	"github.com/a2qgen/a2qgen/quant"
)

// RandomResidual draws a small residual network of linear layers: tensors that several layers
// read, sums of two to four operands of different types and factors, the same one twice, the
// input itself, accumulators without a staircase between; shortcuts over nothing and over several
// layers, side by side and within each other. It ends in a classifier, in a sum with scores, or
// in activations, and may have other outputs (drawOutputs). Sizes are at most maxSize, awkward
// ones among them; steps is how many layers, sums or blocks are drawn at most, 6 where it is 0. rng
// decides all.
func RandomResidual(rng *rand.Rand, maxSize, steps int) *quant.Network {
	if steps == 0 {
		steps = 6
	}
	g := residual{graph{rng: rng, net: quant.Network{Name: "random residual", Input: roundTo(randomType(rng, 4))}},
		randomSize(rng, maxSize)}
	in := randomSize(rng, maxSize)
	if rng.IntN(3) == 0 {
		in = g.width // so that sums can read the input
	}
	g.net.InputShape, g.net.Input.Shape = []int{in}, quant.Vector(in)
	g.made = []made{{quant.Source, quant.Vector(in), g.net.Input.Type}}
	// Only vectors of the common width can be summed: a layer brings the input to it.
	if in != g.width {
		g.linear(g.last(), true)
	}
	// Each may add several layers, so a network may be deeper than this.
	for range 1 + rng.IntN(steps) {
		g.grow()
	}
	g.end()
	g.drawOutputs()
	// Draws are legal by construction: tests would else have to tell their own faults from these.
	n, err := quant.NewNetwork(g.net)
	if err != nil {
		panic("quanttest: " + err.Error())
	}
	return n
}

// residual is a residual network under construction: all but its input and output are vectors of
// one width.
type residual struct {
	graph
	width int
}

func (g *residual) last() made { return g.made[len(g.made)-1] }

// grow adds a layer, a sum with earlier tensors, a block with a shortcut, or a branch.
func (g *residual) grow() {
	switch x := g.last(); g.rng.IntN(4) {
	case 0:
		g.linear(x, true)
	case 1:
		g.sum(x)
	case 2: // x + f(x), f of one or two layers
		for range g.rng.IntN(2) {
			g.linear(g.last(), true)
		}
		g.linear(g.last(), g.rng.IntN(4) > 0)
		g.sum(g.last(), x)
	case 3: // x + f(y), y earlier
		g.linear(g.made[g.rng.IntN(len(g.made))], g.rng.IntN(4) > 0)
		g.sum(g.last(), x)
	}
}

// linear adds a linear layer that reads x; one without a staircase must be read by sums alone.
func (g *residual) linear(x made, staircase bool) {
	l := quant.Layer{Name: fmt.Sprintf("fc%d", len(g.net.Layers)), Kind: quant.Linear, From: []int{x.from},
		In: x.shape.Size(), Out: g.width, Input: x.typ, WeightBits: 1 + g.rng.IntN(4)}
	randomWeights(g.rng, &l)
	l.AccBits = randomAccBits(g.rng, &l)
	if staircase {
		l.Thresholds = randomThresholds(g.rng, &l, randomType(g.rng, 4))
	}
	g.append(l)
}

// append adds a layer.
func (g *residual) append(l quant.Layer) {
	g.net.Layers = append(g.net.Layers, l)
	g.made = append(g.made, made{len(g.net.Layers) - 1, quant.Vector(l.Out), l.Output()})
}

// sum adds the sum of in and perhaps of tensors made before.
func (g *residual) sum(in ...made) {
	// Two at least, more than two seldom, four at most: as residual networks have them.
	for len(in) < 2 || len(in) < 4 && g.rng.IntN(4) == 0 {
		other := g.made[g.rng.IntN(len(g.made))]
		// The input, where it has another size: the first operand takes its place, twice in one sum.
		if other.shape != quant.Vector(g.width) {
			other = in[0]
		}
		in = append(in, other)
	}
	// Which operand comes first decides which stream has which bits.
	g.rng.Shuffle(len(in), func(i, j int) { in[i], in[j] = in[j], in[i] })
	l, r := g.addition(in)
	// A sum always ends in a staircase here: those of sums of sums would grow without end.
	l.Thresholds = thresholdsOver(g.rng, randomType(g.rng, 4), l.Out, func(int) quant.AccRange { return r })
	g.append(l)
}

// addition returns the sum of in without thresholds, and the range of its sums.
func (g *residual) addition(in []made) (quant.Layer, quant.AccRange) {
	l := quant.Layer{Name: fmt.Sprintf("sum%d", len(g.net.Layers)), Kind: quant.Add, Out: g.width}
	var r quant.AccRange
	factors := g.rng.IntN(2) == 0
	for _, m := range in {
		l.From = append(l.From, m.from)
		f := int64(1)
		// Up to 9: not only powers of two, whose products are wires.
		if factors {
			f = 1 + g.rng.Int64N(9)
			l.Factors = append(l.Factors, f)
		}
		r.Min, r.Max = r.Min+f*m.typ.Min(), r.Max+f*m.typ.Max()
	}
	return l, r
}

// end makes a classifier of half of the networks, and sums with scores of some; the others end
// as they are, in activations.
func (g *residual) end() {
	x := g.last()
	switch g.rng.IntN(4) {
	case 0, 1:
		g.classify("out", x)
	case 2:
		// Twice the same tensor, so that a fork leads into the last layer.
		l, r := g.addition([]made{x, x})
		l.Score = &quant.Score{Gain: make([]int64, l.Out), Bias: make([]int64, l.Out), Exact: true}
		for c := range l.Out {
			l.Score.Gain[c], l.Score.Bias[c] = 1, between(g.rng, r.Min, r.Max)
		}
		g.net.Layers = append(g.net.Layers, l)
	}
}
