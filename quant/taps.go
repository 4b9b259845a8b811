package quant

import (
	"fmt"
	"strconv"
	"strings"
)

// MaxLanes and MaxCap are the most lanes, and the most units per bank, of Taps.
const (
	MaxLanes = 256
	MaxCap   = 4096
)

// Taps says how many units of weight a row may have where a unit reads only the
// inputs that have one: an integer of magnitude n is read n times. Such a unit has a
// lane for each bank of its inputs and reads an input per lane and cycle, so that a
// row with at most Cap units in every bank takes Cap cycles, whatever its weights are.
// Input i, the column of the layer's matrix, lies in bank i mod Lanes. The zero value
// is no bound.
type Taps struct {
	// Lanes is the number of banks, 1..MaxLanes; 0 is no bound per bank.
	Lanes int `yaml:"lanes,omitempty" json:"lanes,omitempty"`
	// Cap is the largest sum of |q| over the inputs of a bank, 1..MaxCap; 0 without
	// Lanes.
	Cap int `yaml:"cap,omitempty" json:"cap,omitempty"`
	// Units is the largest sum of |q| over a row, at most Lanes*Cap where there are
	// lanes; 0 is that.
	Units int `yaml:"units,omitempty" json:"units,omitempty"`
}

// String is "none" or, for example, "8 lanes of 2, 16 units".
func (t Taps) String() string {
	switch {
	case !t.Any():
		return "none"
	case t.Lanes == 0:
		return fmt.Sprintf("%d units", t.Units)
	}
	return fmt.Sprintf("%d lanes of %d, %d units", t.Lanes, t.Cap, t.MaxUnits())
}

// ParseTaps reads LANES,CAP or LANES,CAP,UNITS.
func ParseTaps(s string) (Taps, error) {
	parts := strings.Split(s, ",")
	var n [3]int
	if len(parts) < 2 || len(parts) > len(n) {
		return Taps{}, fmt.Errorf("quant: taps %q, want LANES,CAP or LANES,CAP,UNITS", s)
	}
	for i, part := range parts {
		v, err := strconv.Atoi(part)
		if err != nil || v < 1 {
			return Taps{}, fmt.Errorf("quant: taps %q: %q, want a number of at least 1", s, part)
		}
		n[i] = v
	}
	t := Taps{Lanes: n[0], Cap: n[1], Units: n[2]}
	if err := t.Check(); err != nil {
		return Taps{}, fmt.Errorf("quant: taps %q: %w", s, err)
	}
	return t, nil
}

// Any says that t is a bound.
func (t Taps) Any() bool { return t != Taps{} }

// MaxUnits returns the largest sum of |q| over a row that t permits; 0 is no bound.
func (t Taps) MaxUnits() int {
	if t.Units > 0 {
		return t.Units
	}
	return t.Lanes * t.Cap
}

// Check returns an error that says which field of t makes no sense.
func (t Taps) Check() error {
	switch {
	case t.Lanes < 0 || t.Lanes > MaxLanes:
		return fmt.Errorf("lanes is %d, want 1..%d, or none for a bound on whole rows", t.Lanes, MaxLanes)
	case t.Cap < 0 || t.Cap > MaxCap:
		return fmt.Errorf("cap is %d, want 1..%d units per bank", t.Cap, MaxCap)
	case t.Lanes > 0 && t.Cap == 0:
		return fmt.Errorf("lanes is %d without cap, want the units that a bank may have", t.Lanes)
	case t.Cap > 0 && t.Lanes == 0:
		return fmt.Errorf("cap is %d without lanes, want the number of banks", t.Cap)
	case t.Units < 0:
		return fmt.Errorf("units is %d, want at least 1, or none", t.Units)
	case t.Lanes > 0 && t.Units > t.Lanes*t.Cap:
		return fmt.Errorf("units is %d, want at most %d, which %d banks of %d have room for",
			t.Units, t.Lanes*t.Cap, t.Lanes, t.Cap)
	}
	return nil
}

// Within returns the part of a that t permits too, or an error where a splits its
// units between the signs and t permits a row more than one sign's: banks and signs
// would then bind across one another, and no rule here has both.
func (a Allowance) Within(t Taps) (Allowance, error) {
	if err := t.Check(); err != nil || !t.Any() {
		return a, err
	}
	units := int64(t.MaxUnits())
	if !a.Shared && units > a.Units {
		return a, fmt.Errorf("units is %d, want at most %d, what either sign has: "+
			"taps are counted over both signs", units, a.Units)
	}
	return Allowance{Units: min(a.Units, units), Shared: true, Lanes: t.Lanes, Cap: int64(t.Cap)}, nil
}

// BankPeak returns the largest sum of |q| over the columns i of one row of the layer
// with i mod lanes the same: the cycles that the row takes on so many lanes.
func (l *Layer) BankPeak(lanes int) int64 {
	peak := int64(0)
	sums := make([]int64, lanes)
	for r := range l.Out {
		clear(sums)
		for i, q := range l.Weights[r*l.In : (r+1)*l.In] {
			n := int64(q)
			sums[i%lanes] += max(n, -n)
		}
		for _, s := range sums {
			peak = max(peak, s)
		}
	}
	return peak
}
