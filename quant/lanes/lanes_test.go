package lanes

import (
	"math"
	"math/rand/v2"
	"testing"
)

// numbers draws n; with some, a few are no numbers, infinite, huge or 0. Those must come out alike, but make
// sums NaN that others would tell apart.
func numbers(rng *rand.Rand, n int, some bool) []float32 {
	odd := []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 1e30, -1e30, 0, 1e-40}
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(4 * rng.NormFloat64())
		if some && rng.IntN(100) == 0 {
			v[i] = odd[rng.IntN(len(odd))]
		}
	}
	return v
}

// trial has operands of every loop for rows of n channels.
type trial struct {
	x, y, a, b, mu, s1, s2, ds []float32
}

func newTrial(rng *rand.Rand, rows, n int, odd bool) *trial {
	t := &trial{}
	for _, v := range []*[]float32{&t.x, &t.y} {
		*v = numbers(rng, rows*n, odd)
	}
	for _, v := range []*[]float32{&t.a, &t.b, &t.mu, &t.s1, &t.s2, &t.ds} {
		*v = make([]float32, n)
		for i := range *v {
			(*v)[i] = float32(rng.NormFloat64())
		}
	}
	// The first channel meets the ends of a quantiser, and halves, exactly.
	t.a[0], t.b[0] = 1, 0
	for i := 0; i < len(t.x); i += n {
		t.x[i] = float32(rng.IntN(30)-10) / 2
	}
	return t
}

// clone copies all but the channels' constants.
func (t *trial) clone() *trial {
	c := *t
	for _, v := range []*[]float32{&c.y, &c.s1, &c.s2, &c.ds} {
		*v = append([]float32(nil), *v...)
	}
	return &c
}

// TestVectors: the loops in vector instructions give the bits of those in Go, but for
// which NaN it is.
func TestVectors(t *testing.T) {
	const lo, hi, s = -3, 7, 0.25 // ends of a quantiser that numbers exceed on both sides
	q := block{lo: lo, hi: hi, first: magicBits(lo), last: magicBits(hi), scale: s}
	inf := float32(math.Inf(-1))
	loops := map[string][2]func(t *trial){
		"moments": {func(t *trial) { Moments(t.x, t.mu, t.s1, t.s2) }, func(t *trial) { moments(t.x, t.mu, t.s1, t.s2) }},
		"limit":   {func(t *trial) { Limit(t.x, t.y, t.a, t.b, false) }, func(t *trial) { limit(t.x, t.y, t.a, t.b, 0) }},
		"ReLU":    {func(t *trial) { Limit(t.x, t.y, t.a, t.b, true) }, func(t *trial) { limit(t.x, t.y, t.a, t.b, -1) }},
		"quantise": {func(t *trial) { Quantise(t.x, t.y, t.a, t.b, lo, hi, s) },
			func(t *trial) { quantise(t.x, t.y, t.a, t.b, q) }},
		"limit back": {func(t *trial) { LimitBack(t.x, t.y, t.a, t.b, t.mu, t.s1, t.s2, inf) },
			func(t *trial) { limitBack(t.x, t.y, t.a, t.b, t.mu, t.s1, t.s2, block{lo: inf}) }},
		"ReLU back": {func(t *trial) { LimitBack(t.x, t.y, t.a, t.b, t.mu, t.s1, t.s2, 0) },
			func(t *trial) { limitBack(t.x, t.y, t.a, t.b, t.mu, t.s1, t.s2, block{}) }},
		"quantise back": {func(t *trial) { QuantiseBack(t.x, t.y, t.a, t.b, t.mu, t.s1, t.s2, t.ds, lo, hi) },
			func(t *trial) { quantiseBack(t.x, t.y, t.a, t.b, t.mu, t.s1, t.s2, t.ds, q) }},
		"combine": {func(t *trial) { Combine(t.x, t.y, t.a, t.b, t.mu) },
			func(t *trial) { combine(t.x, t.y, t.a, t.b, t.mu) }},
	}
	rng := rand.New(rand.NewPCG(7, 1))
	for name, l := range loops {
		// Rows on both sides of a block of few, channels with and without vectors.
		for _, n := range []int{1, 7, 8, 16, 20, 24, 64} {
			for _, rows := range []int{1, 2, few/n - 1, few / n, few/n + 1, 2*few/n + 3} {
				for _, odd := range []bool{false, true} {
					got := newTrial(rng, rows, n, odd)
					want := got.clone()
					l[0](got)
					l[1](want)
					got.same(t, name, want)
				}
			}
		}
	}
}

// same compares all that a loop may have written.
func (g *trial) same(t *testing.T, name string, want *trial) {
	t.Helper()
	for k, pair := range [][2][]float32{{g.y, want.y}, {g.s1, want.s1}, {g.s2, want.s2}, {g.ds, want.ds}} {
		for i, v := range pair[0] {
			w := pair[1][i]
			if math.Float32bits(v) != math.Float32bits(w) && (v == v || w == w) {
				t.Fatalf("%s: %d channels, vector %d: [%d] is %v, want %v", name, len(g.a), k, i, v, w)
			}
		}
	}
}

// TestQuantise states values: u = 2x+1 rounded half to even, clipped to -3..7, a quarter each.
func TestQuantise(t *testing.T) {
	x := []float32{0.75, 0.25, -0.75, 3.1, -9, 1, 1e9, 0}
	want := []float32{0.5, 0.5, 0, 1.75, -0.75, 0.75, 1.75, 0.25}
	gain, shift, y := make([]float32, 8), make([]float32, 8), make([]float32, 8)
	for i := range gain {
		gain[i], shift[i] = 2, 1
	}
	Quantise(x, y, gain, shift, -3, 7, 0.25)
	for i, v := range y {
		if v != want[i] {
			t.Errorf("%v gives %v, want %v", x[i], v, want[i])
		}
	}
}
