package ptq

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/gradient"
	"github.com/a2qgen/a2qgen/quant/nn"
)

// Settings say how Calibration.Project quantises a network.
type Settings struct {
	Method Method
	// Options are the method's, by name; those that are not there have their defaults (Definition).
	Options Values
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
	// mean, which is corrected, as a fraction of their power; errors count by what the
	// method weighs them with. Of a layer with branches the first has it, and 0 the others.
	RelativeLoss float64
	// Part says which part of a layer it is.
	Part Part
	// PerLayer says why the layer's outputs have one scale for all channels, where the method would give each its
	// own; empty otherwise.
	PerLayer string
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
	// task is the loss of the network's outputs for the samples.
	task gradient.Loss
	// Pairs is the number of pairs of layers that were equalised, Fused that of sums of convolutions that
	// became one.
	Pairs, Fused int
	// perLayer says, once channels have been scaled, why those of a layer have not.
	perLayer map[int]string
	// prepared are what methods have made of this calibration, so that it is done once for all widths.
	preparing sync.Mutex
	prepared  map[Method]*Calibration
}

// Samples are calibration data.
type Samples struct {
	// Values holds samples one after the other, in the order of the network's
	// input: images have their channels first.
	Values []float32
	// Labels has that of each sample, or of each position of each; nil where there are none.
	Labels []int
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
	g.Input = nil
	// In this order: folded and fused weights are those that are quantised, so they are what
	// is equalised, and scales are observed on the network that results.
	g.foldNorms()
	g, fused, err := g.fuse()
	if err != nil {
		return nil, fmt.Errorf("ptq: model %q: %w", m.Name, err)
	}
	c := &Calibration{g: g, Fused: fused, input: inputQuantiser(x.Low, x.High, inputBits), task: taskOf(x.Labels)}
	g.Input = c.input
	if c.source, err = g.Source(x.Values); err != nil {
		return nil, err
	}
	if equal {
		if c.Pairs, err = g.equalize(); err != nil {
			return nil, err
		}
	}
	return c, c.observe(ctx)
}

