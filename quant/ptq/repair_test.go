package ptq

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"gonum.org/v1/gonum/mat"
)

// drawIntegers returns n integers of +-clip.
func drawIntegers(rng *rand.Rand, n int, clip int32) []int32 {
	q := make([]int32, n)
	for i := range q {
		q[i] = rng.Int32N(2*clip+1) - clip
	}
	return q
}

// TestRepair repairs random integers under random limits: every tile fits, no
// magnitude grows, rows that fit already stay, and the input is not written to.
func TestRepair(t *testing.T) {
	rng := rand.New(rand.NewPCG(16, 1))
	for trial := range 300 {
		k := 1 + rng.IntN(40)
		x := quant.DataType{Bits: 1 + rng.IntN(8), Signed: rng.IntN(2) == 0}
		p := gaussianProblem(rng, 3, k, 4, x, randomAccumulator(rng, k))
		p.Weights, p.Scale = nil, nil
		if rng.IntN(2) == 0 {
			p.Moment = nil
		}
		q := drawIntegers(rng, 3*k, p.clip())
		before := slices.Clone(q)
		sol, err := p.Repair(q, false)
		if err != nil {
			t.Fatal(err)
		}
		checkSolution(t, p, sol, "repair")
		if !slices.Equal(q, before) {
			t.Fatalf("trial %d: wrote to its input", trial)
		}
		for r := range p.Rows {
			row := q[r*k : (r+1)*k]
			if fitsByHand(row, x, p.Acc) && !slices.Equal(row, sol.row(r)) {
				t.Fatalf("trial %d: row %d fitted, yet changed", trial, r)
			}
			for i, v := range sol.row(r) {
				if v != 0 && (v > 0) != (row[i] > 0) || v*v > row[i]*row[i] {
					t.Fatalf("trial %d: %d became %d", trial, row[i], v)
				}
			}
		}
		better, err := p.Repair(q, true)
		if err != nil {
			t.Fatal(err)
		}
		checkSolution(t, p, better, "repair and improve")
	}
}

// TestImprovedRepairLosesLess compares sums of losses under a moment. The
// damping that the search adds to the moment is made too small to matter.
func TestImprovedRepairLosesLess(t *testing.T) {
	rng := rand.New(rand.NewPCG(16, 2))
	p := gaussianProblem(rng, 8, 32, 4, quant.DataType{Bits: 4}, Accumulator{Bits: 9})
	p.Weights, p.Scale, p.Options.Damping = nil, nil, 1e-9
	q := drawIntegers(rng, 8*32, p.clip())
	sparse := *p
	sparse.Moment = nil
	blind, err := sparse.Repair(q, false)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := p.Repair(q, false)
	if err != nil {
		t.Fatal(err)
	}
	better, err := p.Repair(q, true)
	if err != nil {
		t.Fatal(err)
	}
	loss := lossOf(p.Moment, q, blind.Q)
	if !(better.RelativeLoss() < plain.RelativeLoss()) || !(lossOf(p.Moment, q, plain.Q) < loss) {
		t.Errorf("loss %v without the moment, %v with, relative %v and %v improved",
			loss, lossOf(p.Moment, q, plain.Q), plain.RelativeLoss(), better.RelativeLoss())
	}
}

// lossOf returns the sum over rows of (a-b)' h (a-b).
func lossOf(h mat.Symmetric, a, b []int32) float64 {
	k := h.SymmetricDim()
	sum := 0.0
	for lo := 0; lo < len(a); lo += k {
		e := mat.NewVecDense(k, nil)
		for i := range k {
			e.SetVec(i, float64(a[lo+i]-b[lo+i]))
		}
		sum += mat.Inner(e, h, e)
	}
	return sum
}

// TestRepairTakesTheLowestCode: -8 with one-bit inputs fits 4 bits exactly.
func TestRepairTakesTheLowestCode(t *testing.T) {
	p := &Problem{Rows: 1, K: 2, WeightBits: 4, Input: quant.DataType{Bits: 1}, Acc: Accumulator{Bits: 4}}
	sol, err := p.Repair([]int32{-7, -1}, true)
	if err != nil || !slices.Equal(sol.Q, []int32{-7, -1}) {
		t.Errorf("got %v, %v", sol, err)
	}
}

