package ptq

import (
	"context"
	"fmt"
	"slices"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
	"github.com/a2qgen/a2qgen/quant/qonnx"
	"gonum.org/v1/gonum/mat"
)

// NetworkRepair makes layers of an integer network fit. Biases and thresholds stay
// as they are.
type NetworkRepair struct {
	// Bits is P; with Taps it may be 0, which keeps the width that each layer declares
	// or, where it declares none, needs.
	Bits int
	// Rule of the accumulators; empty keeps each layer's: quant.Shifted where
	// it has start values.
	Rule quant.Rule
	// Taps, where there are some, bounds the units of rows and banks as well. It is for
	// linear layers.
	Taps quant.Taps
	// Layers names those to repair; nil is the hidden ones, as ends have no target (see
	// quant.Roles). What fits stays.
	Layers []string
	// Samples are calibration data, one after the other, in the order of the
	// network's input; nil counts all inputs alike.
	Samples []float32
}

// RepairReport says what became of a layer.
type RepairReport struct {
	Name string
	// Before is the width that the layer's sums needed.
	Before int
	Rule   quant.Rule
	// Changed weights, and units by which they changed.
	Weights int
	Units   int64
	// RelativeLoss is E[(change of a sum)^2] / E[sum^2].
	RelativeLoss float64
}

// Repair returns new integers for the layers of net that do not fit, by name, for
// qonnx.Rewrite; layers that fit are not in it. net stays as it is. Biases and
// thresholds are not touched, so that the second moment of the inputs, as the
// network gives them for the samples, decides which units go. Moments, not
// covariances: nothing corrects the mean of the error here. All moments are those
// of the network as it came: that earlier repairs change what later layers read is
// left out.
func (r NetworkRepair) Repair(ctx context.Context,
	net *quant.Network) (map[string]qonnx.Integers, []RepairReport, error) {
	layers, err := r.targets(net)
	if err != nil {
		return nil, nil, err
	}
	moments, err := r.collect(ctx, net, layers)
	if err != nil {
		return nil, nil, err
	}
	changes := map[string]qonnx.Integers{}
	var reports []RepairReport
	for k, i := range layers {
		l := &net.Layers[i]
		report := RepairReport{Name: l.Name, Rule: r.ruleOf(l)}
		report.Before, _ = l.NeededBits()
		q, err := r.layer(l, moments[k], &report)
		if err != nil {
			return nil, nil, err
		}
		changes[l.Name] = qonnx.Integers{Weights: q, AccBits: r.bitsOf(l), Shifted: report.Rule == quant.Shifted}
		reports = append(reports, report)
	}
	return changes, reports, nil
}

// ruleOf returns the rule under which l is repaired.
func (r NetworkRepair) ruleOf(l *quant.Layer) quant.Rule {
	switch {
	case r.Rule != "":
		return r.Rule
	case l.Start != nil:
		return quant.Shifted
	}
	return quant.Split
}

// bitsOf returns the width under which l is repaired.
func (r NetworkRepair) bitsOf(l *quant.Layer) int {
	needed, _ := l.NeededBits()
	switch {
	case r.Bits > 0:
		return r.Bits
	case l.AccBits > 0:
		return l.AccBits
	}
	return needed
}

// fits says whether l keeps all that is asked of it, from where it starts now.
func (r NetworkRepair) fits(l *quant.Layer) bool {
	needed, _ := l.NeededBits()
	return needed <= r.bitsOf(l) && (!r.Taps.Any() || l.L1Max() <= int64(r.Taps.MaxUnits())) &&
		(r.Taps.Lanes == 0 || l.BankPeak(r.Taps.Lanes) <= int64(r.Taps.Cap))
}

// targets returns the layers to repair, by index.
func (r NetworkRepair) targets(net *quant.Network) ([]int, error) {
	if err := r.Taps.Check(); err != nil {
		return nil, fmt.Errorf("ptq: taps: %w", err)
	}
	if r.Bits < 0 || r.Bits > 63 || r.Bits == 0 && !r.Taps.Any() {
		return nil, fmt.Errorf("ptq: accumulator of %d bits, want 1..63", r.Bits)
	}
	for _, name := range r.Layers {
		i := slices.IndexFunc(net.Layers, func(l quant.Layer) bool { return l.Name == name })
		if i < 0 || !net.Layers[i].Kind.Weighted() {
			return nil, fmt.Errorf("ptq: network %q has no layer %q with weights", net.Name, name)
		}
	}
	var found []int
	for i, role := range net.Roles() {
		l := &net.Layers[i]
		if !r.asked(l.Name, role) {
			continue
		}
		if r.Taps.Any() && l.Kind != quant.Linear {
			return nil, tapsOfNoVector(l.Name, l.Kind)
		}
		if !r.fits(l) {
			found = append(found, i)
		}
	}
	return found, nil
}

