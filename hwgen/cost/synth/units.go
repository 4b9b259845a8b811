package synth

import (
	"bytes"
	_ "embed"
	"fmt"
	"strings"
	"text/template"

	"github.com/a2qgen/a2qgen/hwgen"
)

// Unit is a block with the width of the stream that leads into it.
//
// A block knows its output stream only; the width of its input is that of the block before it,
// which a unit by itself does not have.
type Unit struct {
	Block hwgen.Block
	// InputBits is the width of s_data, in bits per beat.
	InputBits int
}

//go:embed units.v.tmpl
var unitsText string

var unitsTemplate = template.Must(template.New("units.v.tmpl").Parse(unitsText))

// instance is what units.v.tmpl is filled in with, one per unit.
type instance struct {
	// Name is that of the wrapping module, Module the block's own. Widths are in bits per beat.
	Name, Module          string
	InputBits, OutputBits int
	Parameters            []hwgen.Parameter
}

// unitName is the module that holds unit i.
func unitName(i int) string { return fmt.Sprintf("unit_%d", i) }

// unitFile is the memory file of unit i: units may name theirs alike.
func unitFile(i int, file string) string { return unitName(i) + "_" + file }

// unitsVerilog returns a wrapper per unit and the module all_units, which holds them all and
// leads every port out, so that nothing of a unit is constant or unread but by its own doing:
// that is what a block costs by itself, and why a flattened design may take less.
func unitsVerilog(units []Unit) ([]byte, error) {
	instances := make([]instance, len(units))
	for i, u := range units {
		in := instance{Name: unitName(i), Module: u.Block.Module(), InputBits: u.InputBits,
			OutputBits: u.Block.Output().Bits}
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
