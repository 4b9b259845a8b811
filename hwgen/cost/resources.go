package cost

import (
	"fmt"
	"math"
	"strings"

	"github.com/a2qgen/a2qgen/hwgen/fabric"
)

// Resources is an amount of FPGA logic.
type Resources struct {
	LUT int `json:"lut"`
	FF  int `json:"ff"`
	// BRAM36 counts 36-kbit block RAMs; an 18-kbit one is half.
	BRAM36 float64 `json:"bram36"`
	DSP    int     `json:"dsp"`
}

// Plus returns r + o.
func (r Resources) Plus(o Resources) Resources {
	return Resources{r.LUT + o.LUT, r.FF + o.FF, r.BRAM36 + o.BRAM36, r.DSP + o.DSP}
}

// Families lists the FPGA families that Estimate knows.
func Families() []string { return []string{"xc7"} }

// CheckFamily returns an error that names the families there are where family is none of them.
func CheckFamily(family string) error {
	for _, f := range Families() {
		if f == family {
			return nil
		}
	}
	return fmt.Errorf("cost: no estimates for family %q, only for: %s", family, strings.Join(Families(), ", "))
}

// Of applies the model's coefficients to the shape of a block of a kind.
//
// A term that the model has no coefficient for counts as nothing. Rounding is per block, so a
// design's total is the sum of what is shown for its blocks.
func (m *Model) Of(kind string, s fabric.Shape) Resources {
	lut := 0.0
	for _, t := range s.Terms {
		if t.Exact {
			lut += t.Value
		} else {
			lut += m.Coefficients[kind][t.Name] * t.Value
		}
	}
	return Resources{LUT: int(math.Round(max(0, lut))), FF: s.FF, BRAM36: float64(s.RAMB18) / 2}
}
