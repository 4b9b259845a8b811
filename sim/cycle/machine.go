// Package cycle is the engine of the cycle model: control machines of hardware blocks,
// joined by ready/valid streams into a graph and run clock cycle by clock cycle.
//
// It knows neither networks nor values. Control does not depend on data, so a cycle costs
// O(blocks that move), not O(multiplications), and the counts are exact: planning takes
// interval and latency from here, and the cross-check holds them against Verilog.
package cycle

// Machine is the control of a hardware block: its registers that decide when beats pass.
//
// Every ready and valid of a block is a function of its registers, so a cycle has two
// phases that cannot disturb each other: read what all machines show, then step all that
// move. Ports are counted from 0, inputs and outputs apart, 64 of each at most.
type Machine interface {
	// Reset returns the machine to its state after reset.
	Reset() Outputs
	// Step ends a cycle: bit i of in says that a beat came in at input i, bit i of out
	// that one left at output i.
	Step(in, out uint64) Outputs
	// Registers appends the state: equal states have equal futures.
	Registers(state []int64) []int64
}

// Outputs are what a machine shows in the next cycle.
type Outputs struct {
	// Ready has bit i set while input i takes a beat, Valid while output i offers one.
	Ready, Valid uint64
	// Busy says that the machine moves in that cycle even if no beat passes.
	Busy bool
}
