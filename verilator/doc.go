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

import "embed"

//go:embed harness/harness.cpp harness/icarus_harness.v
var harness embed.FS

// harnessFile returns one of the embedded harness sources.
func harnessFile(name string) []byte {
	text, err := harness.ReadFile("harness/" + name)
	if err != nil {
		panic("verilator: " + err.Error())
	}
	return text
}