// observe runs the float network and takes down what its layers give. It starts from samples as the input quantiser
// leaves them, so that the means compared later differ by the network's own
// quantisers alone.
func (c *Calibration) observe(ctx context.Context) (err error) {
	if c.scales, err = newScales(c.g, c.input.Signed); err != nil {
		return err
	}
	c.means = make([][]float64, len(c.g.Shapes))
	return c.g.Walk(ctx, c.realSource(), func(i int, in []*nn.Tensor) (*nn.Tensor, error) {
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

// realSource returns the samples as the input quantiser leaves them, as real numbers.
func (c *Calibration) realSource() *nn.Tensor {
	real := &nn.Tensor{Shape: c.source.Shape, V: slices.Clone(c.source.V), Scale: 1}
	for i := range real.V {
		real.V[i] *= c.input.Scale
	}
	return real
}

// taskOf returns the loss that gradients are of: of the labels, or of random directions where there are
// none.
func taskOf(labels []int) gradient.Loss {
	if labels == nil {
		return gradient.Probes{Seed: 1}
	}
	return gradient.CrossEntropy(labels)
}

// Project returns the quantised network, layer by layer in order: each layer's
// inputs are the integers that the quantised layers before it give for the
// calibration samples, and each layer's bias is set so that the means of its sums
// are those of the float network (arXiv 1906.04721, section 4.2, on calibration
// data). The integers of every hidden layer fit s.Acc by the integer test.
func (c *Calibration) Project(ctx context.Context, s Settings) (*nn.Model, []LayerReport, error) {
	method, err := s.check()
	if err != nil {
		return nil, nil, err
	}
	if c, err = c.prepare(ctx, method); err != nil {
		return nil, nil, err
	}
	s.Options = method.Resolved(s.Options)
	p := projection{Calibration: c, Settings: s, method: method, g: c.g.clone(), branches: map[int][]Branch{},
		// The clone, so that a second Project starts from the float weights.
		acts: c.scales.quantisers(s.ActBits, s.Options.actRule())}
	p.roles = p.g.Roles()
	if Target(p.Options["target"]) == ToOutputs {
		p.real = c.g.NewLive(c.realSource())
	}
	err = p.g.WalkLive(ctx, c.source, func(i int, live *nn.Live) (*nn.Tensor, error) {
		p.tell(i, p.g.Layers[i].Name)
		out, err := p.layer(ctx, i, live)
		if p.real != nil && err == nil {
			p.real.Put(i, c.g.Run(i, p.real.Operands(i), nil))
		}
		return out, err
	})
	if err != nil {
		return nil, nil, err
	}
	p.tell(len(p.g.Shapes), "")
	return p.g.assemble(p.branches), p.reports, nil
}

// prepare returns what the method makes of the calibration before it quantises: c itself where it makes nothing.
func (c *Calibration) prepare(ctx context.Context, d *Definition) (*Calibration, error) {
	if d.Prepare == nil {
		return c, nil
	}
	c.preparing.Lock()
	defer c.preparing.Unlock()
	if p := c.prepared[d.Method]; p != nil {
		return p, nil
	}
	p, err := d.Prepare(ctx, c)
	if err != nil {
		return nil, err
	}
	if c.prepared == nil {
		c.prepared = map[Method]*Calibration{}
	}
	c.prepared[d.Method] = p
	return p, nil
}

// projection is a Project under way.
type projection struct {
	*Calibration
	Settings
	method   *Definition
	g        *graph
	acts     []*nn.ActQuant
	roles    []quant.Role
	branches map[int][]Branch // of the layers that have weights, once they are integers
	reports  []LayerReport
	real     *nn.Live // the float network, as far as the walk is; nil unless a target needs it
}

func (p *projection) tell(done int, name string) {
	if p.Progress != nil {
		p.Progress(done, len(p.g.Shapes), name)
	}
}

// layer quantises layer i and returns what it then gives.
func (p *projection) layer(ctx context.Context, i int, live *nn.Live) (*nn.Tensor, error) {
	l := &p.g.Layers[i]
	if !l.Kind.Weighted() {
		l.Act = p.acts[i] // the next layers read its integers
		return p.g.Run(i, live.Operands(i), nil), nil
	}
	s, method := p.site(ctx, i, live)
	if err := s.check(); err != nil {
		return nil, err
	}
	branches, err := method.Quantise(s)
	if err != nil {
		return nil, err
	}
	if err := checkBranches(l, branches, s.in); err != nil {
		return nil, err
	}
	if err := s.balance(branches); err != nil {
		return nil, err
	}
	for _, b := range branches {
		for k := range b.Layers {
			part := &b.Layers[k]
			s.declare(part)
			p.reports = append(p.reports, LayerReport{Name: part.Name, K: part.In, Acc: s.Acc, Part: b.Part,
				OuterBits: s.Acc.OuterBits(part.In)})
		}
	}
	first := &p.reports[len(p.reports)-countLayers(branches)]
	first.PerLayer = p.perLayer[i]
	if s.power > 0 {
		first.RelativeLoss = s.lost / s.power
	}
	l.Act = p.acts[i]
	p.branches[i] = branches
	return runBranches(ctx, l, branches, s.in, nil)
}

func countLayers(branches []Branch) (n int) {
	for _, b := range branches {
		n += len(b.Layers)
	}
	return n
}

// site returns layer i as a method gets it, and the method: hidden layers have the one that was asked for,
// and its limit; the ends are rounded by the same means, without one.
func (p *projection) site(ctx context.Context, i int, live *nn.Live) (*Site, *Definition) {
	s := &Site{Bits: p.WeightBits, Acc: p.Acc, Values: p.Options, Rounding: p.method.Rounding(p.Options),
		// Outputs that are compared as they are, without a quantiser, share a scale.
		Shared: p.g.Layers[i].Kind == quant.Linear && i == len(p.g.Shapes)-1,
		ctx:    ctx, g: p.g, i: i, in: live.Operands(i)[0], live: live, task: p.task, means: p.means[i]}
	if p.real != nil {
		s.real = p.real.Operands(i)[0]
	}
	switch {
	case p.roles[i].First:
		s.Bits, s.Acc = p.FirstWeightBits, Accumulator{}
	case p.roles[i].Last:
		s.Bits, s.Acc = p.LastWeightBits, Accumulator{}
	default:
		return s, p.method
	}
	return s, &Definition{Quantise: quantiseDense}
}

// check returns the definition of the method, or an error for settings out of range.
func (s *Settings) check() (*Definition, error) {
	method, err := Define(string(s.Method))
	if err != nil {
		return nil, err
	}
	if err := method.CheckOptions(s.Options); err != nil {
		return nil, err
	}
	for _, b := range []int{s.WeightBits, s.FirstWeightBits, s.LastWeightBits} {
		if b < 2 || b > 16 {
			return nil, fmt.Errorf("ptq: weights of %d bits, want 2..16", b)
		}
	}
	if s.ActBits < 1 || s.ActBits > 16 {
		return nil, fmt.Errorf("ptq: activations of %d bits, want 1..16", s.ActBits)
	}
	if err := s.Acc.check(); err != nil {
		return nil, fmt.Errorf("ptq: %w", err)
	}
	return method, nil
}
