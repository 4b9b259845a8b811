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
	// AccBits is 0 for base, and the most that a layer may have within a LUT limit.
	Method  string `json:"method"`
	AccBits int    `json:"acc_bits"`
	// LUTLimit is 0 where all layers have AccBits.
	LUTLimit int `json:"lut_limit,omitempty"`
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
	// L1Max, TapsMax, NeededBits and WeightBits are the largest over the seeds.
	L1Max      int64      `json:"l1_max"`
	TapsMax    int        `json:"taps_max"`
	NeededBits int        `json:"needed_bits"`
	WeightBits int        `json:"weight_bits"`
	Runs       []SweepRun `json:"runs"`
}

// SweepRun is one trained network. It is also the JSON of a file in the folder of the runs:
// what is read back there is all that the report needs, so a finished sweep is reported
// again without training.
type SweepRun struct {
	// Method is as given, with its rule: "budget/shifted".
	Method  string `json:"method"`
	AccBits int    `json:"acc_bits"`
	// LUTLimit is 0 where all layers have AccBits. Within a limit they have P and M
	// of their own, Widths, and AccBits is the most.
	LUTLimit int           `json:"lut_limit,omitempty"`
	Widths   []LayerWidths `json:"widths,omitempty"`
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
	// NeededBits is the largest accumulator width that a layer under the method needs,
	// L1Max the largest l1 norm of a channel of such a layer, TapsMax the most nonzero
	// weights, and WeightBits the widest weights. These four say how far a method used its
	// budget: L1Max at the bound and TapsMax at the row's length are a method that left
	// nothing over.
	NeededBits int   `json:"needed_bits"`
	L1Max      int64 `json:"l1_max"`
	TapsMax    int   `json:"taps_max"`
	WeightBits int   `json:"weight_bits"`
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
	r := &SweepRun{Method: c.method, AccBits: c.AccBits, LUTLimit: c.LUT, Seed: t.Seed,
		SamplesPerSecond: t.SamplesPerSecond, FloatPercent: t.Scores()[0], IntegerPercent: t.Scores()[2]}
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
		r.NeededBits, r.L1Max = max(r.NeededBits, l.AccBitsNeeded), max(r.L1Max, l.L1Max)
		r.TapsMax, r.WeightBits = max(r.TapsMax, l.TapsMax), max(r.WeightBits, l.WeightBits)
	}
	return r
}

// add adds a run. Maxima are over the seeds: what a method needs is what its worst run
// does.
func (r *SweepResult) add(run *SweepRun) {
	r.Runs = append(r.Runs, *run)
	r.L1Max, r.TapsMax = max(r.L1Max, run.L1Max), max(r.TapsMax, run.TapsMax)
	r.NeededBits, r.WeightBits = max(r.NeededBits, run.NeededBits), max(r.WeightBits, run.WeightBits)
}

// finish computes mean and spread once all seeds are there; one run has no deviation.
func (r *SweepResult) finish() {
	var integer, float, held, lut []float64
	for _, run := range r.Runs {
		integer, float = append(integer, run.IntegerPercent), append(float, run.FloatPercent)
		held, lut = append(held, run.ValidationPercent), append(lut, float64(run.LUT))
	}
	s := NewSpread(integer)
	r.Mean, r.SD, r.Min, r.Max = s.Mean, s.Deviation, s.Min, s.Max
	r.FloatMean, r.ValidationMean, r.LUTMean = stat.Mean(float, nil), stat.Mean(held, nil), stat.Mean(lut, nil)
}

// Limit is the zero value for base.
func (r *SweepResult) Limit() Limit { return Limit{r.AccBits, r.LUTLimit} }

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
		if l := d.Results[i].Limit(); l != (Limit{}) && !slices.Contains(all, l) {
			all = append(all, l)
		}
	}
	slices.SortFunc(all, func(a, b Limit) int {
		// Those with 0 LUT, the plain widths, first.
		if (a.LUT > 0) != (b.LUT > 0) {
			return a.LUT - b.LUT
		}
		return (b.AccBits - a.AccBits) + (b.LUT - a.LUT)
	})
	return all
}

// At returns the result of a method at a limit, nil where there is none yet.
func (d *SweepReport) At(method string, l Limit) *SweepResult {
	i := slices.IndexFunc(d.Results, func(r SweepResult) bool { return r.Method == method && r.Limit() == l })
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