// TestCertifyLayer: each tile is tested by itself, the last and shorter one too.
func TestCertifyLayer(t *testing.T) {
	l := quant.Layer{Name: "a", Kind: quant.Linear, In: 5, Out: 2, Input: quant.DataType{Bits: 2}, WeightBits: 4,
		Weights: []int32{2, 3, -4, -1, 5, 1, 0, 0, 1, -5}}
	// Tiles of 2 inputs of 0..3 reach 5*3 = 15 at most; the whole first row 30.
	if err := (Accumulator{Bits: 5, Tile: 2}).CertifyLayer(&l); err != nil {
		t.Error(err)
	}
	l.Weights[9] = -6 // -18
	err := (Accumulator{Bits: 5, Tile: 2}).CertifyLayer(&l)
	if err == nil || !strings.Contains(err.Error(), "row 1, tile 2") {
		t.Errorf("error %v, want one of row 1, tile 2", err)
	}
	if err := (Accumulator{Bits: 5, Tile: 2, Rule: quant.Shifted}).CertifyLayer(&l); err != nil {
		t.Error(err)
	}
}

// TestTileStart checks each tile's range from its start by hand.
func TestTileStart(t *testing.T) {
	x := quant.DataType{Bits: 2}
	p := &Problem{Rows: 1, K: 5, WeightBits: 4, Input: x, Acc: Accumulator{Bits: 5, Rule: quant.Shifted, Tile: 2}}
	q := []int32{7, -3, -1, 0, 5}
	if err := p.Certify(q); err != nil {
		t.Fatal(err)
	}
	// Sums of the tiles: -9..21, -3..0, 0..15. The first begins at -16 + 9, one
	// higher since that leaves a code; the others fit 5 bits as they are.
	if got, want := p.TileStart(q), []int64{-6, 0, 0}; !slices.Equal(got, want) {
		t.Errorf("starts %v, want %v", got, want)
	}
	p.Acc.Rule = quant.Split
	if got := p.TileStart(q); !slices.Equal(got, []int64{0, 0, 0}) {
		t.Errorf("split: starts %v", got)
	}
	if err := p.Certify(q); err == nil {
		t.Error("split: 21 accepted in 5 bits")
	}
}

// TestRefuses says for each wrong field what the error must name.
func TestRefuses(t *testing.T) {
	for want, spoil := range map[string]func(p *Problem){
		"64 bits":     func(p *Problem) { p.Acc.Bits = 64 },
		"rule":        func(p *Problem) { p.Acc.Rule = "half" },
		"tile":        func(p *Problem) { p.Acc.Tile = -1 },
		"units":       func(p *Problem) { p.Acc.Taps.Units = -1 },
		"without cap": func(p *Problem) { p.Acc.Taps.Lanes = 2 },
		"one of the":  func(p *Problem) { p.Acc.Tile, p.Acc.Taps.Units = 2, 3 },
		"weights of":  func(p *Problem) { p.WeightBits = 1 },
		"inputs of":   func(p *Problem) { p.Input.Bits = 0 },
		"scale":       func(p *Problem) { p.Scale[1] = 0 },
		"weight 2":    func(p *Problem) { p.Weights[2] = math.Inf(1) },
		"moment of":   func(p *Problem) { p.Moment = mat.NewSymDense(2, nil) },
		"definite":    func(p *Problem) { p.Moment = mat.NewSymDense(3, []float64{1, 9, 0, 9, 1, 0, 0, 0, 1}) },
		"damping":     func(p *Problem) { p.Options.Damping = -1 },
		"matrix":      func(p *Problem) { p.Rows = 0 },
		"3x3 and 3":   func(p *Problem) { p.Weights = p.Weights[1:] },
		`layer "fc2"`: func(p *Problem) { p.Scale = nil },
	} {
		p := gaussianProblem(rand.New(rand.NewPCG(16, 3)), 3, 3, 4, quant.DataType{Bits: 4}, Accumulator{Bits: 12})
		p.Name = "fc2"
		spoil(p)
		_, err := p.Solve(Budget)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", want, err)
		}
	}
	if _, err := Define("adaround"); err == nil {
		t.Error("unknown method accepted")
	}
}
