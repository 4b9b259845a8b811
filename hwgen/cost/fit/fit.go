package main

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/block"
	"github.com/a2qgen/a2qgen/hwgen/block/kinds"
	"github.com/a2qgen/a2qgen/hwgen/cost"
	"github.com/a2qgen/a2qgen/hwgen/fabric"
)

// fitModel fits the coefficients of a family to the samples that are not held out, by
// least squares of the relative error with no coefficient below zero, and measures
// the errors on both kinds of samples. A whole design is a sample of the sum of its
// blocks: what synthesis does across their borders tells on the coefficients, too.
//
// Per sample the equation is: sum over terms of coefficient * value = LUTs - exact terms.
// Errors are relative, since what an estimate is asked for is a percentage; below zero a
// coefficient would make more of a block cheaper, which only a bad sample could say.
// Coefficients are rounded to four decimals, so that the table does not change
// with the machine's arithmetic. It fails where there are too few samples, or one that makes no
// design.
func (t *table) fitModel(samples []Sample) (*cost.Model, error) {
	m, err := cost.NewModel(string(t.family))
	if err != nil {
		return nil, err
	}
	f := &fit{index: map[coefficient]int{}}
	for _, s := range samples {
		if s.HeldOut {
			continue
		}
		shapes, err := t.shapesOf(s.Sample)
		if err != nil {
			return nil, err
		}
		f.addRow(shapes, s.Counts.LUT)
	}
	if len(f.rows) <= len(f.names) {
		return nil, fmt.Errorf("cost: fit: %d samples, want more than the %d coefficients", len(f.rows), len(f.names))
	}
	for i, c := range nonNegative(f.matrices()) {
		set(m, f.names[i], math.Round(c*1e4)/1e4)
	}
	return m, t.measure(m, samples)
}

// priorWeight is the relative error of the samples' LUTs that weighs as much as a
// coefficient twice its prior.
//
// It is weak: it decides only what the samples leave open, such as two terms that always come
// together, and keeps a coefficient that few samples show from following their noise.
const priorWeight = 0.1

// fewLUTs is the size below which an error counts as one of a block of that size.
//
// Without it a converter of five LUTs, one of them off, would weigh like a design that is off
// by 20 percent.
const fewLUTs = 20

// coefficient names a term of a kind of block.
type coefficient struct{ kind, term string }

// fit gathers the equations: the terms of a sample times coefficients are its LUTs.
type fit struct {
	// Columns, in the order in which samples first have a term: equal samples give equal fits.
	index  map[coefficient]int
	names  []coefficient
	priors []float64
	// One per sample that is not held out.
	rows []equation
}

// equation holds the terms that are to be fitted, by coefficient, and the LUTs left for
// them when the exact ones are taken off; weight makes the error relative.
//
// rest may be below zero, where the exact terms already say more than Yosys took.
type equation struct {
	terms        map[int]float64
	rest, weight float64
}

// addRow adds the equation of a sample. A design counts for as much as its blocks would.
//
// shapes are those of the sample, lut is what Yosys took. By the root of the number of blocks,
// since the squares of errors are summed: a design of nine blocks weighs like nine of them.
func (f *fit) addRow(shapes []shape, lut int) {
	e := equation{terms: map[int]float64{}, rest: float64(lut),
		weight: math.Sqrt(float64(len(shapes))) / math.Max(float64(lut), fewLUTs)}
	for _, sh := range shapes {
		for _, t := range sh.Terms {
			if t.Exact {
				e.rest -= t.Value
				continue
			}
			e.terms[f.at(coefficient{sh.kind, t.Name}, t.Prior)] += t.Value
		}
	}
	f.rows = append(f.rows, e)
}

// at returns the index of a coefficient.
//
// It makes one where there was none; prior is the term's, which is the same in all shapes.
func (f *fit) at(c coefficient, prior float64) int {
	if _, ok := f.index[c]; !ok {
		f.index[c] = len(f.names)
		f.names = append(f.names, c)
		f.priors = append(f.priors, prior)
	}
	return f.index[c]
}

// matrices returns the equations and, below them, those that hold coefficients near their
// priors.
//
// a is (samples + coefficients) x coefficients, y as long as a is high. A prior's row asks for
// coefficient = prior with weight priorWeight/prior; of priors near 0 the divisor stays 0.1.
func (f *fit) matrices() (*mat.Dense, *mat.VecDense) {
	rows, n := len(f.rows), len(f.names)
	a, y := mat.NewDense(rows+n, n, nil), mat.NewVecDense(rows+n, nil)
	for i, e := range f.rows {
		for k, v := range e.terms {
			a.Set(i, k, v*e.weight)
		}
		y.SetVec(i, e.rest*e.weight)
	}
	for i, prior := range f.priors {
		weight := priorWeight / math.Max(prior, 0.1)
		a.Set(rows+i, i, weight)
		y.SetVec(rows+i, weight*prior)
	}
	return a, y
}

