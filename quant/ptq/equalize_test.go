package ptq

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"gonum.org/v1/gonum/mat"
)

// gaussians returns n draws whose scale differs from one to the next.
func gaussians(rng *rand.Rand, n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = rng.NormFloat64() * math.Exp2(float64(rng.IntN(9)-4))
	}
	return v
}

// drawPair returns two layers that fit together: second has taps positions
// under its window and is dense or depthwise.
func drawPair(rng *rand.Rand, channels, taps, groups int) (first, second *Matrix) {
	first = &Matrix{Rows: channels, K: 5, Channels: 5, Weights: gaussians(rng, channels*5),
		Bias: gaussians(rng, channels)}
	rows := 2 * groups
	k := taps * channels / groups
	second = &Matrix{Rows: rows, K: k, Channels: channels, Groups: groups, Weights: gaussians(rng, rows*k),
		Bias: gaussians(rng, rows)}
	return first, second
}

// composed computes second(relu(first(x))) for x of taps positions.
func composed(first, second *Matrix, x []float64) []float64 {
	taps := len(x) / first.K
	mid := make([]float64, taps*first.Rows)
	for t := range taps {
		for r := range first.Rows {
			sum := first.Bias[r]
			for i := range first.K {
				sum += first.Weights[r*first.K+i] * x[t*first.K+i]
			}
			mid[t*first.Rows+r] = max(sum, 0)
		}
	}
	groups := max(second.Groups, 1)
	own := second.Channels / groups
	y := append([]float64(nil), second.Bias...)
	for r := range y {
		base := r / (second.Rows / groups) * own
		for t := range taps {
			for c := range own {
				y[r] += second.Weights[r*second.K+t*own+c] * mid[t*first.Rows+base+c]
			}
		}
	}
	return y
}

// TestEqualizeKeepsTheFunction compares the pair's outputs before and after,
// dense and depthwise, and that the ranges have become equal.
func TestEqualizeKeepsTheFunction(t *testing.T) {
	rng := rand.New(rand.NewPCG(14, 1))
	for _, c := range []struct{ channels, taps, groups int }{{6, 1, 1}, {6, 9, 1}, {6, 9, 6}, {6, 4, 3}} {
		first, second := drawPair(rng, c.channels, c.taps, c.groups)
		clear(first.Weights[:first.K]) // a dead channel keeps its scale
		x := gaussians(rng, c.taps*first.K)
		want := composed(first, second, x)
		factors, err := Equalize(first, second)
		if err != nil {
			t.Fatal(err)
		}
		for r, got := range composed(first, second, x) {
			if math.Abs(got-want[r]) > 1e-9*(1+math.Abs(want[r])) {
				t.Errorf("%+v: output %d is %v, was %v", c, r, got, want[r])
			}
		}
		if factors[0] != 1 {
			t.Errorf("%+v: dead channel scaled by %v", c, factors[0])
		}
		for r, f := range second.factors(first) {
			if math.Abs(f-1) > 1e-12 {
				t.Errorf("%+v: channel %d: ranges still %v apart", c, r, f*f)
			}
		}
	}
}

// TestEqualizeRefuses says which sizes do not go together.
func TestEqualizeRefuses(t *testing.T) {
	rng := rand.New(rand.NewPCG(14, 2))
	for name, spoil := range map[string]func(a, b *Matrix){
		"channels": func(_, b *Matrix) { b.Channels = 3 },
		"groups":   func(_, b *Matrix) { b.Groups = 4 },
		"weights":  func(a, _ *Matrix) { a.Weights = a.Weights[1:] },
		"bias":     func(a, _ *Matrix) { a.Bias = a.Bias[1:] },
	} {
		a, b := drawPair(rng, 6, 1, 1)
		spoil(a, b)
		if _, err := Equalize(a, b); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestMoments compares with sums by hand, over two batches.
func TestMoments(t *testing.T) {
	m := NewMoments(2)
	m.Add([]int32{1, -2, 3, 4})
	m.Add([]int32{5, 0})
	if m.Count() != 3 {
		t.Errorf("%d samples", m.Count())
	}
	if mean := m.Mean(); mean[0] != 3 || mean[1] != 2.0/3 {
		t.Errorf("mean %v", mean)
	}
	if want := mat.NewSymDense(2, []float64{35.0 / 3, 10.0 / 3, 10.0 / 3, 20.0 / 3}); !mat.Equal(m.Second(), want) {
		t.Errorf("second moment %v", mat.Formatted(m.Second()))
	}
	want := mat.NewSymDense(2, []float64{35.0/3 - 9, 10.0/3 - 2, 10.0/3 - 2, 20.0/3 - 4.0/9})
	if !mat.EqualApprox(m.Covariance(), want, 1e-14) {
		t.Errorf("covariance %v", mat.Formatted(m.Covariance()))
	}
}

// TestBiasCorrection measures the mean error of the outputs over the very
// samples that the mean comes from: with the correction it is 0.
func TestBiasCorrection(t *testing.T) {
	rng := rand.New(rand.NewPCG(14, 3))
	x := quant.DataType{Bits: 4}
	p := gaussianProblem(rng, 3, 8, 3, x, Accumulator{Bits: 7})
	m := NewMoments(p.K)
	samples := make([]int32, 50*p.K)
	for i := range samples {
		samples[i] = rng.Int32N(16)
	}
	m.Add(samples)
	p.Moment = m.Covariance()
	sol, err := p.Solve(Budget)
	if err != nil {
		t.Fatal(err)
	}
	gain := p.BiasCorrection(sol, m.Mean())
	for r := range p.Rows {
		sum := 0.0
		for n := range m.Count() {
			for i, w := range p.row(r) {
				sum += (sol.Scale[r]*float64(sol.row(r)[i]) - w) * float64(samples[n*p.K+i])
			}
			sum += gain[r]
		}
		if math.Abs(sum) > 1e-9 {
			t.Errorf("row %d: mean error %v", r, sum/float64(m.Count()))
		}
	}
}
