package sim

import (
	"math/rand/v2"
	"slices"

	"github.com/a2qgen/a2qgen/quant"
)

// DrawFrames returns count input vectors of n: one with every input at the lower end of
// its type, one at the upper end, and then in turn two that are uniform over the type's
// range, one that drives a drawn channel of the first layer to an end of its accumulator
// range, and one that is nearly zero.
func DrawFrames(n *quant.Network, count int, seed uint64) [][]int32 {
	// A stream of its own for the seed: pauses and vectors of layers alone have others.
	rng := rand.New(rand.NewPCG(seed, 1))
	size, lo, hi := n.InputSize(), n.Input.Type.Min(), n.Input.Type.Max()
	draw := func() int32 { return int32(lo + rng.Int64N(hi-lo+1)) }
	frames := make([][]int32, count)
	for i := range frames {
		x := make([]int32, size)
		// Ends first: even the shortest run drives the widest sums that uniform inputs never
		// come near, since a sum of many draws stays close to its mean.
		switch {
		case i == 0:
			x = slices.Repeat([]int32{int32(lo)}, size)
		case i == 1:
			x = slices.Repeat([]int32{int32(hi)}, size)
		// A convolution's kernel is smaller than the input: MaxInput would not fill it. A sum's
		// operands may be as many, but have no weights.
		case i%4 == 0 && n.Layers[0].Kind.Weighted() && n.Layers[0].In == size:
			x = n.Layers[0].MaxInput(rng.IntN(n.Layers[0].Out), 1-2*rng.IntN(2))
		case i%4 == 1:
			x[rng.IntN(size)] = draw()
		default:
			for k := range x {
				x[k] = draw()
			}
		}
		frames[i] = x
	}
	return frames
}
