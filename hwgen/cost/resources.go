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

// checkFamily returns an error that names the families there are where family is none of them.
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
	Name string
	// How many units there are of it: bits of counters, slices of memories, or LUTs as they
	// are.
	Value float64
	// Prior is the LUTs that a unit should take by its structure: the fit stays near it
	// where the samples do not say otherwise. An Exact term is that number of LUTs and has
	// no coefficient (one LUT6 holds 64 words, one LUT adds a bit).
	Prior float64
	Exact bool
}

// shape is what a block is made of, before coefficients.
//
// Flip-flops and block RAM follow from the Verilog's structure and have no coefficient: only
// LUTs are ABC's choice. DSP slices are never used (-nodsp), so there is no count.
type shape struct {
	Kind   string
	Terms  []term // LUTs
	FF     int
	RAMB18 int
}

// resources applies the model's coefficients.
//
// A term that the model has no coefficient for counts as nothing. Rounding is per block, so a
// design's total is the sum of what is shown for its blocks.
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

// oneIf is 1 where b holds, else 0: a term of a count that is there or not.
func oneIf(b bool) int {
	if b {
		return 1
	}
	return 0
}
