package ptq

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/gradient"
	"github.com/a2qgen/a2qgen/quant/nn"
	"gonum.org/v1/gonum/mat"
)

// Site is a layer to quantise, where it stands in its network, with what calibration knows of it. What a
// method does not ask for is not computed.
type Site struct {
	// Bits is M of the weights.
	Bits int
	// Acc is what the accumulators must fit.
	Acc Accumulator
	// Rounding is what finds integers (Method.Rounds).
	Rounding Method
	// Values are the method's options, resolved.
	Values Values
	// Shared gives all rows one scale, so that a classifier's integers rank as its outputs do.
	Shared bool

	ctx   context.Context
	g     *graph // layers before this one have been quantised, it and those behind it not
	i     int
	in    *nn.Tensor
	real  *nn.Tensor // what it reads in the float network, where the option target wants it
	live  *nn.Live
	task  gradient.Loss
	means []float64 // of the float network's sums
	// By group, made when they are asked for.
	seen     []seen
	hessians map[Weighing][]*mat.SymDense
	// lost is the loss of the layer's sums, of power.
	lost, power float64
}

// Layer returns the layer as it is in the float network, batch norm folded. It is not to be changed.
func (s *Site) Layer() *nn.Layer { return &s.g.Layers[s.i] }

// Input returns what the layer reads, of all calibration samples: integers, as the layers before it give
// them.
func (s *Site) Input() *nn.Tensor { return s.in }

// Groups returns the number of groups of the layer's rows, each of which reads inputs of its own.
func (s *Site) Groups() int { return max(s.Layer().Groups, 1) }

// Problem returns the matrix of weights of group g as a problem, with the moment that the option hessian
// asks for, and without scales.
func (s *Site) Problem(g int) (*Problem, error) {
	l := s.Layer()
	rows := l.Out / s.Groups()
	q := &Problem{Name: l.Name, Rows: rows, K: l.In, WeightBits: s.Bits, Input: s.in.Type, Acc: s.Acc,
		Weights: wide(l.Weights[g*rows*l.In : (g+1)*rows*l.In]), Options: options(l.In, s.Acc)}
	q.Options.Damping = s.Values.number("damping")
	q.Options.ColumnOrder = s.Values["order"] == "columns"
	var err error
	if q.Moment, err = s.Moment(g, Weighing(s.Values["hessian"])); err != nil {
		return nil, err
	}
	if q.Weights, err = s.aimed(g, q.Weights); err != nil {
		return nil, fmt.Errorf("ptq: layer %q: %w", l.Name, err)
	}
	return q, nil
}

// Moment returns the matrix by which the errors of rows of group g are weighed; nil is the identity,
// which rows too long for another have too.
func (s *Site) Moment(g int, w Weighing) (mat.Symmetric, error) {
	switch {
	case w == Identity || s.Layer().In > maxMoment:
		return nil, nil
	case w == Inputs:
		return s.Covariance(g), nil
	}
	return s.fisher(g, w)
}

// MetaTile and MetaInner are metadata of a network whose accumulators have tiles, followed by the layer's
// name: T, and the width of a tile's accumulator.
const (
	MetaTile  = "a2qgen.acc_tile."
	MetaInner = "a2qgen.acc_inner."
)

// errNoBudget is for an accumulator that cannot hold any weight.
var errNoBudget = errors.New("has no room for a single unit")

// tapsOfNoVector is the error for taps of a layer that reads no vector.
func tapsOfNoVector(name string, kind quant.Kind) error {
	return fmt.Errorf("ptq: layer %q: taps of a %s layer, want a linear one: banks are those of a vector", name, kind)
}

// check returns an error where the layer cannot have an accumulator as Acc says.
func (s *Site) check() error {
	l := s.Layer()
	if s.Acc.Taps.Any() && l.Kind != quant.Linear {
		return tapsOfNoVector(l.Name, l.Kind)
	}
	// The test of sums is in int64.
	if outer := s.Acc.OuterBits(l.In); outer > 63 {
		return fmt.Errorf("ptq: layer %q: tiles of %d bits add up to %d, want at most 63", l.Name, s.Acc.Bits, outer)
	}
	return nil
}

// count takes down the losses of solutions.
func (s *Site) count(solutions []*Solution) {
	for _, sol := range solutions {
		for r := range sol.Loss {
			s.lost, s.power = s.lost+sol.Loss[r], s.power+sol.Power[r]
		}
	}
}

// Integers returns the layer with the integers of solutions, one per group, for weights.
func (s *Site) Integers(solutions []*Solution) nn.Layer {
	l := *s.Layer()
	l.Relu, l.Act, l.WeightBits = false, nil, s.Bits
	l.Weights, l.WeightScale = make([]float32, 0, len(l.Weights)), nil
	for _, sol := range solutions {
		for r, real := range sol.Scale {
			scale := float32(real)
			l.WeightScale = append(l.WeightScale, scale)
			for _, q := range sol.row(r) {
				l.Weights = append(l.Weights, scale*float32(q))
			}
		}
	}
	if s.Shared {
		l.WeightScale = l.WeightScale[:1]
	}
	return l
}

// declare writes what the accumulator of a layer of branches was made for. AccBits of the file are those
// of the whole row, which hardware without tiles needs; the tiles are in the metadata.
func (s *Site) declare(l *nn.Layer) {
	if s.Acc.Bits == 0 {
		return
	}
	l.AccBits, l.Shifted = s.Acc.OuterBits(l.In), s.Acc.Rule == quant.Shifted
	if s.Acc.Tile > 0 {
		s.g.Metadata[MetaTile+l.Name] = strconv.Itoa(s.Acc.tileSize(l.In))
		s.g.Metadata[MetaInner+l.Name] = strconv.Itoa(s.Acc.Bits)
	}
}

// balance sets the bias of the first branch so that the mean of each channel's sum is that of the float
// network (arXiv 1906.04721, section 4.2).
func (s *Site) balance(branches []Branch) error {
	l := s.Layer()
	first := &branches[0].Layers[0]
	first.Bias = make([]float32, l.Out)
	means := make([]float64, l.Out)
	if len(branches) == 1 {
		s.meanSums(first, means)
	} else if _, err := runBranches(s.ctx, l, branches, s.in, means); err != nil {
		return err
	}
	for c, m := range means {
		first.Bias[c] = float32(s.means[c] - m)
	}
	return nil
}

// meanSums sets means to those of the sums of l, which reads what the layer does: s_w s_x q'E[x].
func (s *Site) meanSums(l *nn.Layer, means []float64) {
	rows := l.Out / s.Groups()
	for c := range means {
		sum, scale := 0.0, l.Scale(c)
		mean := s.Mean(c / rows)
		for k, w := range l.Weights[c*l.In : (c+1)*l.In] {
			sum += float64(w) / scale * mean[k]
		}
		means[c] = scale * s.in.Scale * sum
	}
}
