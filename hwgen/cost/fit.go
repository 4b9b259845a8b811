package cost

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// Fit fits the coefficients of family xc7 to the samples that are not held out, by
// least squares of the relative error with no coefficient below zero, and measures
// the errors on both kinds of samples. A whole design is a sample of the sum of its
// blocks: what synthesis does across their borders tells on the coefficients, too.
func Fit(samples []Sample) (*Model, error) {
	m := &Model{Family: "xc7", Coefficients: map[string]map[string]float64{}, Errors: map[string]Errors{}}
	f := &fit{index: map[coefficient]int{}}
	for _, s := range samples {
		if s.HeldOut {
			continue
		}
		shapes, err := m.shapesOf(s)
		if err != nil {
			return nil, err
		}
		f.addRow(shapes, s.Counts.LUT)
	}
	if len(f.rows) <= len(f.names) {
		return nil, fmt.Errorf("cost: fit: %d samples, want more than the %d coefficients", len(f.rows), len(f.names))
	}
	for i, c := range nonNegative(f.matrices()) {
		m.set(f.names[i], math.Round(c*1e4)/1e4)
	}
	return m, m.measure(samples)
}

// priorWeight is the relative error of the samples' LUTs that weighs as much as a
// coefficient twice its prior.
const priorWeight = 0.1

// fewLUTs is the size below which an error counts as one of a block of that size.
const fewLUTs = 20

// coefficient names a term of a kind of block.
type coefficient struct{ kind, term string }

// fit gathers the equations: the terms of a sample times coefficients are its LUTs.
type fit struct {
	index  map[coefficient]int
	names  []coefficient
	priors []float64
	rows   []equation
}

// equation holds the terms that are to be fitted, by coefficient, and the LUTs left for
// them when the exact ones are taken off; weight makes the error relative.
type equation struct {
	terms        map[int]float64
	rest, weight float64
}

// addRow adds the equation of a sample. A design counts for as much as its blocks would.
func (f *fit) addRow(shapes []shape, lut int) {
	e := equation{terms: map[int]float64{}, rest: float64(lut),
		weight: math.Sqrt(float64(len(shapes))) / math.Max(float64(lut), fewLUTs)}
	for _, sh := range shapes {
		for _, t := range sh.Terms {
			if t.Exact {
				e.rest -= t.Value
				continue
			}
			e.terms[f.at(coefficient{sh.Kind, t.Name}, t.Prior)] += t.Value
		}
	}
	f.rows = append(f.rows, e)
}

// at returns the index of a coefficient.
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

func (m *Model) set(c coefficient, v float64) {
	if m.Coefficients[c.kind] == nil {
		m.Coefficients[c.kind] = map[string]float64{}
	}
	m.Coefficients[c.kind][c.term] = v
}

// shapesOf returns the shapes of the blocks of a sample.
func (m *Model) shapesOf(s Sample) ([]shape, error) {
	if s.Kind != KindDesign {
		return []shape{m.shapeOf(s.Unit().Block)}, nil
	}
	d, err := s.Design()
	if err != nil {
		return nil, fmt.Errorf("cost: sample %s: %w", s.Key(), err)
	}
	return m.designShapes(d), nil
}

// nonNegative returns the least-squares solution of a*x = y with x >= 0, by the active
// set method of Lawson and Hanson (Solving Least Squares Problems, chapter 23).
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
