package quant

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// TestInitError reproduces the figures of MATH section 4: relative error of
// s*q after initialisation, Gaussian w, K=576, M=N=4. "Naive" is w itself with
// g = norm1(w).
func TestInitError(t *testing.T) {
	const rows, k = 64, 576
	rng := rand.New(rand.NewPCG(30, 1))
	w := make([]float32, rows*k)
	for i := range w {
		w[i] = float32(rng.NormFloat64())
	}
	for _, c := range []struct {
		method    Method
		p         int
		naive, ep float64
	}{
		{A2Q, 12, .998, .772}, {A2QPlus, 12, .828, .595},
		{A2Q, 14, .469, .336}, {A2QPlus, 14, .071, .071},
	} {
		z := Quantizer{Method: c.method, WeightBits: 4, AccBits: c.p, Input: unsignedBits(4)}
		v, d, g := z.Init(w, rows, k)
		if got := relativeError(z, w, v, d, g, rows, k); math.Abs(got-c.ep) > .006 {
			t.Errorf("%s P=%d: error %.3f, want %.3f", c.method, c.p, got, c.ep)
		}
		for r := range rows {
			g[r] = float32(math.Log2(norm1(w[r*k:(r+1)*k], 0)))
		}
		if got := relativeError(z, w, w, d, g, rows, k); math.Abs(got-c.naive) > .006 {
			t.Errorf("%s P=%d: naive error %.3f, want %.3f", c.method, c.p, got, c.naive)
		}
	}
}

// relativeError returns the squared error of s*q against w, over w's square.
func relativeError(z Quantizer, w, v, d, t []float32, rows, k int) float64 {
	wq := make([]float32, len(w))
	z.Forward(v, rows, k, d, t, wq, nil)
	diff, size := 0.0, 0.0
	for i, x := range w {
		diff += float64(x-wq[i]) * float64(x-wq[i])
		size += float64(x) * float64(x)
	}
	return diff / size
}

// TestInit: scales reach the largest integer, g never exceeds T, and rows of
// zeros stay finite.
func TestInit(t *testing.T) {
	w := []float32{
		0.5, -1.4, 0.2, 0.1,
		0, 0, 0, 0,
		3, 3, 3, -3,
	}
	for _, z := range []Quantizer{
		{Method: Base, WeightBits: 4},
		{Method: A2Q, WeightBits: 4, AccBits: 8, Input: unsignedBits(4)},
		{Method: A2QPlus, WeightBits: 4, AccBits: 8, Input: unsignedBits(4)},
		{Method: A2QPlus, WeightBits: 4, AccBits: 1, Input: unsignedBits(4)},
		{Method: A2Q, WeightBits: 4, AccBits: 32, Input: signedType(4)},
	} {
		v, d, g := z.Init(w, 3, 4)
		for r, want := range []float64{1.4 / 7, 3.0 / 7, 3.0 / 7} {
			if s := float64(Scale(d[r])); math.Abs(s-want) > 1e-6 {
				t.Errorf("%s: scale %v, want %v", z.Method, s, want)
			}
			if z.Method == Base {
				continue
			}
			limit := z.policy().budget * float64(Scale(d[r]))
			norm := math.Exp2(float64(g[r]))
			if limit > 0 && norm > limit || math.IsInf(float64(g[r]), 0) {
				t.Errorf("%s P=%d: g = 2^%v, T = %v", z.Method, z.AccBits, g[r], limit)
			}
			if got := norm1(v[r*4:(r+1)*4], 0); got > limit*(1+1e-6) {
				t.Errorf("%s P=%d: norm %v, T = %v", z.Method, z.AccBits, got, limit)
			}
		}
	}
	if w[1] != -1.4 {
		t.Error("Init changed w")
	}
}

// TestBudgetInitScale: the scale that budget starts from is nearly as good as any
// of a finer and wider grid, with budgets that bind much and little.
func TestBudgetInitScale(t *testing.T) {
	rng := rand.New(rand.NewPCG(14, 1))
	const k = 48
	for _, bits := range []int{6, 8, 10, 20} {
		z := Quantizer{Method: Budget, Rule: Shifted, WeightBits: 4, AccBits: bits, Input: unsignedBits(4)}
		for range 20 {
			w, wq := make([]float32, k), make([]float32, k)
			for i := range w {
				w[i] = float32(rng.NormFloat64())
			}
			distance := func(d float32) (sum float64) {
				z.Forward(w, 1, k, []float32{d}, nil, wq, nil)
				for i, x := range w {
					sum += float64(x-wq[i]) * float64(x-wq[i])
				}
				return sum
			}
			_, d, _ := z.Init(w, 1, k)
			least := math.Inf(1)
			for try := float32(-6); try < 3; try += 1.0 / 64 {
				least = min(least, distance(try))
			}
			if got := distance(d[0]); got > 1.2*least {
				t.Errorf("P=%d: squared error %.4g at scale 2^%.3f, the least is %.4g", bits, got, d[0], least)
			}
		}
	}
}

// BenchmarkQuantizer times what each training step does with a layer.
func BenchmarkQuantizer(b *testing.B) {
	rng := rand.New(rand.NewPCG(31, 1))
	for _, m := range []Method{Base, A2Q, A2QPlus} {
		for _, size := range [][2]int{{64, 784}, {64, 64}} {
			rows, k := size[0], size[1]
			z := Quantizer{Method: m, WeightBits: 4, AccBits: 12, Input: unsignedBits(4)}
			w, grad := make([]float32, rows*k), make([]float32, rows*k)
			for i := range w {
				w[i], grad[i] = float32(rng.NormFloat64()), float32(rng.NormFloat64())
			}
			v, d, t := z.Init(w, rows, k)
			wq, gd, gt := make([]float32, rows*k), make([]float32, rows), make([]float32, rows)
			b.Run(fmt.Sprintf("Forward/%s/%dx%d", m, rows, k), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					z.Forward(v, rows, k, d, t, wq, nil)
				}
			})
			b.Run(fmt.Sprintf("Backward/%s/%dx%d", m, rows, k), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					z.Backward(v, rows, k, d, t, grad, wq, gd, gt[:len(t)])
				}
			})
		}
	}
}
