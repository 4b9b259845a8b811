package ptq

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"gonum.org/v1/gonum/mat"
)

// gaussianProblem draws weights, and integer inputs that depend on each other
// as activations do, rounded and clipped to the type.
func gaussianProblem(rng *rand.Rand, rows, k, m int, x quant.DataType, acc Accumulator) *Problem {
	p := &Problem{Name: "random", Rows: rows, K: k, WeightBits: m, Input: x, Acc: acc}
	p.Weights = make([]float64, rows*k)
	for i := range p.Weights {
		p.Weights[i] = 0.1 * rng.NormFloat64()
	}
	p.Scale = make([]float64, rows)
	for r := range p.Scale {
		p.Scale[r] = peak(p.row(r)) / float64(p.clip())
	}
	p.Moment = drawMoment(rng, k, x)
	return p
}

// drawMoment returns the second moment of 3k samples of a few hidden factors.
func drawMoment(rng *rand.Rand, k int, x quant.DataType) *mat.SymDense {
	const factors = 6
	mix := make([]float64, k*factors)
	for i := range mix {
		mix[i] = rng.NormFloat64() / math.Sqrt(factors)
	}
	spread := float64(x.Max()) / 2
	n := 3 * k
	data := mat.NewDense(n, k, nil)
	for s := range n {
		var f [factors]float64
		for i := range f {
			f[i] = rng.NormFloat64()
		}
		for j := range k {
			v := 0.5 * rng.NormFloat64()
			for i, g := range f {
				v += g * mix[j*factors+i]
			}
			data.Set(s, j, max(float64(x.Min()), min(float64(x.Max()), math.Round(v*spread))))
		}
	}
	h := mat.NewSymDense(k, nil)
	h.SymOuterK(1/float64(n), data.T())
	return h
}

// fitsByHand is the test of MATH 1, term by term, on every tile: it shares no
// code with the package or with quant's certificate.
func fitsByHand(q []int32, x quant.DataType, acc Accumulator) bool {
	for b := range acc.Taps.Lanes {
		used := int32(0)
		for i := b; i < len(q); i += acc.Taps.Lanes {
			used += max(q[i], -q[i])
		}
		if used > int32(acc.Taps.Cap) {
			return false
		}
	}
	size := len(q)
	if acc.Tile > 0 && acc.Tile < size {
		size = acc.Tile
	}
	for lo := 0; lo < len(q); lo += size {
		least, most, units := int64(0), int64(0), int64(0)
		for _, w := range q[lo:min(lo+size, len(q))] {
			a, b := int64(w)*x.Min(), int64(w)*x.Max()
			least, most = least+min(a, b), most+max(a, b)
			units += max(int64(w), -int64(w))
		}
		if most := int64(acc.Taps.MaxUnits()); most > 0 && units > most {
			return false
		}
		if acc.Bits == 0 {
			continue
		}
		codes := int64(1) << (acc.Bits - 1)
		if acc.Rule == quant.Shifted && most-least > 2*codes-1 ||
			acc.Rule != quant.Shifted && (most > codes-1 || least < -codes) {
			return false
		}
	}
	return true
}

// randomTaps draws a bound on rows, on banks or on both.
func randomTaps(rng *rand.Rand) quant.Taps {
	t := quant.Taps{Units: 1 + rng.IntN(40)}
	if rng.IntN(3) > 0 {
		t.Lanes, t.Cap = 1+rng.IntN(9), 1+rng.IntN(4)
		t.Units = rng.IntN(1 + t.Lanes*t.Cap)
	}
	return t
}

// randomAccumulator draws a limit for rows of k inputs.
func randomAccumulator(rng *rand.Rand, k int) Accumulator {
	acc := Accumulator{Bits: 1 + rng.IntN(18), Rule: quant.Split}
	if rng.IntN(2) == 0 {
		acc.Rule = quant.Shifted
	}
	if rng.IntN(2) == 0 {
		acc.Tile = 1 + rng.IntN(k+2)
	}
	if rng.IntN(3) == 0 {
		acc.Tile, acc.Taps = 0, randomTaps(rng)
	}
	if rng.IntN(8) == 0 {
		acc.Bits = 0
	}
	return acc
}

// TestSolveFits is the certificate over random shapes, types, limits and
// methods: no tolerance, no exception.
func TestSolveFits(t *testing.T) {
	trials := 400
	if testing.Short() {
		trials = 60
	}
	rng := rand.New(rand.NewPCG(11, 1))
	for trial := range trials {
		k, rows := 1+rng.IntN(40), 1+rng.IntN(4)
		x := quant.DataType{Bits: 1 + rng.IntN(8), Signed: rng.IntN(2) == 0}
		p := gaussianProblem(rng, rows, k, 2+rng.IntN(7), x, randomAccumulator(rng, k))
		if rng.IntN(4) == 0 {
			p.Moment = nil
		}
		p.Options = Options{Refit: rng.IntN(2) == 0, ColumnOrder: rng.IntN(2) == 0}
		for _, m := range []Method{RTN, EP, AXE, Budget} {
			sol, err := p.Solve(m)
			if err != nil {
				t.Fatalf("trial %d, %s: %v", trial, m, err)
			}
			checkSolution(t, p, sol, fmt.Sprintf("trial %d, %s, %+v, %v", trial, m, p.Acc, x))
		}
	}
}

func checkSolution(t *testing.T, p *Problem, sol *Solution, what string) {
	t.Helper()
	for r := range p.Rows {
		if !fitsByHand(sol.row(r), p.Input, p.Acc) {
			t.Fatalf("%s: row %d does not fit: %v", what, r, sol.row(r))
		}
		for _, q := range sol.row(r) {
			if q > p.clip() || q < -p.clip() {
				t.Fatalf("%s: row %d: integer %d, at most %d", what, r, q, p.clip())
			}
		}
	}
}

// TestSolveIsDeterministic compares two runs bit by bit.
func TestSolveIsDeterministic(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 2))
	p := gaussianProblem(rng, 9, 30, 4, quant.DataType{Bits: 4}, Accumulator{Bits: 9})
	p.Options.Refit = true
	a, errA := p.Solve(Budget)
	b, errB := p.Solve(Budget)
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	for i := range a.Q {
		if a.Q[i] != b.Q[i] {
			t.Fatalf("integer %d: %d and %d", i, a.Q[i], b.Q[i])
		}
	}
	for r := range a.Scale {
		if a.Scale[r] != b.Scale[r] || a.Loss[r] != b.Loss[r] {
			t.Fatalf("row %d differs", r)
		}
	}
}

// TestOuterBits checks P_outer against the extreme sums of tiles that are all
// at an end of P_inner bits.
func TestOuterBits(t *testing.T) {
	for tiles := 1; tiles <= 70; tiles++ {
		acc := Accumulator{Bits: 6, Tile: 8}
		got := acc.OuterBits(8 * tiles)
		least := int64(tiles) * -32
		if fits := least >= -(int64(1) << (got - 1)); !fits {
			t.Errorf("%d tiles: %d bits do not hold %d", tiles, got, least)
		}
		if tight := least < -(int64(1) << (got - 2)); !tight {
			t.Errorf("%d tiles: %d bits, one less would do", tiles, got)
		}
	}
	if got := (Accumulator{Tile: 4}).OuterBits(9); got != 0 {
		t.Errorf("no limit: %d bits", got)
	}
}
