package ptq

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
	"gonum.org/v1/gonum/mat"
)

// layerProblem is a layer to quantise in its network.
type layerProblem struct {
	g      *graph
	i      int
	in     *nn.Tensor
	means  []float64 // of the float network's sums
	method Method
	bits   int
	acc    Accumulator
	// shared gives all rows one scale, so that a classifier's integers rank as
	// its outputs do.
	shared bool
}

// Metadata of a network whose accumulators have tiles, followed by the layer's
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

// solve quantises the layer's weights and sets its bias, in the graph.
func (p *layerProblem) solve() (LayerReport, error) {
	l := &p.g.Layers[p.i]
	r := LayerReport{Name: l.Name, K: l.In, Acc: p.acc, OuterBits: p.acc.OuterBits(l.In)}
	if p.acc.Taps.Any() && l.Kind != quant.Linear {
		return r, tapsOfNoVector(l.Name, l.Kind)
	}
	// The test of sums is in int64.
	if r.OuterBits > 63 {
		return r, fmt.Errorf("ptq: layer %q: tiles of %d bits add up to %d, want at most 63",
			l.Name, p.acc.Bits, r.OuterBits)
	}
	// Each group reads inputs of its own, so it has a moment of its own; its rows
	// are those of one Problem.
	groups := max(l.Groups, 1)
	rows := l.Out / groups
	weights := wide(l.Weights)
	l.WeightBits, l.WeightScale = p.bits, make([]float32, l.Out)
	if l.Bias == nil {
		l.Bias = make([]float32, l.Out)
	}
	loss, power := 0.0, 0.0
	for g := range groups {
		seen := p.collect(g)
		q := &Problem{Name: l.Name, Rows: rows, K: l.In, Weights: weights[g*rows*l.In : (g+1)*rows*l.In],
			Moment: seen.moment, WeightBits: p.bits, Input: p.in.Type, Acc: p.acc, Options: options(l.In, p.acc)}
		sol, err := p.solveGroup(q)
		if err != nil {
			return r, err
		}
		p.store(g*rows, sol, seen.mean)
		for k := range sol.Loss {
			loss, power = loss+sol.Loss[k], power+sol.Power[k]
		}
	}
	if power > 0 {
		r.RelativeLoss = loss / power
	}
	p.declare(l, r.OuterBits)
	return r, nil
}

// declare writes what the accumulator was made for. AccBits of the file are those
// of the whole row, which hardware without tiles needs; the tiles are in the
// metadata.
func (p *layerProblem) declare(l *nn.Layer, outer int) {
	if p.acc.Bits == 0 {
		return
	}
	l.AccBits, l.Shifted = outer, p.acc.Rule == quant.Shifted
	if p.acc.Tile > 0 {
		p.g.Metadata[MetaTile+l.Name] = strconv.Itoa(p.acc.tileSize(l.In))
		p.g.Metadata[MetaInner+l.Name] = strconv.Itoa(p.acc.Bits)
	}
}

// solveGroup chooses scales and integers. Scales are float32 numbers, as the
// file holds them.
func (p *layerProblem) solveGroup(q *Problem) (*Solution, error) {
	if len(q.Acc.set(q.Input, 1)) > 0 && q.Acc.set(q.Input, 1).radius() < 1 {
		return nil, fmt.Errorf("ptq: layer %q: an accumulator of %d bits under inputs of %v %w",
			q.Name, q.Acc.Bits, q.Input, errNoBudget)
	}
	// With 8 bits and no limit the natural scale clips nothing and rounds finely
	// enough. A shared scale is not the search's, which goes row by row.
	if q.Acc.Bits == 0 && (p.shared || q.WeightBits >= 8) {
		q.Scale = naturalScales(q, p.shared)
	} else if err := q.ChooseScales(p.method); err != nil {
		return nil, err
	}
	for r, s := range q.Scale {
		// Below the smallest normal float32, 2^-126, readers differ: some flush
		// such scales to 0.
		q.Scale[r] = max(float64(float32(s)), math.SmallestNonzeroFloat32*(1<<23))
	}
	return q.Solve(p.method)
}

