package train

import (
	"math/rand/v2"

	"github.com/a2qgen/a2qgen/quant/data"
)

// blobs returns n noisy samples of random byte patterns, one pattern per class.
// The seed draws the samples; the patterns depend on size and classes only.
func blobs(n, size, classes int, seed uint64) *data.Set {
	fixed := rand.New(rand.NewPCG(uint64(size), uint64(classes)))
	pattern := make([]float64, classes*size)
	for i := range pattern {
		pattern[i] = fixed.Float64()
	}
	rng := rand.New(rand.NewPCG(seed, 9))
	s := &data.Set{
		Name: "blobs", Shape: []int{size}, Classes: classes, Scale: data.ByteScale,
		Labels: make([]uint8, n), Bytes: make([]uint8, n*size),
	}
	for i := range s.Labels {
		label := rng.IntN(classes)
		s.Labels[i] = uint8(label)
		for j := range size {
			v := pattern[label*size+j] + 0.25*rng.NormFloat64()
			s.Bytes[i*size+j] = uint8(255 * min(max(v, 0), 1))
		}
	}
	return s
}
