package ptq

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Method names a way to quantise a layer.
type Method string

const (
	// RTN soft-thresholds w/s to the budget's radius (MATH 4), rounds to
	// nearest, and gives back the units that u misses least until it fits. It
	// looks at one weight at a time: the baseline.
	RTN Method = "rtn"
	// EP is the projection that A2Q+ starts training from (arXiv 2401.10432):
	// soft-threshold, centre, truncate. Taking the mean off costs much where
	// inputs are not zero-mean and no bias makes up. Without limit it is RTN. Under
	// quant.Shifted it is what it is under quant.Split.
	EP Method = "ep"
	// AXE is GPTQ within the zero-centred budget (arXiv 2409.17092, MATH 7).
	// Without limit it is GPTQ. Under quant.Shifted it is what it is under
	// quant.Split.
	AXE Method = "axe"
	// Budget is GPTQ within the exact set of integers that fit (derived), then
	// a search among them: units move to where they lower the loss most.
	Budget Method = "budget"
	// OAC is AXE or Budget with errors weighed by what they do to the loss of the
	// network's outputs (arXiv 2405.15025), not to the outputs of the layer.
	OAC Method = "oac"
	// QERA adds a branch of low rank to what another method leaves (arXiv 2410.06040).
	QERA Method = "qera"
	// CFWS splits kernels in a coarse centre and a fine rest (arXiv 2312.10588).
	CFWS Method = "cfws"
	// GWQ keeps few weights with more bits, by their gradients (arXiv 2411.00850).
	GWQ Method = "gwq"
	// DAQ scales activations so that all channels have one deviation (arXiv 2012.11230).
	DAQ Method = "daq"
)

// Definition says what a method is, and computes it.
type Definition struct {
	Method Method
	// Summary says in a line what it does, Source where that comes from.
	Summary, Source string
	// Status says how near the code is to the source.
	Status Status
	// Options are those of the method alone, with their defaults: see CommonOptions.
	Options []Option
	// Quantise returns the integers of a layer. Their accumulators fit s.Acc; whoever calls
	// certifies them again.
	Quantise func(s *Site) ([]Branch, error)
	// Prepare, unless nil, returns the calibration of a network of the same function, for layers that are better to
	// quantise. c stays as it is. The result serves all settings.
	Prepare func(ctx context.Context, c *Calibration) (*Calibration, error)
}

// Status says what an implementation was written from.
type Status string

const (
	// FromPaper follows the equations of the paper, FromCode the code that its authors
	// published.
	FromPaper Status = "paper"
	FromCode  Status = "code"
	// Reconstruction follows what abstracts and others say: no figure of the paper is
	// claimed for it.
	Reconstruction Status = "reconstruction"
	// Own is of this project.
	Own Status = "own"
)

// definitions are the methods that there are, those that bound the rows first: the others
// build on them.
var definitions = []Definition{
	{RTN, "to nearest, then the units that are missed least are given back: the baseline", "derived", Own,
		roundingOptions(Identity), quantiseDense, nil},
	{EP, "the projection that A2Q+ training starts from", "arXiv 2401.10432, section 3.3", FromPaper,
		roundingOptions(Identity), quantiseDense, nil},
	{AXE, "GPTQ within what is left of the zero-centred budget of either sign", "arXiv 2409.17092", FromCode,
		roundingOptions(Inputs), quantiseDense, nil},
	{Budget, "GPTQ within all integers that the rule permits, then a search that moves units", "derived", Own,
		roundingOptions(Inputs), quantiseDense, nil},
	{OAC, "axe or budget that heeds the loss of the network, by the gradients of each sample",
		"arXiv 2405.15025, with the solver of arXiv 2210.17323", Reconstruction,
		append(roundingOptions(Fisher), roundingOption(AXE)), quantiseDense, nil},
	{QERA, "a branch of low rank beside the layer for what rounding left over", "arXiv 2410.06040, theorems 1 and 2",
		FromPaper, qeraOptions(), quantiseQERA, nil},
	{CFWS, "a coarse grid for the centres of windows beside a fine one for the rest",
		"arXiv 2312.10588, the authors' code",
		FromCode, cfwsOptions(), quantiseCFWS, nil},
	{GWQ, "few weights, where the loss is most sensitive, with more bits in a sparse branch",
		"arXiv 2411.00850, its abstract", Reconstruction, gwqOptions(), quantiseGWQ, nil},
	{DAQ, "activations scaled so that all channels have one deviation, by a step for Gaussians: one step serves all",
		"arXiv 2012.11230, the authors' code for steps and statistics; static form derived", FromCode, daqOptions(),
		quantiseDense, prepareDAQ},
}

// Methods returns the definitions of all methods.
func Methods() []Definition { return slices.Clone(definitions) }

// Define returns the definition of a method of that name.
func Define(name string) (*Definition, error) {
	for i := range definitions {
		if d := &definitions[i]; string(d.Method) == name {
			return d, nil
		}
	}
	names := MethodNames()
	last := len(names) - 1
	return nil, fmt.Errorf("ptq: unknown method %q, want %s or %s", name, strings.Join(names[:last], ", "), names[last])
}

// MethodNames returns the names of all methods.
func MethodNames() (names []string) {
	for _, d := range definitions {
		names = append(names, string(d.Method))
	}
	return names
}

// Rounds says that the method is one that turns a matrix of weights into integers
// (Problem.Solve), and no way to use such a one.
func (m Method) Rounds() bool { return slices.Contains(roundings, m) }

// roundings are the methods that Problem.Solve knows.
var roundings = []Method{RTN, EP, AXE, Budget}

// Rounding returns what finds the integers where the method has these options: the method itself, if it
// is no way to use another. Budget alone knows other rules than quant.Split.
func (d *Definition) Rounding(v Values) Method {
	if d.Method.Rounds() {
		return d.Method
	}
	return Method(d.Resolved(v)["rounding"])
}
