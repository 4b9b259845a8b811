package study

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/renameio/v2/maybe"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/data"
	"github.com/a2qgen/a2qgen/quant/nn"
	"github.com/a2qgen/a2qgen/quant/ptq"
	"github.com/a2qgen/a2qgen/quant/qonnx"
	"github.com/a2qgen/a2qgen/quant/train"
)

// Calibration says how a float network is made ready for projection.
type Calibration struct {
	// Source has the samples: the training part calibrates, the test part scores.
	Source Source
	// Spec, unless nil, says what the samples are in place of Source.Data, as for training: images with targets
	// for super-resolution. Source then says how they are read.
	Spec *train.Spec
	// Images, unless empty, is a folder of whole pictures to score on in place of the test part.
	Images string
	// Samples calibrate, at most as many as the training part has.
	Samples int
	// InputBits is the width of the network's input.
	InputBits int
	// Equalise evens out weights from layer to layer, which changes no output of the float
	// network.
	Equalise bool
}

// open reads both parts of the samples.
func (c *Calibration) open() (Sets, error) {
	if c.Spec == nil {
		return c.Source.OpenBoth()
	}
	sets, err := OpenSpec(c.Spec)
	if err != nil {
		return sets, err
	}
	return sets.each(c.Source.Read)
}

// Projection is a calibrated float network with its data, which may be projected many times.
type Projection struct {
	// Path is the float network's file, for messages.
	Path string
	// Sets are as the network reads them.
	Sets Sets
	// Samples calibrated.
	Samples int
	// Metric is what the test part measures networks by, Float what it is of the float network.
	Metric Metric
	Float  Mark
	// Progress watches every projection.
	Progress Progress

	model  *nn.Model
	calib  *ptq.Calibration
	images *data.Images
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
	if p.Sets, err = c.open(); err != nil {
		return nil, err
	}
	// As the network declares its samples: a set of another shape is refused with both.
	if p.Sets, err = p.Sets.Fit(p.model.InputShape); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	// A small set is used whole, without a warning: the report has the number.
	p.Samples = min(c.Samples, p.Sets.Train.Len())
	x := ptq.Samples{Values: spreadSamples(p.Sets.Train, p.Samples), Labels: spreadLabels(p.Sets.Train, p.Samples)}
	// The input's quantiser must hold all samples, not just those that calibrate.
	x.Low, x.High = valueRange(p.Sets.Train)
	if p.calib, err = ptq.Calibrate(ctx, p.model, x, c.InputBits, c.Equalise); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := p.chooseMetric(c); err != nil {
		return nil, err
	}
	p.Float, err = p.mark(ctx, p.model, exact)
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

// spreadLabels returns the labels of the samples that spreadSamples returns; nil where there are none.
func spreadLabels(set *data.Set, n int) []int {
	if set.Labels == nil {
		return nil
	}
	labels := make([]int, n)
	for k := range labels {
		labels[k] = int(set.Labels[k*set.Len()/n])
	}
	return labels
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

// Projected is the JSON of a float network that was made integers.
type Projected struct {
	// Out is the network that was written, Float the one that was read.
	Out   string `json:"out"`
	Float string `json:"float_network"`
	// Method is one of ptq.Methods, Options what was set of its options; Rule is split or shifted.
	Method  string            `json:"method"`
	Options map[string]string `json:"options,omitempty"`
	Rule    string            `json:"rule"`
	// AccBits is P of the hidden layers; Tile, inputs per inner accumulator, is 0 without.
	AccBits int `json:"acc_bits"`
	Tile    int `json:"tile,omitempty"`
	// Taps bounds the units of the hidden rows and banks; nil without.
	Taps *quant.Taps `json:"taps,omitempty"`
	// WeightBits (M) and ActBits (N) are those of the hidden layers.
	WeightBits int `json:"weight_bits"`
	ActBits    int `json:"act_bits"`
	// Samples of Data's training part calibrated.
	Data    string `json:"data"`
	Samples int    `json:"samples"`
	// EqualisedPairs counts the pairs of layers whose weights were equalised.
	EqualisedPairs int `json:"equalised_pairs"`
	// Accuracies on the test samples, left out where they have no labels.
	FloatAccuracyPercent   *float64 `json:"float_accuracy_percent,omitempty"`
	IntegerAccuracyPercent *float64 `json:"integer_accuracy_percent,omitempty"`
	// PSNR in their place, dB, where they have targets or are pictures.
	FloatPSNR   *float64 `json:"float_psnr_db,omitempty"`
	IntegerPSNR *float64 `json:"integer_psnr_db,omitempty"`
	// Cross-entropies of the outputs, as logits, with the labels of the test samples.
	FloatCrossEntropy   *float64 `json:"float_cross_entropy,omitempty"`
	IntegerCrossEntropy *float64 `json:"integer_cross_entropy,omitempty"`
	// Seconds is the projection's time with reading back and scoring, without calibration.
	Seconds float64          `json:"seconds"`
	Layers  []ProjectedLayer `json:"layers"`

	net *quant.Network
}

// ProjectedLayer is a layer that was projected. It extends what Inspect reads from the file.
type ProjectedLayer struct {
	Bounds
	// Tile and InnerBits are those of a tiled accumulator: the inputs of a tile and the width
	// of its accumulator. acc_bits is then the width of the sum of all tiles.
	Tile      int `json:"tile,omitempty"`
	InnerBits int `json:"inner_bits,omitempty"`
	// RelativeLoss is the squared error of the sums that their bias does not
	// mend, as a fraction of their power.
	RelativeLoss float64 `json:"relative_loss"`
	// PerLayer is ptq.LayerReport.PerLayer.
	PerLayer string `json:"one_activation_scale,omitempty"`
}

// Project quantises, imports again, certifies, scores and, unless out is empty, writes a
// file. It judges what a user gets: the bytes of the file go through the importer that
// generate uses, and the bounds are recomputed from their integers, so that an error in
// writing or in the projection's own arithmetic cannot certify itself. The file is written
// last: a projection that fails, or is stopped while it is scored, leaves none.
func (p *Projection) Project(ctx context.Context, s ptq.Settings, out string) (*Projected, error) {
	start := time.Now()
	perImage, is := s.PerImage()
	if is && out != "" {
		return nil, fmt.Errorf("%s: steps of each image are in no file: compare them with --table", p.Path)
	}
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
	if err := certifyProjected(net, layers); err != nil {
		return nil, err
	}
	r := p.describe(s, net, layers)
	r.Out, r.net = out, net
	var mark Mark
	if is {
		mark, err = p.mark(ctx, m, func(m *nn.Model) (realNetwork, error) { return ptq.NewPerImage(m, perImage) })
	} else {
		mark, err = p.integerMark(ctx, m, net)
	}
	if err != nil {
		return nil, err
	}
	switch p.Metric {
	case ByAccuracy:
		r.FloatAccuracyPercent, r.IntegerAccuracyPercent = &p.Float.Value, &mark.Value
		r.FloatCrossEntropy, r.IntegerCrossEntropy = p.Float.Loss, mark.Loss
	case ByPSNR:
		r.FloatPSNR, r.IntegerPSNR = &p.Float.Value, &mark.Value
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
func (p *Projection) quantise(ctx context.Context, s ptq.Settings) (*nn.Model, []ptq.LayerReport, error) {
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

// certifyProjected applies the integer test to the layers in the file, and to their tiles.
// The file declares the width of a layer's whole sum only. That of the tiles is a promise of
// the projection to hardware with multi-stage accumulation (arXiv 2409.17092), tested here on
// the integers of the file.
func certifyProjected(net *quant.Network, layers []ptq.LayerReport) error {
	for _, r := range layers {
		// By name: the importer may have merged or left out layers between.
		i := slices.IndexFunc(net.Layers, func(l quant.Layer) bool { return l.Name == r.Name })
		if i < 0 {
			return fmt.Errorf("projection: the file has no layer %q", r.Name)
		}
		if err := r.Acc.CertifyLayer(&net.Layers[i]); err != nil {
			return err
		}
	}
	return net.Certify()
}

// describe joins what the file holds with what only the projection knows, the loss and the
// tiles, by the layers' names.
func (p *Projection) describe(s ptq.Settings, net *quant.Network, layers []ptq.LayerReport) *Projected {
	doc := &Projected{
		Float: p.Path, Method: string(s.Method), Options: s.Options, Rule: string(s.Acc.Rule),
		AccBits: s.Acc.Bits, Tile: s.Acc.Tile,
		WeightBits: s.WeightBits, ActBits: s.ActBits, Data: p.Sets.Train.Name, Samples: p.Samples,
		EqualisedPairs: p.calib.Pairs,
	}
	if s.Acc.Taps.Any() {
		doc.Taps = &s.Acc.Taps
	}
	byName := map[string]ptq.LayerReport{}
	for _, l := range layers {
		byName[l.Name] = l
	}
	for _, l := range Inspect(net).Layers {
		from := byName[l.Name]
		r := ProjectedLayer{Bounds: l, RelativeLoss: from.RelativeLoss, PerLayer: from.PerLayer}
		// A row that is shorter than a tile is one tile.
		if from.Acc.Tile > 0 && from.Acc.Bits > 0 {
			r.Tile, r.InnerBits = min(from.Acc.Tile, l.In), from.Acc.Bits
		}
		doc.Layers = append(doc.Layers, r)
	}
	return doc
}
