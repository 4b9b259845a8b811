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
type Unit struct {
	Block     hwgen.Block
	InputBits int
}

//go:embed units.v.tmpl
var unitsText string

var unitsTemplate = template.Must(template.New("units.v.tmpl").Parse(unitsText))

// instance is what units.v.tmpl is filled in with, one a unit.
type instance struct {
	Name, Module          string
	InputBits, OutputBits int
	Parameters            []hwgen.Parameter
}

// unitName is the module that holds unit i.
func unitName(i int) string { return fmt.Sprintf("unit_%d", i) }

// unitFile is the memory file of unit i: units may name theirs alike.
func unitFile(i int, file string) string { return unitName(i) + "_" + file }

func unitsVerilog(units []Unit) ([]byte, error) {
	instances := make([]instance, len(units))
	for i, u := range units {
		in := instance{Name: unitName(i), Module: u.Block.Module(), InputBits: u.InputBits, OutputBits: u.Block.Output().Bits}
		for _, p := range u.Block.Parameters() {
			if p.File {
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
