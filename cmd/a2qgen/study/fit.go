package study

import (
	"fmt"
	"math"
	"slices"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/data"
)

// mostSaturated is the part of the values that may lie outside what an input holds before
// it is said: outliers do, another scale does not. A range of three standard deviations
// cuts off 0.3 % of a normal input, whereas bytes read as 0..255 in place of 0..1 saturate
// wherever they are not 0 or 1.
const mostSaturated = 0.01

// Input is the JSON of what the first layers of a network read.
type Input struct {
	Shape [3]int `json:"shape"` // height, width, channels
	// Bits and Signed are the integer type that the design reads.
	Bits   int  `json:"bits"`
	Signed bool `json:"signed"`
	// Type is its FINN name: INT4, UINT8, BIPOLAR.
	Type string `json:"type"`
	// Assumed says that the file does not quantise its input.
	Assumed bool `json:"assumed,omitempty"`
	// Low and High are the values of the first and the last integer, the widest where
	// elements differ; left out for a sign, which takes every value.
	Low  *float64 `json:"low,omitempty"`
	High *float64 `json:"high,omitempty"`
}

// NewInput describes an input. Its ends come from its quantiser alone: no sample is
// looked at.
func NewInput(q *quant.InputQuantizer) Input {
	r := Input{Shape: [3]int{q.Shape.H, q.Shape.W, q.Shape.C}, Bits: q.Type.Bits, Signed: q.Type.Signed,
		Type: q.Type.String(), Assumed: q.Assumed}
	r.Low, r.High = ends(q.Saturation(0, nil))
	return r
}

// ends returns the ends of what an input holds; nil for a sign. They were found by
// bisection over float32, and are rounded to what that resolves. Three digits below the
// step: float32 noise such as 0.99609376 then prints as 0.9961.
func ends(s quant.Saturation) (low, high *float64) {
	if !s.Ends {
		return nil, nil
	}
	unit := math.Pow(10, math.Floor(math.Log10(s.Span.Step))-3)
	lo, hi := math.Round(s.Span.Low/unit)*unit+0, math.Round(s.Span.High/unit)*unit+0 // no -0
	return &lo, &hi
}

// String says what the input holds.
func (r *Input) String() string {
	s := r.Type
	if r.Low != nil {
		s += fmt.Sprintf(", %.4g..%.4g", *r.Low, *r.High)
	}
	if r.Assumed {
		s += ", assumed: the file does not quantise it; taken as 8-bit pixels, k/255"
	}
	return s
}

// InputUse is the JSON of what a network's input does to the values of samples. Whatever
// scores prints it: most wrong accuracies are wrong scales.
type InputUse struct {
	Input
	// DataLow and DataHigh are the smallest and largest value of the samples. Beside the
	// input's own ends they show at a glance whether the scales agree.
	DataLow  float64 `json:"data_low"`
	DataHigh float64 `json:"data_high"`
	// SaturatedPercent is the share of values that lie beyond the ends. The ends are half
	// a step beyond the first and the last integer's value.
	SaturatedPercent float64 `json:"saturated_percent"`
	// Outside counts these values, and OutsideSamples the samples that have some;
	// FirstOutside says which comes first. They are left out where there are none.
	Outside        int64    `json:"outside,omitempty"`
	OutsideSamples int64    `json:"outside_samples,omitempty"`
	FirstOutside   *Outside `json:"first_outside,omitempty"`
	// Reshaped says how samples became what the network declares; empty where they
	// have its shape.
	Reshaped string `json:"reshaped,omitempty"`
}

// Outside is the JSON of a value that an input does not hold.
type Outside struct {
	// Sample counts from 0, and so does Element, in the order of the file.
	Sample  int     `json:"sample"`
	Element int     `json:"element"`
	Value   float64 `json:"value"`
}

// Fitted are samples as a network reads them. Whatever scores or simulates takes its
// samples in this form.
type Fitted struct {
	// Set has the network's shape and the order of its elements.
	*data.Set
	// Input says what the network's input does to their values.
	Input InputUse
}