// set gives a term of a kind of block its coefficient, in LUTs per unit of the term.
func set(m *cost.Model, c coefficient, v float64) {
	if m.Coefficients[c.kind] == nil {
		m.Coefficients[c.kind] = map[string]float64{}
	}
	m.Coefficients[c.kind][c.term] = v
}

// shape is that of a block of a kind.
type shape struct {
	kind string
	fabric.Shape
}

// shapesOf returns the shapes of the blocks of a sample.
//
// The error is of samples of kind design alone: their network cannot be planned.
func (t *table) shapesOf(s block.Sample) ([]shape, error) {
	if s.Kind != cost.KindDesign {
		b, _ := kindOf(s).Build(t.of(s))
		return []shape{{s.Kind, b.Price(t.fabric)}}, nil
	}
	d, err := t.design(s)
	if err != nil {
		return nil, fmt.Errorf("fit: sample %s: %w", s.Key(), err)
	}
	var shapes []shape
	for _, n := range d.Nodes {
		shapes = append(shapes, shape{hwgen.KindOf(n.Block), n.Price(t.fabric)})
	}
	// The same that an estimate adds up, so that the fit sees designs as they are estimated.
	return append(shapes, shape{cost.KindDesign, cost.FrameCounter(t.fabric, d)}), nil
}

// kindOf returns the kind of block of a sample. It panics where there is none.
func kindOf(s block.Sample) block.Kind {
	for _, k := range kinds.All {
		if k.Name == s.Kind {
			return k
		}
	}
	panic(fmt.Sprintf("fit: a sample of kind %q is no block", s.Kind))
}

// nonNegative returns the least-squares solution of a*x = y with x >= 0, by the active
// set method of Lawson and Hanson (Solving Least Squares Problems, chapter 23).
//
// a has full column rank: the rows of the priors see to it. Variables are at zero, or free and
// then solved for without a bound; one at a time becomes free, as long as the error falls by
// it. The number of steps is finite in exact arithmetic, and bounded here in any other.
func nonNegative(a *mat.Dense, y *mat.VecDense) []float64 {
	_, n := a.Dims()
	x := make([]float64, n)
	free := make([]bool, n)
	for range 10 * n {
		j := steepest(a, y, x, free)
		if j < 0 {
			break
		}
		free[j] = true
		for {
			// From x towards the unbounded solution z, as far as all stay at zero or above;
			// what stops the way goes back to zero, and the rest is solved for again.
			z := solveFree(a, y, free)
			step, blocked := 1.0, false
			for i := range z {
				if free[i] && z[i] <= 0 && x[i]-z[i] > 0 {
					step, blocked = math.Min(step, x[i]/(x[i]-z[i])), true
				}
			}
			for i := range x {
				x[i] += step * (z[i] - x[i])
				if free[i] && blocked && x[i] < 1e-12 {
					x[i], free[i] = 0, false
				}
			}
			if !blocked {
				break
			}
		}
	}
	return x
}

// steepest returns the variable at zero whose increase lowers the error most, or -1.
//
// That is the largest entry of the negative gradient a'(y - a*x) among them (the dual of Lawson
// and Hanson); at the optimum none is positive, but for rounding.
func steepest(a *mat.Dense, y *mat.VecDense, x []float64, free []bool) int {
	var r, g mat.VecDense
	r.MulVec(a, mat.NewVecDense(len(x), x))
	r.SubVec(y, &r)
	g.MulVec(a.T(), &r)
	best, at := 1e-9, -1
	for i := range x {
		if !free[i] && g.AtVec(i) > best {
			best, at = g.AtVec(i), i
		}
	}
	return at
}

// solveFree solves a*z = y for the free variables; the others are zero.
//
// By QR of the free columns (SolveVec). A solution that is merely inexact, for columns that are
// nearly dependent, is good enough: the next step starts from what it left.
func solveFree(a *mat.Dense, y *mat.VecDense, free []bool) []float64 {
	rows, n := a.Dims()
	var at []int
	for i, f := range free {
		if f {
			at = append(at, i)
		}
	}
	sub := mat.NewDense(rows, len(at), nil)
	for k, j := range at {
		sub.SetCol(k, mat.Col(nil, j, a))
	}
	var sol mat.VecDense
	z := make([]float64, n)
	if err := sol.SolveVec(sub, y); err != nil {
		var nearlySingular mat.Condition
		if !errors.As(err, &nearlySingular) {
			panic("cost: least squares: " + err.Error())
		}
	}
	for k, j := range at {
		z[j] = sol.AtVec(k)
	}
	return z
}
