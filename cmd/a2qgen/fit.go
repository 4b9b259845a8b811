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
	// A pointer, so that "no board" needs no name of its own.
	b, err := boards.Get(name)
	return &b, err
}

// costFamily returns the family whose formulas estimate a part of family f: its own, or that
// which its file names. LUTs of different inputs do not scale, so no other will do.
func costFamily(f boards.Family) (string, error) {
	name := string(f.CheckedAs())
	if known := cost.Families(); !slices.Contains(known, name) {
		return "", fmt.Errorf("no estimates for family %s yet, only for %s: whether the design fits cannot be said; "+
			"leave --board out and give --family %s and --clock", f, strings.Join(checkedFamilies(), ", "), f)
	}
	return name, nil
}

// checkedFamilies lists the families whose boards estimates serve.
func checkedFamilies() []string {
	var names []string
	for _, name := range boards.FamilyNames() {
		if slices.Contains(cost.Families(), string(boards.Family(name).CheckedAs())) {
			names = append(names, name)
		}
	}
	return names
}

// fits estimates d and returns an error unless it fits on b. Estimates are of synthesised
// logic, so a design that fits may still fail to route. There is no margin: the estimate's
// own error is printed by estimate, and a design at 99 % of a part is the user's decision.
func fits(b *boards.Board, d *hwgen.Design) (*cost.Report, error) {
	family, err := costFamily(b.Family)
	if err != nil {
		return nil, fmt.Errorf("board %s: %w", b.Name, err)
	}
	// Of the design as planned, with its folds and queues, not of the network.
	r, err := cost.Estimate(d, family)
	if err != nil {
		return nil, err
	}
	if err := b.Check(r.Total); err != nil {
		return nil, fmt.Errorf("the design does not fit: %w", err)
	}
	return r, nil
}
