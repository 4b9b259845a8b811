package boards

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// maxMHz bounds clocks: no FPGA fabric runs faster.
const maxMHz = 1000

// check returns an error for the first thing in b that is missing, out of
// range or without a source.
func (b *Board) check() error {
	if b.Title == "" {
		return fmt.Errorf("title is missing")
	}
	if b.Part == "" {
		return fmt.Errorf("part is missing")
	}
	// A family without blocks in its file has words for memories, but no parts to be filled.
	f, err := b.Family.get()
	if err != nil || b.Family == "" || f.Block == nil {
		return fmt.Errorf("family %q, want one of %s", b.Family, strings.Join(withBlocks(), ", "))
	}
	if err := b.Resources.checkPart(f); err != nil {
		return err
	}
	if err := b.Clock.check(); err != nil {
		return err
	}
	for signal, pin := range b.Pins {
		if signal == "" || pin == "" {
			return fmt.Errorf("pins: signal %q on pin %q, want both named", signal, pin)
		}
	}
	return b.checkSources()
}

// withBlocks lists the families whose files say what block RAM is counted in.
func withBlocks() []string {
	var names []string
	for _, f := range families() {
		if f.Block != nil {
			names = append(names, string(f.Name))
		}
	}
	return names
}

// checkPart checks the resources of a part of family f.
func (r Resources) checkPart(f family) error {
	for _, c := range r.counts() {
		if c.n < 0 || c.n != math.Trunc(c.n) {
			return fmt.Errorf("resources.%s is %v, want a whole number from 0 on", c.key, c.n)
		}
	}
	// 0 of the others is a part that has none; without these there is no logic at all.
	if r.LUT == 0 || r.FF == 0 {
		return fmt.Errorf("resources: %d lut and %d ff, want both", r.LUT, r.FF)
	}
	for _, c := range r.counts() {
		if c.set != nil && (c.n > 0) != (c.key == f.Block.Resource) {
			return fmt.Errorf("resources: family %s has its block RAM in %s", f.Name, f.Block.Resource)
		}
	}
	if kbits := int(r.Blocks()) * f.Block.Kbits; r.BRAMKbits != kbits {
		return fmt.Errorf("resources.bram_kbits is %d, want %d for the blocks named", r.BRAMKbits, kbits)
	}
	return nil
}

func (c Clock) check() error {
	if c.Pin == "" {
		return fmt.Errorf("clock.pin is missing")
	}
	for _, f := range []struct {
		key string
		mhz float64
	}{{"mhz", c.MHz}, {"target_mhz", c.TargetMHz}} {
		if !(f.mhz > 0 && f.mhz <= maxMHz) {
			return fmt.Errorf("clock.%s is %v, want above 0 and up to %d", f.key, f.mhz, maxMHz)
		}
	}
	return nil
}

// checkSources wants a source for each fact of b, and no other.
func (b *Board) checkSources() error {
	facts := b.facts()
	for _, f := range facts {
		if strings.TrimSpace(b.Sources[f]) == "" {
			return fmt.Errorf("sources: none for %s", f)
		}
	}
	for f := range b.Sources {
		if !slices.Contains(facts, f) {
			return fmt.Errorf("sources: %s is not a fact of this board", f)
		}
	}
	return nil
}

// facts lists the paths of what needs a source, in order. A count of zero needs
// none, but may have one.
func (b *Board) facts() []string {
	facts := []string{"part"}
	for _, c := range b.Resources.counts() {
		key := "resources." + c.key
		if _, given := b.Sources[key]; c.n > 0 || given {
			facts = append(facts, key)
		}
	}
	facts = append(facts, "clock.pin", "clock.mhz", "clock.target_mhz")
	if b.Clock.PinN != "" {
		facts = append(facts, "clock.pin_n")
	}
	for signal := range b.Pins {
		facts = append(facts, "pins."+signal)
	}
	// Pins come from a map: an error should name the same fact in every run.
	slices.Sort(facts)
	return facts
}
