package plan

import (
	"fmt"
	"regexp"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/quant"
)

var identifier = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,63}$`)

// reserved instance names of the top module.
var reserved = map[string]bool{"source": true, "label": true}

// check returns an error where options or network are none that there is hardware for.
func (p *planner) check() (err error) {
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
	}
	// Before any work: an unknown family is a usage error.
	if p.style, err = o.Family.MemoryStyle(); err != nil {
		return fmt.Errorf("hwgen: %w", err)
	}
	if err := checkNames(n); err != nil {
		return err
	}
	if err := checkChain(n); err != nil {
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

// checkChain returns an error unless n is what hardware is generated for: a chain
// of linear layers, each with thresholds but the last, which may have scores.
func checkChain(n *quant.Network) error {
	for i := range n.Layers { // before all else: another kind explains the rest
		if l := &n.Layers[i]; l.Kind != quant.Linear {
			return fmt.Errorf("hwgen: layer %q: no hardware is generated for layers of kind %s yet, want %s", l.Name,
				l.Kind, quant.Linear)
		}
	}
	for i := range n.Layers {
		l := &n.Layers[i]
		switch {
		case len(l.From) != 1 || l.From[0] != i-1:
			return fmt.Errorf("hwgen: layer %q: reads another layer than the one before; "+
				"hardware is generated for chains only", l.Name)
		case l.Thresholds == nil && l.Score == nil:
			return fmt.Errorf("hwgen: layer %q: has neither thresholds nor scores", l.Name)
		}
	}
	return nil
}
