package train

import (
	"fmt"
	"io"
	"os"

	"github.com/a2qgen/a2qgen/internal/strict"
	"github.com/a2qgen/a2qgen/quant"
)

// Optimisers and schedules that a Phase may name, and tasks of a Spec.
const (
	Adam       = "adam"
	SGD        = "sgd"
	Cosine     = "cosine"
	CosineStep = "cosine_step"
	Step       = "step"
	Classify   = "classify"
	Regress    = "regress"
)

// Limits of a Spec: they bound memory before anything is allocated.
const (
	maxSpecBytes = 64 << 10
	maxWidth     = 8192
	maxBatch     = 16384
	maxEpochs    = 10000
	maxAccBits   = 32
	maxMove      = 1024
)

// Spec says everything about a training run but its data. Specs are written
// as YAML; every field has the default that DefaultSpec gives it.
type Spec struct {
	// Name goes into the network and its file.
	Name string `yaml:"name"`
	// Data is the folder of the data set; empty leaves the choice to the caller.
	Data string `yaml:"data,omitempty"`
	// Layout is that of samples whose file does not say how they lie: nchw or nhwc.
	// Shape is that of the images that rows of numbers stand for: [rows columns] or
	// [channels rows columns]. Empty takes samples as they are. See Samples.
	Layout string `yaml:"layout,omitempty"`
	Shape  []int  `yaml:"shape,omitempty,flow"`
	// Super makes samples and targets for super-resolution out of the images in
	// Data.
	Super Super `yaml:"super,omitempty"`
	// Start is an ONNX file whose weights, biases and batch norm the float phase
	// starts from, instead of random numbers; that phase may have 0 epochs then.
	// See Options.Start.
	Start string `yaml:"start,omitempty"`
	// Layers holds the hidden layers; inputs and classes come from the data.
	Layers Layers `yaml:"layers,flow"`

	// WeightBits (M, 2..8) and ActBits (N, 1..8) of the hidden layers.
	WeightBits int `yaml:"weight_bits"`
	ActBits    int `yaml:"act_bits"`
	// InputBits is the width of the network input, 1..8.
	InputBits int `yaml:"input_bits"`
	// ActScale says how the scales of activations are found in QAT: learned by gradient, or
	// as those of least error, weighted by channel or pooled (see ScaleLearned).
	ActScale string `yaml:"act_scale"`
	// InputRange is what the input holds, [lo, hi] with lo <= 0 <= hi; nil is [0, 1].
	// Below 0 the input is signed: integers from -2^(InputBits-1), worth
	// max(lo/min, hi/max). Samples may have 1 % of their values beyond it.
	InputRange []float64 `yaml:"input_range,omitempty,flow"`
	// FirstWeightBits and LastWeightBits, 2..8: these layers (quant.Roles) have no
	// accumulator target.
	FirstWeightBits int `yaml:"first_weight_bits"`
	LastWeightBits  int `yaml:"last_weight_bits"`

	// Method quantises the hidden layers: base, wn, a2q, a2q+, budget or dq.
	Method quant.Method `yaml:"method"`
	// DepthwiseMethod is that of depthwise layers: empty is a2q under a2q+, else
	// the same as the others'.
	DepthwiseMethod quant.Method `yaml:"depthwise_method,omitempty"`
	// Rule is the accumulator's under budget and dq: split (it starts at 0) or shifted
	// (it starts at a constant of its channel). The other methods ignore it.
	Rule quant.Rule `yaml:"rule"`
	// AccBits is P, the accumulator width of those layers, up to 32. base
	// ignores it.
	AccBits int `yaml:"acc_bits"`
	// FirstAccBits and LastAccBits put first and last layers under the method too, up
	// to 32; 0, which base wants, gives them no target.
	FirstAccBits int `yaml:"first_acc_bits"`
	LastAccBits  int `yaml:"last_acc_bits"`
	// Taps bounds the units of a row, and of each bank of its inputs, in the hidden
	// layers, FirstTaps and LastTaps in the ends that have a target. They are for
	// budget and dq, and for linear layers.
	Taps      quant.Taps `yaml:"taps,omitempty,flow"`
	FirstTaps quant.Taps `yaml:"first_taps,omitempty,flow"`
	LastTaps  quant.Taps `yaml:"last_taps,omitempty,flow"`
	// ShrinkWeights says whether the network's file gives weights as few bits as
	// the integers need; nil does under budget.
	ShrinkWeights *bool `yaml:"shrink_weights,omitempty"`
	// Regulariser is lambda of MATH 3, 0..1.
	Regulariser float64 `yaml:"regulariser"`

	// Batch is the number of samples of a step.
	Batch int `yaml:"batch"`
	// Seed fixes initial weights, the order of samples and the split.
	Seed uint64 `yaml:"seed"`
	// Validation is the fraction of the training set held out and scored
	// after every epoch, 0..0.5. Choose settings by it, not by the test set.
	Validation float64 `yaml:"validation"`

	// Task is classify (cross-entropy on labels) or regress (mean squared error
	// to the data set's targets or, where it has none, to the sample itself,
	// which makes the network an autoencoder).
	Task string `yaml:"task"`
	// LabelSmoothing is the part of a label's weight, 0..0.5, that all classes
	// share evenly (arXiv 1512.00567, section 7). It is for classify.
	LabelSmoothing float64 `yaml:"label_smoothing"`
	// Distil lets QAT learn from the float network as well.
	Distil Distil `yaml:"distil"`

	Float Phase `yaml:"float"`
	QAT   Phase `yaml:"qat"`
}

