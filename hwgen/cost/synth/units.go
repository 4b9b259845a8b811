package synth

import (
	"bytes"
	_ "embed"
	"fmt"
	"strings"
	"text/template"

	"github.com/a2qgen/a2qgen/hwgen"
)

// Unit is a block with the widths of the streams that lead into it.
//
// A block knows its outputs only; the width of an input is that of the block before it,
// which a unit by itself does not have.
type Unit struct {
	Block hwgen.Block
	// InputBits are the widths of the inputs, side by side in s_data, in bits per beat.
	InputBits []int
}

//go:embed units.v.tmpl
var unitsText string

var unitsTemplate = template.Must(template.New("units.v.tmpl").Parse(unitsText))

// instance is what units.v.tmpl is filled in with, one per unit.
type instance struct {
	// Name is that of the wrapping module, Module the block's own. Widths are in bits per beat.
	Name, Module string
	// Ports of either side share one vector of data.
	Inputs, Outputs, InputBits, OutputBits int
	Parameters                             []hwgen.Parameter
}

// unitName is the module that holds unit i.
func unitName(i int) string { return fmt.Sprintf("unit_%d", i) }

// unitFile is the memory file of unit i: units may name theirs alike.
func unitFile(i int, file string) string { return unitName(i) + "_" + file }

// moduleOf is the module of unit i: a generated one has a name of its own in each.
func moduleOf(i int, b hwgen.Block) string {
	if _, ok := b.(hwgen.Generated); ok {
		return unitName(i) + "_" + b.Module()
	}
	return b.Module()
}

// unitsVerilog returns a wrapper per unit and the module all_units, which holds them all and
// leads every port out, so that nothing of a unit is constant or unread but by its own doing:
// that is what a block costs by itself, and why a flattened design may take less.
func unitsVerilog(units []Unit) ([]byte, error) {
	instances := make([]instance, len(units))
	for i, u := range units {
		in := instance{Name: unitName(i), Module: moduleOf(i, u.Block), Inputs: len(u.InputBits),
			Outputs: len(u.Block.Outputs())}
		for _, bits := range u.InputBits {
			in.InputBits += bits
		}
		for _, s := range u.Block.Outputs() {
			in.OutputBits += s.Bits
		}
		for _, p := range u.Block.Parameters() {
			if p.File {
				// Values are Verilog text, a file name in its quotes: the prefix goes behind
				// the first of them. For label_select.v and thresholds.v it is the prefix of
				// several files, which works alike.
				p.Value = `"` + unitFile(i, strings.TrimPrefix(p.Value, `"`))
			}
			in.Parameters = append(in.Parameters, p)
		}
		instances[i] = in
	}
	var b bytes.Buffer
	if err := unitsTemplate.Execute(&b, instances); err != nil {
		return nil, fmt.Errorf("synth: %w", err)
	}
	return b.Bytes(), nil
}
