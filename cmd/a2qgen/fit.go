package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/cost"
)

// boardNamed returns the board of the name, nil where the name is empty. The rules have
// refused unknown names before; the error is for other callers.
func boardNamed(name string) (*boards.Board, error) {
	if name == "" {
		return nil, nil
	}
	b, err := boards.Get(name)
	return &b, err
}

// costFamily returns the family whose formulas estimate a part of family f. Those of the 7
// series serve UltraScale+ too, which has the same 6-input LUTs, flip-flops and 36-kbit
// block RAMs. Other families differ in what a LUT holds (4 inputs), so 6-input counts do
// not scale.
func costFamily(f boards.Family) (string, error) {
	name := string(f)
	if f == boards.XCUP {
		name = string(boards.XC7)
	}
	if known := cost.Families(); !slices.Contains(known, name) {
		return "", fmt.Errorf("no estimates for family %s yet, only for %s (and xcup by them): "+
			"whether the design fits cannot be said; leave --board out and give --family %s and --clock",
			f, strings.Join(known, ", "), f)
	}
	return name, nil
}

// fits estimates d and returns an error unless it fits on b. Estimates are of synthesised
// logic, so a design that fits may still fail to route. There is no margin: the estimate's
// own error is printed by estimate, and a design at 99 % of a part is the user's decision.
func fits(b *boards.Board, d *hwgen.Design) (*cost.Report, error) {
	family, err := costFamily(b.Family)
	if err != nil {
		return nil, fmt.Errorf("board %s: %w", b.Name, err)
	}
	r, err := cost.Estimate(d, family)
	if err != nil {
		return nil, err
	}
	// Only these four are estimated. URAM is never asked for, and stays 0.
	used := boards.Resources{LUT: r.Total.LUT, FF: r.Total.FF, BRAM36: r.Total.BRAM36, DSP: r.Total.DSP}
	if err := b.Check(used); err != nil {
		return nil, fmt.Errorf("the design does not fit: %w", err)
	}
	return r, nil
}
