package ptq

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/nn"
)

// Settings say how Calibration.Project quantises a network.
type Settings struct {
	Method Method
	// Acc is what the integers of the hidden layers must fit; ends have no target (see
	// quant.Roles).
	Acc Accumulator
	// WeightBits of the hidden layers, of the first and of the last one, 2..16.
	WeightBits, FirstWeightBits, LastWeightBits int
	// ActBits of activations, 1..16; a signed one has at least 2.
	ActBits int
	// Progress, unless nil, is called before each layer, and once at the end.
	Progress func(done, layers int, name string)
}

// LayerReport says how a layer with weights was quantised.
type LayerReport struct {
	Name string
	// K is the length of a row.
	K int
	// Acc is the target; its Bits are 0 where there was none. OuterBits is the
	// width of the accumulator that adds up tiles: Acc.Bits where there is one.
	Acc       Accumulator
	OuterBits int
	// RelativeLoss is the mean squared error of the layer's sums, beside their
	// mean, which is corrected, as a fraction of their power.
	RelativeLoss float64
}

// Calibration is a float network and what it does on calibration samples:
// batch norms folded, weights equalised, activations observed. Project may be
// called often, with other settings.
type Calibration struct {
	g      *graph
	input  *nn.ActQuant
	source *nn.Tensor // integers
	scales *scales
	// means of the sums, by layer and channel, before ReLU.
	means [][]float64
	// Pairs is the number of pairs of layers that were equalised.
	Pairs int
}

// Samples are calibration data.
type Samples struct {
	// Values holds samples one after the other, in the order of the network's
	// input: images have their channels first.
	Values []float32
	// Low and High bound the values of all samples, calibration or not.
	Low, High float64
}

// Calibrate prepares the float model m for Project: it folds batch norms,
// equalises weights if equal (arXiv 1906.04721), and runs the samples. inputBits
// is the width of the network's input, 1..16. m stays as it is; quantisers that
// it has are left out.
func Calibrate(ctx context.Context, m *nn.Model, x Samples, inputBits int, equal bool) (*Calibration, error) {
	g, err := newGraph(m)
	if err != nil {
		return nil, err
	}
	for i := range g.Layers {
		l := &g.Layers[i]
		// A model that was quantised before counts by its real weights alone.
		l.Act, l.WeightBits, l.WeightScale, l.AccBits, l.Shifted = nil, 0, nil, 0, false
	}
	if !slices.ContainsFunc(g.Layers, func(l nn.Layer) bool { return l.Kind.Weighted() }) {
		return nil, fmt.Errorf("ptq: model %q has no layer with weights", m.Name)
	}
	if inputBits < 1 || inputBits > 16 || x.Low < 0 && inputBits < 2 {
		return nil, fmt.Errorf("ptq: input of %d bits, want 1..16, and at least 2 for signed samples", inputBits)
	}
	c := &Calibration{g: g, input: inputQuantiser(x.Low, x.High, inputBits)}
	g.Input = c.input
	if c.source, err = g.Source(x.Values); err != nil {
		return nil, err
	}
	// In this order: folded weights are those that are quantised, so they are what
	// is equalised, and scales are observed on the network that results.
	g.foldNorms()
	if equal {
		if c.Pairs, err = g.equalize(); err != nil {
			return nil, err
		}
	}
	if c.scales, err = newScales(g, c.input.Signed); err != nil {
		return nil, err
	}
	return c, c.observe(ctx)
}

// observe runs the float network. It starts from samples as the input quantiser
// leaves them, so that the means compared later differ by the network's own
// quantisers alone.
func (c *Calibration) observe(ctx context.Context) error {
	c.means = make([][]float64, len(c.g.Shapes))
	real := &nn.Tensor{Shape: c.source.Shape, V: slices.Clone(c.source.V), Scale: 1}
	for i := range real.V {
		real.V[i] *= c.input.Scale
	}
	return c.g.Walk(ctx, real, func(i int, in []*nn.Tensor) (*nn.Tensor, error) {
		c.means[i] = make([]float64, c.g.Shapes[i].C)
		out := c.g.Run(i, in, c.means[i])
		c.scales.observe(i, out)
		for _, v := range c.means[i] {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return nil, fmt.Errorf("ptq: layer %q: outputs are not finite", c.g.Layers[i].Name)
			}
		}
		return out, nil
	})
}

// Project returns the quantised network, layer by layer in order: each layer's
// inputs are the integers that the quantised layers before it give for the
// calibration samples, and each layer's bias is set so that the means of its sums
// are those of the float network (arXiv 1906.04721, section 4.2, on calibration
// data). The integers of every hidden layer fit s.Acc by the integer test.
func (c *Calibration) Project(ctx context.Context, s Settings) (*nn.Model, []LayerReport, error) {
	if err := s.check(); err != nil {
		return nil, nil, err
	}
	g := c.g.clone() // so that a second Project starts from the float weights again
	acts := c.scales.quantisers(s.ActBits)
	roles := g.Roles()
	var reports []LayerReport
	err := g.Walk(ctx, c.source, func(i int, in []*nn.Tensor) (*nn.Tensor, error) {
		l := &g.Layers[i]
		if s.Progress != nil {
			s.Progress(i, len(g.Shapes), l.Name)
		}
		if l.Kind.Weighted() {
			p := layerProblem{g: g, i: i, in: in[0], means: c.means[i], method: s.Method,
				bits: s.WeightBits, acc: s.Acc}
			switch {
			case roles[i].First:
				p.bits, p.acc = s.FirstWeightBits, Accumulator{}
			case roles[i].Last:
				p.bits, p.acc = s.LastWeightBits, Accumulator{}
			}
			// Outputs that are compared as they are, without a quantiser, share a scale.
			p.shared = l.Kind == quant.Linear && i == len(g.Shapes)-1
			r, err := p.solve()
			if err != nil {
				return nil, err
			}
			reports = append(reports, r)
		}
		// Set before the layer is run: the next layers read its integers.
		l.Act = acts[i]
		return g.Run(i, in, nil), nil
	})
	if err == nil && s.Progress != nil {
		s.Progress(len(g.Shapes), len(g.Shapes), "")
	}
	return g.Model, reports, err
}

// check returns an error for settings out of range.
func (s *Settings) check() error {
	if _, err := ParseMethod(string(s.Method)); err != nil {
		return err
	}
	for _, b := range []int{s.WeightBits, s.FirstWeightBits, s.LastWeightBits} {
		if b < 2 || b > 16 {
			return fmt.Errorf("ptq: weights of %d bits, want 2..16", b)
		}
	}
	if s.ActBits < 1 || s.ActBits > 16 {
		return fmt.Errorf("ptq: activations of %d bits, want 1..16", s.ActBits)
	}
	if err := s.Acc.check(); err != nil {
		return fmt.Errorf("ptq: %w", err)
	}
	return nil
}