// naturalScales puts each row's largest weight, or that of all, on the largest
// integer. A row of zeros takes that of all, and 1 stands for a matrix of zeros:
// every scale must be positive.
func naturalScales(q *Problem, shared bool) []float64 {
	scale := make([]float64, q.Rows)
	all := peak(q.Weights) / float64(q.clip())
	if all == 0 {
		all = 1
	}
	for r := range scale {
		scale[r] = peak(q.row(r)) / float64(q.clip())
		if shared || scale[r] == 0 {
			scale[r] = all
		}
	}
	return scale
}

// options bounds the search by the size of a row, whose square it costs.
func options(k int, acc Accumulator) Options {
	switch {
	case acc.Bits == 0 || k > 1536:
		return Options{Sweeps: -1}
	case k > 640:
		return Options{Sweeps: 2}
	case k > 320:
		return Options{Sweeps: 4}
	}
	return Options{Sweeps: 10, Refit: true}
}

// store writes integers, scales and biases of rows from row on. The bias makes the
// mean of each sum that of the float network. In units: bias + s_w s_x q'E[x] is
// the mean of the new sums and p.means that of the float ones (arXiv 1906.04721,
// section 4.2).
func (p *layerProblem) store(row int, sol *Solution, mean []float64) {
	l := &p.g.Layers[p.i]
	for r, s := range sol.Scale {
		scale := float32(s)
		l.WeightScale[row+r] = scale
		sum := 0.0
		for k, q := range sol.row(r) {
			l.Weights[(row+r)*l.In+k] = scale * float32(q)
			sum += float64(q) * mean[k]
		}
		l.Bias[row+r] = float32(p.means[row+r] - float64(scale)*p.in.Scale*sum)
	}
	if p.shared {
		l.WeightScale = l.WeightScale[:1]
	}
}

// seen is what a group of a layer reads.
type seen struct {
	moment mat.Symmetric // nil: not needed, or too large
	mean   []float64
}

const (
	// maxMoment is the longest row with a moment of its own: above, every input
	// counts as much as every other.
	maxMoment = 4096
	// maxWindows bounds the windows that make a moment.
	maxWindows = 1 << 14
	// momentBatch is the number of windows that a moment takes at once.
	momentBatch = 512
)

// collect reads the windows of group g: all of them for the mean, an even part of
// them for the moment. The mean must be that of all windows, since the bias
// corrects it exactly; the moment is a statistic, for which a part does.
func (p *layerProblem) collect(g int) seen {
	l := &p.g.Layers[p.i]
	op := p.g.Op(p.i)
	n, positions := p.in.Samples(), op.Out.Positions()
	step := windowStep(n, positions, l.In)
	// RTN and EP look at weights alone.
	wanted := p.method.ordered() && l.In <= maxMoment
	m := NewMoments(min(l.In, maxMoment))
	windows := make([]float32, positions*l.In)
	var batch []int32
	mean := make([]float64, l.In)
	for k := range n {
		nn.Windows(op, p.in.Of(k, k+1), g, windows)
		for i, v := range windows {
			mean[i%l.In] += float64(v)
			if wanted && (k*positions+i/l.In)%step == 0 {
				batch = append(batch, int32(v))
			}
		}
		// A product of matrices is faster than one rank-one update per window.
		if len(batch) >= momentBatch*l.In || k == n-1 {
			m.Add(batch)
			batch = batch[:0]
		}
	}
	for i := range mean {
		mean[i] /= float64(n * positions)
	}
	out := seen{mean: mean}
	if wanted {
		// The covariance, since store takes the mean of the error to 0.
		out.moment = m.Covariance()
	}
	return out
}
