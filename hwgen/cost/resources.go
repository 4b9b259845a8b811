package cost

import (
	"fmt"
	"math"
	"strings"
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

func checkFamily(family string) error {
	for _, f := range Families() {
		if f == family {
			return nil
		}
	}
	return fmt.Errorf("cost: no estimates for family %q, only for: %s", family, strings.Join(Families(), ", "))
}

// term is one physical quantity of a block's LUT count.
type term struct {
	Name  string
	Value float64
	// Prior is the LUTs that a unit should take by its structure: the fit stays near it
	// where the samples do not say otherwise. An Exact term is that number of LUTs and has
	// no coefficient (one LUT6 holds 64 words, one LUT adds a bit).
	Prior float64
	Exact bool
}

// shape is what a block is made of, before coefficients.
type shape struct {
	Kind   string
	Terms  []term // LUTs
	FF     int
	RAMB18 int
}

// resources applies the model's coefficients.
func (s shape) resources(m *Model) Resources {
	lut := 0.0
	for _, t := range s.Terms {
		if t.Exact {
			lut += t.Value
		} else {
			lut += m.Coefficients[s.Kind][t.Name] * t.Value
		}
	}
	return Resources{LUT: int(math.Round(max(0, lut))), FF: s.FF, BRAM36: float64(s.RAMB18) / 2}
}

func oneIf(b bool) int {
	if b {
		return 1
	}
	return 0
}
