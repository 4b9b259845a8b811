package ptq

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Option is a setting of a method: a word out of some, or a number.
type Option struct {
	Name, Usage, Default string
	// Words are those that it may be; nil is a number.
	Words []string
	// Low and High bound a number, Whole says that it is an integer.
	Low, High float64
	Whole     bool
}

// check returns an error unless text is a value of the option.
func (o Option) check(text string) error {
	if o.Words != nil {
		if !slices.Contains(o.Words, text) {
			return fmt.Errorf("%s is %q, want one of %s", o.Name, text, strings.Join(o.Words, ", "))
		}
		return nil
	}
	v, err := strconv.ParseFloat(text, 64)
	// Written with !, so that NaN is refused.
	if err != nil || !(v >= o.Low && v <= o.High) || o.Whole && v != float64(int(v)) {
		kind := "a number"
		if o.Whole {
			kind = "an integer"
		}
		return fmt.Errorf("%s is %q, want %s from %g to %g", o.Name, text, kind, o.Low, o.High)
	}
	return nil
}

// String describes the option in a line of help.
func (o Option) String() string {
	values := strings.Join(o.Words, "|")
	if o.Words == nil {
		values = fmt.Sprintf("%g..%g", o.Low, o.High)
	}
	return fmt.Sprintf("%s=%s: %s (%s)", o.Name, o.Default, o.Usage, values)
}

// Values are settings of a method's options by name; those that are not there have their
// defaults.
type Values map[string]string

// CheckOptions returns an error that names the first value that the method has no option for, or that
// is out of the option's range.
func (d *Definition) CheckOptions(v Values) error {
	names := make([]string, 0, len(v))
	for name := range v {
		names = append(names, name)
	}
	slices.Sort(names) // so that the same mistake has the same message
	for _, name := range names {
		i := slices.IndexFunc(d.Options, func(o Option) bool { return o.Name == name })
		if i < 0 {
			var known []string
			for _, o := range d.Options {
				known = append(known, o.Name)
			}
			return fmt.Errorf("ptq: method %s has no option %q, want one of %s", d.Method, name,
				strings.Join(known, ", "))
		}
		if err := d.Options[i].check(v[name]); err != nil {
			return fmt.Errorf("ptq: method %s: %w", d.Method, err)
		}
	}
	return nil
}

// Resolved returns the values of all options of the method, v's where it has one.
func (d *Definition) Resolved(v Values) Values {
	all := Values{}
	for _, o := range d.Options {
		all[o.Name] = o.Default
		if text, is := v[o.Name]; is {
			all[o.Name] = text
		}
	}
	return all
}

// number returns the number of a resolved value; 0 of an option that the method does not have.
func (v Values) number(name string) float64 {
	x, _ := strconv.ParseFloat(v[name], 64)
	return x
}

// Weighing says how the error of a layer's weights is weighed.
type Weighing string

const (
	// Identity counts all weights alike.
	Identity Weighing = "identity"
	// Inputs is the covariance of the layer's inputs: the error of its sums, whose mean the
	// bias mends.
	Inputs Weighing = "inputs"
	// Fisher is the sum of G'G over samples, G being the gradient of the network's loss to
	// the layer's weights: the matrix of OAC, the same for all rows (METHODS 3).
	Fisher Weighing = "fisher"
	// FisherPositions is that of each position of the output by itself: the covariance of the
	// inputs where each position counts by the squared gradient to its sums.
	FisherPositions Weighing = "fisher-positions"
	// FisherDiagonal is the diagonal of Fisher.
	FisherDiagonal Weighing = "fisher-diagonal"
)

// roundingOptions are those of what calls Problem.Solve, with a default of their own.
func roundingOptions(w Weighing) []Option {
	return []Option{
		{Name: "hessian", Usage: "by what errors of weights are weighed", Default: string(w),
			Words: []string{string(Identity), string(Inputs), string(Fisher), string(FisherPositions),
				string(FisherDiagonal)}},
		{Name: "damping", Usage: "added to the diagonal of the hessian, as a part of its mean", Default: "0.01",
			Low: 1e-6, High: 100},
		{Name: "order", Usage: "columns by falling diagonal of the hessian, or as they stand",
			Default: "importance", Words: []string{"importance", "columns"}},
		{Name: "target", Usage: "float weights, or those that make up for what earlier layers' errors did to the sums",
			Default: string(ToWeights), Words: []string{string(ToWeights), string(ToOutputs)}},
	}
}

// roundingOption is that of methods which leave it open what finds the integers.
func roundingOption(m Method) Option {
	o := Option{Name: "rounding", Usage: "what finds the integers", Default: string(m)}
	for _, r := range roundings {
		o.Words = append(o.Words, string(r))
	}
	return o
}