// Super says how samples and targets are cut out of images (see
// data.SuperResolution): a sample is a patch of an image that was made Factor
// times smaller per side, its target the same patch of the image itself.
type Super struct {
	// Factor is 2..8; 0 leaves data sets as they are.
	Factor int `yaml:"factor"`
	// Patch is the side of a sample, 1..1024 pixels; Stride the step between
	// the samples of training, 0 for Patch.
	Patch  int `yaml:"patch"`
	Stride int `yaml:"stride"`
	// Channels is 1 (luma: data.Image.Luma) or 3.
	Channels int `yaml:"channels"`
	// Test is a folder of images whose patches are the test samples; all images of Data
	// are trained on then. Empty takes every sixth of them for the test.
	Test string `yaml:"test,omitempty"`
}

// Distil says how much QAT learns from the outputs of the float network, as the
// float phase left it, instead of from labels or targets (arXiv 1503.02531).
type Distil struct {
	// Weight is the float network's part in the loss, 0..1; 0 is none.
	Weight float64 `yaml:"weight"`
	// Temperature divides the logits of both networks before they are compared,
	// 0.1..100. regress compares outputs as they are.
	Temperature float64 `yaml:"temperature"`
}

// Phase says how one of the two phases optimises.
type Phase struct {
	Epochs int `yaml:"epochs"`
	// Optimiser is adam (0.9, 0.999, 1e-8) or sgd.
	Optimiser string `yaml:"optimiser"`
	// Momentum of sgd, 0 <= momentum < 1.
	Momentum float64 `yaml:"momentum"`
	// LR is the learning rate of the first epoch, 0 < lr <= 10.
	LR float64 `yaml:"lr"`
	// Schedule is cosine (to 0 after the last epoch, changing between epochs
	// only), cosine_step (the same curve, changing with every step) or step
	// (times StepFactor every StepEpochs epochs).
	Schedule   string  `yaml:"schedule"`
	StepEpochs int     `yaml:"step_epochs"`
	StepFactor float64 `yaml:"step_factor"`
	// WarmUp is the number of epochs, fewer than Epochs, in which the rate grows
	// step by step from near 0 to LR; the schedule spans the others.
	WarmUp int `yaml:"warm_up"`

	// WeightDecay is decoupled (arXiv 1711.05101): each step takes rate *
	// WeightDecay of each weight, 0..1. Biases, batch norm and the quantisers'
	// parameters have none.
	WeightDecay float64 `yaml:"weight_decay"`
	// ClipNorm is the largest norm2 of a step's gradient over all parameters, up
	// to 1e6: a larger one is scaled down to it. 0 does not clip.
	ClipNorm float64 `yaml:"clip_norm"`
	// Average, 0 <= average < 1, is the decay per step of an exponential average
	// of the network, e.g. 0.999. The average is what is scored and what the
	// phase ends with. 0 keeps none.
	Average float64 `yaml:"average"`
	// Augment changes the images that the phase trains on.
	Augment Augment `yaml:"augment"`
}

