package main

import (
	"fmt"
	"math"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/data"
)

// sampleSource is where a command takes samples from, and how it reads them. The scale and
// layout are the file's, not the network's: what they give is what the network's own input
// then quantises.
type sampleSource struct {
	// data is what data.Open takes; empty leaves the choice to it.
	data string
	// scale multiplies what is read; 0 stands for the data's own factor.
	scale float64
	// layout says how images lie where the files do not.
	layout data.Layout
}

// scaleFlag and layoutFlag say how samples are read. Commands that train have no --scale:
// a spec fixes how its samples are read, and its networks are to be evaluated alike.
func scaleFlag() cli.Flag {
	return &cli.Float64Flag{Name: "scale", DefaultText: "1/255 for unsigned bytes, else 1",
		Usage: "multiply what is read by `F`"}
}

// NCHW is the order of ONNX and PyTorch, NHWC that of TensorFlow and of most image files.
func layoutFlag() cli.Flag {
	return &cli.StringFlag{Name: "layout", DefaultText: "as the network's",
		Usage: "`LAYOUT` of images in the files: nchw or nhwc (channels last)"}
}

// sampleSourceOf returns what --data, --scale and --layout say, as far as the
// command has them; their rules have been kept.
func sampleSourceOf(c *cli.Context) sampleSource {
	s := sampleSource{data: c.String("data")}
	if c.IsSet("scale") {
		s.scale = c.Float64("scale")
	}
	s.layout = data.Layout(c.String("layout"))
	return s
}

// open reads the training or the test part. A pair of files gives the same for both.
func (s sampleSource) open(train bool) (*data.Set, error) {
	set, err := data.Open(s.data, train)
	if err != nil {
		return nil, err
	}
	return s.read(set)
}

// openBoth reads both parts: once, where they are the same pair of files. A pair
// IMAGES,LABELS has one part only: scoring on it shows how well the network fits its
// training data, which the reports say.
func (s sampleSource) openBoth() (dataSets, error) {
	var sets dataSets
	var err error
	if sets.train, err = s.open(true); err != nil {
		return sets, err
	}
	// Reading it twice would double the memory, and make two sets that look like two
	// parts.
	if _, _, pair := data.PairOf(s.data); pair {
		sets.test = sets.train
		return sets, nil
	}
	sets.test, err = s.open(false)
	return sets, err
}

// read returns set as s says that it is read. The samples are shared with set, not copied.
func (s sampleSource) read(set *data.Set) (*data.Set, error) {
	if s.layout != data.Unknown {
		set = set.WithLayout(s.layout)
	}
	if s.scale == 0 {
		return set, nil
	}
	return set.WithScale(s.scale)
}

// mostSaturated is the part of the values that may lie outside what an input holds before
// it is said: outliers do, another scale does not. A range of three standard deviations
// cuts off 0.3 % of a normal input, whereas bytes read as 0..255 in place of 0..1 saturate
// wherever they are not 0 or 1.
const mostSaturated = 0.01

// fitted are samples as a network reads them. Every command that scores or simulates takes
// its samples in this form.
type fitted struct {
	// Set has the network's shape and the order of its elements.
	*data.Set
	// Input says what the network's input does to their values.
	Input inputUse
}

// inputUse is the JSON of what a network's input does to the values of samples. eval and
// sim print it: most wrong accuracies are wrong scales.
type inputUse struct {
	inputReport
	// DataLow and DataHigh are the smallest and largest value of the samples. Beside the
	// input's own ends they show at a glance whether the scales agree.
	DataLow  float64 `json:"data_low"`
	DataHigh float64 `json:"data_high"`
	// SaturatedPercent is the share of values that lie beyond the ends. The ends are half
	// a step beyond the first and the last integer's value.
	SaturatedPercent float64 `json:"saturated_percent"`
	// Reshaped says how samples became what the network declares; empty where they
	// have its shape.
	Reshaped string `json:"reshaped,omitempty"`
}

// fitSamples returns set as net reads it. It is the one place where samples meet
// a network: their shape must be the network's (see data.Set.Fit), each label an
// output, and the values such as its input holds where the file does not say
// what that holds. Beyond the ends of an input with a quantiser they saturate,
// which is what the graph does too, and is reported.
func fitSamples(net *quant.Network, set *data.Set) (*fitted, error) {
	// The shape that the file had, for the report: Fit replaces it.
	own := set.Shape
	// Shape first, then labels, then values: each message presumes what comes before it.
	set, err := set.Fit(net.InputShape, layoutOf(&net.Input))
	if err != nil {
		return nil, err
	}
	if err := set.CheckOutputs(net.OutputSize()); err != nil {
		return nil, err
	}
	f := &fitted{Set: set, Input: useOf(&net.Input, set)}
	// A row read as an image is permitted, and worth a word: its order is the file's
	// claim.
	if !slices.Equal(longAxes(own), longAxes(set.Shape)) {
		f.Input.Reshaped = fmt.Sprintf("%v read as %v", own, set.Shape)
	}
	return f, f.Input.check(set.Name)
}

