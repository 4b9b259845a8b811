// Package hwgen turns an integer network into hardware: it plans a Design
// (blocks, streams, widths, folding, depths, timing formulas) and emits it as
// Verilog, memory files, a bench and a manifest.
//
// A block has one file here, one in templates (its Verilog), one in cost (its
// formula) and a cycle model in sim. Everything downstream only reads the Design.
package hwgen

import (
	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/quant"
)

// Version is the tool version that generated headers carry.
const Version = "0.1.0"

// Design is a planned accelerator: a chain of blocks joined by streams.
// Streams[i] leads into Blocks[i]; the last stream leaves the design.
type Design struct {
	// Name is the Verilog name of the top module.
	Name string
	// Network is the planned network, its start values those of the planned P.
	Network *quant.Network
	Layers  []LayerPlan
	Blocks  []Block
	Streams []Stream
	// ClockMHz is the clock that frame rates are quoted at.
	ClockMHz float64
	// NoBlockRAM says that every memory is kept in LUTs.
	NoBlockRAM bool
	// Family is the FPGA family whose words for memories the Verilog carries.
	Family boards.Family
	// Hash identifies the plan and the numbers in it: equal hashes give equal files.
	Hash string
}

// LayerPlan is what was decided for one layer of the network.
type LayerPlan struct {
	// Layer is that of Design.Network.
	Layer *quant.Layer
	Fold  Fold
	// AccBits is P, NeededBits the smallest safe P: where the network gives start
	// values, the smallest for which there are some that are safe.
	AccBits, NeededBits int
}

// Shifted says whether accumulators begin at values of their own instead of 0.
func (l LayerPlan) Shifted() bool { return l.Layer.Start != nil }

// Safe says whether the layer's accumulator can never overflow.
func (l LayerPlan) Safe() bool { return l.AccBits >= l.NeededBits }

// Stream is a ready/valid stream between two blocks.
type Stream struct {
	// Name is the instance name of the block that feeds it, "source" for the input.
	Name string
	// Bits of data in a beat, element 0 in the low ones.
	Bits int
	// Beats of a frame.
	Beats int
}

// Parameter is a Verilog parameter of an instance.
type Parameter struct {
	Name, Value string
	// File says that the value names a memory file, or begins the names of some.
	File bool
}

// Memory is a .mem file: Words of Bits bits each, for $readmemh.
type Memory struct {
	// File is the name inside the rtl folder.
	File string
	Bits int
	// Words in address order, little-endian bytes.
	Words [][]byte
	// Layout says which integers they are.
	Layout Layout
}

// Block is one hardware unit with a stream in and a stream out.
type Block interface {
	// Name is the instance name, unique in the design.
	Name() string
	// Module is the library module that implements it.
	Module() string
	// Comment says why the block is here, with its shape: lines of at most 90 columns.
	Comment() []string
	// Parameters of the instance, in the module's order.
	Parameters() []Parameter
	// Memories that the module reads, relative to the rtl folder.
	Memories() []Memory
	// Cycles is the least number of cycles between two frames, as the block is built.
	Cycles() int
	// Output is the stream that the block feeds.
	Output() Stream
	// Schedule maps the cycles in which a first frame's input beats arrive to those
	// in which its output beats leave, when nothing waits on the output (max-plus
	// recurrence, derived from the module's registers).
	Schedule(in []int64) []int64
}

// IntervalCycles returns the steady-state cycles between two frames: that of the
// slowest block (derived: every block but it has slack, and buffers are sized for it).
func (d *Design) IntervalCycles() int {
	worst := 1
	for _, b := range d.Blocks {
		worst = max(worst, b.Cycles())
	}
	return worst
}

// LatencyCycles returns the cycles from the first input beat of a first frame to
// its last output beat, both counted, with neither gaps nor stalls.
func (d *Design) LatencyCycles() int {
	times := make([]int64, d.Streams[0].Beats)
	for i := range times {
		times[i] = int64(i)
	}
	for _, b := range d.Blocks {
		times = b.Schedule(times)
	}
	return int(times[len(times)-1]) + 1
}

// FramesPerSecond returns the throughput at the design's clock.
func (d *Design) FramesPerSecond() float64 {
	return d.ClockMHz * 1e6 / float64(d.IntervalCycles())
}

// Memories returns the memory files of all blocks in block order.
func (d *Design) Memories() []Memory {
	var all []Memory
	for _, b := range d.Blocks {
		all = append(all, b.Memories()...)
	}
	return all
}

// Shifted says whether accumulators of some layer begin at values of their own.
func (d *Design) Shifted() bool {
	for _, l := range d.Layers {
		if l.Shifted() {
			return true
		}
	}
	return false
}

// Safe says whether every accumulator is certified.
func (d *Design) Safe() bool {
	for _, l := range d.Layers {
		if !l.Safe() {
			return false
		}
	}
	return true
}
