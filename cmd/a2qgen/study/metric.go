package study

import (
	"context"

	"gonum.org/v1/gonum/stat"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/data"
	"github.com/a2qgen/a2qgen/quant/nn"
	"github.com/a2qgen/a2qgen/quant/train"
)

// Metric says what networks are measured by.
type Metric string

const (
	// ByNothing is of samples without labels or targets.
	ByNothing Metric = ""
	// ByAccuracy is the percentage of right labels.
	ByAccuracy Metric = "accuracy"
	// ByPSNR is the mean PSNR to the targets, dB, or that of the luma of whole pictures (Rater).
	ByPSNR Metric = "PSNR"
)

// Unit returns the metric's.
func (m Metric) Unit() string {
	if m == ByPSNR {
		return "dB"
	}
	return "%"
}

// Mark is what a network has by a Metric: percent or dB.
type Mark struct {
	Value float64
	// Loss is the cross-entropy of the outputs with the labels, nil where there are none.
	Loss *float64
}

// chooseMetric finds out what the samples measure by, and opens pictures.
func (p *Projection) chooseMetric(c Calibration) (err error) {
	test := p.Sets.Test
	switch regression := c.Spec != nil && c.Spec.Task == train.Regress; {
	case c.Images != "":
		p.Metric = ByPSNR
		rater, err := NewFloatRater(p.model)
		if err != nil {
			return err
		}
		p.images, err = data.OpenImages(c.Images, rater.Channels())
		return err
	case regression || test.Targets != nil:
		p.Metric = ByPSNR
	case test.Labels != nil:
		p.Metric = ByAccuracy
	}
	return nil
}

// integerMark scores net, which are the integers of m, with the integer executor.
func (p *Projection) integerMark(ctx context.Context, m *nn.Model, net *quant.Network) (mark Mark, err error) {
	switch {
	case p.Metric == ByNothing:
	case p.images != nil:
		r, err := newModelRater(m, net)
		if err != nil {
			return mark, err
		}
		return p.rate(ctx, r)
	case p.Metric == ByPSNR:
		mark.Value, err = PSNR(ctx, net, ImageOutput(net, p.Sets.Test), p.Sets.Test, p.Progress)
	default:
		s, err := Accuracy(ctx, net, net.Classifier(), p.Sets.Test, p.Progress)
		if err != nil {
			return mark, err
		}
		return Mark{s.AccuracyPercent, s.CrossEntropy}, nil
	}
	return mark, err
}

// mark scores what evaluate makes of m, in real numbers.
func (p *Projection) mark(ctx context.Context, m *nn.Model,
	evaluate func(*nn.Model) (realNetwork, error)) (Mark, error) {
	switch {
	case p.Metric == ByNothing:
		return Mark{}, nil
	case p.images != nil:
		r, err := newRealRater(m, evaluate)
		if err != nil {
			return Mark{}, err
		}
		return p.rate(ctx, r)
	}
	net, err := evaluate(m)
	if err != nil {
		return Mark{}, err
	}
	if p.Metric == ByPSNR {
		return realPSNR(ctx, net, p.Sets.Test)
	}
	return realAccuracy(ctx, net, p.Sets.Test)
}

// rate scores on the pictures.
func (p *Projection) rate(ctx context.Context, r *Rater) (Mark, error) {
	doc, err := r.Rate(ctx, p.images, p.Progress, nil)
	if err != nil {
		return Mark{}, err
	}
	return Mark{Value: doc.PSNR}, nil
}

// eachReal calls see with what net gives for each sample of set. Batches bound the memory of the activations of all
// layers at once.
func eachReal(ctx context.Context, net realNetwork, set *data.Set, see func(i int, y []float64)) error {
	const batch = 500
	for at := 0; at < set.Len(); at += batch {
		part := set.Slice(at, min(at+batch, set.Len()))
		out, err := net.Outputs(ctx, spreadSamples(part, part.Len()))
		if err != nil {
			return err
		}
		size := len(out) / part.Len()
		// The first batch shows how many outputs there are.
		if err := set.CheckOutputs(size); err != nil {
			return err
		}
		for k := range part.Len() {
			see(at+k, out[k*size:(k+1)*size])
		}
	}
	return nil
}

// realAccuracy returns the share of set's samples, percent, to which a real-valued network gives its largest output
// at the label, and the cross-entropy of its outputs with it.
func realAccuracy(ctx context.Context, net realNetwork, set *data.Set) (Mark, error) {
	correct, loss := 0, 0.0
	err := eachReal(ctx, net, set, func(i int, y []float64) {
		label := int(set.Labels[i])
		if classOf(y) == label {
			correct++
		}
		loss += crossEntropy(y, label) / float64(set.Len())
	})
	return Mark{Percent(correct, set.Len()), &loss}, err
}

// realPSNR is PSNR of a real-valued network.
func realPSNR(ctx context.Context, net realNetwork, set *data.Set) (Mark, error) {
	aims, ratios := aimsOf(set), make([]float64, set.Len())
	want := make([]float32, aims.Size())
	err := eachReal(ctx, net, set, func(i int, y []float64) {
		aims.Sample(i, want)
		ratios[i] = samplePSNR(y, want, aims.Shape)
	})
	return Mark{Value: stat.Mean(ratios, nil)}, err
}

// classOf returns the index of the largest output, or whether a single one, a logit, is
// above 0. The first of equal ones, as the integer executor and the hardware decide.
func classOf(out []float64) int {
	best := 0
	for c, v := range out {
		if v > out[best] {
			best = c
		}
	}
	if len(out) == 1 && out[0] > 0 {
		best = 1
	}
	return best
}
