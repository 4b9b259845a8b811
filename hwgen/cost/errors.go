package cost

import "fmt"

// Errors holds the relative errors of a kind's estimates on the samples that it was
// fitted to, and on those that were held out.
type Errors struct {
	Train   Error `json:"train"`
	HeldOut Error `json:"held_out"`
}

// Error sums up relative errors, in percent of what was synthesised. Of blocks, only
// samples of at least 20 LUTs count: on smaller ones a LUT more is a large part.
//
// Percentiles rather than a mean, which a single bad sample rules; the largest beside them, as
// that is what a user may meet.
type Error struct {
	Samples   int     `json:"samples"`
	LUTMedian float64 `json:"lut_median_percent"`
	LUTP90    float64 `json:"lut_p90_percent"`
	LUTMax    float64 `json:"lut_max_percent"`
	// LUTLow is the number of samples whose estimate is too low.
	LUTLow   int     `json:"lut_low"`
	FFMedian float64 `json:"ff_median_percent"`
	FFP90    float64 `json:"ff_p90_percent"`
	FFMax    float64 `json:"ff_max_percent"`
}

// String says how far off estimates of designs are.
func (e Error) String() string {
	return fmt.Sprintf("error on %d designs of this size that the model was not fitted to, median and worst: "+
		"LUT %.1f %%, %.1f %%, FF %.1f %%, %.1f %%", e.Samples, e.LUTMedian, e.LUTMax, e.FFMedian, e.FFMax)
}

// SizeClass is the error on held-out designs that were estimated at From LUTs or more, up
// to the next class.
//
// By the estimate, not by what was synthesised: of a new design only the former is known, and
// ClassOf goes by it.
type SizeClass struct {
	From int `json:"from"`
	Error
}

// ClassOf returns the error on designs of about so many LUTs.
//
// Classes are in order, so the last that begins at or below lut is its own.
func (m *Model) ClassOf(lut int) Error {
	var e Error
	for _, c := range m.Classes {
		if lut >= c.From {
			e = c.Error
		}
	}
	return e
}
