package tile

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestMultiply compares the kernels with the loop in Go, over sizes on both sides of every tile,
// overlapping rows, and C that is set or added to. Elements around C must stay. The
// tolerance is that of as many roundings as there are terms.
func TestMultiply(t *testing.T) {
	if !Fast {
		t.Skip("no kernel for this processor")
	}
	rng := newRand()
	for _, set := range kernelSets() {
		set.use(t)
		for m := 1; m <= 34; m++ {
			for _, n := range []int{1, 3, 8, 15, 16, 17, 31, 32, 33, 47, 48, 64, 70} {
				compare(t, set.name, random(rng, m, n))
			}
		}
	}
}

// random returns a product of so many rows and columns, the rest drawn.
func random(rng *rand.Rand, m, n int) *Product {
	p := &Product{M: m, N: n, K: 1 + rng.IntN(20), Runs: 1 + rng.IntN(3), Add: rng.IntN(2) == 1}
	p.ARow, p.AK, p.ARun = rng.IntN(9), 1+rng.IntN(5), rng.IntN(50)
	p.BK, p.CRow = n+rng.IntN(3), n+rng.IntN(3)
	p.BRun = p.K * p.BK
	p.A = numbers(rng, (m+Slack)*p.ARow+p.K*p.AK+p.Runs*p.ARun)
	p.B = numbers(rng, p.Runs*p.BRun)
	p.C = numbers(rng, m*p.CRow+20)
	return p
}

func newRand() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

func numbers(rng *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	return v
}

// compare multiplies both ways.
func compare(t *testing.T, name string, p *Product) {
	t.Helper()
	want := *p
	want.C = append([]float32(nil), p.C...)
	want.plain()
	p.Multiply()
	for i, v := range p.C {
		// A term is below 25 in size; each rounding of a sum of s loses s * 2^-24.
		if limit := 1e-5 * float64(p.K*p.Runs); math.Abs(float64(v-want.C[i])) > limit {
			t.Fatalf("%s: %d x %d, k %d, runs %d, add %v: C[%d] is %v, want %v",
				name, p.M, p.N, p.K, p.Runs, p.Add, i, v, want.C[i])
		}
		if outside := i%p.CRow >= p.N || i/p.CRow >= p.M; outside && v != want.C[i] {
			t.Fatalf("%s: %d x %d: C[%d] is outside and was written", name, p.M, p.N, i)
		}
	}
}

// BenchmarkMultiply has the shapes of ResNet-8's convolutions: a row of the output.
func BenchmarkMultiply(b *testing.B) {
	rng := newRand()
	for _, c := range []struct{ m, ch, out int }{{32, 16, 16}, {16, 32, 32}, {8, 64, 64}} {
		p := &Product{M: c.m, N: c.out, K: 3 * c.ch, Runs: 3, ARow: c.ch, AK: 1, ARun: (c.m + 2) * c.ch,
			BK: c.out, BRun: 3 * c.ch * c.out, CRow: c.out}
		p.A, p.B = numbers(rng, 3*p.ARun+9*c.ch), numbers(rng, 9*c.ch*c.out)
		p.C = numbers(rng, c.m*c.out)
		b.Run("", func(b *testing.B) {
			for b.Loop() {
				p.Multiply()
			}
			b.ReportMetric(float64(c.m*c.out*9*c.ch)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GMAC/s")
		})
	}
}
