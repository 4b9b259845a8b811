package ptq

import (
	"math"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
	"gonum.org/v1/gonum/mat"
)

// cfwsOptions are those of quantiseCFWS.
func cfwsOptions() []Option {
	return append(roundingOptions(Inputs), roundingOption(Budget),
		Option{Name: "extract", Usage: "what the coarse part has of a kernel", Default: "centre",
			Words: []string{"centre", "whole"}})
}

// maxFiner bounds by how many binary digits the fine part's unit is smaller than the coarse part's.
const maxFiner = 7

// quantiseCFWS splits the kernels of a convolution in two (arXiv 2312.10588): a coarse part that has the centre of
// the window alone, on a grid wide enough for it, and a fine part, on a grid for the rest, that has the whole window
// and what the coarse grid left over at the centre. Kernels that branches were fused into have centres much larger
// than their neighbours, and one grid wastes its levels on them. The fine part's unit is a power of two smaller, that
// of the least error, so that the two are added by a shift; the source has two scales of any ratio.
//
// Layers without a centre of their own, that is all but convolutions of odd windows that keep positions, are rounded as
// one.
func quantiseCFWS(s *Site) ([]Branch, error) {
	whole := s.Values["extract"] == "whole"
	if s.Shared || !whole && !centred(s.Layer()) {
		return quantiseDense(s)
	}
	var coarse, fine []*Solution
	least := math.Inf(1)
	var problems []splitProblem
	for g := range s.Groups() {
		p, err := s.coarse(g, whole)
		if err != nil {
			return nil, err
		}
		problems, coarse = append(problems, p), append(coarse, p.coarse)
	}
	// All groups by the same number of digits: one shift adds the two parts up, whatever the channel.
	for finer := range maxFiner + 1 {
		var all []*Solution
		loss := 0.0
		for _, p := range problems {
			sol, err := p.fine(finer).Solve(s.Rounding)
			if err != nil {
				return nil, err
			}
			for _, l := range sol.Loss {
				loss += l
			}
			all = append(all, sol)
		}
		if loss < least {
			least, fine = loss, all
		}
	}
	s.lost = least
	for _, p := range problems {
		s.power += p.whole.power()
	}
	part := s.Integers(coarse)
	part.Name, part.Bias = part.Name+"_centre", nil
	if !whole {
		part.In /= s.Layer().Window.Taps()
		n := part.Window.Normal()
		part.Window = quant.Window{H: 1, W: 1, StrideH: n.StrideH, StrideW: n.StrideW}
	}
	return []Branch{{Dense, []nn.Layer{s.Integers(fine)}}, {Centre, []nn.Layer{part}}}, nil
}

// centred says that the centre of each window of a convolution is a position of its own: windows are odd and padded
// so that they reach as far to one side as to the other.
func centred(l *nn.Layer) bool {
	w := l.Window.Normal()
	reachH, reachW := (w.H-1)/2*w.DilationH, (w.W-1)/2*w.DilationW
	return l.Kind == quant.Conv && w.H%2 == 1 && w.W%2 == 1 && w.Taps() > 1 &&
		w.Top == reachH && w.Left == reachW && w.Bottom == reachH && w.Right == reachW
}

// splitProblem is a group's weights, and their coarse part.
type splitProblem struct {
	whole  *Problem
	coarse *Solution
	first  int // the column that is the coarse part's first
}

// coarse rounds the centres of the windows of group g, or, with whole, the windows as they are.
func (s *Site) coarse(g int, whole bool) (splitProblem, error) {
	q, err := s.Problem(g)
	if err != nil {
		return splitProblem{}, err
	}
	p := splitProblem{whole: q}
	if whole {
		p.coarse, err = s.Solve(q)
		return p, err
	}
	taps := s.Layer().Window.Taps()
	k := q.K / taps // inputs of the group: the columns of a tap lie side by side
	p.first = taps / 2 * k
	centre := *q
	centre.K, centre.Weights, centre.Options = k, nil, options(k, q.Acc)
	for r := range q.Rows {
		centre.Weights = append(centre.Weights, q.row(r)[p.first:p.first+k]...)
	}
	if q.Moment != nil {
		m := mat.NewSymDense(k, nil)
		for i := range k {
			for j := i; j < k; j++ {
				m.SetSym(i, j, q.Moment.At(p.first+i, p.first+j))
			}
		}
		centre.Moment = m
	}
	p.coarse, err = s.Solve(&centre)
	return p, err
}

// fine returns the problem of what the coarse part leaves, on a grid that is so many binary digits finer.
func (p splitProblem) fine(finer int) *Problem {
	q := *p.whole
	q.Options.Refit = false // the units are given
	q.Weights, q.Scale = append([]float64(nil), q.Weights...), make([]float64, q.Rows)
	for r, scale := range p.coarse.Scale {
		q.Scale[r] = scale * math.Exp2(-float64(finer))
		for i, c := range p.coarse.row(r) {
			q.Weights[r*q.K+p.first+i] -= scale * float64(c)
		}
	}
	return &q
}

// power returns the sum over rows of w' H w.
func (p *Problem) power() (sum float64) {
	for r := range p.Rows {
		sum += p.quadratic(mat.NewVecDense(p.K, p.row(r)))
	}
	return sum
}
