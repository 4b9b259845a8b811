package hwgen

import "github.com/a2qgen/a2qgen/boards"

// Options says how a network is to be folded. The zero value folds for
// DefaultFPS at DefaultClockMHz with the declared accumulators.
type Options struct {
	// Name of the top module; "accelerator" where empty.
	Name string
	// ClockMHz is the clock, FPS the frames per second to reach at it.
	ClockMHz, FPS float64
	// Folding overrides the fold of layers by name.
	Folding Folding
	// Unit is the word for the unit of all layers with weights whose entry names none; empty or
	// "auto" leaves it to the plan.
	Unit string
	// AccBits is P for the layers with an accumulator target (see
	// quant.Network.Constrained); 0 takes each layer's declared P, or the smallest safe
	// one where none is declared. In a layer with start values these follow P
	// (hwgen/plan).
	AccBits int
	// Unsafe allows accumulators that the weights may overflow: for estimates only.
	Unsafe bool
	// NoBlockRAM keeps every memory in LUTs.
	NoBlockRAM bool
	// Pixels gives the real outputs as 8-bit pixels (quant.Network.Pixels), not the integers that they are.
	Pixels bool
	// BlockLUTs is what a block of RAM, in the family's unit, counts for, in LUTs, where a plan
	// chooses between units, folds and memories: little asks for few LUTs, much for few blocks.
	BlockLUTs int
	// Blocks is how many blocks of RAM there are, in the family's unit (boards.Resources.Blocks): the
	// plan raises BlockLUTs where they are too few. 0 sets no limit.
	Blocks float64
	// Family is the FPGA family to write Verilog for; xc7 where empty.
	Family boards.Family
}

// Defaults of Options.
const (
	DefaultClockMHz = 100
	DefaultFPS      = 10000
	// DefaultBlockLUTs is for half a block of xc7, of which its parts have one per 100 to 200 LUTs,
	// but which few designs use up.
	DefaultBlockLUTs = 32
)

// MaxClockMHz is the fastest clock that a plan takes: no FPGA comes near it.
const MaxClockMHz = 2000

// WithDefaults returns o with every field set.
func (o Options) WithDefaults() Options {
	if o.Name == "" {
		o.Name = "accelerator"
	}
	if o.ClockMHz == 0 {
		o.ClockMHz = DefaultClockMHz
	}
	if o.Family == "" {
		o.Family = boards.XC7
	}
	if o.FPS == 0 {
		o.FPS = DefaultFPS
	}
	if o.BlockLUTs == 0 {
		o.BlockLUTs = DefaultBlockLUTs
	}
	return o
}

// Cycles returns the clock cycles of a frame at FPS.
func (o Options) Cycles() int {
	return int(min(o.ClockMHz*1e6/o.FPS, 1<<62)) // beyond it the conversion is undefined
}