// asked says that the layer of that name and role is to fit.
func (r NetworkRepair) asked(name string, role quant.Role) bool {
	if r.Layers != nil {
		return slices.Contains(r.Layers, name)
	}
	return role.Hidden()
}

// layer repairs one layer, group by group. Each group is a Problem of its own,
// whose target are its integers.
func (r NetworkRepair) layer(l *quant.Layer, moments []*Moments, report *RepairReport) ([]int32, error) {
	rows := l.Out / max(l.Groups, 1)
	var all []int32
	loss, power := 0.0, 0.0
	for g := range max(l.Groups, 1) {
		acc := Accumulator{Bits: r.bitsOf(l), Rule: report.Rule, Taps: r.Taps}
		// One bit has no narrow range; two hold what it holds.
		p := Problem{Name: l.Name, Rows: rows, K: l.In, WeightBits: max(l.WeightBits, 2), Input: l.Input, Acc: acc,
			Options: options(l.In, acc)}
		if moments != nil {
			p.Moment = mat.Symmetric(moments[g].Second())
		}
		old := l.Weights[g*rows*l.In : (g+1)*rows*l.In]
		sol, err := p.Repair(old, true)
		if err != nil {
			return nil, err
		}
		for k, q := range sol.Q {
			if d := int64(q) - int64(old[k]); d != 0 {
				report.Weights++
				report.Units += max(d, -d)
			}
		}
		for k := range sol.Loss {
			loss, power = loss+sol.Loss[k], power+sol.Power[k]
		}
		all = append(all, sol.Q...)
	}
	if power > 0 {
		report.RelativeLoss = loss / power
	}
	return all, nil
}

// collect runs the samples and returns the moments of each group of each layer;
// nil for a layer without.
func (r NetworkRepair) collect(ctx context.Context, net *quant.Network, layers []int) ([][]*Moments, error) {
	moments := make([][]*Moments, len(layers))
	if r.Samples == nil {
		return moments, nil
	}
	size := net.InputSize()
	if len(r.Samples) == 0 || len(r.Samples)%size != 0 {
		return nil, fmt.Errorf("ptq: %d values, want samples of %d", len(r.Samples), size)
	}
	ops := make([]*nn.Op, len(layers))
	for k, i := range layers {
		l := &net.Layers[i]
		ops[k] = nn.NewOp(l, []quant.Shape{net.ShapeOf(l.From[0])}, l.Shape)
		// A longer row has no moments, and all its inputs count alike.
		for range max(l.Groups, 1) {
			if l.In <= maxMoment {
				moments[k] = append(moments[k], NewMoments(l.In))
			}
		}
	}
	n := len(r.Samples) / size
	// Trace holds the integers of every layer, so one run of a sample serves all layers to
	// repair.
	err := quant.NewExecutor(net).Each(ctx, n, func(i int, raw []float32) {
		copy(raw, r.Samples[i*size:])
	}, func(i int, tr *quant.Trace) {
		for k, at := range layers {
			in := tr.Of(net.Layers[at].From[0])
			for g, m := range moments[k] {
				m.Add(someWindows(ops[k], in, g, i, n))
			}
		}
	}, nil)
	if err != nil {
		return nil, fmt.Errorf("ptq: stopped: %w", err)
	}
	return moments, nil
}

// someWindows returns an even part of the windows that group g of op has in sample s of
// n, whose integers are in, such that all samples give about maxWindows.
func someWindows(op *nn.Op, in []int32, g, s, n int) []int32 {
	positions, k := op.Out.Positions(), op.Terms
	all := make([]int32, positions*k)
	nn.Windows(op, in, g, all)
	// Windows are numbered through all samples, so that the part of each sample
	// differs and none is favoured.
	step, some := windowStep(n, positions, k), all[:0]
	for p := range positions {
		if (s*positions+p)%step == 0 {
			some = append(some, all[p*k:(p+1)*k]...)
		}
	}
	return some
}

// windowStep returns the distance between the windows, of n samples, that a moment
// of k inputs takes: no divisor or multiple of the positions of a sample, so that
// it does not see the same ones only. 8 windows per input, or maxWindows if that is
// more: a moment of k inputs has rank k only from k windows on, and needs some more
// to be a mean.
func windowStep(n, positions, k int) int {
	step := max(1, n*positions/max(maxWindows, 8*k))
	for step > 1 && positions > 1 && (positions%step == 0 || step%positions == 0) {
		step++
	}
	return step
}