// longAxes returns a shape without axes of size 1, which change no order. [28 28] and [1
// 28 28] are one image.
func longAxes(shape []int) []int {
	return slices.DeleteFunc(slices.Clone(shape), func(d int) bool { return d == 1 })
}

// layoutOf returns where samples of a network have their channels, as far as it shows: the
// order of its integers, which have them last, tells. A vector, or an image of one
// channel, has the same order either way. Importers leave Order nil where samples are
// already channels last (see quant.InputQuantizer).
func layoutOf(q *quant.InputQuantizer) data.Layout {
	switch {
	case q.Shape.C == 1 || q.Shape.Positions() == 1:
		return data.Unknown
	case q.Order == nil:
		return data.NHWC
	}
	return data.NCHW
}

// useOf looks at all values of set. All, not some: one outlier decides Low and High, and
// reading is fast beside scoring.
func useOf(q *quant.InputQuantizer, set *data.Set) inputUse {
	s := q.Saturation(set.Len(), set.Sample)
	return inputUse{inputReport: newInputReport(q), DataLow: s.Low, DataHigh: s.High, SaturatedPercent: 100 * s.Share()}
}

// ends returns the ends of what an input holds; nil for a sign. They were found by
// bisection over float32, and are rounded to what that resolves. Three digits below the
// step: float32 noise such as 0.99609376 then prints as 0.9961.
func ends(s quant.Saturation) (low, high *float64) {
	if !s.Ends {
		return nil, nil
	}
	unit := math.Pow(10, math.Floor(math.Log10(s.Span.Step))-3)
	lo, hi := math.Round(s.Span.Low/unit)*unit, math.Round(s.Span.High/unit)*unit
	return &lo, &hi
}

// check refuses samples whose values an input that is only assumed cuts off. An assumed
// input is a guess about the file. Where it cuts off more than mostSaturated the guess is
// most likely wrong and so would be every number that follows; an input that the file
// quantises does what its author wanted, and is only warned of.
func (u *inputUse) check(name string) error {
	if !u.Assumed || u.SaturatedPercent <= 100*mostSaturated {
		return nil
	}
	return fmt.Errorf("%s: values are %.4g..%.4g, and %.2f %% of them lie outside 0..1: the network's file does not "+
		"quantise its input, which is taken as 8-bit pixels, k/255; give the input's type where the network is read "+
		"(eval, inspect, estimate, generate), such as --input-range %s",
		name, u.DataLow, u.DataHigh, u.SaturatedPercent, showRange(u.DataLow, u.DataHigh))
}

// showRange returns LO:HI, rounded outwards to two digits, with 0 in it. Outwards, so that
// the range that an error suggests holds all values.
func showRange(lo, hi float64) string {
	out := func(v float64) float64 {
		// The logarithm of 0 has no digits.
		if v == 0 {
			return 0
		}
		unit := math.Pow(10, math.Floor(math.Log10(math.Abs(v)))-1)
		return math.Copysign(math.Ceil(math.Abs(v)/unit)*unit, v)
	}
	return fmt.Sprintf("%.3g:%.3g", out(min(lo, 0)), out(max(hi, 0)))
}

// String says in a line what the input holds and what it cuts off.
func (u *inputUse) String() string {
	s := fmt.Sprintf("%v; samples have %.4g..%.4g", &u.inputReport, u.DataLow, u.DataHigh)
	if u.Low != nil {
		s += fmt.Sprintf(", %.2f %% of them beyond", u.SaturatedPercent)
	}
	if u.Reshaped != "" {
		s += "; shape " + u.Reshaped
	}
	return s
}

// warn says on the console what a careful user wants to know of the samples. On stderr: a
// JSON document on stdout stays one, and has the same facts as fields.
func (f *fitted) warn(con *console) {
	if u := &f.Input; u.SaturatedPercent > 100*mostSaturated {
		con.line("warning: %.2f %% of the values of %s lie beyond what the network's input holds (%.4g..%.4g) "+
			"and saturate: is their scale right?",
			u.SaturatedPercent, f.Name, *u.Low, *u.High)
	}
	if w := oneLabel(f.Set); w != "" {
		con.line("warning: %s", w)
	}
}

// oneLabel says that all labels of set are the same, for which any score is meaningless;
// "" where they are not. Folders that were read half, and label files of another set, look
// so.
func oneLabel(set *data.Set) string {
	// One sample has one label.
	if len(set.Labels) < 2 {
		return ""
	}
	for _, l := range set.Labels {
		if l != set.Labels[0] {
			return ""
		}
	}
	return fmt.Sprintf("all %d labels of %s are %d: the score says how often that class is chosen, and nothing else",
		len(set.Labels), set.Name, set.Labels[0])
}
