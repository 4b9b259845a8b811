package ptq

import (
	"context"
	"fmt"
	"math"

	"github.com/a2qgen/a2qgen/quant/nn"
)

// PerImage evaluates a projected network with steps of activations that come from each image, as DAQ has them at run
// time (arXiv 2012.11230): for each channel the step of a Gaussian times the deviation of that channel in that image,
// where outputs have positions, and one for all channels of a vector, which has one number of each. It is for
// comparison alone: a file has no such scales, and hardware would have to see a whole image before its first number.
// Weights, biases and the quantisers of the network's ends stay as they are, so that what differs is the steps of the
// activations.
type PerImage struct {
	PerImageOptions
	input *nn.ActQuant
	g     *nn.Graph
	acts  []*nn.ActQuant
}

// PerImageOptions say how PerImage rounds.
type PerImageOptions struct {
	// StepOffset is the option step-offset.
	StepOffset int
	// Unclipped lets unsigned integers be as large as they come, as the authors' code does, whatever their bits.
	Unclipped bool
}

// NewPerImage returns the evaluator of m.
func NewPerImage(m *nn.Model, o PerImageOptions) (*PerImage, error) {
	p := &PerImage{PerImageOptions: o, input: m.Input}
	m = m.Clone()
	m.Input = nil
	for i := range m.Layers {
		l := &m.Layers[i]
		p.acts = append(p.acts, l.Act)
		// Weights are integers times their scale already.
		l.Act, l.WeightBits, l.WeightScale, l.AccBits, l.Shifted = nil, 0, nil, 0, false
	}
	var err error
	if p.g, err = m.Graph(); err != nil {
		return nil, fmt.Errorf("ptq: model %q: %w", m.Name, err)
	}
	return p, nil
}

// Outputs returns what the network gives for samples, as nn.Graph.Outputs does.
func (p *PerImage) Outputs(ctx context.Context, samples []float32) ([]float64, error) {
	x, err := p.g.Source(samples)
	if err != nil {
		return nil, err
	}
	if p.input != nil {
		quantiseBy(x.V, *p.input)
	}
	var last *nn.Tensor
	err = p.g.Walk(ctx, x, func(i int, in []*nn.Tensor) (*nn.Tensor, error) {
		last = p.g.Run(i, in, nil)
		if a := p.acts[i]; a != nil && i == len(p.acts)-1 {
			quantiseBy(last.V, *a)
		} else if a != nil {
			p.quantise(last, *a)
		}
		return last, nil
	})
	if err != nil {
		return nil, err
	}
	out := make([]float64, len(last.V))
	for i, v := range last.V {
		out[i] = float64(v)
	}
	return out, nil
}

// quantise rounds the channels of each image by a scale of their own.
func (p *PerImage) quantise(t *nn.Tensor, a nn.ActQuant) {
	channels := t.Shape.C
	if t.Shape.Positions() == 1 {
		channels = 1
	}
	step := gaussianStep(actRule{offset: p.StepOffset}.steps(a.Type()))
	for k := range t.Samples() {
		image := t.Of(k, k+1)
		for c := range channels {
			var s spread
			for i := c; i < len(image); i += channels {
				s.add(float64(image[i]))
			}
			a.Scale = s.scale(step, a.Type())
			for i := c; i < len(image); i += channels {
				if p.Unclipped && !a.Signed {
					image[i] = a.Scale * float32(math.RoundToEven(float64(image[i]/a.Scale)))
				} else {
					image[i] = rounded(image[i], &a)
				}
			}
		}
	}
}

// quantiseBy rounds v to what a's integers are worth.
func quantiseBy(v []float32, a nn.ActQuant) {
	for i := range v {
		v[i] = rounded(v[i], &a)
	}
}

func rounded(v float32, a *nn.ActQuant) float32 {
	return float32(a.Integer(float64(v)) * float64(a.Scale))
}
