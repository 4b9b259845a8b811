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
	if !slices.Contains([]Family{XC7, XCUP, ICE40, ECP5}, b.Family) {
		return fmt.Errorf("family %q, want %s, %s, %s or %s", b.Family, XC7, XCUP, ICE40, ECP5)
	}
	if err := b.Resources.checkPart(b.Family); err != nil {
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

// checkPart checks the resources of a part of family f.
func (r Resources) checkPart(f Family) error {
	for _, c := range r.counts() {
		if c.n < 0 || c.n != math.Trunc(c.n) {
			return fmt.Errorf("resources.%s is %v, want a whole number from 0 on", c.key, c.n)
		}
	}
	if r.LUT == 0 || r.FF == 0 {
		return fmt.Errorf("resources: %d lut and %d ff, want both", r.LUT, r.FF)
	}
	has := map[string]bool{"bram36": r.BRAM36 > 0, "ebr18": r.EBR18 > 0, "ebr4": r.EBR4 > 0}
	for key, yes := range has {
		if want := key == blockOf[f]; yes != want {
			return fmt.Errorf("resources: family %s has its block RAM in %s", f, blockOf[f])
		}
	}
	if kbits := 36*int(r.BRAM36) + 18*r.EBR18 + 4*r.EBR4; r.BRAMKbits != kbits {
		return fmt.Errorf("resources.bram_kbits is %d, want %d for the blocks named", r.BRAMKbits, kbits)
	}
	return nil
}

// blockOf names the key that counts a family's block RAMs.
var blockOf = map[Family]string{XC7: "bram36", XCUP: "bram36", ECP5: "ebr18", ICE40: "ebr4"}

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
	slices.Sort(facts)
	return facts
}
