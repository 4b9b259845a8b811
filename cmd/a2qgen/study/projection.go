package study

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/renameio/v2/maybe"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/data"
	"github.com/a2qgen/a2qgen/quant/ptq"
	"github.com/a2qgen/a2qgen/quant/qonnx"
)

// Calibration says how a float network is made ready for projection.
type Calibration struct {
	// Source has the samples: the training part calibrates, the test part scores.
	Source Source
	// Samples calibrate, at most as many as the training part has.
	Samples int
	// InputBits is the width of the network's input.
	InputBits int
	// Equalise evens out weights from layer to layer, which changes no output of the float
	// network.
	Equalise bool
}

// Projection is a calibrated float network with its data, which may be projected many times.
type Projection struct {
	// Path is the float network's file, for messages.
	Path string
	// Sets are as the network reads them.
	Sets Sets
	// Samples calibrated; Pairs of layers were equalised.
	Samples, Pairs int
	// Float is the accuracy of the float network on the test part, percent; Scored says that
	// there are labels.
	Float  float64
	Scored bool
	// Progress watches every projection.
	Progress Progress

	model *qonnx.Model
	calib *ptq.Calibration
}

// OpenProjection reads a float network and calibrates it. Calibration is the same for all
// methods and widths, so a comparison does it once per network: batch norm is folded, layers
// are equalised in pairs, and activation ranges are measured on training samples, so that
// the test part stays unseen.
func OpenProjection(ctx context.Context, path string, c Calibration, progress Progress) (*Projection, error) {
	p := &Projection{Path: path, Progress: progress}
	var err error
	if p.model, err = qonnx.ReadModel(path); err != nil {
		return nil, err
	}
	if p.Sets, err = c.Source.OpenBoth(); err != nil {
		return nil, err
	}
	// As the network declares its samples: a set of another shape is refused with both.
	if p.Sets, err = p.Sets.Fit(p.model.InputShape); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	// A small set is used whole, without a warning: the report has the number.
	p.Samples = min(c.Samples, p.Sets.Train.Len())
	x := ptq.Samples{Values: spreadSamples(p.Sets.Train, p.Samples)}
	// The input's quantiser must hold all samples, not just those that calibrate.
	x.Low, x.High = valueRange(p.Sets.Train)
	if p.calib, err = ptq.Calibrate(ctx, p.model, x, c.InputBits, c.Equalise); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	p.Pairs = p.calib.Pairs
	if p.Scored = p.Sets.Test.Labels != nil; p.Scored {
		p.Float, err = floatAccuracy(ctx, p.model, p.Sets.Test)
	}
	return p, err
}

// spreadSamples returns n samples of set, evenly spread, one after the other. Evenly over
// the set, since many files are sorted by class, and without a seed, so that two runs
// calibrate on the same ones. Values lie as Set.Sample gives them, scaled.
func spreadSamples(set *data.Set, n int) []float32 {
	v := make([]float32, n*set.Size())
	for k := range n {
		set.Sample(k*set.Len()/n, v[k*set.Size():(k+1)*set.Size()])
	}
	return v
}

// valueRange returns bounds on the values of set's samples: those of the format for bytes,
// the smallest and largest there are for floats. 0 is always within: an integer type has a
// code for it. A negative scale turns the range round: 255 is then the low end.
func valueRange(set *data.Set) (lo, hi float64) {
	if set.Bytes != nil {
		end := 255 * set.Scale
		return min(0, end), max(0, end)
	}
	for _, v := range set.Floats {
		lo, hi = min(lo, float64(v)*set.Scale), max(hi, float64(v)*set.Scale)
	}
	return lo, hi
}

// floatAccuracy returns the share of set's samples, percent, to which the float network
// gives its largest output at the label. Batches bound the memory of the activations of
// all layers at once.
func floatAccuracy(ctx context.Context, m *qonnx.Model, set *data.Set) (float64, error) {
	const batch = 500
	correct := 0
	for at := 0; at < set.Len(); at += batch {
		part := set.Slice(at, min(at+batch, set.Len()))
		out, err := ptq.Outputs(ctx, m, spreadSamples(part, part.Len()))
		if err != nil {
			return 0, err
		}
		classes := len(out) / part.Len()
		// The first batch shows how many outputs there are.
		if err := set.CheckOutputs(classes); err != nil {
			return 0, err
		}
		for k, label := range part.Labels {
			if classOf(out[k*classes:(k+1)*classes]) == int(label) {
				correct++
			}
		}
	}
	return Percent(correct, set.Len()), nil
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

// Projected is a float network as integers.
type Projected struct {
	// Network is what the importer reads from the file, Layers what the projection says of
	// them, by their names.
	Network *quant.Network
	Layers  []ptq.LayerReport
	// Accuracy of the integers on the test part, percent; nil without labels.
	Accuracy *float64
	// Seconds is what it all took, without calibration.
	Seconds float64
}

// Project quantises, imports again, certifies, scores and, unless out is empty, writes a
// file. It judges what a user gets: the bytes of the file go through the importer that
// generate uses, and the bounds are recomputed from their integers, so that an error in
// writing or in the projection's own arithmetic cannot certify itself. The file is written
// last: a projection that fails, or is stopped while it is scored, leaves none.
func (p *Projection) Project(ctx context.Context, s ptq.Settings, out string) (*Projected, error) {
	start := time.Now()
	m, layers, err := p.quantise(ctx, s)
	if err != nil {
		return nil, err
	}
	name := out
	if name == "" {
		name = p.Path
	}
	// From the bytes, not from m: see above.
	file, net, err := encoded(m, name)
	if err != nil {
		return nil, err
	}
	r := &Projected{Network: net, Layers: layers}
	if err := p.certify(r); err != nil {
		return nil, err
	}
	// Without labels there is nothing to score.
	if p.Scored {
		score, err := Accuracy(ctx, net, p.Sets.Test, p.Progress)
		if err != nil {
			return nil, err
		}
		r.Accuracy = &score.AccuracyPercent
	}
	if out != "" {
		if err := maybe.WriteFile(out, file, 0o644); err != nil {
			return nil, err
		}
	}
	r.Seconds = Seconds(start)
	return r, nil
}

// quantise projects in memory and tells which layer it is at.
func (p *Projection) quantise(ctx context.Context, s ptq.Settings) (*qonnx.Model, []ptq.LayerReport, error) {
	total := len(p.model.Layers)
	defer p.Progress.step("projecting", total, total)
	// s is a copy: the caller's settings keep their own.
	s.Progress = func(done, _ int, name string) { p.Progress.step("projecting "+name, done, total) }
	m, layers, err := p.calib.Project(ctx, s)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", p.Path, err)
	}
	return m, layers, nil
}

// certify applies the integer test to the layers in the file, and to their tiles. The file
// declares the width of a layer's whole sum only. That of the tiles is a promise of the
// projection to hardware with multi-stage accumulation (arXiv 2409.17092), tested here on
// the integers of the file.
func (p *Projection) certify(r *Projected) error {
	for _, layer := range r.Layers {
		// By name: the importer may have merged or left out layers between.
		i := slices.IndexFunc(r.Network.Layers, func(l quant.Layer) bool { return l.Name == layer.Name })
		if i < 0 {
			return fmt.Errorf("project: the file has no layer %q", layer.Name)
		}
		if err := layer.Acc.CertifyLayer(&r.Network.Layers[i]); err != nil {
			return err
		}
	}
	return r.Network.Certify()
}