// Fit returns set as net reads it. It is the one place where samples meet
// a network: their shape must be the network's (see data.Set.Fit), each label an
// element of its output k, where that is at least 0, and the values such as its input holds
// where the file does not say what that holds. Beyond the ends of an input with a quantiser they saturate,
// which is what the graph does too, and is reported.
func Fit(net *quant.Network, k int, set *data.Set) (*Fitted, error) {
	// The shape that the file had, for the report: Fit replaces it.
	own := set.Shape
	// Shape first, then labels, then values: each message presumes what comes before it.
	set, err := set.Fit(net.InputShape, layoutOf(&net.Input))
	if err != nil {
		return nil, err
	}
	if k >= 0 {
		if err := set.CheckOutputs(net.OutputLayer(k).Shape.Size()); err != nil {
			return nil, err
		}
	}
	f := &Fitted{Set: set, Input: useOf(&net.Input, set)}
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
func useOf(q *quant.InputQuantizer, set *data.Set) InputUse {
	s := q.Saturation(set.Len(), set.Sample)
	use := InputUse{Input: NewInput(q), DataLow: s.Low, DataHigh: s.High, SaturatedPercent: 100 * s.Share(),
		Outside: s.Outside, OutsideSamples: s.Samples}
	if s.Outside > 0 {
		use.FirstOutside = &Outside{s.First.Sample, s.First.Element, s.First.Value}
	}
	return use
}

// AssumedError says that samples hold values which an input that is only assumed cuts off.
type AssumedError struct {
	// Data names the samples, whose values are Low..High, Percent of them outside 0..1.
	Data               string
	Low, High, Percent float64
	// Where counts them and names the first.
	Where string
}

// Error says what was wanted and what was had.
func (e *AssumedError) Error() string {
	return fmt.Sprintf("%s: values are %.4g..%.4g, and %.2f %% of them lie outside 0..1 (%s): the network's file does "+
		"not quantise its input, which is taken as 8-bit pixels, k/255", e.Data, e.Low, e.High, e.Percent, e.Where)
}

// check refuses samples whose values an input that is only assumed cuts off. An assumed
// input is a guess about the file. Where it cuts off more than mostSaturated the guess is
// most likely wrong and so would be every number that follows; an input that the file
// quantises does what its author wanted, and is only warned of.
func (u *InputUse) check(name string) error {
	if !u.Assumed || u.SaturatedPercent <= 100*mostSaturated {
		return nil
	}
	return &AssumedError{name, u.DataLow, u.DataHigh, u.SaturatedPercent, u.where()}
}

// where counts the values outside and names the first of them.
func (u *InputUse) where() string {
	f := u.FirstOutside
	return fmt.Sprintf("%d of %d samples; the first is element %d of sample %d, %.4g", u.Outside, u.OutsideSamples,
		f.Element, f.Sample, f.Value)
}

// String says in a line what the input holds and what it cuts off.
func (u *InputUse) String() string {
	s := fmt.Sprintf("%v; samples have %.4g..%.4g", &u.Input, u.DataLow, u.DataHigh)
	if u.Low != nil {
		s += fmt.Sprintf(", %.2f %% of them beyond", u.SaturatedPercent)
	}
	if u.Reshaped != "" {
		s += "; shape " + u.Reshaped
	}
	return s
}

// Warnings says what a careful user wants to know of the samples before their score.
func (f *Fitted) Warnings() (lines []string) {
	if u := &f.Input; u.SaturatedPercent > 100*mostSaturated {
		lines = append(lines, fmt.Sprintf("%.2f %% of the values of %s lie beyond what the network's input holds "+
			"(%.4g..%.4g) and saturate: is their scale right?", u.SaturatedPercent, f.Name, *u.Low, *u.High))
	}
	// What was assumed may be wrong: then not one value is cut off unsaid.
	if u := &f.Input; u.Assumed && u.Outside > 0 {
		lines = append(lines, fmt.Sprintf("%s has values of %.4g..%.4g, wanted 0..1, and what lies outside counts as 0 "+
			"or 1 (%s): the network's file does not quantise its input, which is taken as 8-bit pixels, k/255", f.Name,
			u.DataLow, u.DataHigh, u.where()))
	}
	if w := oneLabel(f.Set); w != "" {
		lines = append(lines, w)
	}
	return lines
}
