package ptq

import "fmt"

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
)

// ParseMethod returns the method of that name: "rtn", "ep", "axe" or "budget".
func ParseMethod(s string) (Method, error) {
	switch m := Method(s); m {
	case RTN, EP, AXE, Budget:
		return m, nil
	}
	return "", fmt.Errorf("ptq: unknown method %q, want rtn, ep, axe or budget", s)
}
