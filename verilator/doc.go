// Package verilator builds and runs the RTL of a generated design.
//
// One harness serves every design: it drives the AXI4-Stream ports of the
// module bench from stimulus files and reports, for each cycle, what every
// probed stream shows (TRACE.md). Build compiles it with Verilator or Icarus
// Verilog and keeps the result in a cache; Run streams the trace to a visitor
// while the simulator runs; Lint is `verilator --lint-only -Wall`.
//
// A design folder holds rtl/*.v, rtl/*.mem and bench/*.v. Simulators run inside
// rtl, so $readmemh finds its files by their bare names. The package imports
// nothing of a2qgen.
package verilator

import (
	"bytes"
	"embed"
	"text/template"
)

//go:embed harness
var harness embed.FS

// harnessFile returns one of the embedded harness sources.
func harnessFile(name string) []byte {
	text, err := harness.ReadFile("harness/" + name)
	if err != nil {
		panic("verilator: " + err.Error())
	}
	return text
}

// shape returns the file of that name, shape.h or shape.vh, which tells a harness what ports
// and probes the bench has.
func shape(b Bench, name string) []byte {
	t := template.Must(template.New(name).Parse(string(harnessFile(name + ".tmpl"))))
	var text bytes.Buffer
	if err := t.Execute(&text, b); err != nil {
		panic("verilator: " + err.Error())
	}
	return text.Bytes()
}