// DefaultSpec returns the values of the fields that a YAML spec leaves out.
func DefaultSpec() *Spec {
	p := Phase{Epochs: 4, Optimiser: Adam, Momentum: 0.9, LR: 1e-3, Schedule: Cosine, StepEpochs: 1, StepFactor: 0.1}
	return &Spec{
		Name: "net", Layers: Linears(64, 64, 64),
		WeightBits: 4, ActBits: 4, InputBits: 8, ActScale: ScaleLearned, FirstWeightBits: 8, LastWeightBits: 8,
		Method: quant.A2QPlus, Rule: quant.Shifted, AccBits: 16, Regulariser: 1e-3,
		Batch: 128, Seed: 1, Task: Classify, Super: Super{Patch: 16, Channels: 1}, Distil: Distil{Temperature: 2},
		Float: p, QAT: p,
	}
}

// LoadSpec reads and checks the YAML spec at path.
func LoadSpec(path string) (*Spec, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSpecBytes+1))
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	s, err := ParseSpec(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// ParseSpec reads a YAML spec over the defaults and checks it. Unknown keys,
// a second document and fields out of range are errors that name the field.
func ParseSpec(text []byte) (*Spec, error) {
	if len(text) > maxSpecBytes {
		return nil, fmt.Errorf("train: spec is larger than %d bytes", maxSpecBytes)
	}
	s := DefaultSpec()
	if err := strict.Decode(text, s); err != nil {
		return nil, fmt.Errorf("train: spec: %w", err)
	}
	if err := s.Validate(); err != nil {
		return nil, err
	}
	return s, nil
}

// Overrides replaces fields of a Spec, as a command line does; nil keeps.
type Overrides struct {
	Method                       *quant.Method
	Rule                         *quant.Rule
	AccBits, WeightBits, ActBits *int
	// Epochs of both phases together: the float phase gets half, rounded
	// down, QAT the rest.
	Epochs *int
	Seed   *uint64
	// FirstAccBits and LastAccBits are P of the ends; 0 takes target and taps from them.
	FirstAccBits, LastAccBits *int
	// Taps of the hidden layers.
	Taps   *quant.Taps
	Start  *string
	Layout *string
	// ActScale replaces Spec.ActScale.
	ActScale *string
	// InputRange replaces Spec.InputRange; nil keeps it.
	InputRange []float64
}

// With returns a checked copy of s with the overrides applied. Base in the place of
// another method is the network without limits: those of its ends go too.
func (s *Spec) With(o Overrides) (*Spec, error) {
	c := *s
	c.Layers = s.Layers.clone()
	if o.Method != nil {
		c.Method = *o.Method
		if !c.limited() {
			c.FirstAccBits, c.LastAccBits = 0, 0
			c.Taps, c.FirstTaps, c.LastTaps = quant.Taps{}, quant.Taps{}, quant.Taps{}
		}
	}
	if o.Rule != nil {
		c.Rule = *o.Rule
	}
	if o.Taps != nil {
		c.Taps = *o.Taps
	}
	set(&c.AccBits, o.AccBits)
	setEnd(&c.FirstAccBits, &c.FirstTaps, o.FirstAccBits)
	setEnd(&c.LastAccBits, &c.LastTaps, o.LastAccBits)
	set(&c.WeightBits, o.WeightBits)
	set(&c.ActBits, o.ActBits)
	if o.Epochs != nil {
		if *o.Epochs < 1 {
			return nil, fmt.Errorf("train: epochs is %d, want at least 1", *o.Epochs)
		}
		c.Float.Epochs = *o.Epochs / 2
		c.QAT.Epochs = *o.Epochs - c.Float.Epochs
	}
	if o.Seed != nil {
		c.Seed = *o.Seed
	}
	if o.Start != nil {
		c.Start = *o.Start
	}
	if o.ActScale != nil {
		c.ActScale = *o.ActScale
	}
	if o.InputRange != nil {
		c.InputRange = o.InputRange
	}
	if o.Layout != nil {
		c.Layout = *o.Layout
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return &c, nil
}

// setEnd sets P of an end; without one there can be no taps.
func setEnd(accBits *int, taps *quant.Taps, src *int) {
	if set(accBits, src); src != nil && *src == 0 {
		*taps = quant.Taps{}
	}
}

func set(dst, src *int) {
	if src != nil {
		*dst = *src
	}
}
