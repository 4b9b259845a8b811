package cost

import (
	"errors"
	"fmt"
	"math"
	"sort"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
)

// Fit fits the coefficients of family xc7 to the samples that are not held out, by
// least squares of the relative error with no coefficient below zero, and measures
// the errors on both kinds of samples.
func Fit(samples []Sample) (*Model, error) {
	m := &Model{Family: "xc7", Coefficients: map[string]map[string]float64{}, Products: productTable(samples), Errors: map[string]Errors{}}
	for _, kind := range blockKinds() {
		if err := m.fitKind(kind, samples); err != nil {
			return nil, err
		}
		m.Errors[kind] = Errors{Train: m.errorOn(samples, kind, false), HeldOut: m.errorOn(samples, kind, true)}
	}
	return m, m.fitDesigns(samples)
}

// priorWeight is the relative error of the samples' LUTs that weighs as much as a
// coefficient twice its prior.
const priorWeight = 0.1

func (m *Model) fitKind(kind string, samples []Sample) error {
	index := map[string]int{}
	var names []string
	var priors []float64
	var shapes []shape
	var luts, rests []float64
	exact := map[string]float64{}
	for _, s := range samples {
		if s.Kind != kind || s.HeldOut {
			continue
		}
		sh := m.shapeOf(s.Unit().Block)
		rest := float64(s.Counts.LUT)
		for _, t := range sh.Terms {
			if t.Exact {
				rest -= t.Prior * t.Value
				exact[t.Name] = t.Prior
			} else if _, ok := index[t.Name]; !ok {
				index[t.Name] = len(names)
				names = append(names, t.Name)
				priors = append(priors, t.Prior)
			}
		}
		shapes = append(shapes, sh)
		luts = append(luts, float64(s.Counts.LUT))
		rests = append(rests, rest)
	}
	if len(shapes) <= len(names) {
		return fmt.Errorf("cost: fit: %d samples of kind %s, want more than %d", len(shapes), kind, len(names))
	}
	a := mat.NewDense(len(shapes)+len(names), len(names), nil)
	y := mat.NewVecDense(len(shapes)+len(names), nil)
	for i, sh := range shapes {
		weight := 1 / math.Max(luts[i], 20)
		for _, t := range sh.Terms {
			if t.Exact {
				continue
			}
			a.Set(i, index[t.Name], a.At(i, index[t.Name])+t.Value*weight)
		}
		y.SetVec(i, rests[i]*weight)
	}
	for i, prior := range priors {
		weight := priorWeight / math.Max(prior, 0.1)
		a.Set(len(shapes)+i, i, weight)
		y.SetVec(len(shapes)+i, weight*prior)
	}
	m.Coefficients[kind] = exact
	for i, c := range nonNegative(a, y) {
		m.Coefficients[kind][names[i]] = math.Round(c*1e4) / 1e4
	}
	return nil
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
		if _, ok := err.(mat.Condition); !ok {
			panic("cost: least squares: " + err.Error())
		}
	}
	for k, j := range at {
		z[j] = sol.AtVec(k)
	}
	return z
}

// fitDesigns fits what a block takes in a design and measures the errors on designs.
func (m *Model) fitDesigns(samples []Sample) error {
	m.InDesign = 1
	var ratios []float64
	for _, s := range samples {
		if s.Kind != KindDesign || s.HeldOut {
			continue
		}
		r, err := m.sample(s)
		if err != nil {
			return err
		}
		ratios = append(ratios, float64(s.Counts.LUT)/float64(r.LUT))
	}
	if len(ratios) == 0 {
		return errors.New("cost: fit: no samples of designs")
	}
	m.InDesign = math.Round(1e3*stat.Mean(ratios, nil)) / 1e3
	m.Errors[KindDesign] = Errors{Train: m.errorOn(samples, KindDesign, false), HeldOut: m.errorOn(samples, KindDesign, true)}
	return nil
}

// sample estimates a block or a design.
func (m *Model) sample(s Sample) (Resources, error) {
	if s.Kind != KindDesign {
		return m.block(s.Unit().Block), nil
	}
	d, err := s.Design()
	if err != nil {
		return Resources{}, fmt.Errorf("cost: sample %s: %w", s.Key(), err)
	}
	return m.estimate(d).Total, nil
}

// errorOn returns the model's error on the samples of a kind.
func (m *Model) errorOn(samples []Sample, kind string, heldOut bool) Error {
	var lut, ff []float64
	for _, s := range samples {
		if s.Kind != kind || s.HeldOut != heldOut || s.Counts.LUT < 20 {
			continue
		}
		r, err := m.sample(s)
		if err != nil {
			panic(err.Error()) // fitDesigns has built it before
		}
		lut = append(lut, relative(r.LUT, s.Counts.LUT))
		ff = append(ff, relative(r.FF, s.Counts.FF))
	}
	e := Error{Samples: len(lut)}
	e.LUTMedian, e.LUTP90, e.LUTMax = spread(lut)
	e.FFMedian, e.FFP90, e.FFMax = spread(ff)
	return e
}

// relative returns |got-want| in percent of want.
func relative(got, want int) float64 {
	return 100 * math.Abs(float64(got-want)) / math.Max(1, float64(want))
}

// spread returns the median, the 90th percentile and the largest of v, rounded to
// hundredths; zeros where v is empty.
func spread(v []float64) (median, p90, most float64) {
	if len(v) == 0 {
		return 0, 0, 0
	}
	sort.Float64s(v)
	at := func(p float64) float64 { return math.Round(100*stat.Quantile(p, stat.Empirical, v, nil)) / 100 }
	return at(0.5), at(0.9), at(1)
}
