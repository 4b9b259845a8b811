package study

import (
	"slices"

	"gonum.org/v1/gonum/stat"
)

// SweepReport is the JSON of a sweep. What is not trained yet is not in it.
type SweepReport struct {
	// Command is the command line that repeats the sweep.
	Command string `json:"command"`
	// Name is the spec's; Data the set with the sizes of its parts.
	Name string `json:"name"`
	Data string `json:"data"`
	// Results have one entry per cell, in the order of training, with a run for each seed.
	Seeds   []uint64      `json:"seeds"`
	Results []SweepResult `json:"results"`
}

// SweepResult sums up the runs of a method at a limit. Spread is over seeds, which draw
// weights and the order of samples, not over data.
type SweepResult struct {
	Method string `json:"method"`
	Limit
	// LUTMean is the mean estimate of the designs, or 0.
	LUTMean float64 `json:"lut_mean,omitempty"`
	// Mean, SD (sample standard deviation), Min and Max of the integer accuracy
	// on the test samples, in percent, over the seeds.
	Mean float64 `json:"mean_percent"`
	SD   float64 `json:"sd_percent"`
	Min  float64 `json:"min_percent"`
	Max  float64 `json:"max_percent"`
	// FloatMean is that of the float phases, without any quantiser.
	FloatMean float64 `json:"float_mean_percent"`
	// ValidationMean is that of the accuracy on held-out training samples, or 0.
	ValidationMean float64 `json:"validation_mean_percent"`
	// Use is the largest over the seeds: what a method needs is what its worst run does.
	Use
	Runs []SweepRun `json:"runs"`
}

// Use says how far a method used its budget, by the layers under it: the widest accumulator
// that one needs, the largest l1 norm of a channel, the most nonzero weights (taps) of one,
// and the widest weights. L1Max at the bound and TapsMax at the row's length are a method
// that left nothing over.
type Use struct {
	NeededBits int   `json:"needed_bits"`
	L1Max      int64 `json:"l1_max"`
	TapsMax    int   `json:"taps_max"`
	WeightBits int   `json:"weight_bits"`
}

// with returns the larger of each.
func (u Use) with(v Use) Use {
	return Use{max(u.NeededBits, v.NeededBits), max(u.L1Max, v.L1Max), max(u.TapsMax, v.TapsMax),
		max(u.WeightBits, v.WeightBits)}
}

// SweepRun is one trained network. It is also the JSON of a file in the folder of the runs:
// what is read back there is all that the report needs, so a finished sweep is reported
// again without training.
type SweepRun struct {
	// Method is as given, with its rule: "budget/shifted".
	Method string `json:"method"`
	// Within a limit of LUT layers have P and M of their own, Widths.
	Limit
	Widths []LayerWidths `json:"widths,omitempty"`
	// LUT of the design by estimate, where a folding was asked for.
	LUT int `json:"lut,omitempty"`
	// Seed draws the weights and the order of samples.
	Seed uint64 `json:"seed"`
	// FloatPercent and IntegerPercent are accuracies on the test samples or, where
	// images are trained to images, PSNRs in dB.
	FloatPercent   float64 `json:"float_percent"`
	IntegerPercent float64 `json:"integer_percent"`
	// ValidationPercent is the final accuracy on held-out training samples, by
	// which settings are chosen; 0 where the spec holds out none.
	ValidationPercent float64 `json:"validation_percent"`
	Use
	// SamplesPerSecond is the mean speed of the training.
	SamplesPerSecond float64 `json:"samples_per_second"`
	// Spec identifies spec, data and program: a run with another one is done again.
	Spec string `json:"spec"`
}

// LayerWidths are P and M of a layer. They differ from layer to layer only within a LUT
// limit.
type LayerWidths struct {
	// AccBits is P, WeightBits M, of the layer of this name.
	Layer      string `json:"layer"`
	AccBits    int    `json:"acc_bits"`
	WeightBits int    `json:"weight_bits"`
}

// newSweepRun takes from a training what a sweep compares. Under base, which declares no
// accumulators, the hidden layers count: those that the other methods constrain.
func newSweepRun(c *cell, t *Trained) *SweepRun {
	r := &SweepRun{Method: c.method, Limit: c.Limit, Seed: t.Seed, SamplesPerSecond: t.SamplesPerSecond,
		FloatPercent: t.Scores()[0], IntegerPercent: t.Scores()[2]}
	// The last epoch's, not the best one's: choosing among epochs would fit the held-out
	// part.
	if n := len(t.History); n > 0 {
		r.ValidationPercent = t.History[n-1].ValidationPercent
	}
	for i, constrained := range t.Network.Constrained() {
		if !constrained {
			continue
		}
		l := boundsOf(t.Network, &t.Network.Layers[i])
		r.Use = r.Use.with(Use{l.AccBitsNeeded, l.L1Max, l.TapsMax, l.WeightBits})
	}
	return r
}

// finish sums up the runs once all seeds are there.
func (r *SweepResult) finish() {
	var integer, float, held, lut []float64
	for _, run := range r.Runs {
		integer, float = append(integer, run.IntegerPercent), append(float, run.FloatPercent)
		held, lut = append(held, run.ValidationPercent), append(lut, float64(run.LUT))
		r.Use = r.Use.with(run.Use)
	}
	s := NewSpread(integer)
	r.Mean, r.SD, r.Min, r.Max = s.Mean, s.Deviation, s.Min, s.Max
	r.FloatMean, r.ValidationMean, r.LUTMean = stat.Mean(float, nil), stat.Mean(held, nil), stat.Mean(lut, nil)
}

// Methods lists the methods, in the order in which they were trained.
func (d *SweepReport) Methods() (names []string) {
	for _, r := range d.Results {
		if !slices.Contains(names, r.Method) {
			names = append(names, r.Method)
		}
	}
	return names
}

// Limits lists the widths, the largest first, then the limits of LUT. A table reads from
// the unconstrained end to the tightest limit.
func (d *SweepReport) Limits() (all []Limit) {
	for i := range d.Results {
		if l := d.Results[i].Limit; l != (Limit{}) && !slices.Contains(all, l) {
			all = append(all, l)
		}
	}
	slices.SortFunc(all, func(a, b Limit) int {
		// Those with 0 LUT, the plain widths, first.
		if (a.LUTLimit > 0) != (b.LUTLimit > 0) {
			return a.LUTLimit - b.LUTLimit
		}
		return (b.AccBits - a.AccBits) + (b.LUTLimit - a.LUTLimit)
	})
	return all
}

// At returns the result of a method at a limit, nil where there is none yet.
func (d *SweepReport) At(method string, l Limit) *SweepResult {
	i := slices.IndexFunc(d.Results, func(r SweepResult) bool { return r.Method == method && r.Limit == l })
	if i < 0 {
		return nil
	}
	return &d.Results[i]
}

// HasLUT says that designs were estimated, for the default family.
func (d *SweepReport) HasLUT() bool {
	return slices.ContainsFunc(d.Results, func(r SweepResult) bool { return r.LUTMean > 0 })
}

// HeldOut says that the runs held out training samples. Where none did, ValidationMean is 0
// and a table of it would be one of zeros.
func (d *SweepReport) HeldOut() bool {
	return slices.ContainsFunc(d.Results, func(r SweepResult) bool { return r.ValidationMean > 0 })
}
