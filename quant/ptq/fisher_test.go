package ptq

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/gradient"
	"github.com/a2qgen/a2qgen/quant/nn"
	"gonum.org/v1/gonum/mat"
)

// TestMomentHasNoScale: seven times the moment gives the same integers, by every method that heeds it: a
// constant factor of OAC's matrix means nothing (METHODS 3).
func TestMomentHasNoScale(t *testing.T) {
	rng := rand.New(rand.NewPCG(24, 5))
	for _, m := range []Method{AXE, Budget} {
		for range 10 {
			p := gaussianProblem(rng, 6, 20, 4, quant.DataType{Bits: 4}, Accumulator{Bits: 9})
			other := *p
			var seven mat.SymDense
			seven.ScaleSym(7, p.Moment)
			other.Moment = &seven
			a, err := p.Solve(m)
			if err != nil {
				t.Fatal(err)
			}
			b, err := other.Solve(m)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(a.Q, b.Q) {
				t.Errorf("%s: %v, with seven times the moment %v", m, a.Q, b.Q)
			}
		}
	}
}

// TestFisher compares the moments of a layer's groups with the sums of the products that define them, from
// gradients to single weights.
func TestFisher(t *testing.T) {
	rng := rand.New(rand.NewPCG(24, 6))
	model, x := graphModel(rng), Samples{Values: uniforms(rng, 20*96), High: 1}
	for k := range 20 {
		x.Labels = append(x.Labels, k%5)
	}
	c, err := Calibrate(t.Context(), model, x, 8, true)
	if err != nil {
		t.Fatal(err)
	}
	for i := range c.g.Layers {
		l := &c.g.Layers[i]
		if !l.Kind.Weighted() {
			continue
		}
		err := c.g.WalkLive(t.Context(), c.source, func(k int, live *nn.Live) (*nn.Tensor, error) {
			if k == i {
				s := &Site{ctx: t.Context(), g: c.g, i: i, in: live.Operands(k)[0], live: live, task: c.task, Values: Values{}}
				for g := range s.Groups() {
					got, err := s.fisher(g, Fisher)
					if err != nil {
						t.Fatal(err)
					}
					if want := fisherByHand(t, s, g); !mat.EqualApprox(got, want, 1e-4*want.At(0, 0)+1e-6) {
						t.Errorf("layer %s, group %d: %v, want %v", l.Name, g, mat.Formatted(got), mat.Formatted(want))
					}
				}
			}
			return c.g.Run(k, live.Operands(k), nil), nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// fisherByHand is the sum over samples and rows of the products of the gradients to a row's weights, inputs
// counting from their mean.
func fisherByHand(t *testing.T, s *Site, group int) *mat.Dense {
	t.Helper()
	l := s.Layer()
	rows := l.Out / s.Groups()
	want := mat.NewDense(l.In, l.In, nil)
	_, err := gradient.Each(s.ctx, s.pass(), func() gradient.Worker[float64] {
		var last gradient.Span[float64]
		return gradient.Worker[float64]{
			Do: func(span gradient.Span[float64]) { last = span },
			Add: func() {
				for n := range last.Samples() {
					dw := make([]float64, len(l.Weights))
					last.Weights(s.i, n, dw)
					for c := group * rows; c < (group+1)*rows; c++ {
						total := 0.0 // of the gradient to the row's sums
						for p, d := range last.Sums(s.i, n) {
							if p%l.Out == c {
								total += d
							}
						}
						row := mat.NewVecDense(l.In, slices.Clone(dw[c*l.In:(c+1)*l.In]))
						for k, m := range s.Mean(group) {
							row.SetVec(k, row.AtVec(k)-total*m*s.in.Scale)
						}
						var part mat.Dense
						part.Outer(1, row, row)
						want.Add(want, &part)
					}
				}
			},
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return want
}

// TestFisherOfPositions: of a layer with one position the two moments are the same, and the diagonal is that of
// either.
func TestFisherOfPositions(t *testing.T) {
	rng := rand.New(rand.NewPCG(24, 7))
	m := &nn.Model{Name: "two", InputShape: []int{6}, Layers: []nn.Layer{
		{Name: "a", In: 6, Out: 5, Weights: randoms(rng, 30, 0.5), Relu: true},
		{Name: "b", In: 5, Out: 3, Weights: randoms(rng, 15, 0.5)}}}
	c, err := Calibrate(t.Context(), m, Samples{Values: uniforms(rng, 30*6), High: 1}, 8, false) // directions, no labels
	if err != nil {
		t.Fatal(err)
	}
	err = c.g.WalkLive(t.Context(), c.source, func(k int, live *nn.Live) (*nn.Tensor, error) {
		of := func(w Weighing) mat.Symmetric {
			s := &Site{ctx: t.Context(), g: c.g, i: k, in: live.Operands(k)[0], live: live, task: c.task, Values: Values{}}
			h, err := s.fisher(0, w)
			if err != nil {
				t.Fatal(err)
			}
			return h
		}
		whole, positions, diagonal := of(Fisher), of(FisherPositions), of(FisherDiagonal)
		if !mat.EqualApprox(whole, positions, 1e-4) {
			t.Errorf("layer %d: %v, by positions %v", k, mat.Formatted(whole), mat.Formatted(positions))
		}
		for i := range c.g.Layers[k].In {
			for j := range c.g.Layers[k].In {
				want := 0.0
				if i == j {
					want = whole.At(i, i)
				}
				if math.Abs(diagonal.At(i, j)-want) > 1e-9*math.Abs(want) {
					t.Errorf("layer %d: diagonal has %v at %d, %d, want %v", k, diagonal.At(i, j), i, j, want)
				}
			}
		}
		return c.g.Run(k, live.Operands(k), nil), nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestFishersApart: a layer that asks for two moments gets two: QERA may round by positions and measure by samples.
func TestFishersApart(t *testing.T) {
	rng := rand.New(rand.NewPCG(24, 8))
	c, err := Calibrate(t.Context(), graphModel(rng), Samples{Values: uniforms(rng, 20*96), High: 1}, 8, true)
	if err != nil {
		t.Fatal(err)
	}
	err = c.g.WalkLive(t.Context(), c.source, func(k int, live *nn.Live) (*nn.Tensor, error) {
		if c.g.Layers[k].Name == "d" { // of several positions
			site := func() *Site {
				return &Site{ctx: t.Context(), g: c.g, i: k, in: live.Operands(k)[0], live: live, task: c.task, Values: Values{}}
			}
			both := site()
			for _, w := range []Weighing{FisherPositions, Fisher} {
				got, err := both.fisher(0, w)
				if err != nil {
					t.Fatal(err)
				}
				if want, err := site().fisher(0, w); err != nil || !mat.Equal(got, want) {
					t.Errorf("%s after another: not what it is alone (%v)", w, err)
				}
			}
		}
		return c.g.Run(k, live.Operands(k), nil), nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
