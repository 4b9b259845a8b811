package plan

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/quant"
)

// identifier is a plain Verilog name: escaped ones are never emitted. It is short enough that
// with the suffixes of blocks and memories it can name a file.
var identifier = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,63}$`)

// reserved instance names of the top module.
var reserved = map[string]bool{"source": true, "label": true}

// check returns an error where options or names are not usable.
func (p *planner) check() (err error) {
	if p.options.Pixels {
		if p.network, err = p.network.Pixels(); err != nil {
			return err
		}
	}
	n, o := p.network, p.options
	switch {
	case !identifier.MatchString(o.Name):
		return fmt.Errorf("hwgen: %q is no Verilog name for the top module", o.Name)
	// Written with not, so that NaN is refused too; it compares false with everything.
	case !(o.ClockMHz > 0 && o.ClockMHz <= hwgen.MaxClockMHz):
		return fmt.Errorf("hwgen: clock is %v MHz, want more than 0 and at most %d", o.ClockMHz, hwgen.MaxClockMHz)
	case !(o.FPS > 0 && o.FPS <= o.ClockMHz*1e6):
		return fmt.Errorf("hwgen: fps is %v, want more than 0 and at most one frame per cycle (%v)", o.FPS,
			o.ClockMHz*1e6)
	case o.AccBits < 0 || o.AccBits > 64:
		return fmt.Errorf("hwgen: acc is %d bits, want 1..64", o.AccBits)
	case o.Unit != "" && !slices.Contains(UnitWords(), o.Unit):
		return fmt.Errorf("hwgen: unit is %q, want one of %s", o.Unit, strings.Join(UnitWords(), ", "))
	}
	// Before any work: an unknown family is a usage error.
	if p.style, err = o.Family.MemoryStyle(); err != nil {
		return fmt.Errorf("hwgen: %w", err)
	}
	if p.model, err = modelOf(o.Family); err != nil {
		return err
	}
	if err := checkNames(n); err != nil {
		return err
	}
	return o.Folding.Check(n)
}

// checkNames returns an error where a layer's name is not usable. Names become instances,
// signals and files: a second one of a name would overwrite them.
func checkNames(n *quant.Network) error {
	seen := map[string]bool{}
	for i := range n.Layers {
		name := n.Layers[i].Name
		if !identifier.MatchString(name) || reserved[name] || seen[name] {
			return fmt.Errorf("hwgen: layer name %q is not usable as a Verilog name, or not unique", name)
		}
		seen[name] = true
	}
	return nil
}

// maxInput is the widest element that a unit reads, in bits (templates/add.v, templates/mvau.v).
const maxInput = 32

// checkPassed returns an error where accumulators that a layer passes on as they are, in P bits,
// are wider than a unit reads. What has thresholds has 16 bits at most.
func (p *planner) checkPassed() error {
	for _, reader := range p.network.Layers {
		for _, from := range reader.From {
			if from == quant.Source || p.layers[from].Layer.Thresholds != nil {
				continue
			}
			if l := p.layers[from]; l.AccBits > maxInput {
				return fmt.Errorf("hwgen: layer %q: passes accumulators of %d bits on to layer %q, want at most %d",
					l.Layer.Name, l.AccBits, reader.Name, maxInput)
			}
		}
	}
	return nil
}
